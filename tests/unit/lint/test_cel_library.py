"""Rules in CEL by the library: what is not known is said, and nothing takes long.

What it says beside a real API server: tests/cluster/test_cel_cluster.py.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.model.schema import Node, Table
from lockproof.rules.manifests.cel import holds
from lockproof.rules.manifests.cel_library import holds_by_library
from lockproof.rules.manifests.cel_types import TIMES, compares_whole, escaped, speaks_of
from lockproof.rules.manifests.schema import validate
from lockproof.steps.lint.schema_locations import CustomSchemas
from manifests.cel_rules import ODD, RULES, SHAPE, definition, odd_definition

WHOLE = {
    "a": 1, "b": 2, "n": 1, "t": "a", "names": ["a", "b"], "unordered": ["a"], "either": 5,
    "parts": [{"name": "a", "weight": 1}], "by": {"x": 1}, "when": "2025-01-01T00:00:00Z",
    "lasts": "1m", "bytes": "YQ==", "odd-name": "x", "namespace": "y",
}  # fmt: skip


def shape_of(shape: dict[str, Any]) -> tuple[Table, Node]:
    """The table of a definition's schema, and the node of a field with the shape."""
    one = definition()
    spec = one["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"] = {"r0": shape}
    schema = CustomSchemas([one], BundledSchemas("1.34").metadata).find(
        "cel.example.org", "v1", "Ruling"
    )
    assert schema is not None
    table, node = schema.table.find(schema.kind.root)
    for name in ("spec", "r0"):
        table, node = table.find(node["properties"][name])
    return table, node


def asked(rule: str, value: Any) -> bool | None:
    """What the library says of a rule on a value of the shape."""
    table, node = shape_of(SHAPE)
    return holds_by_library(rule, value, table, node)


def test_what_the_library_says_of_whole_values() -> None:
    pytest.importorskip("cel_expr_python", reason="the extra cel is not installed")
    told = {rule: asked(rule, WHOLE) for rule in RULES}
    unknown = [rule for rule, answer in told.items() if answer is None]
    assert told["self.parts.all(p, self.names.exists(x, x == p.name))"] is True
    assert told["self.a + self.b < 3"] is False
    assert told["self.n * 2.0 < 5.0"] is True  # A server gives 1 as 1.0 where a number is declared.
    of_time = [rule for rule in RULES if "self.when" in rule or "self.lasts" in rule]
    own = ["self.unordered == ['a', 'b']", "self.names.isSorted()", "isQuantity(self.t)"]
    own.append("self.parts.map(p, p.weight).sum() < 4")
    errors = [
        "int(self.t) > 1",
        "self.t.substring(0, 1) == 'a'",
        "string(self.a) == self.t",
    ]  # The second is the library's own; texts of numbers differ.
    assert {*of_time, *own, *errors} == set(unknown)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a", "a"), ("namespace", "__namespace__"), ("a-b.c/d", "a__dash__b__dot__c__slash__d"),
        ("a__b", "a__underscores__b"), ("in", "__in__"),
    ],
)  # fmt: skip
def test_names_are_written_as_in_rules(name: str, written: str) -> None:
    assert escaped(name) == written
    assert holds(f"self.{written} == 'x'", {name: "x"})


@pytest.mark.parametrize(
    ("rule", "unsure"),
    [
        ("self.unordered == ['a']", True),
        ("['a'] == self.unordered", True),
        ("['b'] + self.unordered", True),
        ("(self.unordered) != self.names", True),
        ("self.t == 'a' && has(self.unordered)", False),
        ("self.unordered.all(x, x == 'a')", False),
        ("2 == self.unordered.size()", False),
        ("self.t == ' == self.unordered'", False),
        ("self.when > timestamp('2025-01-01T00:00:00Z')", True),
        ("has(self.whenever)", False),
        ("[self.unordered] == [['a']]", True),
        ("self.unordered in [['a']]", True),
        ("(true ? self.unordered : []) == ['a']", True),
        ("self.?unordered.orValue([]) == ['a']", True),
        ("cel.bind(x, self.unordered, x == ['a'])", True),
        ("self == self", True),
        ("self.t == 'b' // it's\n && self.unordered == ['a']", True),
        ("self.t == r'\\' && self.unordered == ['a'] && self.t == 'b'", True),
        ("size(self.unordered) == 1 && self.unordered[0] == 'a'", False),
    ],
)
def test_a_rule_on_what_has_another_type_for_a_server(rule: str, unsure: bool) -> None:
    table, node = shape_of(SHAPE)
    said = speaks_of(rule, WHOLE, table, node, TIMES) or compares_whole(rule, WHOLE, table, node)
    assert said is unsure


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        (0, False), (1, True), (2, True), (3, False), (4, True), (5, False), (20, True),
        (21, False), (26, True), (27, False), (32, True), (39, False), (42, True),
    ],
)  # fmt: skip
def test_odd_rules_that_are_told_as_a_server_does(number: int, answer: bool) -> None:
    pytest.importorskip("cel_expr_python", reason="the extra cel is not installed")
    assert odd(number) is answer


def odd(number: int) -> bool | None:
    """What lint says of an odd rule."""
    schema = CustomSchemas([odd_definition()], BundledSchemas("1.34").metadata).find(
        "cel.example.org", "v1", "Oddity"
    )
    assert schema is not None
    body = {
        "apiVersion": "cel.example.org/v1",
        "kind": "Oddity",
        "metadata": {"name": "a"},
        "spec": {f"r{number}": ODD[number][2]},
    }
    told = validate(body, schema)
    return None if told.not_checked else not told.problems


@pytest.mark.parametrize("number", [*range(6, 20), *range(22, 26), 28, 29, 33, 34, 37, 38, 40])
def test_odd_rules_are_not_checked(number: int) -> None:
    assert odd(number) is None


MANY = {"names": ["a" * 50] * 6, "parts": [{"name": "a", "weight": 1}] * 6, "t": "a" * 64}


@pytest.mark.parametrize(
    "rule",
    [
        "self.t" + ".replace('a', 'aaaaaaaaaa')" * 12 + " == ''",
        "self.names" + ".map(x, x + x + x + x)" * 15 + ".size() == 0",
        "self.names.all(a, " * 9 + "true" + ")" * 9,
        "self.names" + ".map(x, self.names.join(x))" * 12 + ".size() == 0",
        "size('" + "a" * 20_000 + "') > 0",
        "(" * 5000 + "true" + ")" * 5000,
    ],
)
def test_what_would_take_long_is_not_evaluated(rule: str) -> None:
    assert asked(rule, MANY) is None


@pytest.mark.parametrize("rule", ["self.", "", "self.t", "'a' + 1 == 2", "1 / 0 == 1", "self.gone"])
def test_what_is_no_answer_is_none(rule: str) -> None:
    assert asked(rule, WHOLE) is None


def test_a_broken_rule_is_told_in_the_words_of_its_definition() -> None:
    pytest.importorskip("cel_expr_python", reason="the extra cel is not installed")
    schema = CustomSchemas([definition()], BundledSchemas("1.34").metadata).find(
        "cel.example.org", "v1", "Ruling"
    )
    assert schema is not None
    number = RULES.index("self.parts.all(p, self.names.exists(x, x == p.name))")
    value = {"parts": [{"name": "gone", "weight": 1}], "names": []}
    body = {
        "apiVersion": "cel.example.org/v1",
        "kind": "Ruling",
        "metadata": {"name": "a"},
        "spec": {f"r{number}": value},
    }
    (problem,) = validate(body, schema).problems
    assert problem.text == f"breaks the rule {RULES[number]}: rule {number} is broken"


def test_without_the_extra_a_rule_is_not_checked(tmp_path: Path) -> None:
    one = definition()
    (tmp_path / "crd.yaml").write_text(json.dumps(one))
    number = RULES.index("self.names.all(x, x.startsWith('a'))")
    value = f"r{number}: {{names: [a]}}"
    body = "apiVersion: cel.example.org/v1\nkind: Ruling\nmetadata: {name: a}\n"
    (tmp_path / "a.yaml").write_text(f"{body}spec: {{{value}}}\n")
    code = (
        "import sys\n"
        "if sys.argv.pop(1) == 'without': sys.modules['cel_expr_python'] = None\n"
        "from lockproof.cli.main import main\n"
        "sys.exit(main())\n"
    )
    told = {}
    for how in ("with", "without"):
        words = [sys.executable, "-c", code, how, "lint", "--only", "schema", "--format", "json"]
        done = subprocess.run(
            [*words, "."], cwd=tmp_path, capture_output=True, text=True, env={**os.environ}
        )
        told[how] = (done.returncode, json.loads(done.stdout)["checks"][0]["not_checked"])
    rule = "the rule 'self.names.all(x, x.startsWith('a'))'"
    without = f"Ruling/a: {rule} on spec.r{number}"
    assert told["without"] == (5, [without])
    pytest.importorskip("cel_expr_python", reason="the extra cel is not installed")
    assert told["with"] == (0, [])


NAMED: dict[str, Any] = {"metadata": {"name": "long"}}
ROOTED: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "self.metadata.name.size() < 3": (NAMED, {"metadata": {"generateName": "a-"}}),
    "has(self.spec) && !has(self.status)": (NAMED, NAMED | {"status": {"p": "x"}}),
    "has(self.spec)": (NAMED, None),
}
"""Rule -> an object that breaks it, and one that a server (1.34) may change before it asks."""


@pytest.mark.parametrize("rule", ROOTED)
def test_of_what_a_server_changes_first_nothing_is_said(rule: str) -> None:
    """It makes a name of `generateName`, and drops a status."""
    one = definition()
    text = {"type": "string", "maxLength": 30}
    properties = {
        "spec": {"type": "object"},
        "status": {"type": "object", "properties": {"p": text}},
    }
    version = one["spec"]["versions"][0]
    version["schema"]["openAPIV3Schema"] = {
        "type": "object",
        "properties": properties,
        "x-kubernetes-validations": [{"rule": rule}],
    }
    schema = CustomSchemas([one], BundledSchemas("1.34").metadata).find(
        "cel.example.org", "v1", "Ruling"
    )
    assert schema is not None
    start = {"apiVersion": "cel.example.org/v1", "kind": "Ruling"}
    broken, unknown = ROOTED[rule]
    if broken is not None:
        found = validate(start | broken, schema)
        assert [problem.text for problem in found.problems] == [f"breaks the rule {rule}"]
    if unknown is not None:
        found = validate(start | unknown, schema)
        assert (found.problems, found.not_checked) == (
            (),
            (f"the rule '{rule}' on (the whole object)",),
        )
