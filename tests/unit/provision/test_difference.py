"""What applying changes, field by field."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.steps.provision.difference import HIDDEN, changes, takes_over

leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
specs = st.dictionaries(st.text(max_size=5), values, max_size=4)


def thing(spec: Any, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", **metadata}, "spec": spec}


@settings(deadline=None)
@given(specs, specs)
def test_there_is_a_change_just_where_the_objects_differ(one: Any, other: Any) -> None:
    assert bool(changes(thing(one), thing(other))) == (one != other)


@settings(deadline=None)
@given(specs)
def test_what_the_server_sets_is_no_change(spec: Any) -> None:
    live = thing(spec, resourceVersion="1", generation=1, uid="u") | {"status": {"a": 1}}
    assert changes(live, thing(spec, resourceVersion="2", generation=2)) == ()


def test_items_of_a_list_are_told_by_their_names() -> None:
    old = thing({"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]})
    new = thing({"containers": [{"name": "b", "image": "y"}, {"name": "a", "image": "x:2"}]})
    (change,) = changes(old, new)
    assert (change.field, change.before, change.after) == (
        "spec.containers[name=a].image",
        '"x:1"',
        '"x:2"',
    )


def test_a_new_object_is_all_new_and_a_field_that_goes_is_absent() -> None:
    assert {c.field: c.before for c in changes(None, thing({"a": 1}))}["spec.a"] is None
    (change,) = changes(thing({"a": 1, "b": 2}), thing({"a": 1}))
    assert (change.field, change.before, change.after) == ("spec.b", "2", None)


def test_keys_with_dots_are_told_apart() -> None:
    (change,) = changes(thing({}, labels={"a.b/c": "1"}), thing({}, labels={"a.b/c": "2"}))
    assert change.field == "metadata.labels[a.b/c]"


@settings(deadline=None)
@given(st.text(min_size=8).filter(lambda text: text.strip()))
def test_a_secret_is_never_shown(secret: str) -> None:
    old = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "eA=="}}
    for new in (old | {"data": {"k": secret}}, old | {"stringData": {"z": secret}}):
        found = changes(old, new)
        assert found
        assert all(c.before in (None, HIDDEN) and c.after in (None, HIDDEN) for c in found)
    last = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(secret)}
    (change,) = changes(thing({}, annotations=None), thing({}, annotations=last))
    assert change.after == HIDDEN


def test_fields_that_another_has_set_alike_are_taken_over_once() -> None:
    mine = {"manager": "lockproof", "operation": "Apply", "fieldsV1": {"f:a": {}}}
    assert takes_over(thing({}), thing({}, managedFields=[mine]), "lockproof")
    assert not takes_over(
        thing({}, managedFields=[mine]), thing({}, managedFields=[mine]), "lockproof"
    )
    assert not takes_over(None, thing({}, managedFields=[mine]), "lockproof")
