"""Kustomizations read here, beside kustomize itself where that is at hand."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lockproof.adapters.git.tree import FolderTree
from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.steps.lint.kustomize import Built, build
from manifests import kustomizations

ROOT = Path(__file__).resolve().parents[3]
KUSTOMIZE = shutil.which("kustomize") or str(Path.home() / ".cache/lint-tools/kustomize")
needs_kustomize = pytest.mark.skipif(
    not os.access(KUSTOMIZE, os.X_OK),
    reason="kustomize is not here: go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.0",
)
find = BundledSchemas("1.34").find


def built(root: Path, folder: str) -> Built:
    return build(FolderTree(root), folder, find)


def by_identity(values: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = {}
    for value in values:
        metadata = value["metadata"]
        key = (value["kind"], metadata.get("namespace", ""), metadata["name"])
        assert key not in found
        found[key] = value
    return found


def assert_as_kustomize(root: Path, folder: str) -> int:
    """Compare every resource with what kustomize makes of it; how many there were."""
    done = subprocess.run(
        [KUSTOMIZE, "build", "--load-restrictor", "LoadRestrictionsNone", str(root / folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = by_identity(list(yaml.load_all(done.stdout, yaml.CSafeLoader)))
    made = built(root, folder)
    assert not made.troubles
    ours = by_identity([resource.value for resource in made.resources])
    assert sorted(ours) == sorted(theirs)
    for key, value in theirs.items():
        assert ours[key] == value, key
    return len(theirs)


@needs_kustomize
@pytest.mark.parametrize("name", kustomizations.TREES)
def test_a_tree_is_built_as_kustomize_builds_it(name: str, tmp_path: Path) -> None:
    kustomizations.write(name, tmp_path)
    assert assert_as_kustomize(tmp_path, "over")


@needs_kustomize
@pytest.mark.parametrize("overlay", ["local", "aws"])
def test_the_platform_is_built_as_kustomize_builds_it(overlay: str) -> None:
    assert assert_as_kustomize(ROOT, f"control-plane/overlays/{overlay}") > 40


def test_generated_names_end_in_kustomizes_hash(tmp_path: Path) -> None:
    kustomizations.write("everything", tmp_path)
    names = {resource.name for resource in built(tmp_path, "over").resources}
    # As kustomize 5.8.0 names them.
    assert "p-conf-s-kd8f782d78" in names
    assert "p-sec-s-dg7gdgmtt7" in names


def test_a_field_is_traced_to_the_patch_that_set_it(tmp_path: Path) -> None:
    kustomizations.write("everything", tmp_path)
    (rollout,) = (r for r in built(tmp_path, "over").resources if r.kind == "Rollout")
    path, line = rollout.place(("spec", "replicas"))
    assert path == "over/kustomization.yaml"
    text = (tmp_path / path).read_text().splitlines()
    assert line is not None
    assert text[line - 1].strip() == "value: 5"
    path, line = rollout.place(("spec", "template", "spec", "containers", 0, "env", 0, "value"))
    assert path == "over/sm.yaml"
    assert rollout.place(("spec", "template", "metadata", "labels", "app"))[0] == "base/app.yaml"


TROUBLES = [
    ("resources: [nowhere.yaml]", "there is no file nowhere.yaml"),
    ("resources: [../..]", "leads out of the repository"),
    ("resources: [.]", "leads back"),
    ("resource: []", "'resource' is no field"),
    ("patches: [{path: p.yaml}]", "there is no file p.yaml"),
    ("configMapGenerator: [{name: a, literals: [x]}]", "no KEY=VALUE"),
    ("configMapGenerator: [{name: a, files: [gone]}]", "a file that is not there"),
    ("configMapGenerator: [{name: a, literals: [x=1, x=2]}]", "gives the key 'x' twice"),
    ("configMapGenerator: [{name: a, behavior: merge}]", "there is no ConfigMap a to merge"),
    ("replicas: [{name: gone, count: 2}]", "names gone"),
    ("images: [{name: '(', newTag: a}]", "no regular expression"),
    ("replacements: [{targets: []}]", "needs a source"),
    ("patches: [{patch: 'a: ['}]", "no YAML"),
    ("patches: [{patch: '[{op: add}]', target: {kind: X}}]", None),
    ("patches: [{patch: '{kind: A}'}]", "needs apiVersion, kind"),
]


@pytest.mark.parametrize(("text", "message"), TROUBLES)
def test_what_does_not_work_is_told_with_its_place(
    text: str, message: str | None, tmp_path: Path
) -> None:
    (tmp_path / "kustomization.yaml").write_text(f"# first\n{text}\n")
    troubles = built(tmp_path, ".").troubles
    if message is None:
        assert [t.idle for t in troubles] == [True]
        return
    assert len(troubles) == 1, troubles
    assert message in troubles[0].text
    path, line = troubles[0].mark
    assert path == "kustomization.yaml"
    assert line == 2 or "YAML" in message


@pytest.mark.parametrize(
    "text",
    [
        "resources: [https://github.com/a/b//c?ref=v1]",
        "resources: ['github.com/a/b?ref=v1']",
        "components: [https://example.org/x]",
        "helmCharts: [{name: a}]",
        "generators: [g.yaml]",
        "transformers: [t.yaml]",
        "vars: [{name: A}]",
        "crds: [c.json]",
    ],
)
def test_what_is_not_followed_is_named_and_never_passed_over(text: str, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(f"{text}\n")
    made = built(tmp_path, ".")
    assert not made.troubles
    assert len(made.not_checked) == 1
    assert made.not_checked[0].startswith("kustomization.yaml:1: ")


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.yaml").symlink_to(outside)
    (root / "kustomization.yaml").write_text("resources: [link.yaml]\n")
    made = built(root, ".")
    assert [t.text for t in made.troubles] == ["there is no file link.yaml"]
    assert not made.resources


def test_kustomizations_that_include_each_other_end(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kustomization.yaml").write_text(f"resources: [../{other}]\n")
    assert ["leads back" in t.text for t in built(tmp_path, "a").troubles] == [True]


@needs_kustomize
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("autoscaling/v1", "autoscaling/v2", False),
        ("autoscaling/v2", "autoscaling/v2", True),
    ],
)
def test_what_counts_as_one_resource_is_as_kustomize_has_it(
    one: str, other: str, same: bool, tmp_path: Path
) -> None:
    texts = [
        f"apiVersion: {version}\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a{space}}}\n"
        for version, space in ((one, ""), (other, ", namespace: default"))
    ]
    (tmp_path / "a.yaml").write_text("---\n".join(texts))
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    theirs = subprocess.run([KUSTOMIZE, "build", str(tmp_path)], capture_output=True, check=False)
    assert (theirs.returncode != 0) is same
    assert bool(built(tmp_path, ".").troubles) is same
