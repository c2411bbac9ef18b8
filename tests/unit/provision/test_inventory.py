"""What is owned."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.model.resource import GroupKind
from lockproof.steps.provision.inventory import (
    CREATED,
    PART_OF,
    Inventory,
    is_created,
    listed_kinds,
    listed_namespaces,
    set_of,
)

names = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
kinds = st.builds(
    GroupKind,
    st.sampled_from(["", "apps", "s3.aws.m.upbound.io"]),
    st.sampled_from(["Pod", "Bucket", "X"]),
)
MINE = Inventory("local", "default")
OTHER = Inventory("aws", "default")
BODY = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"b": "c"}}}


def test_the_id_is_as_the_specification_says() -> None:
    # printf 'lockproof-local.default.ConfigMap.' | openssl dgst -sha256 -binary | base64, URL-safe
    assert MINE.id == "applyset-6CWjDn_msHbiDngdbt8Hf7k4nlCfSMX1ZJO1YdCyrv8-v1"


@settings(deadline=None)
@given(names, names)
def test_every_id_fits_into_a_label(overlay: str, namespace: str) -> None:
    found = Inventory(overlay, namespace).id
    assert re.fullmatch(r"applyset-[A-Za-z0-9_-]{43}-v1", found)
    assert len(found) <= 63


@settings(deadline=None)
@given(st.sets(kinds), st.sets(names))
def test_the_parent_says_what_is_in_it(given_kinds: set[GroupKind], spaces: set[str]) -> None:
    parent = MINE.parent(given_kinds, spaces)
    assert MINE.is_parent(parent)
    assert not OTHER.is_parent(parent)
    assert listed_kinds(parent) == given_kinds
    assert listed_namespaces(parent) == spaces - {"default"}


def test_nothing_is_listed_where_there_is_no_parent() -> None:
    assert listed_kinds(None) == set()
    assert listed_namespaces(None) == set()


def test_what_provision_makes_says_so_and_what_was_there_does_not() -> None:
    made = MINE.member(BODY, None)
    assert is_created(made)
    assert MINE.member(BODY, made) == made, "the second run applies the same"
    found = MINE.member(BODY, BODY)
    assert not is_created(found)
    assert set_of(found) == MINE.id
    assert found["metadata"]["labels"] == {"b": "c", PART_OF: MINE.id}
    assert CREATED not in BODY["metadata"].get("annotations", {})


def test_a_member_of_one_inventory_is_foreign_to_another() -> None:
    made = MINE.member(BODY, None)
    assert MINE.owner(made) is None
    assert OTHER.owner(made) == MINE.id
    assert OTHER.owner(BODY) is None
