"""What lint refuses of Kubernetes' own kinds, and what a real API server does: one and the same."""

import os
from collections.abc import Iterator

import pytest

from cluster.lab import Lab, running
from cluster.test_lint_cluster import refusal
from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from manifests.served import (
    as_manifest,
    asked_for_more,
    chosen,
    every_change,
    every_finalizer,
    every_null,
    objects,
    told,
)

SEED = int(os.environ.get("LOCKPROOF_TEST_SEED", "0"))
"""Another one chooses other changes."""
pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running(tmp_path_factory.mktemp("validation-lab"), controllers=False) as lab:
        metadata = {"name": "x"}
        value = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        lab.api.create("/api/v1/namespaces", value)
        yield lab


def test_of_a_thousand_changes_lint_and_the_server_refuse_the_same(server: Lab) -> None:
    schemas = BundledSchemas("1.34")
    for value in objects():
        manifest = as_manifest(value)
        assert refusal(server, manifest) is None, manifest.label
        assert not told(manifest, schemas), manifest.label
    passed, refused, both = [], [], 0
    every = every_change()
    for change in (every[number] for number in chosen(1000, SEED)):
        manifest = as_manifest(change.value)
        said, ours = refusal(server, manifest), told(manifest, schemas)
        both += bool(said and ours)
        if said and not ours:
            passed.append(f"{change.name}: {said}")
        if ours and not said and not asked_for_more(change):
            refused.append(f"{change.name}: {ours}")
    assert not passed, "\n".join(passed)
    assert not refused, "\n".join(refused)
    assert both > 300


def test_of_nulls_in_lists_and_of_finalizers_lint_and_the_server_say_the_same(server: Lab) -> None:
    schemas = BundledSchemas("1.34")
    wrong, both, neither = [], 0, 0
    for change in (*every_null(), *every_finalizer()):
        manifest = as_manifest(change.value)
        said, ours = refusal(server, manifest), told(manifest, schemas)
        both, neither = both + bool(said and ours), neither + (not said and not ours)
        if bool(said) is not bool(ours):
            wrong.append(f"{change.name}: {said} | {ours}")
    assert not wrong, "\n".join(wrong)
    assert (both > 60, neither > 20) == (True, True)
