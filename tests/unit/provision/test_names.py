"""What a cloud named, as a file for Git."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lockproof.cli.main import main
from lockproof.errors import UsageError
from lockproof.model.resource import GroupKind, ResourceKey
from lockproof.steps.provision.names import (
    EXTERNAL_NAME,
    MARK,
    Given,
    Names,
    component,
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


@pytest.mark.parametrize(
    "arguments", [["names"], ["--to", "f"], ["names", "--to", "f", "--dry-run"]]
)
def test_it_writes_to_a_file_that_is_named(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["provision", *arguments]) == 2
    said = capsys.readouterr().err
    assert "--to FILE" in said or "changes nothing in the cluster" in said
