"""`${NAME}` is a reference where something fills it in, and may else be the secret itself."""

from pathlib import Path

import pytest

from unit.lint.test_flux_trees import flux
from unit.lint.trees import linted

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  password: ${hunter2}\n"
SETTINGS = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {db_password: '${hunter2}'}\n"
)
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
    "  - {name: c, image: x, env: [{name: DB_PASSWORD, value: '${hunter2}'}]}\n"
)
POST = "  postBuild: {substitute: {hunter2: x}}\n"


def unknown(root: Path, files: dict[str, str]) -> list[str]:
    result = linted(root, files)
    assert "LP625" not in [one.rule for one in result.findings]
    (family,) = [one for one in result.families if one.name == "policies"]
    assert not any("hunter2" in line for line in family.not_checked)
    return [line.partition(": whether ")[0] for line in family.not_checked]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (SECRET, "apps/a.yaml:5: Secret/s"),
        (SETTINGS, "apps/a.yaml:4: ConfigMap/c"),
        (POD, "apps/a.yaml:6: Pod/p"),
        (SETTINGS.replace("db_password", "name"), None),
        (SECRET.replace("${hunter2}", "op://vault/item/field"), None),
    ],
)
def test_what_nothing_fills_in_is_not_checked(text: str, place: str | None, tmp_path: Path) -> None:
    assert unknown(tmp_path, {"apps/a.yaml": text}) == ([place] if place else [])


@pytest.mark.parametrize(
    ("name", "text", "filled"),
    [
        ("flux/ks.yaml", flux("apps", "./apps") + POST, True),
        ("flux/ks.yaml", flux("apps", "./") + POST, True),
        ("flux/ks.yaml", flux("apps", "./app") + POST, False),
        ("flux/ks.yaml", flux("apps", "./apps"), False),
        ("flux/ks.yaml", flux("apps", "./apps") + "  postBuild: {}\n", False),
        (
            "flux/ks.yaml",
            flux("all", "./flux")
            + "  patches:\n  - patch: '[{op: add, path: /spec/postBuild, value: {}}]'\n"
            "    target: {kind: Kustomization}\n",
            True,
        ),
        ("hack/apply.sh", "envsubst < apps/a.yaml | kubectl apply -f -\n", True),
        ("hack/apply.sh", "kubectl apply -f apps\n", False),
        ("Makefile", "apply:\n\tflux envsubst < apps/a.yaml\n", True),
        (".github/workflows/apply.yaml", "jobs: {a: {steps: [{run: envsubst < x}]}}\n", True),
        (".gitlab-ci.yml", "a: {script: [envsubst < x]}\n", True),
        ("docs/about.md", "We once had envsubst here.\n", False),
    ],
)
def test_what_fills_it_in_is_found(name: str, text: str, filled: bool, tmp_path: Path) -> None:
    expected = [] if filled else ["apps/a.yaml:5: Secret/s"]
    assert unknown(tmp_path, {"apps/a.yaml": SECRET, name: text}) == expected


def test_a_base_that_lies_outside_is_filled_in_by_what_takes_it_in(tmp_path: Path) -> None:
    files = {
        "base/s.yaml": SECRET,
        "base/kustomization.yaml": "resources: [s.yaml]\n",
        "apps/kustomization.yaml": "resources: [../base]\n",
        "flux/ks.yaml": flux("apps", "./apps") + POST,
    }
    assert unknown(tmp_path, files) == []


def test_an_object_may_opt_out(tmp_path: Path) -> None:
    out = "{name: s, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}"
    files = {"flux/ks.yaml": flux("apps", "./apps") + POST}
    files["apps/a.yaml"] = SECRET.replace("{name: s}", out)
    assert unknown(tmp_path, files) == ["apps/a.yaml:5: Secret/s"]
