"""Two field tables held against each other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockproof.model.schema import Reference, Table


@dataclass
class Comparison:
    """Two tables held against each other, shape by shape."""

    ignore: frozenset[str] = frozenset()
    """Keys of nodes that are not compared."""
    differences: list[str] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)
    """Pairs of nodes."""

    def compare(
        self, table: Table, reference: Reference, other: Table, theirs: Reference, at: str
    ) -> None:
        table, ours = table.find(reference)
        other, node = other.find(theirs)
        if (id(ours), id(node)) in self.seen:
            return
        self.seen.add((id(ours), id(node)))
        nested = {"properties", "values", "items", "not", "all", "any", "one"}
        # The published v2 document does not say which fields have defaults; in Kubernetes' own
        # kinds, a null stands for nothing either way.
        for key in {*ours, *node} - nested - {"null"} - self.ignore:
            if ours.get(key) != node.get(key):
                self.differences.append(f"{at} {key}: {ours.get(key)} is {node.get(key)}")
        for pair in self._pairs(ours, node, at):
            self.compare(table, pair[0], other, pair[1], pair[2])

    def _pairs(
        self, ours: Mapping[str, Any], theirs: Mapping[str, Any], at: str
    ) -> Iterator[tuple[Reference, Reference, str]]:
        parts: list[Mapping[str, Any]] = []
        for node in (ours, theirs):
            part = {f".{name}": inner for name, inner in node.get("properties", {}).items()}
            part |= {key: node[key] for key in ("values", "items", "not") if key in node}
            for key in ("all", "any", "one"):
                part |= {f"{key}{number}": one for number, one in enumerate(node.get(key, ()))}
            parts.append(part)
        for name in parts[0].keys() ^ parts[1].keys():
            self.differences.append(f"{at}{name}: only {'ours' if name in parts[0] else 'theirs'}")
        for name in parts[0].keys() & parts[1].keys():
            yield parts[0][name], parts[1][name], f"{at}{name}"
