"""Lists in an overlay: provision applies what is in them, as `lint` looks at it."""

from pathlib import Path

import pytest

from lockproof.steps.provision.manifests import load_manifests

LIST = """\
apiVersion: v1
kind: {kind}
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {{name: one}}
    data: {{a: b}}
  - apiVersion: v1
    kind: ConfigMap
    metadata: {{name: two}}
"""


@pytest.mark.parametrize("kind", ["List", "ConfigMapList"])
def test_the_items_of_a_list_are_applied_one_by_one(kind: str, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (overlay / "list.yaml").write_text(LIST.format(kind=kind))
    (overlay / "kustomization.yaml").write_text("namespace: x\nresources: [list.yaml]\n")
    declared = load_manifests(tmp_path, overlay)
    assert [(m.body["kind"], str(m.key.namespace), m.key.name, m.line) for m in declared] == [
        ("ConfigMap", "x", "one", 4),
        ("ConfigMap", "x", "two", 8),
    ]
    assert [m.path for m in declared] == ["overlay/list.yaml"] * 2
