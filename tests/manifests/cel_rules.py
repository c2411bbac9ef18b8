"""Rules in CEL and values to ask them of, as CustomResourceDefinitions have them."""

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
    properties = {
        f"r{number}": SHAPE
        | {"x-kubernetes-validations": [{"rule": rule, "message": f"rule {number} is broken"}]}
        for number, rule in enumerate(RULES)
    }
    spec = {"type": "object", "properties": properties}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "rulings.cel.example.org"},
        "spec": {
            "group": "cel.example.org",
            "names": {"kind": "Ruling", "plural": "rulings"},
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
