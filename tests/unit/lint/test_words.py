"""What lint says nothing of, or says that it does not know: words that were false once."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from lockproof.model.finding import Finding, Severity
from lockproof.rules.manifests.answers import try_answers
from lockproof.rules.manifests.policy import is_legacy_group
from lockproof.steps.lint import Linted
from unit.lint.trees import linted

DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.example.org}}
spec:
  group: example.org
  names: {{kind: Widget, plural: widgets}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {{spec: {{type: object, properties: {{{field}: {{type: string}}}}}}}}
"""
WIDGET = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: a}\n"


def unknown(result: Linted) -> list[str]:
    return [one for family in result.families for one in family.not_checked]


def rules(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.rule for finding in findings]


@pytest.mark.parametrize(
    ("group", "legacy"),
    [
        ("s3.aws.upbound.io", True),
        ("aws.upbound.io", True),
        ("kubernetes.crossplane.io", True),
        ("s3.aws.m.upbound.io", False),
        ("platform.upbound.io", False),
        ("aws.platform.upbound.io", False),
        ("platform.example.crossplane.io", False),
        ("pkg.crossplane.io", False),
    ],
)
def test_only_groups_of_providers_are_out_of_date(group: str, legacy: bool) -> None:
    assert is_legacy_group(group) is legacy


def test_of_a_kind_that_is_defined_in_two_ways_nothing_is_known(tmp_path: Path) -> None:
    files = {"a.yaml": DEFINITION.format(field="size"), "b.yaml": WIDGET}
    assert not rules(linted(tmp_path / "one", files).findings)
    files["c/a.yaml"] = DEFINITION.format(field="width")
    result = linted(tmp_path / "two", files)
    assert "LP604" not in rules(result.findings)
    assert any("example.org/v1 Widget" in one for one in unknown(result))


def test_a_namespace_that_the_server_drops_is_a_note(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}\n"
    (finding,) = linted(tmp_path, {"a.yaml": text}).findings
    assert (finding.rule, finding.severity) == ("LP604", Severity.NOTE)


def test_files_of_other_tools_are_no_manifests(tmp_path: Path) -> None:
    files = {
        "mkdocs.yml": "markdown_extensions: [!!python/name:a.b ]\n",
        "chart/Chart.yaml": "apiVersion: v2\nname: c\n",
        "chart/files/dashboard.yaml": "apiVersion: v1\nkind: {{ .Values.kind }}\n",
    }
    assert not linted(tmp_path, files).findings
    broken = {"a.yaml": "apiVersion: v1\nkind: Pod\nkind: Pod\n"}
    assert rules(linted(tmp_path / "broken", broken).findings) == ["LP601"]


def test_the_description_of_a_package_is_no_object(tmp_path: Path) -> None:
    """Crossplane's own tree defines its kind, with a field that packages may leave out."""
    definition = DEFINITION.format(field="size").replace("example.org", "meta.pkg.crossplane.io")
    definition = definition.replace("spec: {type: object", "spec: {required: [a], type: object")
    package = WIDGET.replace("example.org", "meta.pkg.crossplane.io")
    files = {"meta/widgets.yaml": definition, "package/crossplane.yaml": package}
    result = linted(tmp_path, files)
    assert not result.findings
    assert not [one for one in unknown(result) if "package/" in one]


@pytest.mark.parametrize("group", ["meta.pkg.crossplane.io/v1", "meta.dev.upbound.io/v2alpha1"])
def test_a_package_may_bring_its_functions(group: str, tmp_path: Path) -> None:
    step = {"step": "a", "functionRef": {"name": "owner-function-auto-ready"}}
    of = {"apiVersion": "example.org/v1", "kind": "Widget"}
    composition = {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "Composition",
        "metadata": {"name": "c"},
        "spec": {"compositeTypeRef": of, "mode": "Pipeline", "pipeline": [step]},
    }
    files = {"apis/composition.yaml": json.dumps(composition)}
    assert "LP611" in rules(linted(tmp_path / "alone", files).findings)
    package = {"apiVersion": group, "kind": "Configuration", "metadata": {"name": "p"}}
    result = linted(tmp_path / "package", {**files, "package.yaml": json.dumps(package)})
    assert "LP611" not in rules(result.findings)
    told = "brings Function owner-function-auto-ready"
    assert [one for one in unknown(result) if told in one]
    assert not [one for one in unknown(result) if "package.yaml" in one]


MOUNTS = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers: [{name: c, image: i}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: claim1}}]
"""


def test_an_object_in_json_is_one(tmp_path: Path) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim1"}}
    other = {"title": "of another tool", "kind": "x", "note": "apiVersion"}
    files = {"p.yaml": MOUNTS, "claim1.json": json.dumps(claim), "b.json": json.dumps(other)}
    files["scheduler.json"] = json.dumps({"apiVersion": "v1", "kind": "Policy", "predicates": []})
    result = linted(tmp_path, files)
    assert "LP608" not in rules(result.findings), "a program's settings are no object"
    assert "LP611" not in rules(result.findings)
    assert not [one for one in unknown(result) if "b.json" in one]
    claim["spec"] = {"accessMode": []}
    wrong = linted(tmp_path / "wrong", {"claim1.json": json.dumps(claim)})
    assert ("LP604", "claim1.json") in [(one.rule, one.path) for one in wrong.findings]


def test_what_may_be_in_a_file_that_is_broken_is_not_missing(tmp_path: Path) -> None:
    broken = "apiVersion: v1\nkind: PersistentVolumeClaim\nkind: Twice\nmetadata: {name: claim1}\n"
    result = linted(tmp_path, {"p.yaml": MOUNTS, "claim1.yaml": broken})
    assert "LP601" in rules(result.findings)
    assert "LP611" not in rules(result.findings)
    assert "Pod/p: whether there is PersistentVolumeClaim claim1" in unknown(result)
    assert "LP611" in rules(linted(tmp_path / "alone", {"p.yaml": MOUNTS}).findings)


@pytest.mark.parametrize("field", ["data", "stringData"])
@pytest.mark.parametrize(
    ("content", "secret"),
    [
        ("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n", False),
        ("-----BEGIN CERTIFICATE-----\nMI+/\nA==\n-----END CERTIFICATE-----\n" * 2, False),
        ("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\nhunter2\n", True),
        ("-----BEGIN PUBLIC KEY-----\nhunter 2!\n-----END PUBLIC KEY-----\n", True),
        ("-----BEGIN PRIVATE KEY-----\nMFkw\n-----END PRIVATE KEY-----\n", True),
    ],
)
def test_what_is_public_is_no_secret_wherever_it_is(
    content: str, secret: bool, field: str, tmp_path: Path
) -> None:
    value = b64encode(content.encode()).decode() if field == "data" else content
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, field: {"k": value}}
    assert ("LP625" in rules(linted(tmp_path, {"s.yaml": json.dumps(body)}).findings)) is secret


def test_a_patch_in_the_oldest_form_is_no_manifest(tmp_path: Path) -> None:
    """kustomize refuses the form; what the file lacks as an object of its own is no news."""
    patch = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}
    whole = {**patch, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {}}}
    files = {
        "kustomization.yaml": "resources: [base.yaml]\npatches: [own/patch.yaml]\n",
        "base.yaml": json.dumps(whole),
        "own/patch.yaml": json.dumps({**patch, "spec": {"replicas": 2}}),
    }
    found = linted(tmp_path, files).findings
    assert [(one.rule, one.path) for one in found] == [("LP602", "kustomization.yaml")]


def test_a_variable_that_is_filled_in_later_is_not_known(tmp_path: Path) -> None:
    text = (
        "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n"
        "spec: {minReplicas: '${LOW}', maxReplicas: '${HIGH:=3}', scaleTargetRef:"
        " {apiVersion: apps/v1, kind: Deployment, name: '${NAME}'}}\n"
    )
    result = linted(tmp_path, {"a.yaml": text})
    assert not {"LP605", "LP607"} & {*rules(result.findings)}
    told = "\n".join(unknown(result))
    assert "spec.minReplicas, which is filled in later: ${LOW}" in told
    assert "spec.maxReplicas" in told


def test_a_canary_need_not_say_that_it_ends_at_100(tmp_path: Path) -> None:
    text = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r}\nspec:\n"
        "  strategy: {canary: {analysis: {templates: [{templateName: t}]},"
        " steps: [{setWeight: 20}, {pause: {duration: 5m}}]}}\n"
    )
    assert "LP634" not in rules(linted(tmp_path, {"a.yaml": text}).findings)


TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {{name: t}}
spec:
  args: [{{name: limit}}]
  metrics:
  - name: m
    successCondition: {success}
    failureCondition: {failure}
    provider: {provider}
"""
PROMETHEUS = "{prometheus: {address: 'http://p', query: 'sum(up)'}}"


def query(text: str) -> str:
    return f"{{prometheus: {{address: 'http://p', query: {json.dumps(text)}}}}}"


def or_vector(text: str, by: str = "") -> str:
    """One that is never empty, unless what is made of it is grouped."""
    return query(f"sum{by} ({text})" if by else f"{text} or on() vector(0)")


@pytest.mark.parametrize(
    ("success", "failure", "provider", "expected"),
    [
        # NaN compares false with everything: that is inconclusive, and fine.
        ("len(result) > 0 && result[0] < 1", "len(result) > 0 && result[0] >= 1", PROMETHEUS, []),
        # An empty answer that counts as a failure is the safe side.
        ("len(result) > 0 && result[0] < 1", "len(result) == 0 || result[0] >= 1", PROMETHEUS, []),
        ("all(result, # < 1)", "any(result, # >= 1)", PROMETHEUS, ["LP633"]),
        ("result < 0.5", "result >= 0.5", "{prometheus: {query: 'scalar(up)'}}", []),
        ("result[0] < 0.5", "result[0] >= 0.5", "{prometheus: {query: 'scalar(up)'}}", ["LP661"]),
        ("len(result) > 12 && result[0] < 1", "len(result) > 14", PROMETHEUS, []),
        ("result.ok == true", "result.ok == false", "{web: {url: 'http://a'}}", []),
        ("result.ok == true || true", "false", "{web: {url: 'http://a'}}", ["LP631"]),
        ("result.ok = true", "result.ok == false", "{web: {url: 'http://a'}}", ["LP661"]),
        # What few answers fulfil is fulfilled all the same.
        (
            "len(result) > 0 && result[0] > 0.999 && result[0] < 0.9995",
            "len(result) == 0 || result[0] >= 0.9995",
            PROMETHEUS,
            [],
        ),
        (
            "len(result) > 0 && result[0] < 1 && result[0] > 2",
            "len(result) == 0 || result[0] >= 1",
            PROMETHEUS,
            ["LP661"],
        ),
        ("result[0] < 1", "result[0] >= 1", or_vector("sum(rate(x[5m]))"), []),
        ("result[0] < 1", "result[0] >= 1", or_vector("count(ALERTS{a='b'})"), []),
        ("result[0] < 1", "result[0] >= 1", or_vector("x", " by (job)"), ["LP633"]),
        ("len(result) == 0", "len(result) > 0", query('ALERTS{alertname="a"}'), []),
        ("len(result) == 0", "len(result) > 0", query("absent(up)"), []),
        ("len(result) == 0", "len(result) > 0", query("up == 0"), ["LP633"]),
        # It takes two values: one that is NaN is not what it lacks.
        ("result[0] - result[1] < 0.1", "result[0] - result[1] >= 0.1", PROMETHEUS, ["LP633"]),
        ("max(result) <= 200", "max(result) > 200", or_vector("x"), []),
    ],
)
def test_conditions_are_judged_by_what_they_do(
    success: str, failure: str, provider: str, expected: list[str], tmp_path: Path
) -> None:
    text = TEMPLATE.format(success=repr(success), failure=repr(failure), provider=provider)
    result = linted(tmp_path, {"a.yaml": text})
    assert [one for one in rules(result.findings) if one.startswith(("LP63", "LP66"))] == expected


def test_conditions_that_many_metrics_have_are_weighed_once(tmp_path: Path) -> None:
    stated = {"success": "'result[0] < 0.25'", "failure": "'result[0] >= 0.25'"}
    text = TEMPLATE.format(provider=PROMETHEUS, **stated)
    before = try_answers.cache_info().misses
    for number in range(3):
        result = linted(tmp_path / str(number), {"a.yaml": text})
        assert rules(result.findings).count("LP633") == 1
    assert try_answers.cache_info().misses == before + 1


def test_a_condition_that_uses_what_is_not_known_is_not_checked(tmp_path: Path) -> None:
    conditions = {"success": "'round(result[0]) < 1'", "failure": "'{{args.limit}}'"}
    for field, said in (("success", "the function round"), ("failure", "depends on arguments")):
        stated = {"success": "'len(result) > 0'", "failure": "'len(result) == 0'"}
        stated[field] = conditions[field]
        text = TEMPLATE.format(provider=PROMETHEUS, **stated)
        assert any(said in one for one in unknown(linted(tmp_path / field, {"a.yaml": text})))


@pytest.mark.parametrize(
    ("success", "failure"),
    [
        ("len(result) > 0 && result[0] * 100 > 9950 && result[0] * 100 < 9951", "result[0] < 0"),
        ("len(result) < 50", "len(result) >= 50 && any(result, # >= 1)"),
    ],
)  # fmt: skip
def test_that_no_answer_is_found_shows_no_fault(success: str, failure: str, tmp_path: Path) -> None:
    text = TEMPLATE.format(success=repr(success), failure=repr(failure), provider=PROMETHEUS)
    result = linted(tmp_path, {"a.yaml": text})
    assert [one for one in rules(result.findings) if one in ("LP631", "LP661")] == []
    assert any("whether it can" in one for one in unknown(result))


def test_the_guard_of_a_condition_on_two_values_asks_for_two(tmp_path: Path) -> None:
    text = TEMPLATE.format(
        success="'result[0] < result[1]'", failure="'result[0] >= result[1]'", provider=PROMETHEUS
    )
    (found,) = (f for f in linted(tmp_path, {"a.yaml": text}).findings if f.rule == "LP633")
    assert "guard both conditions with len(result) > 1 &&" in found.message


def test_a_rollout_of_another_workloads_pods_has_no_template(tmp_path: Path) -> None:
    text = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r}
spec:
  replicas: 1
  selector: {matchLabels: {app: a}}
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: a}
  strategy: {canary: {steps: [{setWeight: 50}]}}
"""
    assert "LP607" not in rules(linted(tmp_path, {"a.yaml": text}).findings)


def test_a_list_of_one_kind_is_taken_by_its_items(tmp_path: Path) -> None:
    text = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleList
items:
- apiVersion: rbac.authorization.k8s.io/v1
  kind: Role
  metadata: {name: r, namespace: a}
  rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
- apiVersion: rbac.authorization.k8s.io/v1
  kind: Rolle
  metadata: {name: s, namespace: a}
"""
    assert rules(linted(tmp_path, {"a.yaml": text}).findings) == ["LP608"]
