"""One folder of a store: which of the wanted objects are there, how large, and how sure that is."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial

from lockproof.adapters.store.content import object_md5
from lockproof.adapters.store.interface import Held, Patience, Store
from lockproof.model.digest import Algorithm, Digest

from .wanted import Folder, path_of, prefer_listing

_HEX = re.compile(r"[0-9a-f]{8}")
_EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
"""The MD5 of nothing."""
_SAMPLE = 100
"""Names that are kept of one claim's problems."""
_ENOUGH = 1000
"""After so many answers that all say the same, the rest is not asked for."""


@dataclass
class Some:
    """A count, and the digests of the first."""

    count: int = 0
    digests: list[str] = field(default_factory=list)

    def add(self, digest: str) -> None:
        """Count one."""
        self.count += 1
        if len(self.digests) < _SAMPLE:
            self.digests.append(digest)

    def merge(self, other: "Some") -> None:
        """Add what another counted."""
        self.count += other.count
        self.digests = sorted({*self.digests, *other.digests})[:_SAMPLE]


@dataclass
class Outcome:
    """What came of the objects of one folder, or of all of them."""

    objects: int = 0
    by_etag: int = 0
    by_reading: int = 0
    unknown: int = 0
    """Objects that are there, and that nothing says the content of."""
    sizes: dict[int, int] = field(default_factory=dict)
    """Claim -> bytes of its objects."""
    unsized: set[int] = field(default_factory=set)
    """Claims with an object whose size the store does not say."""
    unread: set[int] = field(default_factory=set)
    """Claims with an object whose content nothing shows but its size."""
    missing: dict[int, Some] = field(default_factory=dict)
    corrupted: dict[int, Some] = field(default_factory=dict)
    suspects: dict[int, Some] = field(default_factory=dict)
    """Objects whose ETag looks like an MD5 and is another one."""
    suspected: int = 0
    smallest: tuple[int, str, str, int] | None = None
    """Bytes, path, digest and claim of the smallest of those."""

    def merge(self, other: "Outcome") -> None:
        """Add the outcome of another folder."""
        self.objects += other.objects
        self.by_etag += other.by_etag
        self.by_reading += other.by_reading
        self.unknown += other.unknown
        self.suspected += other.suspected
        self.unsized |= other.unsized
        self.unread |= other.unread
        for owner, size in other.sizes.items():
            self.sizes[owner] = self.sizes.get(owner, 0) + size
        for mine, theirs in (
            (self.missing, other.missing),
            (self.corrupted, other.corrupted),
            (self.suspects, other.suspects),
        ):
            for owner, some in theirs.items():
                mine.setdefault(owner, Some()).merge(some)
        self.smallest = min(filter(None, (self.smallest, other.smallest)), default=None)


@dataclass
class Doubts:
    """What the folders of one store learn from each other; exact counts do not matter."""

    confirmed_missing: int = 0
    """Objects that were not listed, and that the store, asked for them, did not have."""
    denied: int = 0
    """Of those, how many it did have."""
    encrypted: int = 0
    """Objects whose ETag is no MD5 because of their encryption."""
    other_md5: int = 0
    """Objects whose ETag, although nothing says that it is no MD5, is another one."""


class _Content(Enum):
    TAGGED = auto()
    READ = auto()
    UNKNOWN = auto()
    OTHER = auto()
    SUSPECT = auto()
    GONE = auto()


@dataclass(frozen=True)
class Look:
    """Looks at one store, folder by folder, from many threads."""

    store: Store
    patience: Patience
    deep: bool
    held: float
    """How many objects a folder of this store holds, about."""
    doubts: Doubts = field(default_factory=Doubts)

    def folder(self, algorithm: Algorithm, first: int, wanted: Folder) -> Outcome:
        """Find the wanted objects of one folder.

        Raises:
            StoreError: the store does not answer.
        """
        path, names = path_of(algorithm, first), wanted.names
        held = self._find(path, names)
        outcome = Outcome(objects=len(names))
        judged = self._contents(path, f"{first:02x}", algorithm, held, outcome)
        bad, suspect, gone, unknown = judged
        for name, owner in wanted.entries():
            digest = f"{first:02x}{name}"
            object_ = held.get(name)
            if object_ is None or name in gone:
                outcome.missing.setdefault(owner, Some()).add(digest)
                continue
            if object_.size is None:
                outcome.unsized.add(owner)
            outcome.sizes[owner] = outcome.sizes.get(owner, 0) + (object_.size or 0)
            if name in unknown:
                outcome.unread.add(owner)
            if name in bad:
                outcome.corrupted.setdefault(owner, Some()).add(digest)
            elif name in suspect:
                outcome.suspects.setdefault(owner, Some()).add(digest)
                one = (object_.size or 0, path + name, digest, owner)
                outcome.smallest = min(filter(None, (outcome.smallest, one)))
        return outcome

    def _find(self, path: str, names: list[str]) -> dict[str, Held]:
        if not (self.store.can_list and prefer_listing(len(names), self.held)):
            return {name: held for name in names if (held := self._head(path + name))}
        found = self._list(path, names)
        for name in names:
            if name in found:
                continue
            # A listing that was cut short without a sign of it must not blame anybody.
            if self.doubts.confirmed_missing >= _ENOUGH and not self.doubts.denied:
                continue
            held = self._head(path + name)
            if held:
                self.doubts.denied += 1
                found[name] = held
            else:
                self.doubts.confirmed_missing += 1
        return found

    def _list(self, path: str, names: list[str]) -> dict[str, Held]:
        found: dict[str, Held] = {}
        at = 0
        while at < len(names):
            after = names[at][:-1]  # Sorts before it, and next to nothing lies between.
            page = self.patience.ask(partial(self.store.page, path, after))
            end = bisect_right(names, max(page.held)) if page.more else len(names)
            found |= {name: page.held[name] for name in names[at:end] if name in page.held}
            at = max(at + 1, end)
        return found

    def _head(self, path: str) -> Held | None:
        return self.patience.ask(lambda: self.store.head(path))

    def _contents(
        self,
        path: str,
        first: str,
        algorithm: Algorithm,
        held: dict[str, Held],
        outcome: Outcome,
    ) -> tuple[set[str], set[str], set[str], set[str]]:
        bad, suspect, gone, unknown = set(), set(), set(), set()
        for name, object_ in held.items():
            # To read an empty one costs nothing, and there are servers that say it of all.
            if self.deep or (object_.size == 0 and first + name != _EMPTY):
                verdict, size = self._read(path + name, first + name, algorithm)
                held[name] = object_._replace(size=size)
            else:
                verdict = self._content(path + name, first + name, algorithm, object_)
            outcome.by_reading += verdict is _Content.READ
            outcome.by_etag += verdict is _Content.TAGGED
            if verdict is _Content.UNKNOWN:
                outcome.unknown += 1
                unknown.add(name)
            elif verdict is _Content.OTHER:
                bad.add(name)
            elif verdict is _Content.GONE:
                gone.add(name)
            elif verdict is _Content.SUSPECT:
                suspect.add(name)
                outcome.suspected += 1
        return bad, suspect, gone, unknown

    def _read(self, path: str, digest: str, algorithm: Algorithm) -> "tuple[_Content, int]":
        """What its content shows, and its bytes, which a web server may say otherwise."""
        named = Digest(algorithm=algorithm, value=digest)
        sizes = [0]

        def whole() -> str:
            sizes[:] = [0]
            return object_md5(self.store, path, named, sink=lambda c: sizes.append(len(c)))

        try:
            md5 = self.patience.ask(whole)
        except FileNotFoundError:  # Deleted since it was listed.
            return _Content.GONE, 0
        return _Content.READ if md5 == digest else _Content.OTHER, sum(sizes)

    def _content(self, path: str, digest: str, algorithm: Algorithm, held: Held) -> "_Content":
        if held.md5 == digest:
            return _Content.TAGGED
        # An ETag says nothing of a digest that is not of the bytes as they are.
        if held.md5 is None or algorithm != "md5":
            return _Content.UNKNOWN
        return self._ask_again(path, digest)

    def _ask_again(self, path: str, digest: str) -> "_Content":
        """A listing does not say whether an ETag is an MD5; the object's own headers do."""
        doubts = self.doubts
        if doubts.encrypted >= _ENOUGH and not doubts.other_md5:
            return _Content.UNKNOWN
        held = self._head(path)
        if held is None:
            return _Content.GONE
        if held.md5 is None:
            doubts.encrypted += 1
            return _Content.UNKNOWN
        if held.md5 == digest:
            return _Content.TAGGED
        doubts.other_md5 += 1
        return _Content.SUSPECT


def objects_per_folder(store: Store, patience: Patience, path: str) -> float:
    """How many objects one folder holds, about: its first page tells, as names are spread evenly.

    Raises:
        StoreError: the store does not answer.
    """
    page = patience.ask(lambda: store.page(path, ""))
    names = [name for name in page.held if _HEX.match(name)]
    if not page.more or not names:
        return len(page.held)
    return len(names) / ((int(max(names)[:8], 16) + 1) / 16**8)
