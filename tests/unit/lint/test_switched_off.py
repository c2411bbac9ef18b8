"""Files that a kustomization names in a comment: parts of objects are told of, the rest is read."""

from pathlib import Path

import pytest

from lockproof.model.verdict import Verdict
from lockproof.steps.lint import Linted
from unit.lint.trees import linted

PART = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 2}\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n"
CLAIM = (
    "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\n"
    "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, unknown: 1}\n"
)


def tree(lines: str, **more: str) -> dict[str, str]:
    cm = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    return {"app/kustomization.yaml": f"resources: [cm.yaml]\n{lines}\n", "app/cm.yaml": cm, **more}


def told(result: Linted) -> list[str]:
    return [line for check in result.checks for line in check.not_checked]


def paths(result: Linted) -> set[str | None]:
    return {one.path for one in result.findings}


@pytest.mark.parametrize(
    "lines",
    [
        "patches:\n# for whoever wants it\n#- p.yaml",
        "#patches:\n#- path: q.yaml\n#  target:\n#    kind: Deployment\n#- path: p.yaml",
        "patchesStrategicMerge:\n- cm.yaml\n# [WEBHOOK] To enable, uncomment:\n#  - p.yaml",
    ],
)
def test_a_part_of_an_object_is_out_of_use_and_told_of(lines: str, tmp_path: Path) -> None:
    result = linted(tmp_path, tree(lines, **{"app/p.yaml": PART}))
    assert "app/p.yaml" not in paths(result)
    line = (
        "app/p.yaml: is a part of an object, which only a comment of app/kustomization.yaml names"
    )
    assert line in told(result)
    (check,) = [one for one in result.checks if line in one.not_checked]
    assert check.verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("lines", "path", "text"),
    [
        ("patches:\n# - path: ../secrets/db.yaml", "secrets/db.yaml", SECRET),
        ("patches:\n# - path: ../secrets/d.yaml", "secrets/d.yaml", PART),  # Not in its folder.
        ("patches:\n# - path: db.yaml", "app/db.yaml", SECRET),  # Whole.
        ("patches:\n# - path: c.yaml", "app/c.yaml", CLAIM),
        ("patches:\n# - path: two.yaml", "app/two.yaml", f"{PART}---\n{SECRET}"),
        ("# - d.yaml", "app/d.yaml", PART),  # A resource.
        ("patches: []\n# resources:\n# - d.yaml", "app/d.yaml", PART),
        ("patches:\n# see d.yaml", "app/d.yaml", PART),
        ("patches:\n#- path: other.yaml", "app/d.yaml", PART),
    ],
)
def test_any_other_file_that_a_comment_names_is_looked_at(
    lines: str, path: str, text: str, tmp_path: Path
) -> None:
    result = linted(tmp_path, tree(lines, **{path: text}))
    assert path in paths(result)
    assert not [line for line in told(result) if "comment" in line]


def test_what_has_but_its_name_and_is_of_no_known_kind_is_a_part(tmp_path: Path) -> None:
    text = (
        "apiVersion: admissionregistration.k8s.io/v1beta1\nkind: MutatingWebhookConfiguration\n"
        "metadata: {name: m, annotations: {cert-manager.io/inject-ca-from: a/b}}\n"
    )
    files = tree("patches:\n#- path: d.yaml", **{"app/d.yaml": text})
    result = linted(tmp_path, files)
    assert "app/d.yaml" not in paths(result)
    assert [line for line in told(result) if line.startswith("app/d.yaml: ")]
    whole = linted(tmp_path, files | {"app/d.yaml": f"{text}webhooks: []\n"})
    assert "app/d.yaml" in paths(whole)


def test_a_directive_makes_a_patch(tmp_path: Path) -> None:
    text = SECRET.replace("stringData", "$patch: delete\nstringData")
    result = linted(tmp_path, tree("patches:\n#- path: d.yaml", **{"app/d.yaml": text}))
    assert [one.rule for one in result.findings if one.path == "app/d.yaml"] == ["LP625"]
    assert [line for line in told(result) if line.startswith("app/d.yaml: ")]
