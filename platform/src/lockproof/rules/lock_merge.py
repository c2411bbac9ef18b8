"""The three-way merge of two locks, stage by stage.

A stage's entry is one claim: this command, with these dependencies and parameters, gave these
outputs. So an entry is taken whole from one side or not at all, and two entries stand together
only where one side had both, or where what one reads is exactly what the other made.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any, NamedTuple

from lockproof.model.pipeline import flat

Entry = Mapping[str, Any]
"""What a lock says of one stage, as YAML has it."""
Entries = Mapping[str, Entry]

_DIGESTS = ("md5", "etag", "checksum")


class Side(StrEnum):
    """Where an entry of the merged lock comes from."""

    OURS = "ours"
    THEIRS = "theirs"


@dataclass(frozen=True)
class Rerun:
    """A stage that neither side proved as it would stand in the merged lock."""

    stage: str
    reason: str
    """What came from where; names are as the lock has them."""


@dataclass(frozen=True)
class Merged:
    """The outcome of a merge."""

    sides: Mapping[str, Side]
    """Stage -> the side whose entry it keeps, in the order of the merged lock."""
    reruns: tuple[Rerun, ...] = ()
    """The stages that must be run again; they are in `sides` too, unless one side removed them."""

    @property
    def unproved(self) -> frozenset[str]:
        """The names of those stages."""
        return frozenset(rerun.stage for rerun in self.reruns)


def merge_locks(
    base: Entries, ours: Entries, theirs: Entries, folders: Mapping[str, str | None] | None = None
) -> Merged:
    """Merge the stages of two locks that have `base` in common.

    Args:
        base: the stages of the common ancestor; empty where there is none.
        ours: the stages of the one side, whose order is kept; what the other added comes after.
        theirs: the stages of the other side.
        folders: stage, or matrix of stages, -> its working folder, which its paths are relative
            to. What is not there works in the lock's own folder; None means that nobody knows.
    """
    return _Merge(base, ours, theirs, folders or {}).merged()


def pick(base: object, ours: object, theirs: object) -> Side | None:
    """The side that wins a three-way merge of one value; None where both changed it."""
    if ours == theirs or theirs == base:
        return Side.OURS
    return Side.THEIRS if ours == base else None


@dataclass(frozen=True)
class _Merge:
    base: Entries
    ours: Entries
    theirs: Entries
    folders: Mapping[str, str | None]

    def merged(self) -> Merged:
        reasons = {**self._stale(), **self._unproved(), **self._conflicts}
        sides = {
            name: self._sides.get(name, Side.OURS if name in self.ours else Side.THEIRS)
            for name in self._names
            if name in self._sides or name in self._conflicts
        }
        return Merged(sides, tuple(Rerun(name, reasons[name]) for name in sides if name in reasons))

    @cached_property
    def _names(self) -> Sequence[str]:
        return tuple(dict.fromkeys((*self.ours, *self.theirs)))

    @cached_property
    def _sides(self) -> dict[str, Side]:
        """The stages that one side, or both alike, decide and that stay."""
        found = {}
        for name in self._names:
            side = pick(self.base.get(name), self.ours.get(name), self.theirs.get(name))
            if side is not None and name in self._of(side):
                found[name] = side
        return found

    @cached_property
    def _conflicts(self) -> dict[str, str]:
        """The stages that the two sides changed in different ways."""
        found = {}
        for name in self._names:
            mine, other = self.ours.get(name), self.theirs.get(name)
            if pick(self.base.get(name), mine, other) is not None:
                continue
            if mine is not None and other is not None:
                found[name] = "was run on both sides, with different results"
            else:
                here, there = (Side.OURS, Side.THEIRS) if mine else (Side.THEIRS, Side.OURS)
                found[name] = f"was run again on {here} and removed on {there}"
        return found

    def _of(self, side: Side) -> Entries:
        return self.ours if side is Side.OURS else self.theirs

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        """The merged lock without the stages in conflict."""
        return {name: self._of(side)[name] for name, side in self._sides.items()}

    def _together(self, one: str, other: str) -> bool:
        """Whether one of the sides had both entries as they are now."""
        return any(
            side.get(one) == self._entries[one] and side.get(other) == self._entries[other]
            for side in (self.ours, self.theirs)
        )

    def _unproved(self) -> dict[str, str]:
        """Stages that read what a stage of the other side made, and not exactly that content."""
        found: dict[str, str] = {}
        outs = _Outs((n, *out) for n, e in self._entries.items() for out in self._paths(n, e))
        for name, entry in self._entries.items():
            if self._folder(name) is None:
                strange = next((o for o in self._entries if not self._together(name, o)), None)
                if strange is not None:
                    found[name] = (
                        f"comes from {self._sides[name]}, other stages from the other side, and"
                        " only dvc.yaml can tell which of their files it reads"
                    )
                continue
            for path, content in self._paths(name, entry, "deps"):
                for maker, out, made in outs.overlapping(path):
                    if maker == name or (path, content) == (out, made):
                        continue
                    if not self._together(name, maker):
                        found[name] = (
                            f"reads {out} as {self._sides[name]} has it, but {maker} made"
                            f" another on {self._sides[maker]}"
                        )
        return found

    def _stale(self) -> dict[str, str]:
        """Stages that read a file or parameter as it was before the other side changed it."""
        outs = _Outs(
            (name, *out)
            for side in (self.ours, self.theirs)
            for name, entry in side.items()
            for out in self._paths(name, entry)
        )
        known = [self._leaves(side) for side in (self.base, self.ours, self.theirs)]
        found: dict[str, str] = {}
        for name, entry in self._entries.items():
            for leaf, value in self._leaves_of(name, entry):
                if not leaf.key and outs.overlapping(leaf.file):
                    continue
                values = [side.get(leaf, ()) for side in known]
                if any(len(side) > 1 for side in values) or not (values[1] and values[2]):
                    continue  # A side that contradicts itself says nothing about the other.
                base, mine, other = (side[0] if side else None for side in values)
                winner = pick(base, mine, other)
                if winner is None:
                    found[name] = f"reads {leaf}, which changed on both sides"
                elif value != (mine if winner is Side.OURS else other):
                    found[name] = f"read {leaf} as it was before it changed on {winner}"
        return found

    def _leaves(self, side: Entries) -> dict["_Leaf", tuple[object, ...]]:
        found: dict[_Leaf, tuple[object, ...]] = {}
        for name, entry in side.items():
            for leaf, value in self._leaves_of(name, entry):
                if value not in found.get(leaf, ()):
                    found[leaf] = (*found.get(leaf, ()), value)
        return found

    def _leaves_of(self, name: str, entry: Entry) -> Iterator[tuple["_Leaf", object]]:
        for path, content in self._paths(name, entry, "deps"):
            yield _Leaf(path), content
        for file, values in _mapping(entry.get("params")).items():
            for key, value in flat(_mapping(values)).items():
                yield _Leaf(self._path(name, str(file)), key), value

    def _paths(self, name: str, entry: Entry, kind: str = "outs") -> Iterator[tuple[str, str]]:
        for item in _list(entry.get(kind)):
            path = _mapping(item).get("path")
            if isinstance(path, str):
                yield self._path(name, path), _content(item)

    def _path(self, name: str, path: str) -> str:
        return normpath(str(PurePosixPath(self._folder(name) or ".", path)))

    def _folder(self, name: str) -> str | None:
        return self.folders.get(name.partition("@")[0], ".")


class _Leaf(NamedTuple):
    """A file that no stage makes, or one parameter in a file."""

    file: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.key} of {self.file}" if self.key else self.file


class _Outs:
    """Outputs, found by any path that overlaps theirs."""

    def __init__(self, outs: Iterable[tuple[str, str, str]]) -> None:
        self._at: dict[str, list[tuple[str, str, str]]] = {}
        self._below: dict[str, list[tuple[str, str, str]]] = {}
        for out in outs:
            self._at.setdefault(out[1], []).append(out)
            for parent in PurePosixPath(out[1]).parents:
                self._below.setdefault(str(parent), []).append(out)

    def overlapping(self, path: str) -> list[tuple[str, str, str]]:
        """Stage, path and content of the outputs at, above or below a path."""
        parents = map(str, PurePosixPath(path).parents)
        above = (out for parent in parents for out in self._at.get(parent, ()))
        return [*self._at.get(path, ()), *above, *self._below.get(path, ())]


def _content(item: Mapping[str, Any]) -> str:
    """What names the content of a dependency or output, whatever kind of remote has it."""
    named = next((f"{key}:{item[key]}" for key in _DIGESTS if key in item), None)
    return named or repr({key: value for key, value in sorted(item.items()) if key != "path"})


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
