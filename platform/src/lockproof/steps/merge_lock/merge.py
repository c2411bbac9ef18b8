"""Three versions of a lock or `.dvc` file become one, or a conflict that nothing mistakes for one.

Stages are merged by `lockproof.rules.lock_merge`; the other keys are taken whole from one side.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lockproof.errors import ConfigError
from lockproof.rules.lock_merge import Merged, Rerun, Side, merge_locks, pick
from lockproof.steps.merge_lock.document import STAGES, Document, parse_document

_CLAIM = ("outs", "deps", "md5", "wdir")
"""The keys of a `.dvc` file that are one claim: a new import is not an old one's data."""


@dataclass(frozen=True)
class Merge:
    """What a merge gave."""

    text: bytes
    """The merged file; where something is in conflict, with Git's conflict markers."""
    clean: bytes | None
    """The same without the stages that must be run again; None where that would not be a lock."""
    reruns: tuple[Rerun, ...] = ()
    """The stages that must be run again."""
    conflicts: tuple[str, ...] = ()
    """What else cannot be decided, one line each."""
    taken: int = 0
    """How many entries come from theirs alone."""

    @property
    def is_clean(self) -> bool:
        """Whether all of it is merged."""
        return not self.reruns and not self.conflicts


@dataclass(frozen=True)
class Versions:
    """The three versions of a file, as bytes; empty where a side has none."""

    base: bytes
    ours: bytes
    theirs: bytes


def merge_files(
    versions: Versions, name: str, folders: Mapping[str, str | None] | None = None
) -> Merge:
    """Merge a `dvc.lock` or `.dvc` file.

    What cannot be read, or is not laid out as DVC writes it, is one conflict as a whole.

    Args:
        versions: what there is to merge.
        name: for messages.
        folders: see `merge_locks`.
    """
    sides = (versions.base, versions.ours, versions.theirs)
    try:
        base, ours, theirs = (parse_document(content, name) for content in sides)
        return _Files(base, ours, theirs, name, folders or {}).merge()
    except ConfigError as error:
        text = _conflict(_text(versions.ours), _text(versions.theirs))
        return Merge(text.encode("utf-8", "surrogateescape"), None, conflicts=(str(error),))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _conflict(ours: str, theirs: str) -> str:
    return f"<<<<<<< ours\n{_ended(ours)}=======\n{_ended(theirs)}>>>>>>> theirs\n"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


@dataclass(frozen=True)
class _Files:
    base: Document
    ours: Document
    theirs: Document
    name: str
    folders: Mapping[str, str | None]

    def merge(self) -> Merge:
        stages = merge_locks(
            self.base.entries, self.ours.entries, self.theirs.entries, self.folders
        )
        sides = dict(self._sections())
        conflicts = tuple(
            f"{key!r} changed on both sides{self._contents(key)}"
            for key, side in sides.items()
            if side is None
        )
        clean = None
        if not conflicts:
            clean = self._head + "".join(self._clean(sides, stages))
            self._verify(clean, sides, stages)
        text = self._head + "".join(self._marked(sides, stages))
        return Merge(
            text.encode(),
            None if clean is None else clean.encode(),
            stages.reruns,
            conflicts,
            sum(
                side is Side.THEIRS and self.ours.entries.get(key) != self.theirs.entries.get(key)
                for key, side in stages.sides.items()
                if key not in stages.unproved
            ),
        )

    @property
    def _head(self) -> str:
        return self.ours.head or self.theirs.head

    def _sections(self) -> Iterator[tuple[str, Side | None]]:
        """Each top-level key of the merged file and the side it comes from."""
        documents = (self.base, self.ours, self.theirs)
        claim = pick(*([d.values.get(key) for key in _CLAIM] for d in documents))
        for key in dict.fromkeys((*self.ours.values, *self.theirs.values)):
            if key == STAGES:
                yield key, Side.OURS if STAGES in self.ours.values else Side.THEIRS
                continue
            mine, other = self.ours.values.get(key), self.theirs.values.get(key)
            if key not in _CLAIM:
                side = pick(self.base.values.get(key), mine, other)
            else:
                side = Side.OURS if mine == other else claim
            if side is None or key in self._of(side).values:
                yield key, side

    def _of(self, side: Side) -> Document:
        return self.ours if side is Side.OURS else self.theirs

    def _clean(self, sides: Mapping[str, Side | None], stages: Merged) -> Iterator[str]:
        for key, side in sides.items():
            assert side is not None
            if key != STAGES:
                yield self._of(side).sections[key]
                continue
            kept = [name for name in stages.sides if name not in stages.unproved]
            yield "stages:\n" if kept else "stages: {}\n"
            yield from (self._of(stages.sides[name]).stages[name] for name in kept)

    def _marked(self, sides: Mapping[str, Side | None], stages: Merged) -> Iterator[str]:
        for key, side in sides.items():
            if key == STAGES:
                yield "stages:\n" if stages.sides else "stages: {}\n"
                for name, at in stages.sides.items():
                    if name in stages.unproved:
                        yield _conflict(
                            self.ours.stages.get(name, ""), self.theirs.stages.get(name, "")
                        )
                    else:
                        yield self._of(at).stages[name]
            elif side is None:
                mine, other = self.ours.sections.get(key, ""), self.theirs.sections.get(key, "")
                yield _conflict(mine, other)
            else:
                yield self._of(side).sections[key]

    def _verify(self, text: str, sides: Mapping[str, Side | None], stages: Merged) -> None:
        """The pieces of two files may not fit: by an alias, or an indentation of their own."""
        wanted: dict[str, Any] = {
            key: self._of(side).values[key]
            for key, side in sides.items()
            if side is not None and key != STAGES
        }
        if STAGES in sides:
            wanted[STAGES] = {
                name: self._of(side).entries[name]
                for name, side in stages.sides.items()
                if name not in stages.unproved
            }
        if parse_document(text.encode(), self.name).values != wanted:
            raise ConfigError(f"{self.name} is not laid out as DVC writes it")

    def _contents(self, key: str) -> str:
        """`: ours 1a2b3c4d (12 files, 3,400 bytes), theirs …` for the data of a `.dvc` file."""
        if key != "outs":
            return ""
        shown = [f"{side} {_shown(self._of(side).values.get(key))}" for side in Side]
        return f": {', '.join(shown)}"


def _shown(outs: object) -> str:
    out = outs[0] if isinstance(outs, list) and outs else None
    if not isinstance(out, Mapping):
        return "nothing"
    digest = str(out.get("md5") or out.get("etag") or "a version id")
    files = f"{out['nfiles']} files, " if isinstance(out.get("nfiles"), int) else ""
    size = f"{files}{out['size']:,} bytes" if isinstance(out.get("size"), int) else "unknown size"
    return f"{digest[:8]} ({size})"
