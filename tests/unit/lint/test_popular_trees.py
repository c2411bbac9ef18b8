"""What popular trees are made of, which was called wrong or missing once."""

from base64 import b64encode
from pathlib import Path

import pytest

from lockproof.parse.yaml_document import ParseError, read_yaml
from lockproof.steps.lint import Linted
from unit.lint.trees import linted

SOPS = (
    "sops:\n  age:\n  - recipient: age1x\n    enc: x\n"
    "  mac: 'ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]'\n"
    "  encrypted_regex: ^(data|stringData)$\n  version: 3.9.0\n"
)
VALUE = "ENC[AES256_GCM,data:mHeX,iv:vU=,tag:I=,type:str]"


def rules(result: Linted) -> list[str]:
    return sorted(found.rule for found in result.findings)


def secret(field: str, value: str, more: str = "") -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\n{field}:\n  k: {value!r}\n{more}"


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_what_sops_encrypted_is_no_secret_and_no_unknown_field(field: str, tmp_path: Path) -> None:
    assert rules(linted(tmp_path, {"a.yaml": secret(field, VALUE, SOPS)})) == []


def test_a_field_called_sops_without_its_signature_is_unknown(tmp_path: Path) -> None:
    found = rules(linted(tmp_path, {"a.yaml": secret("stringData", "x", "sops: {version: 3}\n")}))
    assert found == ["LP604", "LP625"]


def test_what_is_left_in_clear_beside_is_told_of(tmp_path: Path) -> None:
    text = secret("stringData", VALUE, f"  open: hunter2\n{SOPS}")
    result = linted(tmp_path, {"a.yaml": text})
    assert [found.message for found in result.findings] == [
        "Secret/a: the value of 'open' is in Git: keep it in a store of secrets"
    ]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("op://Automation/1password connect/token", False),
        ("ref+awssecrets://x/y", False),
        ("<path:secret/data/a#b>", False),
        ("vault:secret/data/a#b", False),
        ("${TOKEN}", False),
        ("${TOKEN:=}", False),
        ("${TOKEN:-}", False),
        ("${TOKEN:=hunter2}", True),
        ("${TOKEN:-hunter2}", True),
        ("${TOKEN=hunter2}", True),
        ("vault:hunter2", True),
        ("vault:secret/hunter2", True),
        ("vault:hunter2#1", True),
        ("op://hunter2", True),
        ("ref+echo://hunter2", True),
        ("<path:hunter2>", True),
        ("sops hunter2 ENC[AES256_GCM,", True),
        (f"hunter2 {VALUE}", True),
        (f"{VALUE} hunter2", True),
        ("ENC[AES256_GCM,hunter2", True),
        ("x op://a/b", True),
        ("op://a/b\nhunter2", True),
        ("${TOKEN}hunter2", True),
        ("hunter2", True),
    ],
)
def test_a_reference_is_no_secret(value: str, told: bool, tmp_path: Path) -> None:
    text = secret("stringData", "x").replace("'x'", f"{value!r}".replace("'", '"'))
    assert ("LP625" in rules(linted(tmp_path, {"a.yaml": text}))) == told


def test_a_file_that_sops_encrypted_is_no_secret_where_a_generator_takes_it_in(
    tmp_path: Path,
) -> None:
    files = {
        "kustomization.yaml": "secretGenerator:\n- {name: a, files: [f.yaml], envs: [e.env]}\n",
        "f.yaml": f"a: {VALUE}\n{SOPS}",
        "e.env": f"k={VALUE}\nsops_mac={VALUE}\nsops_version=3.9.0\n",
    }
    assert "LP625" not in rules(linted(tmp_path, files))
    for name in ("open", "sops_password"):
        open_one = {**files, "e.env": f"{files['e.env']}{name}=hunter2\n"}
        assert rules(linted(tmp_path, open_one)).count("LP625") == 1
    assert b64encode(VALUE.encode())  # A generator writes it like that.


WHOLLY = f"sops:\n    mac: {VALUE}\n    unencrypted_suffix: _unencrypted\n"
IN_JSON = f'{{\n\t"a": "{VALUE}",\n\t"b": [%s],\n\t"sops": {{"mac": "{VALUE}"}}\n}}\n'
IN_INI = f"[a]\nk = {VALUE}\n%s\n[sops]\nmac = {VALUE}\nversion = 3.9.0\n"
IN_PART = f"apiVersion: v1\nkind: Secret\nmetadata:\n    name: a\nstringData:\n    k: {VALUE}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"#{VALUE}\na:\n    - b: {VALUE}\n    - {VALUE}\n    - c: []\n{WHOLLY}", False),
        (f"a:\n    - b: {VALUE}\n    - hunter2\n{WHOLLY}", True),
        (f"a: {VALUE}\npassword: hunter2\n{WHOLLY}", True),
        (f"a: {VALUE}\n{WHOLLY}password: hunter2\n", True),
        (f"a: hunter2 {VALUE}\n{WHOLLY}", True),
        (f"a: |\n    hunter2\nb: {VALUE}\n{WHOLLY}", True),
        (f"a: {VALUE}\n{WHOLLY}---\nb: {VALUE}\n{WHOLLY}", False),
        (f"a: {VALUE}\n{WHOLLY}---\nb: {VALUE}\n", True),
        (f"a: {VALUE}\nsops: {{}}\n", True),
        (f"# sops: {VALUE}\npassword: hunter2\n", True),
        (IN_JSON % f'"{VALUE}"', False),
        (IN_JSON % '"hunter2"', True),
        (IN_INI % "", False),
        (IN_INI % "l = hunter2", True),
        (IN_PART + SOPS, False),
        (f"{IN_PART}    open: hunter2\n{SOPS}", True),
        (f"host: a.example\ntoken: {VALUE}\n{SOPS}", False),
        (f"host: a.example\nother:\n    token: hunter2\n    k: {VALUE}\n{SOPS}", True),
    ],
)
def test_of_a_file_that_sops_encrypted_in_part_the_rest_is_in_clear(
    text: str, told: bool, tmp_path: Path
) -> None:
    files = {
        "kustomization.yaml": "secretGenerator:\n- {name: a, files: [f]}\n",
        "f": text,
    }
    assert ("LP625" in rules(linted(tmp_path, files))) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [("${X}", False), ("${X:=true}", False), ("${X:=}", False), ("${X:=hunter2}", True)],
)
def test_what_flux_puts_in_where_a_setting_has_no_value_is_in_git(
    value: str, told: bool, tmp_path: Path
) -> None:
    settings = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{TOKEN: '{value}'}}\n"
    )
    assert ("LP625" in rules(linted(tmp_path, {"a.yaml": settings}))) == told


BINDING = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: a}}\n"
    "roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}\n"
    "subjects: [{{kind: ServiceAccount, name: {account}, namespace: x}}]\n"
)
RELEASE = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
    "metadata: {name: scheduler, namespace: x}\n"
    "spec: {interval: 1h, chartRef: {kind: OCIRepository, name: s}}\n"
)
SOURCE = (
    "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\n"
    "metadata: {name: s, namespace: x}\nspec: {interval: 1h, url: 'oci://example.org/s'}\n"
)


@pytest.mark.parametrize(
    ("role", "account", "missing"),
    [
        ("view", "scheduler", []),
        ("view", "scheduler-sa", []),
        ("theirs", "scheduler", []),
        ("view", "other", ["ClusterRoleBinding/a ServiceAccount/other"]),
    ],
)
def test_what_a_chart_that_is_not_here_brings_is_not_called_missing(
    role: str, account: str, missing: list[str], tmp_path: Path
) -> None:
    binding = BINDING.format(role=role, account=account)
    files = {
        "app/kustomization.yaml": "resources: [a.yaml, release.yaml, source.yaml]\n",
        "app/a.yaml": binding,
        "app/release.yaml": RELEASE,
        "app/source.yaml": SOURCE,
    }
    result = linted(tmp_path, files)
    assert [one.subject for one in result.findings if one.rule == "LP611"] == missing
    if not missing:
        told = [one for family in result.families for one in family.not_checked]
        assert any("the chart of HelmRelease/scheduler brings" in one for one in told)


def test_what_is_elsewhere_is_of_the_same_kind(tmp_path: Path) -> None:
    files = {
        "a/kustomization.yaml": "resources: [a.yaml]\n",
        "a/a.yaml": BINDING.format(role="view", account="there"),
        "b/kustomization.yaml": "resources: [a.yaml]\n",
        "b/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there}\n",
    }
    (found,) = [one for one in linted(tmp_path, files).findings if one.rule == "LP611"]
    assert "it is only in" not in found.message


def test_a_part_of_a_helm_template_outside_of_a_chart_is_not_checked(tmp_path: Path) -> None:
    text = "{{- if .Values.keep }}\napiVersion: v1\nkind: ConfigMap\n{{- end }}\n"
    result = linted(tmp_path, {"make/header.yaml": text})
    assert rules(result) == []
    told = [one for family in result.families for one in family.not_checked]
    assert told[0] == "make/header.yaml: is a template of Helm's, which is not rendered"


@pytest.mark.parametrize(
    "line",
    [
        "  image: {{ .Values.image }}",
        "  {{- with $x }}",
        "  image: {{.Chart.Name}}",
        '  labels: {{ include "labels" . }}',
        "  labels: {{ $x | toYaml }}",
        '{{ .Files.Get "x" }}',
    ],
)
def test_what_makes_no_sense_but_in_helm_is_a_part_of_a_template(line: str, tmp_path: Path) -> None:
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n{line}\n"
    result = linted(tmp_path, {"make/header.yaml": text})
    assert rules(result) == []
    assert "is a template of Helm's" in result.families[0].not_checked[0]


@pytest.mark.parametrize(
    "text",
    [
        "  annotations: {a: '{{ if $x }}y{{ end }}'}\n",
        '  annotations:\n    a: "{{ with $x }}{{ .Values.B }}{{ end }}"\n',
        "data:\n  a: |\n    {{- range .Alerts }}\n    {{ .Values.B }}\n\n    {{- end }}\n",
        'data:\n  - a: >-  # text\n      {{ define "x" }}\n  # {{ .Values.a }}\n',
        "  annotations:\n    a: {{ $labels.job }} is down\n",
        "  annotations:\n    a: is down {{ range .Alerts }}\n",
        "  annotations:\n    a: {{ .CommonLabels.Values }}\n",
    ],
)
def test_a_broken_file_with_templates_of_another_tool_is_told_of_with_its_line(
    text: str, tmp_path: Path
) -> None:
    whole = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n{text}\tx: y\n"
    result = linted(tmp_path, {"a.yaml": whole})
    assert rules(result) == ["LP601"]
    assert result.findings[0].line
    assert not [one for family in result.families for one in family.not_checked]


def test_an_anchor_that_is_given_again_means_the_last_one() -> None:
    text = b"a: &x 1\nb: *x\nc: &x {d: 2}\ne: *x\n"
    (read,) = read_yaml(text, "f")
    assert read.value == {"a": 1, "b": 1, "c": {"d": 2}, "e": {"d": 2}}
    assert read.line("e") == 4
    with pytest.raises(ParseError, match="twice"):
        read_yaml(b"a: &x 1\nb: &x 2\na: 3\n", "f")
    with pytest.raises(ParseError, match="duplicate anchor"):
        read_yaml(text, "f", core=True)  # DVC's files: as before.


def test_a_file_that_a_transformer_names_is_no_manifest(tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n",
        "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        "t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\n"
        "path: p.yaml\ntarget: {kind: ConfigMap}\n",
        "p.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
    }
    assert not [one for one in linted(tmp_path, files).findings if one.path == "p.yaml"]
