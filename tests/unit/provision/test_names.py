"""What a cloud named, as a file for Git."""

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lockproof.cli.main import main
from lockproof.errors import UsageError
from lockproof.model.resource import GroupKind, Manifest, ResourceKey
from lockproof.steps.provision.names import (
    EXTERNAL_NAME,
    MARK,
    Given,
    Names,
    component,
    kept_names,
    read_names,
    write_names,
)

KIND = GroupKind("eks.aws.m.upbound.io", "PodIdentityAssociation")
VERSION = "eks.aws.m.upbound.io/v1beta1"


def one(name: str, external: str) -> Given:
    return Given(ResourceKey(KIND, "n", name), VERSION, external)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(min_size=1)))
def test_every_name_is_read_back_from_the_component(names: dict[str, str]) -> None:
    text = component([one(name, external) for name, external in names.items()])
    patches = [yaml.safe_load(patch["patch"]) for patch in yaml.safe_load(text)["patches"]]
    back = {p["metadata"]["name"]: p["metadata"]["annotations"][EXTERNAL_NAME] for p in patches}
    assert back == names
    assert [p["metadata"]["name"] for p in patches] == sorted(names)


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "names" / "kustomization.yaml"
    names = Names((one("a", "a-1"),), 0, ())
    assert write_names(path, names) == "written: commit it"
    assert path.read_text().startswith(MARK)
    assert write_names(path, names) == "says this already"
    path.write_text("resources: []\n")
    with pytest.raises(UsageError, match="was not written by this command"):
        write_names(path, names)
    assert path.read_text() == "resources: []\n"


def declared(name: str, stated: str | None = None) -> Manifest:
    annotations = {EXTERNAL_NAME: stated} if stated else {}
    metadata = {"name": name, "namespace": "n", "annotations": annotations}
    body: dict[str, Any] = {"apiVersion": VERSION, "kind": KIND.kind, "metadata": metadata}
    return Manifest(body | {"spec": {"forProvider": {}}}, "all.yaml", 1)


def run_names(
    path: Path, git: list[Manifest], cloud: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Names]:
    """The command over a cluster in memory, in which everything has the cloud's name."""
    live = {name: declared(name, external).body for name, external in cloud.items()}
    kind = SimpleNamespace(namespaced=True)
    session: Any = SimpleNamespace(manifests=tuple(git), kind_of=lambda _: kind)
    step = import_module("lockproof.steps.provision.names")
    monkeypatch.setattr(step, "read", lambda _, item: live[item.key.name])
    _, found = read_names(session, kept_names(path))
    return write_names(path, found), found


def test_a_second_run_keeps_what_git_says_through_the_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cloud = tmp_path / "kustomization.yaml", {"a": "a-1", "b": "b", "c": "c-1"}
    _, found = run_names(
        path, [declared("a"), declared("b"), declared("c", "c-1")], cloud, monkeypatch
    )
    assert [one.name for one in found.given] == ["a-1"]
    assert found.known == 2
    written = path.read_text()
    # The overlay includes the file now, as it is there for.
    merged = [declared("a", "a-1"), declared("b"), declared("c", "c-1")]
    said, again = run_names(path, merged, cloud, monkeypatch)
    assert (said, again) == ("says this already", found)
    assert path.read_text() == written
    # One more was made since, and one was made anew.
    more = [*merged, declared("d")]
    said, _ = run_names(path, more, cloud | {"a": "a-2", "d": "d-1"}, monkeypatch)
    assert said == "written, 1 with another name than before: commit it"
    assert {key.name: one.name for key, one in kept_names(path).items()} == {"a": "a-2", "d": "d-1"}
    # An overlay that has none of them takes none away.
    said, _ = run_names(path, [declared("e")], {"e": "e-1"}, monkeypatch)
    assert [key.name for key in kept_names(path)] == ["a", "d", "e"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a-1", "17"),
        ("patches:", "# mine\npatches:"),
        ("patches:", "resources: [x.yaml]\npatches:"),
        ("annotations", "labels"),
        ("patches:", "patches: ["),
        ("patches:", "patched:"),
    ],
)
def test_what_was_changed_by_hand_is_left_alone(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "kustomization.yaml"
    names = Names((one("a", "a-1"),), 0, ())
    write_names(path, names)
    path.write_text(changed := path.read_text().replace(old, new))
    with pytest.raises(UsageError, match="was changed by hand") as error:
        write_names(path, names)
    assert "\n" not in str(error.value)
    assert path.read_text() == changed


@pytest.mark.parametrize(
    "arguments", [["names"], ["--to", "f"], ["names", "--to", "f", "--dry-run"]]
)
def test_it_writes_to_a_file_that_is_named(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["provision", *arguments]) == 2
    said = capsys.readouterr().err
    assert "--to FILE" in said or "changes nothing in the cluster" in said
