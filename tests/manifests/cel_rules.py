"""Rules in CEL and values to ask them of, as CustomResourceDefinitions have them."""

# ruff: noqa: E501

import random
from typing import Any

_TEXT = {"type": "string", "maxLength": 64}
SHAPE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"type": "integer"},
        "b": {"type": "integer"},
        "n": {"type": "number"},
        "t": _TEXT,
        "opt": _TEXT,
        "odd-name": _TEXT,
        "namespace": _TEXT,
        "when": {"type": "string", "format": "date-time", "maxLength": 64},
        "lasts": {"type": "string", "format": "duration", "maxLength": 64},
        "bytes": {"type": "string", "format": "byte", "maxLength": 64},
        "either": {"x-kubernetes-int-or-string": True, "maxLength": 64},
        "names": {"type": "array", "maxItems": 6, "items": _TEXT},
        "unordered": {
            "type": "array",
            "maxItems": 6,
            "items": _TEXT,
            "x-kubernetes-list-type": "set",
        },
        "parts": {
            "type": "array",
            "maxItems": 6,
            "items": {
                "type": "object",
                "properties": {"name": _TEXT, "weight": {"type": "integer"}},
                "required": ["name", "weight"],
            },
        },
        "by": {"type": "object", "maxProperties": 6, "additionalProperties": {"type": "integer"}},
    },
}
RULES = (
    "self.a <= self.b",
    "!has(self.a) || self.a > 0",
    "has(self.opt) ? self.opt == 'z' : true",
    "self.n > 0.5",
    "self.n * 2.0 < 5.0",
    "double(self.a) < self.n",
    "self.a + self.b < 3",
    "self.a / 2 == 1",
    "self.a % 2 == 0",
    "-self.a < 1",
    "self.t.size() <= 2",
    "size(self.names) == size(self.parts)",
    "self.names.all(x, x.startsWith('a'))",
    "self.names.exists(x, x.endsWith('b'))",
    "self.names.exists_one(x, x == self.t)",
    "self.parts.all(p, self.names.exists(x, x == p.name))",
    "self.parts.map(p, p.weight).all(w, w >= 0)",
    "self.parts.filter(p, p.weight > 1).size() < 2",
    "self.by.all(k, self.by[k] > 0)",
    "self.by.exists(k, k == 'x' && self.by[k] == 1)",
    "'x' in self.by",
    "self.t in self.names",
    "self.when > timestamp('2024-01-01T00:00:00Z')",
    "self.when.getFullYear() == 2025",
    "self.lasts <= duration('1h')",
    "self.lasts.getMinutes() < 70",
    "self.bytes.size() == 1",
    "self.t.matches('^[a-c]+$')",
    "self.t.lowerAscii() == self.t",
    "self.t.split('-').size() < 2",
    "self.t.replace('a', 'b') != 'b'",
    "self.t.substring(0, 1) == 'a'",
    "self.t.indexOf('b') < 1",
    "self.t.trim() == self.t",
    "self.names.join(',') != 'a,b'",
    "self.?opt.orValue('z') == 'z'",
    "self.names[0] == self.t",
    "self.odd__dash__name != ''",
    "self.__namespace__ != 'kube-system'",
    "type(self.either) == int ? int(self.either) > 1 : self.either == 'auto'",
    "string(self.a) == self.t",
    "int(self.t) > 1",
    "self.names == ['a', 'b']",
    "self.unordered == ['a', 'b']",
    "self.names.isSorted()",
    "self.parts.map(p, p.weight).sum() < 4",
    "isQuantity(self.t)",
    "self.names.size() > 1 && self.names[1] == 'b' || self.t == 'a'",
    "self.parts.exists(p, p.name == 'a') == ('x' in self.by)",
    "self.t == 'a' || self.parts[0].weight == 1",
)
_SHORT = {"type": "string", "maxLength": 30}
_SET = {"type": "array", "items": _SHORT, "maxItems": 9, "x-kubernetes-list-type": "set"}
_MAYBE = {"a": _SHORT | {"nullable": True}}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": 9}


_AB = _object(a={"type": "integer"}, b={"type": "integer"})
_OF_SET = _object(l=_SET)
_OF_SETS = _object(l=_list(_SET))
_TIME = {"type": "string", "format": "duration", "maxLength": 30}
ODD: tuple[tuple[dict[str, Any], str, Any], ...] = (
    (_object(o=_object(a=_SHORT)), "!has(self.o.a)", {}),
    (_object(o=_object(a=_SHORT), b=_SHORT), "has(self.o.a) || self.b == 'x'", {"b": "x"}),
    (_AB, "self.a == 1 || self.b == 1", {"b": 1}),
    (_AB, "self.b == 1 || self.a == 1", {"b": 2}),
    (_AB, "!(self.a == 2 && self.b == 1)", {"b": 2}),
    (_AB, "self.a == 2 && self.b == 1", {"b": 1}),
    (_object(**_MAYBE), "!has(self.a)", {"a": None}),
    (_object(**_MAYBE), "has(self.a)", {"a": None}),
    (_object(l=_list(_object(**_MAYBE))), "self.l[0] == self.l[1]", {"l": [{"a": None}, {}]}),
    (_OF_SET, "[self.l] == [['b', 'a']]", {"l": ["a", "b"]}),
    (_OF_SET, "self.l in [['b', 'a']]", {"l": ["a", "b"]}),
    (_OF_SET, "(true ? self.l : self.l) == ['b', 'a']", {"l": ["a", "b"]}),
    (_OF_SET, "self.?l.orValue([]) == ['b', 'a']", {"l": ["a", "b"]}),
    (_object(l=_list(_OF_SET)), "self.l[0] == self.l[1]", {"l": [{"l": ["a", "b"]}, {"l": ["b", "a"]}]}),
    (_object(l=_list(_OF_SET)), "self.l[0] in [self.l[1]]", {"l": [{"l": ["a", "b"]}, {"l": ["b", "a"]}]}),
    (_OF_SETS, "self.l[0] == self.l[1]", {"l": [["a", "b"], ["b", "a"]]}),
    (_OF_SETS, "self.l.exists_one(x, x == ['b', 'a'])", {"l": [["a", "b"]]}),
    (_object(l=_list(_OF_SET)), "self.l.exists(x, x.l == ['b', 'a'])", {"l": [{"l": ["a", "b"]}]}),
    (_object(l=_list(_list(_OF_SET))), "self.l.all(v, v.all(w, w == self.l[0][0]))", {"l": [[{"l": ["a", "b"]}, {"l": ["b", "a"]}]]}),
    (_object(l=_list(_object(d=_TIME))), "self.l[0] == self.l[1]", {"l": [{"d": "60s"}, {"d": "1m"}]}),
    (_OF_SET, "self.l[0] == 'a' && size(self.l) == 2", {"l": ["a", "b"]}),
    (_object(m=_list(_OF_SET)), "self.m.all(x, x.l.all(y, y != 'a'))", {"m": [{"l": ["a", "b"]}]}),
    *((_object(a=_SHORT), rule, {"a": value}) for rule, value in (
        ("self.a.lowerAscii() == 'é'", "É"),
        ("self.a.lowerAscii() == 'É'", "É"),
        ("self.a.upperAscii() == 'SS'", "ß"),
        ("int(self.a) > 5", " 7"),
        ("int(self.a) > 5", "7"),
        ("int(self.a) > 5", "4"),
        ("uint(self.a) > 5u", "+7"),
        ("double(self.a) > 5.0", " 7"),
        ("double(self.a) > 5.0", "0x1p4"),
        ("double(self.a) > 5.0", "7_0"),
        ("bool(self.a)", "t"),
        ("duration(self.a) == duration('66m')", "1.1h"),
        ("duration(self.a) > duration('1s')", "9999999h"),
        ("duration(self.a) > duration('1s')", "soon"),
        ("self.a == r'\\' || self.a == 'b'", "b"),
        ("self.a == 'x' // it's\n || self.a == 'y'", "y"),
        ("self.a.trim() == 'x'", "\u180ex"),
        ("self.a.contains('a') && 'b'.contains(self.a)", "a"),
    )),
    (_object(n={"type": "number"}), "string(self.n) == '0.123457'", {"n": 0.1234567}),
    (_object(d={"type": "object", "additionalProperties": _SHORT, "maxProperties": 9}), "has(self.d.__if__)", {"d": {"if": "x"}}),
    (
        _object(d={"type": "object", "additionalProperties": _object(a=_SHORT | {"default": "x"}), "maxProperties": 9}),
        "self.d.all(k, has(self.d[k].a))",
        {"d": {"k": {}}},
    ),
)  # fmt: skip
"""What Kubernetes has ideas of its own of: schema, rule and value."""
_CHOICES: dict[str, tuple[Any, ...]] = {
    "a": (0, 1, 2, 3, -1),
    "b": (0, 1, 2),
    "n": (0, 1, 0.5, 2.5, 3),
    "t": ("", "a", "b", "ab", "a-b", "A", "2", " a", "ä", "1Gi"),
    "opt": ("z", "y"),
    "odd-name": ("", "x"),
    "namespace": ("kube-system", "x"),
    "when": ("2023-05-01T00:00:00Z", "2025-05-01T12:00:00+02:00", "2025-01-01T00:30:00.5+02:00"),
    "lasts": ("30s", "1h", "1h30m", "100ms"),
    "bytes": ("YQ==", "YWI="),
    "either": (1, 2, "auto", "50%"),
    "names": ([], ["a"], ["b"], ["a", "b"], ["b", "a"], ["ab", "a", "a"]),
    "unordered": (["a", "b"], ["b", "a"], ["a"]),
    "parts": (
        [],
        [{"name": "a", "weight": 1}],
        [{"name": "a", "weight": 2}, {"name": "b", "weight": 3}],
        [{"name": "b", "weight": -1}],
    ),
    "by": ({}, {"x": 1}, {"x": 0, "y": 2}, {"y": 1}),
}


def values(count: int) -> list[dict[str, Any]]:
    """Some objects of the shape, the same each time: most fields are there, some are not."""
    chance = random.Random(16)
    return [
        {name: chance.choice(some) for name, some in _CHOICES.items() if chance.random() < 0.85}
        for _ in range(count)
    ]


def definition() -> dict[str, Any]:
    """A definition with a field for each rule, `r0` and so on, that has the rule."""
    fields = {f"r{number}": (SHAPE, rule) for number, rule in enumerate(RULES)}
    return _defined("Ruling", fields)


def odd_definition() -> dict[str, Any]:
    """A definition with a field for each of the odd ones."""
    return _defined("Oddity", {f"r{n}": (shape, rule) for n, (shape, rule, _) in enumerate(ODD)})


def _defined(kind: str, fields: dict[str, tuple[dict[str, Any], str]]) -> dict[str, Any]:
    properties = {
        name: shape
        | {"x-kubernetes-validations": [{"rule": rule, "message": f"rule {name[1:]} is broken"}]}
        for name, (shape, rule) in fields.items()
    }
    plural = {"Ruling": "rulings", "Oddity": "oddities"}[kind]
    spec = {"type": "object", "properties": properties}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.cel.example.org"},
        "spec": {
            "group": "cel.example.org",
            "names": {"kind": kind, "plural": plural},
            "scope": "Cluster",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
                }
            ],
        },
    }
