"""Charts that controllers install: rendered where helm and the chart are here, else named."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.model.check import Check
from lockproof.model.verdict import Verdict, worst
from lockproof.steps.lint import Linted, Request, lint_tree

REPOSITORY = {"repoURL": "https://charts.example.org", "chart": "thing", "targetRevision": "1.2.3"}
IN_GIT = {"repoURL": "https://git.example.org/a.git", "path": "thing", "targetRevision": "a" * 40}
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.2.3\n",
    "values.yaml": "name: plain\nfield: data\n",
    "prod.yaml": "name: prod\n",
    "crds/widget.yaml": json.dumps(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.org"},
            "spec": {
                "group": "example.org",
                "scope": "Namespaced",
                "names": {"kind": "Widget", "plural": "widgets"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {
                            "openAPIV3Schema": {
                                "type": "object",
                                "properties": {"size": {"type": "integer"}},
                            }
                        },
                    }
                ],
            },
        }
    ),
    "templates/settings.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
        "  name: {{ .Release.Name }}-{{ .Values.name }}\n"
        "  namespace: {{ .Release.Namespace }}\n{{ .Values.field }}:\n"
        "  version: {{ .Capabilities.KubeVersion.Version | quote }}\n"
    ),
    "templates/widget.yaml": (
        "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\n"
        "size: {{ .Values.size | default 3 }}\n"
    ),
}  # fmt: skip


def application(source: dict[str, object], **helm: object) -> str:
    spec = {
        "project": "default",
        "source": {**source, **({"helm": helm} if helm else {})},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "models"},
    }
    return manifest("argoproj.io/v1alpha1", "Application", spec)


def manifest(version: str, kind: str, spec: object) -> str:
    made = {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "a", "namespace": "argocd"},
        "spec": spec,
    }
    return f"{json.dumps(made)}\n---\n"


def write_chart(root: Path, folder: str = "thing", **changed: str) -> None:
    for name, text in {**CHART, **changed}.items():
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def archive(root: Path) -> None:
    write_chart(root, "made")
    with tarfile.open(root / "thing.tgz", "w:gz") as made:
        made.add(root / "made", "thing")
    shutil.rmtree(root / "made")


def look(root: Path, text: str, policy: str = "") -> tuple[Linted, Check | None]:
    """What lint says of one file, and its check of charts."""
    (root / "a.yaml").write_text(text)
    result = lint_tree(FolderTree(root), parse_policy(policy))
    return result, next((check for check in result.checks if check.name == "charts"), None)


def demanded(result: Linted) -> Verdict:
    return worst(check.verdict for check in result.checks if check.demanded)


@pytest.fixture
def _no_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


needs_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="no helm on PATH")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            application(REPOSITORY),
            "a.yaml:1: Application/a: the chart thing 1.2.3 of https://charts.example.org is not"
            " rendered: it is not here: name a copy under [lint.charts] as 'thing-1.2.3'",
        ),
        (
            application(REPOSITORY, parameters=[{"name": "a", "value": "b"}]),
            "is not rendered: it has parameters, and lint knows only values",
        ),
        (
            application({**IN_GIT, "path": "elsewhere"}, releaseName="b"),
            "the chart at elsewhere of https://git.example.org/a.git is not rendered: this"
            " repository has no such chart",
        ),
        (
            application({**IN_GIT, "path": "../up"}, releaseName="b"),
            "is not rendered: ../up leads out of the repository",
        ),
        (
            manifest(
                "argoproj.io/v1alpha1",
                "ApplicationSet",
                {"generators": [], "template": {"spec": {"sources": [REPOSITORY]}}},
            ),
            "ApplicationSet/a: the chart thing 1.2.3 of https://charts.example.org is not rendered:"
            " the set fills it in",
        ),
        (
            manifest(
                "helm.toolkit.fluxcd.io/v2",
                "HelmRelease",
                {
                    "interval": "5m",
                    "chart": {
                        "spec": {
                            "chart": "thing",
                            "version": "1.2.3",
                            "sourceRef": {"kind": "HelmRepository", "name": "r"},
                        }
                    },
                },
            ),
            "HelmRelease/a: the chart thing 1.2.3 of HelmRepository/r is not rendered: it is not"
            " here",
        ),
        (
            manifest(
                "helm.toolkit.fluxcd.io/v2",
                "HelmRelease",
                {"interval": "5m", "chartRef": {"kind": "OCIRepository", "name": "r"}},
            ),
            "HelmRelease/a: the chart of OCIRepository/r is not rendered: which it is stands in its"
            " source",
        ),
    ],
    ids=["repository", "parameters", "elsewhere", "out", "set", "release", "source"],
)  # fmt: skip
@pytest.mark.usefixtures("_no_helm")
def test_a_chart_that_is_not_rendered_is_named(text: str, line: str, tmp_path: Path) -> None:
    _, check = look(tmp_path, text)
    assert check is not None
    (said,) = check.not_checked
    assert line in said


@pytest.mark.usefixtures("_no_helm")
def test_a_chart_that_is_not_here_counts_where_that_is_required(tmp_path: Path) -> None:
    text = application(REPOSITORY)
    result, check = look(tmp_path, text)
    assert check is not None
    assert (demanded(result), check.verdict) == (Verdict.PASSED, Verdict.INCONCLUSIVE)
    result, _ = look(tmp_path, text, '[lint]\nrequire = ["charts"]')
    assert demanded(result) is Verdict.INCONCLUSIVE
    result, check = look(tmp_path, text, '[lint]\noff = ["charts"]')
    assert (demanded(result), check) == (Verdict.PASSED, None)


@pytest.mark.usefixtures("_no_helm")
def test_without_helm_a_chart_that_is_here_is_named(tmp_path: Path) -> None:
    archive(tmp_path)
    _, check = look(tmp_path, application(REPOSITORY), '[lint.charts]\n"thing-1.2.3" = "thing.tgz"')
    assert check is not None
    assert check.not_checked[0].endswith("is not rendered: helm is not on PATH")


@pytest.mark.usefixtures("_no_helm")
def test_a_path_in_git_that_is_no_chart_is_not_taken_for_one(tmp_path: Path) -> None:
    text = application({**IN_GIT, "path": "elsewhere"})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/note.txt").write_text("x\n")
    assert look(tmp_path, text)[1] is None


@pytest.mark.usefixtures("_no_helm")
def test_a_path_in_another_repository_is_named(tmp_path: Path) -> None:
    """It is told of, and does not count: nothing of another repository is fetched."""
    result, check = look(tmp_path, application({**IN_GIT, "path": "elsewhere"}))
    assert check is not None
    (said,) = check.not_checked
    assert "Application/a: what is in elsewhere of " in said
    assert said.endswith("is not looked at: this repository has no such folder")
    assert demanded(result) is Verdict.PASSED


@pytest.mark.usefixtures("_no_helm")
@pytest.mark.parametrize("source", [REPOSITORY, {**IN_GIT, "path": "elsewhere"}])
def test_an_address_is_named_without_its_password(
    source: dict[str, object], tmp_path: Path
) -> None:
    address = str(source["repoURL"])
    secret = {**source, "repoURL": address.replace("://", "://bot:hunter2hunter2@")}
    project = {"sourceRepos": ["https://other.example.org/*"], "destinations": [{"namespace": "*"}]}
    text = application({**secret}) + manifest("argoproj.io/v1alpha1", "AppProject", project)
    text = text.replace('"project": "default"', '"project": "a"')
    remote = "resources: ['https://bot:hunter2hunter2@git.example.org/a//base?ref=v1']"
    (tmp_path / "k").mkdir()
    (tmp_path / "k/kustomization.yaml").write_text(remote)
    result, check = look(tmp_path, text)
    assert check is not None
    assert address in check.not_checked[0]
    (outside,) = [one for one in result.findings if "does not allow the source" in one.message]
    assert address in outside.message
    told = [s for c in result.checks for s in c.not_checked] + [f.message for f in result.findings]
    assert any("https://git.example.org/a//base is remote" in one for one in told)
    assert "hunter2" not in " ".join(told)


@pytest.mark.usefixtures("_no_helm")
def test_a_path_that_a_set_fills_in_is_no_missing_folder(tmp_path: Path) -> None:
    source = {**IN_GIT, "path": "{{.path.path}}"}
    spec = {"generators": [], "template": {"spec": {"source": source}}}
    _, check = look(tmp_path, manifest("argoproj.io/v1alpha1", "ApplicationSet", spec))
    assert check is not None
    (said,) = check.not_checked
    assert said.endswith(
        "what is in {{.path.path}} of https://git.example.org/a.git is not looked"
        " at: the set fills it in"
    )


@needs_helm
@pytest.mark.parametrize("kind", ["archive", "folder", "in Git", "Flux"])
def test_a_chart_is_rendered_and_looked_at(kind: str, tmp_path: Path) -> None:
    policy = '[lint.charts]\n"thing-1.2.3" = "thing.tgz"\n'
    source = REPOSITORY
    if kind == "archive":
        archive(tmp_path)
    else:
        write_chart(tmp_path)
        policy = policy.replace(".tgz", "")
        source = REPOSITORY if kind == "folder" else IN_GIT
    text = application(source, valuesObject={"field": "dataa", "size": "large"})
    if kind == "Flux":
        text = manifest(
            "helm.toolkit.fluxcd.io/v2beta2",
            "HelmRelease",
            {
                "interval": "5m",
                "chart": {
                    "spec": {
                        "chart": "./thing",
                        "sourceRef": {"kind": "GitRepository", "name": "g"},
                    }
                },
                "targetNamespace": "models",
                "releaseName": "a",
                "values": {"field": "dataa", "size": "large"},
            },
        )  # fmt: skip
    result, check = look(tmp_path, text, f'{policy}[lint]\nexternal = ["*"]\n')
    assert check is not None
    assert (check.verdict, check.checked, check.not_checked) == (Verdict.PASSED, 1, ())
    found = {one.rule: one for one in result.findings if one.rule in ("LP604", "LP605")}
    # The CRD that the chart brings gives its kind a schema.
    assert "Widget/w: size is 'large', must be an integer" in found["LP605"].message
    assert "ConfigMap/a-plain: dataa is no field of this object" in found["LP604"].message
    where = "a.yaml" if kind == "archive" else "thing/templates/settings.yaml"
    assert found["LP604"].path == where
    assert not any("charts are not rendered" in s for c in result.checks for s in c.not_checked)


@needs_helm
def test_values_are_put_on_top_of_each_other_as_argo_cd_does(tmp_path: Path) -> None:
    write_chart(tmp_path)
    (tmp_path / "more.yaml").write_text("field: one\nname: more\n")
    source = {
        **IN_GIT,
        "helm": {"releaseName": "r", "valueFiles": ["prod.yaml", "$ours/more.yaml"]},
    }
    spec = {
        "project": "default",
        "sources": [source, {**IN_GIT, "path": None, "ref": "ours"}],
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "models"},
    }
    text = manifest("argoproj.io/v1alpha1", "Application", spec).replace('"path": null, ', "")
    result, _ = look(tmp_path, text)
    assert [f.message for f in result.findings if f.rule == "LP604"] == [
        "ConfigMap/r-more: one is no field of this object"
    ]
    text = text.replace('"releaseName"', '"values": "field: two", "releaseName"')
    result, _ = look(tmp_path, text)
    assert [f.message for f in result.findings if f.rule == "LP604"] == [
        "ConfigMap/r-more: two is no field of this object"
    ]


@needs_helm
def test_what_one_of_ours_uses_of_a_chart_is_there(tmp_path: Path) -> None:
    write_chart(tmp_path)
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: models}\nspec:\n"
        "  volumes: [{name: v, configMap: {name: NAME}}]\n  containers: [{name: c}]\n"
    )
    told = {}
    for name in ("a-plain", "a-other"):
        text = application(IN_GIT, releaseName="a") + pod.replace("NAME", name)
        result, _ = look(tmp_path, text)
        told[name] = [f.rule for f in result.findings if f.rule == "LP611"]
    assert told == {"a-plain": [], "a-other": ["LP611"]}


@needs_helm
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"templates/a.yaml": "{{ fail \"no name\" }}"}, "no name"),
        ({"templates/a.yaml": "{{ .Values.a.b.c }}"}, "nil pointer evaluating interface"),
        ({"Chart.yaml": "name: other\nversion: 1.2.3\napiVersion: v2\n"}, "thing is other 1.2.3"),
        ({"Chart.yaml": "a: [\n"}, "Chart.yaml of thing cannot be read"),
        ({"templates/a.yaml": "a: &a [*a]\nb: : c\n"}, "thing/templates/a.yaml"),
    ],
)  # fmt: skip
def test_a_chart_that_is_refused_leaves_the_verdict_open(
    changed: dict[str, str], words: str, tmp_path: Path
) -> None:
    write_chart(tmp_path, **changed)
    policy = '[lint]\nexclude = ["thing/*"]\n[lint.charts]\n"thing-1.2.3" = "thing"'
    result, check = look(tmp_path, application(REPOSITORY), policy)
    assert check is not None
    assert (demanded(result), check.demanded) == (Verdict.INCONCLUSIVE, True)
    assert words in check.not_checked[0]


@needs_helm
@pytest.mark.parametrize(
    "content", [b"", b"no archive", b"\x1f\x8b\x08\x00" + b"\0" * 30], ids=["empty", "text", "gzip"]
)
def test_an_archive_that_is_none_is_told_of(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "thing.tgz").write_bytes(content)
    policy = '[lint.charts]\n"thing-1.2.3" = "thing.tgz"'
    _, check = look(tmp_path, application(REPOSITORY), policy)
    assert check is not None
    assert "thing.tgz" in check.not_checked[0]


@needs_helm
def test_an_archive_that_swells_is_not_gone_through(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "thing.tgz", "w:gz", compresslevel=1) as made:
        member = tarfile.TarInfo("thing/zeros")
        member.size = 65 << 20
        made.addfile(member, io.BytesIO(bytes(member.size)))
        member = tarfile.TarInfo("thing/Chart.yaml")
        member.size = len(CHART["Chart.yaml"])
        made.addfile(member, io.BytesIO(CHART["Chart.yaml"].encode()))
    policy = '[lint.charts]\n"thing-1.2.3" = "thing.tgz"'
    _, check = look(tmp_path, application(REPOSITORY), policy)
    assert check is not None
    assert "has no Chart.yaml in its folder" in check.not_checked[0]


@needs_helm
def test_a_chart_gets_nothing_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "plugins" / "bad"
    plugin.mkdir(parents=True)
    (plugin / "plugin.yaml").write_text("name: bad\nversion: 1.0.0\ncommand: touch /ran\n")
    monkeypatch.setenv("HELM_PLUGINS", str(tmp_path / "plugins"))
    monkeypatch.setenv("HELM_NAMESPACE", "elsewhere")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    secret = tmp_path / "secret"
    secret.write_text("of this machine")
    root = tmp_path / "tree"
    root.mkdir()
    reads = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        '{{ .Files.Get "../../secret" | default "nothing" }}: {{ .Release.Namespace }}\n'
        'x{{ len (lookup "v1" "Secret" "a" "b") }}: 1\n'
    )
    write_chart(root, **{"templates/a.yaml": reads})
    (root / "thing" / "templates" / "link.yaml").symlink_to(secret)
    _, check = look(root, application(IN_GIT))
    assert check is not None
    assert "link.yaml cannot be read" in check.not_checked[0]
    (root / "thing" / "templates" / "link.yaml").unlink()
    result, _ = look(root, application(IN_GIT))
    told = [f.message for f in result.findings if f.rule == "LP604"]
    assert told == [
        "ConfigMap/a: nothing is no field of this object",
        "ConfigMap/a: x0 is no field of this object",
    ]


POLICY = {
    "failurePolicy": "Fail",
    "matchConstraints": {
        "resourceRules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["pods"],
            }
        ]
    },
    "variables": [{"name": "a", "expression": "1"}],
    "validations": [{"expression": "objct.spec.nowhere ==="}],
}  # fmt: skip


def test_what_an_admission_policy_says_is_named(tmp_path: Path) -> None:
    text = manifest("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", POLICY)
    text = text.replace(', "namespace": "argocd"', "")
    (tmp_path / "a.yaml").write_text(text)
    result = lint_tree(FolderTree(tmp_path), parse_policy(""))
    admission = next(check for check in result.checks if check.name == "admission")
    assert admission.not_checked == (
        "a.yaml:1: ValidatingAdmissionPolicy/a: what its 2 expressions say of objects, and whether"
        " they compile",
    )
    assert (admission.verdict, demanded(result)) == (Verdict.INCONCLUSIVE, Verdict.PASSED)
    request = Request(tmp_path, only=("admission",))
    assert demanded(lint_tree(FolderTree(tmp_path), parse_policy(""), request=request)) is (
        Verdict.INCONCLUSIVE
    )


def test_conditions_of_webhooks_are_named(tmp_path: Path) -> None:
    hook = {
        "name": "a.example.org",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://a.example.org"},
        "matchConditions": [{"name": "a", "expression": "true"}],
    }
    made = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "a"},
        "webhooks": [hook],
    }
    (tmp_path / "a.yaml").write_text(json.dumps(made))
    result = lint_tree(FolderTree(tmp_path), parse_policy(""))
    admission = next(check for check in result.checks if check.name == "admission")
    assert (
        "what its expression says of objects, and whether it compiles" in (admission.not_checked[0])
    )
    made["webhooks"] = [{**hook, "matchConditions": []}]
    (tmp_path / "a.yaml").write_text(json.dumps(made))
    result = lint_tree(FolderTree(tmp_path), parse_policy(""))
    assert not any(check.name == "admission" for check in result.checks)
