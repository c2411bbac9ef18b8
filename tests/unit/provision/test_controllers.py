"""Whose a field is, by the server's account."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.model.resource import Manifest, ResourceKey
from lockproof.steps.provision.controllers import additions, left_to_others, without

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "stable", "namespace": "n"},
    "spec": {"selector": {"app": "web"}},
}
HASH = "rollouts-pod-template-hash"


def managed(manager: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsV1": fields, **more}


def rollout(way: str, **names: Any) -> Manifest:
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {"strategy": {way: names}},
    }
    return Manifest(body, "all.yaml")


def live(selector: dict[str, str], *entries: dict[str, Any]) -> dict[str, Any]:
    metadata = SERVICE["metadata"] | {"managedFields": list(entries)}  # type: ignore[operator]
    return SERVICE | {"metadata": metadata, "spec": {"selector": selector}}


THEIRS = managed("rollouts-controller", {"f:spec": {"f:selector": {}}})


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        # The hash, written by another: left to it.
        ((rollout("canary", stableService="stable"), {"app": "web", HASH: "1"}, [THEIRS]), True),
        ((rollout("blueGreen", activeService="stable"), {"app": "web", HASH: "1"}, [THEIRS]), True),
        (
            (
                rollout("canary", pingPong={"pingService": "stable", "pongService": "b"}),
                {"app": "web", HASH: "1"},
                [THEIRS],
            ),
            True,
        ),
        # No hash yet; no other manager; another selector; a Service of no rollout.
        ((rollout("canary", stableService="stable"), {"app": "web"}, [THEIRS]), False),
        ((rollout("canary", stableService="stable"), {"app": "web", HASH: "1"}, []), False),
        ((rollout("canary", stableService="stable"), {"app": "x", HASH: "1"}, [THEIRS]), False),
        ((rollout("canary", stableService="other"), {"app": "web", HASH: "1"}, [THEIRS]), False),
    ],
)
def test_a_selector_is_left_only_where_it_is_the_declared_one_beside_the_hash(
    case: tuple[Manifest, dict[str, str], list[dict[str, Any]]], expected: bool
) -> None:
    one, selector, entries = case
    key = ResourceKey.of(SERVICE)
    left = left_to_others(key, SERVICE, live(selector, *entries), [one], ())
    assert left == ({"spec.selector": "rollouts-controller"} if expected else {})
    assert left_to_others(key, SERVICE, None, [one], ()) == {}


def test_the_policy_names_further_fields() -> None:
    key = ResourceKey.of(SERVICE)
    there = live({"app": "x"}, THEIRS)
    assert left_to_others(key, SERVICE, there, [], ["Service spec.selector"])
    assert not left_to_others(key, SERVICE, there, [], ["Deployment.apps spec.selector"])
    assert not left_to_others(key, SERVICE, there, [], ["Service spec.type"]), "not declared"
    assert without(SERVICE, ["spec.selector"])["spec"] == {}
    assert SERVICE["spec"] == {"selector": {"app": "web"}}, "what is declared stays as it is"


NAME = st.text("abc", min_size=1, max_size=3)


@given(ours=st.sets(NAME, min_size=1), theirs=st.sets(NAME))
def test_only_items_beside_applied_ones_are_additions(ours: set[str], theirs: set[str]) -> None:
    def containers(names: set[str]) -> dict[str, Any]:
        items = {"k:" + json.dumps({"name": one}): {".": {}, "f:image": {}} for one in names}
        return {"f:spec": {"f:template": {"f:spec": {"f:containers": items}}}}

    mine = managed("lockproof", containers(ours)) | {"operation": "Apply"}
    status = managed("kubelet", containers({"z"}), subresource="status")
    body = live({}, mine, managed("kubectl-edit", containers(theirs)), status)
    body["spec"]["template"] = {"spec": {"containers": [{"name": one} for one in ours | theirs]}}
    at = "spec.template.spec.containers"
    assert additions(body) == {f"{at}[name={one}]": "kubectl-edit" for one in theirs - ours}


def test_a_default_that_a_controller_writes_is_no_addition() -> None:
    """Argo Rollouts was seen to write `resources: {}` into each container of a template."""

    def template(**fields: Any) -> dict[str, Any]:
        item = {'k:{"name":"web"}': fields}
        return {"f:spec": {"f:template": {"f:spec": {"f:containers": item}}}}

    mine = managed("lockproof", template(**{"f:image": {}})) | {"operation": "Apply"}
    for value, told in (({}, 0), ({"limits": {"cpu": "1"}}, 1)):
        body = live({}, mine, managed("rollouts-controller", template(**{"f:resources": {}})))
        container = {"name": "web", "image": "i", "resources": value}
        body["spec"]["template"] = {"spec": {"containers": [container]}}
        assert len(additions(body)) == told
