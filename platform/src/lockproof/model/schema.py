"""What a kind of manifest may hold: a compact table of nodes, one per distinct shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Node = Mapping[str, Any]
"""One shape. Its keys, all optional:

`type` (object, array, string, integer, number, boolean, int-or-string, quantity; absent: any),
`null`, `default` (filled in before anything is checked), `properties` (name -> reference),
`values` (reference, for free keys), `open` (unknown fields stay), `items`, `required`, `enum`,
`pattern`, `format`, `minimum`, `maximum`, `above`, `below`, `min-length`, `max-length`,
`min-items`, `max-items`, `min-properties`, `max-properties`, `unique`, `keys` (of a list that is a
map), `merge` (key by which a strategic merge joins a list), `all`, `any`, `one` (lists of
references), `not`, `embedded` (a whole object of any kind), `rules` (CEL expressions), `said`
(rule -> its message), `needs` (dotted paths that a managed resource must give).
"""

Reference = int | str
"""Index of a node, or the name of a definition."""


class Kind(NamedTuple):
    """The schema of one kind in one API version."""

    root: Reference
    namespaced: bool | None = None
    """None where the source does not say."""
    deprecated: str | None = None
    """What the API says of its use; empty where it gives no replacement."""


@dataclass(frozen=True)
class Table:
    """Nodes and the names by which they are found."""

    nodes: Sequence[Node]
    definitions: Mapping[str, int] = field(default_factory=dict)
    parent: "Table | None" = None
    """Where names are looked up that are not in `definitions`."""
    null_is_absent: bool = False
    """Whether a null stands for a field left out, as in Kubernetes' own kinds."""

    def find(self, reference: Reference) -> tuple["Table", Node]:
        """The node and the table that its own references are looked up in.

        Raises:
            KeyError: no such definition.
        """
        if isinstance(reference, int):
            return self, self.nodes[reference]
        index = self.definitions.get(reference)
        if index is not None:
            return self, self.nodes[index]
        if self.parent is None:
            raise KeyError(reference)
        return self.parent.find(reference)


class Schema(NamedTuple):
    """A kind and its table: what a manifest is held against."""

    table: Table
    kind: Kind
