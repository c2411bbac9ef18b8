"""Objects in JSON, and other JSON that only has the words of one."""

import json
from pathlib import Path

import pytest

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.steps.lint import Linted, lint_tree
from unit.lint.trees import linted

PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"
SMILE = "\U0001f600"
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "annotations": {"note": SMILE}},
    "stringData": {"password": "Tr0ub4dor&3xyzzy"},
}
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers: [{name: c, image: i}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: claim1}}]
"""


def unknown(result: Linted, of: str) -> list[str]:
    return [s for family in result.families for s in family.not_checked if s.startswith(of)]


def found(result: Linted) -> list[tuple[str, str | None, int | None]]:
    return [(one.rule, one.path, one.line) for one in result.findings]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"panels": [], "note": SMILE, "apiVersion": 1, "kind": 2}),
        json.dumps({"apiVersion": 1}) + json.dumps({"kind": 2}),
        '{"kind": 1, "kind": 2, "apiVersion": NaN}',
        json.dumps({"apiVersion": "", "kind": [[]] * 600_000}),
        '{"apiVersion": "", "kind": ' + "[" * 150 + "]" * 150 + "}",
    ],
    ids=["pair", "stream", "twice", "many", "deep"],
)
def test_json_that_is_no_object_is_nobodys(text: str, tmp_path: Path) -> None:
    result = linted(tmp_path, {"cm.yaml": PLAIN, "schema.json": text})
    assert not unknown(result, "schema.json")
    assert not [one for one in result.findings if one.path == "schema.json"]


def test_a_secret_in_json_that_is_no_yaml_is_seen(tmp_path: Path) -> None:
    one = linted(tmp_path / "pair", {"s.json": json.dumps(SECRET)})
    assert ("LP625", "s.json", 1) in found(one)
    stream = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
    two = linted(tmp_path / "stream", {"s.json": f"{stream}\n{json.dumps(SECRET)}\n"})
    assert ("LP625", "s.json", 2) in found(two)
    assert not unknown(one, "s.json") + unknown(two, "s.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"apiVersion": "v1", "kind": "P", "kind": "Q", "metadata": {}}', "key 'kind' twice"),
        ('{"apiVersion": "v1",, "kind": "P"}', "is no JSON"),
    ],
)
def test_an_object_that_cannot_be_read_is_told_of(text: str, said: str, tmp_path: Path) -> None:
    result = linted(tmp_path, {"p.yaml": POD, "claim.json": text})
    (told,) = unknown(result, "claim.json")
    assert said in told
    assert "LP611" not in [one.rule for one in result.findings], "it may be the claim"
    told = told.rpartition("add ")[2]
    assert told == "'claim.json' to [lint] exclude"
    policy = parse_policy("[lint]\nexclude = ['claim.json']\n")
    assert not unknown(lint_tree(FolderTree(tmp_path), policy, ["."]), "claim.json")


@pytest.mark.parametrize("place", ["", "charts/a/"])
def test_a_template_of_a_chart_is_no_object_wherever_the_chart_is(
    place: str, tmp_path: Path
) -> None:
    files = {
        "cm.yaml": PLAIN,
        f"{place}Chart.yaml": "apiVersion: v2\nname: a\nversion: 1.2.3\n",
        f"{place}templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\n{{ if .Values.a }}\na: 1\n",
        f"{place}templates/b.json": '{"apiVersion": "v1", "kind": {{ .Values.kind }}}',
        f"{place}files/c.json": '{"apiVersion": "v1", "kind": {{ .Values.kind }}}',
    }
    result = linted(tmp_path, files)
    assert not result.findings
    told = [s for family in result.families for s in family.not_checked if "chart" in s.lower()]
    assert told == [f"{place}templates: charts are not rendered"]
    assert not unknown(result, f"{place}templates/") + unknown(result, f"{place}files/")
