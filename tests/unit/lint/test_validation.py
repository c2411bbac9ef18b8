"""A strict API server's checks: what fits passes, and what does not is named."""

# ruff: noqa: E501

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.errors import UsageError
from lockproof.model.schema import Kind, Schema, Table
from lockproof.parse.json_schema import TableBuilder, add_object
from lockproof.rules.formats import duration, is_quantity, quantity
from lockproof.rules.manifests import cel
from lockproof.rules.manifests.promql import parse_problem
from lockproof.rules.manifests.schema import dotted, validate
from lockproof.steps.lint.schema_locations import CustomSchemas, SchemaLocation

METADATA = BundledSchemas("1.34").metadata


def schema_of(source: dict[str, Any], *, structural: bool = True) -> Schema:
    builder = TableBuilder()
    root = builder.add(source, structural=structural)
    return Schema(Table(builder.nodes), Kind(root))


def told(value: Any, source: dict[str, Any]) -> list[str]:
    return [f"{p.kind} {dotted(p.at)}" for p in validate(value, schema_of(source)).problems]


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("source", "good", "bad", "kind"),
    [
        ({"type": "object", "properties": {"a": TEXT}}, {"a": "x"}, {"b": "x"}, "unknown b"),
        ({"type": "object"}, {}, {"a": 1}, "unknown a"),
        # As a server does: it takes away what a field holds in vain.
        ({"type": "object", "properties": {"a": TEXT}}, {"a": None}, {"a": 1}, "type a"),
        ({"type": "object", "additionalProperties": TEXT}, {"a": None}, {"a": 1}, "type a"),
        ({"type": "object", "required": ["a"], "properties": {"a": TEXT}}, {"a": "x"}, {"a": None}, "required (the whole object)"),
        ({"type": "object", "required": ["a"], "properties": {"a": {**TEXT, "nullable": True}}}, {"a": None}, {}, "required (the whole object)"),
        ({"type": "array", "items": TEXT}, ["a"], [None], "type [0]"),
        ({"type": "object", "properties": {"a": {**TEXT, "nullable": True}}}, {"a": None}, {"a": 1}, "type a"),
        ({"type": "object", "properties": {"a": {**TEXT, "default": "x"}}}, {"a": None}, {"a": 1}, "type a"),
        ({"type": "object", "required": ["a"], "properties": {"a": TEXT}}, {"a": ""}, {}, "required (the whole object)"),
        ({"type": "object", "required": ["a"], "properties": {"a": {**TEXT, "default": "x"}}}, {}, {"a": 1}, "type a"),
        ({"type": "object", "additionalProperties": NUMBER}, {"x": 1}, {"x": "1"}, "type x"),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"x": 1}, [], "type (the whole object)"),
        ({"type": "array", "items": NUMBER}, [1], ["1"], "type [0]"),
        ({"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}, ["a", "b"], ["a", "a"], "value [1]"),
        ({"type": "array", "items": {"type": "object", "additionalProperties": TEXT}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"]}, [{"n": "a"}, {"n": "b"}], [{"n": "a"}, {"n": "a"}], "value [1]"),
        ({"type": "array", "maxItems": 1}, [1], [1, 2], "value (the whole object)"),
        ({"x-kubernetes-int-or-string": True, "anyOf": [NUMBER, TEXT]}, "50%", True, "type (the whole object)"),
        ({"type": "boolean"}, True, 1, "type (the whole object)"),
        ({"type": "integer"}, 1, True, "type (the whole object)"),
        ({"type": "integer"}, 1, 1.0, "type (the whole object)"),
        ({"type": "integer", "format": "int32"}, 5, 1 << 31, "value (the whole object)"),
        ({"type": "integer", "minimum": 1}, 1, 0, "value (the whole object)"),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 2, 1, "value (the whole object)"),
        ({"type": "integer", "maximum": 5}, 5, 6, "value (the whole object)"),
        ({"type": "number"}, 1, "1", "type (the whole object)"),
        ({**TEXT, "enum": ["a", "b"]}, "a", "c", "value (the whole object)"),
        ({**TEXT, "pattern": "^[a-z]+$"}, "ab", "ab\n", "value (the whole object)"),
        ({**TEXT, "pattern": r"^\d+$"}, "12", "١٢", "value (the whole object)"),
        ({**TEXT, "pattern": r"^\p{Lu}+\z"}, "ÄB", "Äb", "value (the whole object)"),
        ({**TEXT, "pattern": "^[[:xdigit:]]+$"}, "af", "ag", "value (the whole object)"),
        ({**TEXT, "pattern": "^(a+)+$"}, "a" * 9999, "a" * 9999 + "!", "value (the whole object)"),
        ({**TEXT, "minLength": 2}, "ab", "a", "value (the whole object)"),
        ({**TEXT, "maxLength": 2}, "ab", "abc", "value (the whole object)"),
        ({**TEXT, "format": "date-time"}, "2026-01-02T03:04:05Z", "2026-01-02", "value (the whole object)"),
        ({**TEXT, "format": "byte"}, "YQ==", "a", "value (the whole object)"),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}, {"a": 1, "b": 1}, "value (the whole object)"),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1, "b": 1}, {}, "value (the whole object)"),
        ({"not": {"required": ["a"]}}, {}, {"a": 1}, "value (the whole object)"),
    ],
)  # fmt: skip
def test_each_keyword(source: dict[str, Any], good: Any, bad: Any, kind: str) -> None:
    assert told(good, source) == []
    assert told(bad, source) == [kind]


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("(?=a)", "a"),
        (r"a\Z", "a"),
        ("(a", "a"),
        ("a", "a" * 20_000),
        ("a", "\udc80"),
        ("\udc80", "a"),
        (r"(\pL{500}|\pN{500}){2}", "a"),
    ],
)
def test_a_pattern_that_no_server_could_read_or_that_would_take_long_is_not_checked(
    pattern: str, value: str
) -> None:
    """Neither as a keyword nor in a rule: what is not checked is never taken for right."""
    asked = {"rule": f"self.matches('{pattern.replace(chr(92), chr(92) * 2)}')"}
    for more in ({"pattern": pattern}, {"x-kubernetes-validations": [asked]}):
        builder = TableBuilder()
        root = builder.add({**TEXT, **more})
        found = validate(value, Schema(Table(builder.nodes, parent=METADATA), Kind(root)))
        assert not found.problems
        assert len(found.not_checked) == 1, more


def test_defaults_are_filled_in_before_rules_are_asked() -> None:
    scope = {**TEXT, "default": "Old"}
    part = {
        "type": "object",
        "default": {},
        "properties": {"on": {"type": "boolean", "default": True}},
    }
    source = {
        "type": "object",
        "properties": {"scope": scope, "part": part, "names": TEXT},
        "x-kubernetes-validations": [
            {"rule": "self.scope == 'Old' || !has(self.names)"},
            {"rule": "self.part.on"},
        ],
    }
    assert told({"names": "x"}, source) == []
    assert told({"names": "x", "scope": "New"}, source) == ["value (the whole object)"]
    assert told({"part": {"on": False}}, source) == ["value (the whole object)"]


def test_every_object_has_the_metadata_of_every_object() -> None:
    builder = TableBuilder()
    root = add_object(builder, {"type": "object", "properties": {"spec": {"type": "object"}}})
    schema = Schema(Table(builder.nodes, parent=METADATA), Kind(root))
    value = {"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "x", "lables": {}}, "spec": {}}
    assert [p.at for p in validate(value, schema).problems] == [("metadata", "lables")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["spec", "metadata", "name", "template", "containers", "x"]), inner
        )
    ),
    max_leaves=15,
)


@given(
    JSON, st.sampled_from([("apps", "v1", "Deployment"), ("argoproj.io", "v1alpha1", "Rollout")])
)
@settings(deadline=None, max_examples=100)
def test_any_value_is_judged_without_an_exception(value: Any, kind: tuple[str, str, str]) -> None:
    schema = BundledSchemas("1.34").find(*kind)
    assert schema is not None
    result = validate(value, schema)
    if not isinstance(value, dict):
        assert result.problems or value is None
    for problem in result.problems:
        assert "\n" not in problem.text


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("has(self.a) || has(self.b)", {"b": 1}, {}),
        ("!(has(self.a) && has(self.b))", {"a": 1}, {"a": 1, "b": 1}),
        ("has(self.a) != has(self.b)", {"a": 1}, {}),
        ("self.kind == 'A' && has(self.a.b)", {"kind": "A", "a": {"b": 1}}, {"kind": "A", "a": {}}),
        ("self.a == 1 || self.b == 1", {"b": 1}, {"b": 2}),
        ("self.b == 1 || self.a == 1", {"b": 1}, {}),
        ("!(self.a == 2 && self.b == 1)", {"b": 2}, {"b": 1}),
        ("!has(self.a.b)", {"a": {}}, {}),
        ("size(self) > 0", "a", ""),
        ("self.a.size() <= 2", {"a": "xy"}, {"a": "xyz"}),
        ("duration(self) >= duration('60s')", "1m", "59s"),
        ("self.matches('^a\\\\.b$')", "a.b", "axb"),
        ("self.plural == self.plural.lowerAscii()", {"plural": "a"}, {"plural": "A"}),
        ("self.startsWith(r'a') && !self.endsWith(\"c\")", "ab", "abc"),
        ("!has(self.__namespace__)", {}, {"namespace": "x"}),
        ("self.k == 'S' ? has(self.p) : true", {"k": "T"}, {"k": "S"}),
    ],
)
def test_rules_in_cel(rule: str, good: Any, bad: Any) -> None:
    assert cel.holds(rule, good)
    assert not cel.holds(rule, bad)


@pytest.mark.parametrize(
    "rule",
    [
        "self.all(x, x > 0)",
        "self[0] == 1",
        "self + 1 == 2",
        "oldSelf == self",
        "has(self.none)",
        "self.none == self.none",
        "self.names == self.names",
        "self.names.size() == 1",
        "'a' in self.names",
        "self.a == true",
        "size(self.a) == 1",
        "has(self)",
        "self.t.lowerAscii() == 'é'",
        "duration('1.1h') == duration('66m')",
        "duration('9999999h') > duration('1s')",
        r"self.t == r'\' || self.t == 'b'",
        "self.names.a == 1",
        "'a",
        "self.a(",
        "((",
        "",
    ],
)
def test_a_rule_that_is_not_understood_is_never_true(rule: str) -> None:
    with pytest.raises(cel.Unsupported):
        cel.holds(rule, {"a": 1, "none": None, "names": ["a"], "t": "É"})


def test_every_rule_of_the_bundled_kinds_is_understood() -> None:
    from importlib.resources import files

    count = 0
    for path in (files("lockproof") / "schemas").iterdir():
        if path.name.endswith(".json") and path.name != "kubernetes.json":
            for node in json.loads(path.read_bytes())["nodes"]:
                for rule in node.get("rules", ()):
                    count += 1
                    try:
                        cel.holds(rule, {"mode": "Pipeline"})
                    except cel.Unsupported:
                        # Understood, and not about an object.
                        assert isinstance(cel.holds(rule, "30s"), bool)
    assert count > 20


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", 0.5), ("1", 1), ("1.5Gi", 1.5 * 2**30), ("2e3", 2000), ("1E", 1e18), ("100k", 1e5), ("-1", -1)],
)  # fmt: skip
def test_quantities(text: str, value: float) -> None:
    assert is_quantity(text)
    assert quantity(text) == pytest.approx(value)
    assert quantity("lots") is None
    assert not is_quantity(f"{text}x")


def test_a_quantity_without_measure_is_still_one_to_reckon_with() -> None:
    for value in ("1e999", "1E" + "9" * 5000, "9" * 2000, 10**999, 1e308, "9e308"):
        assert quantity(value) == 1e30
    assert quantity("-1e3") == -1000


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h"]))
def test_durations(number: int, unit: str) -> None:
    seconds = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
    assert duration(f"{number}{unit}") == pytest.approx(number * seconds)
    assert duration(f"{number}") is None or number == 0


@pytest.mark.parametrize(
    "text",
    [
        'sum(rate(x{a="{{args.b}}"}[5m]))',
        "rate(x[{{args.window}}])",
        "x > {{args.limit}}",
        "{{args.metric}} > 1",
        'sum by ($label) (rate(x{a=~"$b"}[$__rate_interval]))',
        "rate(x[${window}])",
        'x{a="[[b]]"}',
        "{{args.whole}}",
    ],
)
def test_placeholders_are_filled_in(text: str) -> None:
    assert parse_problem(text) is None


@given(st.text("sumrate(){}[]5m\"'$x,=~!|. ", max_size=30))
@settings(deadline=None, max_examples=200)
def test_any_text_is_an_expression_or_is_not(text: str) -> None:
    problem = parse_problem(text)
    assert problem is None or ("\n" not in problem and len(problem) <= 200)


def test_a_location_in_kubeconforms_layout(tmp_path: Path) -> None:
    folder = tmp_path / "v1.34.0-standalone-strict"
    folder.mkdir()
    source = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"type": ["string", "null"], "enum": ["example.org/v1"]},
            "kind": {"type": ["string", "null"]},
            "metadata": {"$ref": "_definitions.json#/definitions/meta"},
            "spec": {"$ref": "#/definitions/spec"},
        },
        "definitions": {
            "spec": {"type": "object", "properties": {"next": {"$ref": "#/definitions/spec"}}}
        },
    }
    (folder / "widget-example-v1.json").write_text(json.dumps(source))
    meta = {"definitions": {"meta": {"type": "object", "properties": {"name": {"type": "string"}}}}}
    (folder / "_definitions.json").write_text(json.dumps(meta))
    location = SchemaLocation(str(tmp_path), "1.34", METADATA)
    schema = location.find("example.org", "v1", "Widget")
    assert schema is not None
    value = {
        "apiVersion": "example.org/v1",
        "kind": "Widget",
        "metadata": {"name": 1},
        "spec": {"next": {"next": {"x": 1}}},
    }
    found = [(p.kind, dotted(p.at)) for p in validate(value, schema).problems]
    assert found == [("type", "metadata.name"), ("unknown", "spec.next.next.x")]
    assert location.find("example.org", "v1", "Gadget") is None


def test_a_location_that_is_a_template(tmp_path: Path) -> None:
    template = str(tmp_path / "{{ .Group }}" / "{{.ResourceKind}}_{{ .ResourceAPIVersion }}.json")
    location = SchemaLocation(template, "1.34", METADATA)
    assert location.address("a.b", "v1", "Kind") == str(tmp_path / "a.b" / "kind_v1.json")
    with pytest.raises(UsageError, match="no word 'Nope'"):
        SchemaLocation("{{ .Nope }}.json", "1.34", METADATA)


def test_definitions_among_the_manifests_make_their_kinds_known() -> None:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"a": TEXT}}},
    }
    spec = {
        "group": "example.org",
        "names": {"kind": "Widget"},
        "versions": [{"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}}],
    }
    for kind, extra in (
        ("CustomResourceDefinition", []),
        ("CompositeResourceDefinition", ["crossplane"]),
    ):
        known = CustomSchemas([{"kind": kind, "spec": spec}, {"kind": "Other"}], METADATA)
        found = known.find("example.org", "v1", "Widget")
        assert found is not None
        value = {
            "apiVersion": "example.org/v1",
            "kind": "Widget",
            "metadata": {},
            "spec": {"a": "x", "crossplane": {}},
        }
        unknown = [p.at[-1] for p in validate(value, found).problems]
        assert unknown == [name for name in ["crossplane"] if name not in extra]
