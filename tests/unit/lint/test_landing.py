"""Flux's `targetNamespace`: objects land in another namespace than the one they are written in."""

from pathlib import Path

import pytest
import yaml

from lockproof.adapters.kustomize.program import Job, find_kustomize
from lockproof.model.manifest import Manifest
from lockproof.rules.manifests.landing import in_namespace
from unit.lint.test_flux_trees import flux
from unit.lint.trees import linted

POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: one}\nspec:\n"
    "  containers: [{name: c, image: x, envFrom: [{configMapRef: {name: s}}]}]\n"
)
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s, namespace: two}\ndata: {a: b}\n"
TREE = {
    "apps/kustomization.yaml": "resources: [p.yaml, s.yaml]\n",
    "apps/p.yaml": POD,
    "apps/s.yaml": CONFIG,
    "flux/root.yaml": flux("flux-system", "./flux"),
}


def to(path: str, namespace: str, name: str = "apps") -> str:
    return f"{flux(name, path)}  targetNamespace: {namespace}\n"


def found(root: Path, files: dict[str, str]) -> tuple[list[str], list[str]]:
    """Rules and subjects of what is missing or twice, and what is not known of that."""
    result = linted(root, files)
    left = [line for f in result.families if f.name == "references" for line in f.not_checked]
    rules = ("LP611", "LP613")
    told = [f"{one.rule} {one.subject}" for one in result.findings if one.rule in rules]
    return [line for line in told if "GitRepository" not in line], left


MISSING = "LP611 Pod/p ConfigMap/s"


def test_what_is_written_in_two_namespaces_and_lands_in_one_is_there(tmp_path: Path) -> None:
    assert found(tmp_path, TREE)[0] == [MISSING]
    assert found(tmp_path, TREE | {"flux/apps.yaml": to("./apps", "three")})[0] == []


def test_it_is_missing_where_it_lands_as_written_as_well(tmp_path: Path) -> None:
    files = {"flux/a.yaml": to("./apps", "three", "a"), "flux/b.yaml": flux("b", "./apps")}
    assert found(tmp_path, TREE | files)[0] == [MISSING]


def test_files_without_a_kustomization_land_there_as_well(tmp_path: Path) -> None:
    files = {name: text for name, text in TREE.items() if "kustomization" not in name}
    assert found(tmp_path, files)[0] == [MISSING]
    assert found(tmp_path, files | {"flux/apps.yaml": to("./apps", "three")})[0] == []


@pytest.mark.parametrize("how", ["suspended", "other source", "variable"])
def test_where_it_is_not_known_whether_it_lands_there_nothing_is_said(
    how: str, tmp_path: Path
) -> None:
    text = to("./apps", "${NAMESPACE}" if how == "variable" else "three")
    text += "  suspend: true\n" if how == "suspended" else ""
    if how == "other source":
        text = text.replace("name: flux-system}\n  target", "name: other}\n  target")
    told, left = found(tmp_path, TREE | {"flux/apps.yaml": text})
    assert told == []
    assert any(
        line.startswith("Pod/p ConfigMap/s: is there only if Flux puts all") for line in left
    )


def test_two_of_a_name_that_land_in_one_namespace_are_one_twice(tmp_path: Path) -> None:
    files = {
        "apps/a.yaml": f"{CONFIG}---\n{CONFIG.replace('two', 'one')}",
        "flux/root.yaml": flux("flux-system", "./flux"),
    }
    before = [one.rule for one in linted(tmp_path, files).findings]
    files["flux/apps.yaml"] = to("./apps", "three")
    after = [one.rule for one in linted(tmp_path, files).findings]
    assert [rule for rule in after if rule not in before] == ["LP610"]


WEBHOOK = (
    "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n"
    "metadata: {{name: {0}}}\nwebhooks:\n- name: a.example.org\n  sideEffects: None\n"
    "  admissionReviewVersions: [v1]\n"
    "  clientConfig: {{service: {{name: {1}, namespace: {2}}}}}\n"
)
BINDING = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: {}\nmetadata: {{name: b, namespace: one}}\n"
    "roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}\n"
    "subjects:\n- {{kind: ServiceAccount, name: a, namespace: one}}\n"
    "- {{kind: ServiceAccount, name: other, namespace: one}}\n"
    "- {{kind: ServiceAccount, name: default, namespace: one}}\n- {{kind: User, name: a}}\n"
)
ALL = [
    POD,
    CONFIG,
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n",
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: one}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: hook, namespace: one}\n"
    "spec: {ports: [{port: 1}]}\n",
    WEBHOOK.format("ours", "hook", "one"),
    WEBHOOK.format("theirs", "elsewhere", "one"),
    BINDING.format("RoleBinding"),
    BINDING.format("ClusterRoleBinding").replace(", namespace: one}\nroleRef", "}\nroleRef"),
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: []\n",
    "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: t}\n",
]


def test_objects_land_as_kustomize_puts_them(tmp_path: Path) -> None:
    wide = ("Namespace", "ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration")
    written = [Manifest(yaml.safe_load(text), lambda at: ("a.yaml", 1)) for text in ALL]
    ours = [one.value for one in in_namespace(written, "three", lambda one: one.kind in wide)]
    files = {"k/a.yaml": "---\n".join(ALL).encode()}
    files["k/kustomization.yaml"] = b"namespace: three\nresources: [a.yaml]\n"
    program = find_kustomize()
    assert program
    (answer,) = program.build([Job(files, "k")])
    assert answer.output, answer.refusal
    theirs = list(yaml.safe_load_all(answer.output))

    def by_name(values: list[object]) -> list[str]:
        return sorted(yaml.safe_dump(one) for one in values)

    assert by_name(ours) == by_name(theirs)
