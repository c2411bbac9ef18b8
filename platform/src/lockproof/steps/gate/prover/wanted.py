"""The objects that are looked for, packed: a million of them take about 20 MB."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lockproof.model.digest import Algorithm

_BYTES = 16
"""Of an MD5."""
_PAGE = 1000
"""Objects that one request lists."""
_LISTED_PER_HEAD = 125
"""Objects whose listing takes as long as asking for one: of a page of 1,000, botocore makes about
8 times as much work as of a HEAD."""


@dataclass
class Folder:
    """Wanted objects whose digests start with the same two digits, so that they lie together."""

    digests: bytearray = field(default_factory=bytearray)
    owners: "array[int]" = field(default_factory=lambda: array("I"))
    """Beside each digest, the index of the claim that wants it."""

    def add(self, digests: bytes | bytearray, owner: int) -> None:
        """Add packed digests of one claim."""
        self.digests += digests
        self.owners.extend([owner] * (len(digests) // _BYTES))

    @property
    def names(self) -> list[str]:
        """The names of the objects in their folder, each once, sorted."""
        return sorted({name for name, _ in self.entries()})

    def entries(self) -> Iterator[tuple[str, int]]:
        """Every (name, claim)."""
        digits = self.digests.hex()
        for index, owner in enumerate(self.owners):
            start = index * _BYTES * 2
            yield digits[start + 2 : start + _BYTES * 2], owner


class Wanted:
    """All objects that are looked for in one store."""

    def __init__(self) -> None:
        """Start with none."""
        self.folders: dict[tuple[Algorithm, int], Folder] = {}

    def add(
        self, algorithm: Algorithm, packed: Mapping[int, bytes | bytearray], owner: int
    ) -> None:
        """Add packed digests of one claim, given by their first byte."""
        for first, digests in packed.items():
            self.folders.setdefault((algorithm, first), Folder()).add(digests, owner)

    def __len__(self) -> int:
        """How many are looked for; what two claims want counts twice."""
        return sum(len(folder.owners) for folder in self.folders.values())


def path_of(algorithm: Algorithm, first: int) -> str:
    """The folder of the objects whose digests start with this byte, with a slash at its end."""
    return f"{'' if algorithm == 'md5-dos2unix' else 'files/md5/'}{first:02x}/"


def prefer_listing(wanted: int, held: float) -> bool:
    """Whether listing a folder is cheaper than asking for each of the wanted objects.

    Names are MD5 digests, so they are spread evenly; a listing can start at any of them, so it
    never takes more pages than there are wanted objects.

    Args:
        wanted: how many objects are looked for.
        held: how many there are, about.
    """
    pages = min(-(-held // _PAGE), wanted) or 1
    return pages + min(held, pages * _PAGE) / _LISTED_PER_HEAD < wanted
