"""The step and the command: what is found in a tree, and what is said of what was not checked."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.adapters.git.tree import FolderTree
from lockproof.cli.main import main
from lockproof.config import Policy, parse_policy
from lockproof.model.finding import Severity
from lockproof.model.lint_family import LINT_FAMILIES
from lockproof.model.verdict import Verdict, worst
from lockproof.rules.manifests.secret_values import inline_secret
from lockproof.steps.lint import Linted, lint_tree
from manifests.mutations import PLATFORM, platform

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: c
      image: x@sha256:1111111111111111111111111111111111111111111111111111111111111111
      resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {memory: 1Mi}}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
"""


def lockproof(cwd: Path, *argv: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("lockproof")), *argv],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PATH": path or os.environ["PATH"]},
    )


def tree(root: Path, policy: str = "", **texts: str) -> Linted:
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return lint_tree(FolderTree(root), parse_policy(policy) if policy else Policy(), ["."])


def verdict(result: Linted) -> Verdict:
    errors = any(found.severity is Severity.ERROR for found in result.findings)
    return Verdict.FAILED if errors else worst(check.verdict for check in result.checks)


def test_nothing_looked_at_is_inconclusive(tmp_path: Path) -> None:
    result = tree(tmp_path, a_yaml="hello: world\n")
    assert verdict(result) is Verdict.INCONCLUSIVE
    assert not result.findings


def test_one_good_file_passes(tmp_path: Path) -> None:
    result = tree(tmp_path, a_yaml=POD)
    assert verdict(result) is Verdict.PASSED, result


def test_a_kind_without_a_schema_is_named_and_leaves_the_verdict_open(tmp_path: Path) -> None:
    text = POD + "---\napiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\n"
    result = tree(tmp_path, a_yaml=text)
    assert verdict(result) is Verdict.INCONCLUSIVE
    assert result.checks[0].not_checked == ("a.yaml:15: no schema for example.org/v1 Widget",)
    accepted = tree(tmp_path, '[lint]\nnot-checked = "accept"')
    assert verdict(accepted) is Verdict.PASSED
    assert accepted.checks[0].not_checked


@pytest.mark.parametrize("kind", ["ApplicationSet", "Workflow", "Experiments"])
def test_a_kind_of_a_known_group_that_has_no_table_is_not_taken_for_a_misspelling(
    kind: str, tmp_path: Path
) -> None:
    text = f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata: {{name: w}}\n"
    result = tree(tmp_path, a_yaml=text)
    assert not result.findings
    assert result.checks[0].not_checked
    misspelt = tree(tmp_path, a_yaml=text.replace(kind, "Aplication"))
    assert [found.rule for found in misspelt.findings] == ["LP608"]


def test_a_chart_is_named_and_not_read(tmp_path: Path) -> None:
    result = tree(
        tmp_path,
        a_yaml=POD,
        chart__Chart_yaml="name: c\n",
        chart__templates__t_yaml="{{- if .Values.x }}\nkind: {{ .x }}\n{{- end }}\n",
    )
    assert verdict(result) is Verdict.INCONCLUSIVE
    assert any("charts are not rendered" in line for line in result.checks[0].not_checked)
    assert not result.findings


def test_files_of_a_kustomization_are_checked_as_built(tmp_path: Path) -> None:
    result = tree(
        tmp_path,
        base__kustomization_yaml="resources: [pod.yaml]\n",
        base__pod_yaml=POD.replace("cpu: 1m", "cpu: one"),
        over__kustomization_yaml="resources: [../base]\npatches: [{path: fix.yaml}]\n",
        over__fix_yaml="apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
        "spec: {containers: [{name: c, resources: {requests: {cpu: 1m}}}]}\n",
    )
    assert verdict(result) is Verdict.PASSED, result.findings


def test_a_base_that_two_overlays_include_is_told_of_once(tmp_path: Path) -> None:
    result = tree(
        tmp_path,
        base__kustomization_yaml="resources: [pod.yaml]\n",
        base__pod_yaml=POD.replace("cpu: 1m", "cpu: one"),
        a__kustomization_yaml="resources: [../base]\nnamespace: a\n",
        b__kustomization_yaml="resources: [../base]\nnamespace: b\n",
    )
    assert [(f.rule, f.path, f.line) for f in result.findings] == [("LP605", "base/pod.yaml", 9)]


def test_a_reference_into_another_overlay_does_not_count(tmp_path: Path) -> None:
    pod = POD + "  serviceAccountName: s\n"
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: s}\n"
    result = tree(
        tmp_path,
        a__kustomization_yaml="resources: [pod.yaml]\n",
        a__pod_yaml=pod,
        b__kustomization_yaml="resources: [s.yaml]\n",
        b__s_yaml=account,
    )
    (found,) = result.findings
    assert found.rule == "LP611"
    assert "only in b" in found.message


def test_a_component_that_nothing_includes_is_checked_on_a_kustomization(tmp_path: Path) -> None:
    result = tree(
        tmp_path,
        a__kustomization_yaml="resources: [pod.yaml]\n",
        a__pod_yaml=POD,
        c__kustomization_yaml="apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "patches:\n  - target: {kind: Pod}\n    patch: |-\n"
        "      - {op: add, path: /spec/hostNetwork, value: true}\n",
    )
    (found,) = result.findings
    assert (found.rule, found.path) == ("LP624", "a/pod.yaml")


@pytest.mark.parametrize("unit", ["a.", "a-", "a://", "a://a:", "a:", "-----BEGIN ", "A "])
def test_no_text_takes_more_than_a_glance(unit: str) -> None:
    """Looked through from every word on, each would take hours."""
    assert inline_secret(unit * (2_000_000 // len(unit))) is None


def test_a_secret_is_never_repeated_in_a_report(tmp_path: Path) -> None:
    text = POD.replace(
        "    - name: c\n",
        "    - name: c\n      env:\n        - {name: A_TOKEN, value: hunter2hunter2}\n"
        "        - {name: B, value: 'postgres://u:hunter2@db/x'}\n"
        "        - {name: C, value: AKIAIOSFODNN7EXAMPLE}\n",
    )
    result = tree(tmp_path, a_yaml=text)
    assert [f.rule for f in result.findings] == ["LP625"] * 3
    shown = repr(result)
    assert "hunter2" not in shown
    assert "AKIA" not in shown


@given(
    st.text(max_size=80) | st.sampled_from(["a: &a [*a]", "? [x]: y", "!!python/none x", "- \t-"])
)
@settings(deadline=None, max_examples=60)
def test_hostile_yaml_is_a_finding_and_never_an_exception(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.yaml")
        path.write_bytes(b"apiVersion: v1\nkind: Pod\n" + text.encode("utf-8", "surrogatepass"))
        Path(folder, "kustomization.yaml").write_text("resources: [a.yaml]\n")
        result = lint_tree(FolderTree(Path(folder)), Policy(), ["."])
        assert verdict(result) is not Verdict.PASSED
        for found in result.findings:
            assert "\n" not in found.message


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.sampled_from(["", "x", "a-b", "100"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            [
                "spec", "metadata", "name", "template", "containers", "steps", "canary", "strategy",
                "metrics", "provider", "prometheus", "query", "resources", "requests", "cpu",
                "analysis", "templates", "setWeight", "env", "volumes", "ref", "source", "sources",
                "forProvider", "providerConfigRef", "groups", "rules", "expr", "data", "selector",
            ]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=30,
)  # fmt: skip


@given(
    VALUES,
    st.sampled_from(
        [
            ("apps/v1", "Deployment"), ("argoproj.io/v1alpha1", "Rollout"), ("v1", "Service"),
            ("argoproj.io/v1alpha1", "AnalysisTemplate"), ("argoproj.io/v1alpha1", "Application"),
            ("flagger.app/v1beta1", "Canary"), ("monitoring.coreos.com/v1", "PrometheusRule"),
            ("s3.aws.m.upbound.io/v1beta1", "Bucket"), ("v1", "Secret"), ("v1", "ConfigMap"),
            ("networking.k8s.io/v1", "Ingress"), ("kubernetes.m.crossplane.io/v1alpha1", "Object"),
            ("source.toolkit.fluxcd.io/v1", "GitRepository"), ("v1", "List"),
        ]
    ),
)  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_any_manifest_is_judged_without_an_exception(body: object, kind: tuple[str, str]) -> None:
    import tempfile

    value = {"apiVersion": kind[0], "kind": kind[1], "metadata": {"name": "x"}}
    if isinstance(body, dict):
        value = {**body, **value, "spec": body.get("spec", body)}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.yaml").write_text(json.dumps(value))
        lint_tree(FolderTree(Path(folder)), Policy(), ["."])


def test_the_command_writes_every_format_and_ends_with_the_verdict(tmp_path: Path) -> None:
    root = platform(tmp_path)
    # What rule tests need, promtool, is not on every machine.
    (root / "control-plane" / "models.test.yaml").unlink()
    done = lockproof(root, "lint", "--format", "json", "--output", "r.sarif", "--output", "r.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["step"] == "lint"
    assert report["verdict"] == "passed"
    assert json.loads((root / "r.sarif").read_bytes())["version"] == "2.1.0"
    canary = root / "control-plane" / "canary.yaml"
    canary.write_text(canary.read_text().replace("failureLimit: 1", "failureLimit: 9"))
    done = lockproof(root, "lint", "control-plane/canary.yaml")
    assert done.returncode == 1
    assert "LP631  control-plane/canary.yaml:" in done.stdout


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["nowhere"], 2, "there is no nowhere"),
        (["/"], 2, "outside the repository"),
        (["--context", "x"], 2, "add --cluster"),
        (["--kubernetes-version", "1.2"], 2, "no field tables for Kubernetes 1.2"),
        (["--kubernetes-version", "new"], 2, "must be a version"),
        (["--schema-location", "{{ .X }}"], 2, "no word 'X'"),
        (["--schema-location", "http://127.0.0.1:9/x.json"], 4, "does not answer"),
    ],
)
def test_bad_input_gets_one_line(argv: list[str], code: int, message: str, tmp_path: Path) -> None:
    done = lockproof(platform(tmp_path), "lint", *argv)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_version_is_served_then_deprecated_then_gone(tmp_path: Path) -> None:
    text = "apiVersion: storage.k8s.io/v1beta1\nkind: VolumeAttributesClass\n"
    (tmp_path / "f.yaml").write_text(
        f"{text}metadata: {{name: f}}\ndriverName: x\nparameters: {{a: b}}"
    )
    found = {}
    for version in ("1.33", "1.34", "1.36", "1.37"):
        policy = parse_policy(f'[lint]\nkubernetes-version = "{version}"')
        result = lint_tree(FolderTree(tmp_path), policy, ["."])
        found[version] = [f.rule for f in result.findings]
    assert found == {"1.33": [], "1.34": ["LP609"], "1.36": ["LP609"], "1.37": ["LP608"]}


def test_an_object_twice_in_one_file_is_told_of_and_in_two_files_is_not(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    result = tree(tmp_path, a_yaml=f"{text}---\n{text}", b_yaml=text)
    assert [(f.rule, f.path, f.line) for f in result.findings] == [("LP610", "a.yaml", 5)]


def test_plain_words_are_the_servers_where_no_kustomization_reads_them(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: y, b: 'y', c: 0o17}\n"
    (tmp_path / "loose.yaml").write_text(text % "loose")
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "kustomization.yaml").write_text("resources: [made.yaml]\n")
    (tmp_path / "k" / "made.yaml").write_text((text % "made").replace("0o17", "n"))
    result = lint_tree(FolderTree(tmp_path), parse_policy(""), ["."])
    assert [(f.rule, f.path, f.message) for f in result.findings] == [
        ("LP605", "loose.yaml", "ConfigMap/loose: data.a is the boolean true, must be a string"),
        ("LP605", "loose.yaml", "ConfigMap/loose: data.c is the number 15, must be a string"),
    ]


def test_services_of_one_file_that_take_one_port_of_the_nodes_or_address(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {%s}\n"
    node = "type: NodePort, ports: [{port: 80, nodePort: 30123%s}]"
    address = "ports: [{port: 80}], clusterIP: '%s'"
    named = "ports: [{port: 80}], type: ExternalName, externalName: a.b, clusterIP: ''"
    one = [("a", node % ""), ("b", node % ", protocol: UDP"), ("c", address % "fd00::0a")]
    one += [("d", address % "fd00:0::a"), ("e", address % "None"), ("f", address % "None")]
    one += [("g", named), ("h", node % ", name: x" + ", selector: {a: b}")]
    result = tree(
        tmp_path, a_yaml="---\n".join(text % each for each in one), b_yaml=text % ("i", node % "")
    )
    assert [(f.rule, f.line, f.message) for f in result.findings] == [
        ("LP607", 9, "Service/b: spec.ports[0].nodePort takes port 30123 of every node,"
         " as Service/a does (a.yaml:1)"),
        ("LP607", 19, "Service/d: spec.clusterIP takes fd00::a, as Service/c does (a.yaml:11)"),
        ("LP607", 39, "Service/h: spec.ports[0].nodePort takes port 30123 of every node,"
         " as Service/a does (a.yaml:1)"),
    ]  # fmt: skip


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: s}}
spec: {{selector: {}, ports: [{{port: 80}}]}}
"""
ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: c, image: x}]}
  strategy:
    canary:
      steps:
        - experiment: {templates: [{name: t, specRef: canary, metadata: {labels: {app: preview}}}]}
        - analysis: {templates: [{templateName: t}]}
"""
TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {{name: t}}
spec: {{args: {}, metrics: []}}
"""


def references(root: Path, *texts: str) -> list[str]:
    for number, text in enumerate(texts):
        (root / f"{number}.yaml").write_text(text)
    families = lint_tree(FolderTree(root), Policy(), ["."]).families
    return [f.rule for family in families if family.name == "references" for f in family.findings]


def test_references_that_controllers_make_good(tmp_path: Path) -> None:
    """Each was a finding on a public example that is right."""
    workload = ROLLOUT.replace("        - analysis: {templates: [{templateName: t}]}\n", "")
    for selector, rules in (
        ("{app: preview}", []),
        ("{app: a, statefulset.kubernetes.io/pod-name: p-0}", []),
        ("{app: b, statefulset.kubernetes.io/pod-name: p-0}", ["LP613"]),
    ):
        assert references(tmp_path, workload, SERVICE.format(selector)) == rules


def test_a_selector_reaches_the_pods_of_its_namespace_alone(tmp_path: Path) -> None:
    def inside(text: str, space: str) -> str:
        return text.replace("\nmetadata: {name: ", f"\nmetadata: {{namespace: {space}, name: ")

    workload = ROLLOUT.replace("        - analysis: {templates: [{templateName: t}]}\n", "")
    service = SERVICE.format("{app: a}")
    assert references(tmp_path, inside(workload, "x"), inside(service, "x")) == []
    assert references(tmp_path, inside(workload, "x"), service) == []
    assert references(tmp_path, workload, inside(service, "y")) == []
    assert references(tmp_path, inside(workload, "x"), inside(service, "y")) == ["LP613"]


MONITOR = """\
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {namespace: x, name: m}
spec: {selector: {matchLabels: {app: dns}}, namespaceSelector: AMONG, endpoints: []}
"""
MADE = """\
apiVersion: GROUP/v1
kind: KIND
metadata: {namespace: x, name: o}
"""


@pytest.mark.parametrize(
    ("selects", "beside", "rules"),
    [
        ("Service", "", ["LP613"]),
        ("Service", "monitoring.coreos.com PodMonitor", ["LP613"]),
        ("Service", "s3.aws.m.upbound.io Bucket", ["LP613"]),
        ("Service", "monitoring.coreos.com Prometheus", []),
        ("Service", "postgresql.cnpg.io Cluster", []),
        ("Service", "argoproj.io WorkflowTemplate", []),
        ("NetworkPolicy", "", []),
        ("ServiceMonitor {}", "", ["LP613"]),
        ("ServiceMonitor {}", "ray.io RayCluster", []),
        ("ServiceMonitor {any: true}", "", []),
        ("ServiceMonitor {matchNames: [x]}", "", ["LP613"]),
        ("ServiceMonitor {matchNames: [kube-system]}", "", []),
    ],
)
def test_a_selector_of_what_others_make_is_not_checked(
    tmp_path: Path, selects: str, beside: str, rules: list[str]
) -> None:
    """Pods of an operator, or in a namespace in which nothing of the bundle runs."""
    inside = "\nmetadata: {namespace: x, name: "
    workload = ROLLOUT.replace("        - analysis: {templates: [{templateName: t}]}\n", "")
    kind, _, among = selects.partition(" ")
    text = {
        "Service": SERVICE.format("{app: b}").replace("\nmetadata: {name: ", inside),
        "NetworkPolicy": "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {namespace: kube-system, name: p}\n"
        "spec: {podSelector: {matchLabels: {k8s-app: kube-dns}}}\n",
        "ServiceMonitor": MONITOR.replace("AMONG", among),
    }[kind]
    texts = [workload.replace("\nmetadata: {name: ", inside), text]
    if beside:
        group, _, other = beside.partition(" ")
        texts.append(MADE.replace("GROUP", group).replace("KIND", other))
    for number, one in enumerate(texts):
        (tmp_path / f"{number}.yaml").write_text(one)
    families = lint_tree(FolderTree(tmp_path), Policy(), ["."]).families
    [family] = [family for family in families if family.name == "references"]
    assert [finding.rule for finding in family.findings] == rules
    assert ["whether its selector" in told for told in family.not_checked] == [True][len(rules) :]


def test_the_job_of_an_analysis_may_be_made_in_another_namespace(tmp_path: Path) -> None:
    template = (
        "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\n"
        "metadata: {name: t, namespace: a}\nspec: {metrics: [{name: m, provider: {job: {spec:"
        " {template: {spec: {serviceAccountName: s, containers: []}}}}}}]}\n"
    )
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: s, namespace: b}\n"
    (tmp_path / "two.yaml").write_text(f"{template}---\n{account}")
    families = lint_tree(FolderTree(tmp_path), Policy(), ["."]).families
    [family] = [family for family in families if family.name == "references"]
    assert list(family.findings) == []
    (told,) = family.not_checked
    assert "whether ServiceAccount s is where its Job is made, which ARGO_ROLLOUTS_ANALYSIS" in told
    # One that is nowhere is missing all the same.
    (tmp_path / "two.yaml").unlink()
    assert references(tmp_path, template) == ["LP611"]


def test_of_two_templates_of_one_name_that_of_the_same_file_is_meant(tmp_path: Path) -> None:
    needs, gives = TEMPLATE.format("[{name: x}]"), TEMPLATE.format("[{name: x, value: y}]")
    assert references(tmp_path, needs, f"{ROLLOUT}---\n{gives}") == []
    assert references(tmp_path, gives, f"{ROLLOUT}---\n{needs}") == ["LP614"]


def test_a_backend_that_an_annotation_describes_is_no_reference(tmp_path: Path) -> None:
    ingress = (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\n"
        "spec: {defaultBackend: {service: {name: gone, port: {name: PORT}}}}\n"
    )
    assert references(tmp_path, ingress.replace("PORT", "use-annotation")) == []
    assert references(tmp_path, ingress.replace("PORT", "http")) == ["LP611"]


@pytest.mark.parametrize(
    ("kind", "name", "fits"),
    [
        ("v1 Pod", "a.b-c.1", True),
        ("v1 Pod", "A", False),
        ("v1 Pod", "a..b", False),
        ("v1 Pod", "-a", False),
        ("v1 Pod", "a" * 254, False),
        ("v1 Pod", "\x1b[31m<b>", False),
        ("v1 Pod", "${name}", True),
        ("rbac.authorization.k8s.io/v1 ClusterRole", "system:X_y", True),
        ("rbac.authorization.k8s.io/v1 ClusterRole", "a/b", False),
        ("networking.k8s.io/v1 IPAddress", "2001:db8::1", True),
        ("policy/v1 PodDisruptionBudget", "Server_1", True),
    ],
)
def test_names(kind: str, name: str, fits: bool, tmp_path: Path) -> None:
    version, _, word = kind.partition(" ")
    value = {"apiVersion": version, "kind": word, "metadata": {"name": name}}
    (tmp_path / "a.yaml").write_text(json.dumps(value))
    findings = lint_tree(FolderTree(tmp_path), Policy(), ["."]).findings
    assert [f.rule for f in findings if "its name must" in f.message] == ([] if fits else ["LP607"])


def test_paths_of_the_policy_that_are_not_there_are_no_pass(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "empty").mkdir()
    for path, code, message in (
        ("gone", 2, "lockproof.toml: lint.paths: there is no gone"),
        ("..", 2, "lockproof.toml: lint.paths: .. is outside the repository"),
        ("empty", 5, "no manifests in empty"),
    ):
        (tmp_path / "lockproof.toml").write_text(f'[lint]\npaths = ["{path}"]\n')
        done = lockproof(tmp_path, "lint")
        assert done.returncode == code
        assert message in done.stdout + done.stderr


def test_where_nothing_says_that_there_are_manifests_none_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever somebody does say so, an empty folder may be the wrong one: that proves nothing."""

    def lint(*argv: str, policy: str = "") -> int:
        (tmp_path / "lockproof.toml").write_text(policy)
        return main(["-C", str(tmp_path), "lint", *argv])

    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    assert lint() == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "schema not demanded nothing; no manifests in ." in said
    assert "PASSED: no manifests, and none are demanded; " in said
    for argv, policy in (
        ((), '[lint]\nrequire = ["schema"]\n'),
        ((), '[lint]\npaths = ["."]\n'),
        ((), '[lint]\nexclude = ["charts/*"]\n'),
        ((), f"[lint]\noff = {json.dumps(list(LINT_FAMILIES))}\n"),
        ((".",), ""),
        (("--only", "schema"), ""),
    ):
        assert lint(*argv, policy=policy) == 5, (argv, policy)
    (tmp_path / "control-plane").mkdir()
    assert lint() == 5
    (tmp_path / "control-plane").rmdir()
    (tmp_path / "bad.yaml").write_text("kind: [\n")
    assert lint() == 1


def test_without_promtool_rule_tests_are_named_and_count_only_where_they_are_demanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = {"rule_files": ["rules.yaml"], "tests": []}
    (tmp_path / "a.yaml").write_text(POD)
    (tmp_path / "models.test.yaml").write_text(json.dumps(tests))
    monkeypatch.setenv("PATH", "/nowhere")
    (tmp_path / "lockproof.toml").write_text('[lint]\nrequire = ["rule-tests"]\n')
    assert main(["-C", str(tmp_path), "lint"]) == 5
    (tmp_path / "lockproof.toml").unlink()
    assert main(["-C", str(tmp_path), "lint", "--only", "rule-tests"]) == 5
    capsys.readouterr()
    assert main(["-C", str(tmp_path), "lint"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "rule-tests not demanded nothing" in said
    assert (
        "not checked: promtool, which runs them, is not on PATH: it comes with Prometheus" in said
    )
    assert "models.test.yaml: not run" in said


HOSTILE = {
    "binary": (bytes(range(256)), "is not UTF-8"),
    "large": (b"apiVersion: v1\nkind: ConfigMap\na: " + b"x" * (9 << 20), "larger than 8 MiB"),
    "bomb": (
        b"kind: ConfigMap\napiVersion: v1\na: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (98 + n, 98 + n, b", ".join([b"*%c" % (97 + n)] * 10))
            for n in range(9)
        ),
        "more than 500000 values",
    ),
    "deep": (b"kind: ConfigMap\napiVersion: v1\na: " + b"[" * 90_000, "deeper than 100 levels"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_made_to_hurt_is_one_finding(name: str, tmp_path: Path) -> None:
    content, message = HOSTILE[name]
    (tmp_path / "a.yaml").write_bytes(content)
    (found,) = lint_tree(FolderTree(tmp_path), Policy(), ["."]).findings
    assert found.rule == "LP601"
    assert message in found.message


CHECKS = (PLATFORM / "canary-checks.yaml").read_text("utf-8")


def test_checks_of_a_canary_are_read_as_canary_check_reads_them(tmp_path: Path) -> None:
    good = tree(tmp_path / "good", a_yaml=CHECKS)
    assert verdict(good) is Verdict.PASSED, good
    assert [(one.name, one.checked) for one in good.checks] == [("canary", 1), ("expressions", 4)]
    without = CHECKS.replace("apiVersion: lockproof.dev/v1alpha1\n", "")
    for number, (text, words) in enumerate(
        (
            (without, "apiVersion: Field required"),
            (CHECKS.replace("v1alpha1", "v2"), "apiVersion: "),
            (f"{CHECKS}---\n{POD}", "has 2 documents, must have one"),
            (CHECKS.replace("$interval", "5m"), "does not say how long an interval is"),
        )
    ):
        wrong = tree(tmp_path / str(number), a_yaml=text)
        assert [(one.rule, one.path) for one in wrong.findings] == [("LP636", "a.yaml")]
        assert words in wrong.findings[0].message
        assert not any(check.not_checked for check in wrong.checks)


SHARED = re.sub(r"\n *share: [0-9.]+", "", CHECKS).rstrip()
DRIFT = """
  drifts:
    - name: predictions
      classes:
        counts: sum by (class) (increase(p{$arm}[$interval]))
        label: class
        values: [cat]
      smallestEffect: 0.1
"""


@pytest.mark.parametrize(
    ("old", "new", "rule", "words"),
    [
        ("sum by", "sum bye", "LP641", "counts of predictions is no Prometheus expression"),
        ("[$interval]", "[5m]", "LP636", "does not say how long an interval is"),
        ("0.1", "0.001", "LP636", "no canary can pass predictions"),
        ("values: [cat]", "values: [cat, other]", "LP636", "and none other"),
        ("name: predictions", "name: errors", "LP636", "two measures are called errors"),
    ],
)
def test_drifts_are_read_as_check_reads_them(
    old: str, new: str, rule: str, words: str, tmp_path: Path
) -> None:
    good = tree(tmp_path / "good", a_yaml=SHARED + DRIFT)
    assert not good.findings
    wrong = tree(tmp_path / "wrong", a_yaml=SHARED + DRIFT.replace(old, new, 1))
    assert [one.rule for one in wrong.findings] == [rule]
    assert words in wrong.findings[0].message


ASKING = """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: canary, namespace: a}
spec:
  metrics:
    - name: canary
      provider: {web: {url: "http://c/v1/verdict?checks=NAME&canary={{args.h}}"}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, namespace: a}
spec:
  strategy:
    canary:
      steps:
        - setWeight: 10
        - pause: {duration: 2h}
        - pause: {}
        - pause: {duration: 5m}
        - analysis: {templates: [{templateName: canary}]}
        - pause: {duration: 1h}
"""


@pytest.mark.parametrize(
    ("old", "new", "seconds"),
    [
        ("duration: 2h", "duration: 2h", None),
        ("duration: 2h", "duration: 4h", "14,700"),
        ("duration: 5m", "duration: 9000", "16,200"),
        # Nobody is served before the first weight, with whose requests the canary begins.
        (
            "        - setWeight: 10\n",
            "        - setWeight: 0\n        - pause: {duration: 9h}\n        - setWeight: 10\n",
            None,
        ),
        ("checks=NAME&canary", "checks=NAME&since={{args.s}}&pause=4h&canary", None),
        ("checks=NAME&", "", None),
        ("checks=NAME&canary", "checks=other&pause=4h&canary", None),
        ("- analysis:", "- pause: {duration: 3h}\n        - analysis:", "18,300"),
        ("- pause: {duration: 1h}", "- pause: {duration: 9h}", None),
        (
            "      steps:",
            "      analysis: {templates: [{templateName: canary}]}\n      steps:",
            None,
        ),
        ("duration: 1h", "duration: 1h30m", None),
        (
            "        - pause: {duration: 1h}\n",
            "        - pause: {duration: 9h}\n"
            "      analysis: {templates: [{templateName: canary}]}\n",
            "39,900",
        ),
    ],
)
def test_a_horizon_outlasts_the_pauses_of_the_rollout_that_asks(
    old: str, new: str, seconds: str | None, tmp_path: Path
) -> None:
    text = ASKING.replace(old, new, 1).replace("checks=NAME", "checks=server")
    if "since=" in new:
        text = text.replace("duration: 2h", "duration: 9h")
    assert text != ASKING
    found = [one for one in tree(tmp_path, a_yaml=CHECKS, b_yaml=text).findings
             if one.rule == "LP636"]  # fmt: skip
    assert len(found) == (seconds is not None)
    for one in found:
        assert one.path == "a.yaml"
        assert f"has paused for {seconds} s before it asks" in one.message
        assert "after their horizon of 14,400 s nothing is passed" in one.message


def test_checks_of_somebody_else_are_a_kind_without_a_schema(tmp_path: Path) -> None:
    result = tree(tmp_path, a_yaml=CHECKS.replace("lockproof.dev", "example.org"))
    assert verdict(result) is Verdict.INCONCLUSIVE
    assert result.checks[0].not_checked == (
        "a.yaml:1: no schema for example.org/v1alpha1 CanaryChecks",
    )
