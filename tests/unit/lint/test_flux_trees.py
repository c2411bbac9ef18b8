"""Trees that Flux applies as no kustomization says: what is there, and what is missing."""

from pathlib import Path

import pytest

from lockproof.steps.lint import Linted
from unit.lint.trees import linted


def missing(result: Linted) -> list[str]:
    return [found.subject for found in result.findings if found.rule == "LP611"]


def flux(name: str, path: str, *needs: str) -> str:
    depends = f"  dependsOn: [{', '.join(f'{{name: {one}}}' for one in needs)}]\n" if needs else ""
    return (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        f"metadata: {{name: {name}, namespace: flux-system}}\n"
        f"spec:\n  interval: 1h\n  prune: true\n  path: {path}\n{depends}"
        "  sourceRef: {kind: GitRepository, name: flux-system}\n"
    )


SOURCE = (
    "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n"
    "metadata: {name: flux-system, namespace: flux-system}\n"
    "spec: {interval: 1h, url: 'https://example.org/x.git', ref: {branch: main}}\n"
)
TREE = {
    "apps/a/kustomization.yaml": "resources: [ks.yaml]\n",
    "apps/a/ks.yaml": flux("a", "./apps/a/app", "b"),
    "apps/a/app/kustomization.yaml": "resources: [cm.yaml]\n",
    "apps/a/app/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    "apps/b/kustomization.yaml": "resources: [ks.yaml]\n",
    "apps/b/ks.yaml": flux("b", "./apps/b/app"),
    "apps/b/app/kustomization.yaml": "resources: [cm.yaml]\n",
    "apps/b/app/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
    "apps/source.yaml": SOURCE,
    "flux/cluster.yaml": flux("cluster", "./apps"),
}


def test_what_flux_makes_one_kustomization_of_is_there_together(tmp_path: Path) -> None:
    assert missing(linted(tmp_path, TREE)) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("./apps/a", 3),  # One each for its own: the other is not there.
        ("./other", 3),
    ],
)
def test_what_flux_applies_apart_is_not(path: str, expected: int, tmp_path: Path) -> None:
    found = missing(linted(tmp_path, TREE | {"flux/cluster.yaml": flux("cluster", path)}))
    assert len(found) == expected
    assert "Kustomization/a Kustomization/b" in found


def test_what_flux_applies_of_another_repository_is_not_there(tmp_path: Path) -> None:
    other = flux("cluster", "./apps").replace("name: flux-system}\n", "name: other}\n")
    own = flux("own", "./apps/a")
    found = missing(linted(tmp_path, TREE | {"flux/cluster.yaml": other, "flux/own.yaml": own}))
    assert "Kustomization/a Kustomization/b" in found


@pytest.mark.parametrize("change", ["suspended", "unknown"])
def test_what_flux_perhaps_applies_together_is_not_checked(change: str, tmp_path: Path) -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
        "spec:\n  containers:\n  - {name: c, image: x, envFrom: [{configMapRef: {name: s}}]}\n"
        "  serviceAccountName: gone\n"
    )
    file = {"suspended": "apps/cluster.yaml", "unknown": "flux/cluster.yaml"}[change]
    files = {
        "apps/a/kustomization.yaml": "resources: [p.yaml]\n",
        "apps/a/p.yaml": pod,
        "apps/b/kustomization.yaml": "resources: [s.yaml]\n",
        "apps/b/s.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n",
        "source.yaml": SOURCE,
        file: flux("cluster", "./apps"),
    }
    if change == "suspended":
        files[file] += "  suspend: true\n"
    result = linted(tmp_path, files)
    assert missing(result) == ["Pod/p ServiceAccount/gone"]
    (family,) = [one for one in result.families if one.name == "references"]
    (line,) = family.not_checked
    assert line.startswith("Pod/p ConfigMap/s: is there only if Flux applies what lies beside")


def test_a_folder_of_which_a_kustomization_says_what_is_in_it_is_taken_by_its_word(
    tmp_path: Path,
) -> None:
    whole = TREE | {"apps/kustomization.yaml": "resources: [a]\n"}
    found = missing(linted(tmp_path, whole))
    assert "Kustomization/a Kustomization/b" in found


SYNC = "sync: {kind: GitRepository, url: 'https://example.org/x.git', ref: main, path: x}"


@pytest.mark.parametrize(
    ("maker", "there"),
    [
        (
            "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\n"
            f"metadata: {{name: flux, namespace: flux-system}}\nspec: {{{SYNC}}}\n",
            True,
        ),
        (
            "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\n"
            "metadata: {name: flux, namespace: flux-system}\n"
            f"spec: {{{SYNC.replace('kind', 'name: other, kind')}}}\n",
            False,
        ),
        (
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: flux}\n"
            f"spec:\n  interval: 1h\n  values: {{instance: {{{SYNC}}}}}\n"
            "  chart: {spec: {chart: x, version: 1.0.0, "
            "sourceRef: {kind: HelmRepository, name: x}}}\n",
            True,
        ),
    ],
)
def test_the_source_that_fluxs_operator_makes_is_there(
    maker: str, there: bool, tmp_path: Path
) -> None:
    files = {"flux/cluster.yaml": flux("cluster", "./apps"), "flux/maker.yaml": maker}
    found = missing(linted(tmp_path, files))
    assert ("Kustomization/cluster GitRepository/flux-system" not in found) == there


def test_of_a_name_that_flux_fills_in_it_is_not_known_whether_it_is_there(tmp_path: Path) -> None:
    scaler = (
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: '${APP}'}\n"
        "spec:\n  maxReplicas: 2\n"
        "  scaleTargetRef: {apiVersion: apps/v1, kind: '${KIND:=Deployment}', name: '${APP}'}\n"
    )
    result = linted(tmp_path, {"scaler.yaml": scaler})
    assert missing(result) == []
    told = [one for family in result.families for one in family.not_checked]
    assert any("${KIND:=Deployment} ${APP}, which Flux fills in" in one for one in told)
