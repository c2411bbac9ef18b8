"""A DVC pipeline as one revision declares and locks it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any, Literal, Self

from .base import Frozen, sha256_of
from .digest import Algorithm, Digest
from .places import Places, parents

MOST_STAGES = 20_000
"""Stages of one project: what one entry of a `dvc.yaml` stands for can be any number."""
_MOST_LINKS = 2_000_000
"""Pairs of a dependency and an output that overlap, in one pipeline."""

Scalars = Mapping[str, Any]
OutKind = Literal["out", "metric", "plot"]


# Dataclasses and no models: what files say is checked where they are read, and of ten thousand
# stages there are a hundred thousand of these.
@dataclass(frozen=True, slots=True)
class _Item:
    path: str
    """POSIX, relative to the DVC root, beside it with `../`; a URL or a path as written where it
    lies outside of the Git repository."""
    locked: Digest | None
    external: bool = False
    size: int | None = None
    """Bytes, as locked; of a directory the sum of its files."""
    line: int | None = None
    """Where the file that locks it does so, from 1; None where the reader does not know."""

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm that its digest is, or would be, computed with."""
        return self.locked.algorithm if self.locked else "md5"

    @property
    def has_md5(self) -> bool:
        """Whether its content is named by a digest that can be computed from it."""
        return self.locked is not None and self.locked.algorithm.startswith("md5")


class StoredVersion(Frozen):
    """Where a version-aware remote keeps a file."""

    remote: str
    id: str
    """The store's own version id."""
    etag: str | None = None


class StoredFile(Frozen):
    """A file that is locked by the version ids of version-aware remotes."""

    relpath: str
    """POSIX, below the output; empty where the output is that file."""
    digest: Digest | None = None
    size: int | None = None
    """Bytes."""
    versions: tuple[StoredVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class Out(_Item):
    """An output of a stage or of a `.dvc` file."""

    nfiles: int | None = None
    """Files in a directory, as locked."""
    kind: OutKind = "out"
    cached: bool = True
    """False: kept in Git, not in the cache (`cache: false`)."""
    pushed: bool = True
    """False: never in a remote (`push: false`)."""
    persist: bool = False
    remote: str | None = None
    """The remote that the pipeline names for it; None means the default."""
    versioned: bool = False
    """Locked by cloud version ids, so not stored by content."""
    stored: tuple[StoredFile, ...] = ()
    """Those version ids, file by file."""


@dataclass(frozen=True, slots=True)
class Dep(_Item):
    """A dependency of a stage."""

    executable: bool = False
    """Whether it is locked as a file that is run; a digest says nothing of modes."""


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters that a stage takes from one file."""

    path: str
    keys: tuple[str, ...]
    """The dotted keys it names; empty means the whole file."""
    locked: Scalars | None
    """None where the lock says nothing about them."""
    current: Scalars
    """What the file says in this revision."""


@dataclass(frozen=True)
class Stage:
    """A stage of a `dvc.yaml`, or a `.dvc` file."""

    address: str
    kind: Literal["stage", "data", "import"]
    file: str
    """The file that declares it, relative to the DVC root."""
    command: tuple[str, ...] = ()
    locked_command: tuple[str, ...] | None = None
    wdir: str = "."
    deps: tuple[Dep, ...] = ()
    params: tuple[Params, ...] = ()
    outs: tuple[Out, ...] = ()
    frozen: bool = False
    from_repository: bool = False
    """Imported from another Git repository, which keeps its outputs in a remote of its own."""
    locked: bool = False
    """Whether the lock has an entry for it."""
    gpus: int = 0
    """How many GPUs its command asks for: `meta: {gpu: …}` in its `dvc.yaml`."""

    @property
    def runs(self) -> bool:
        """Whether it has a command that reproducing would execute."""
        return self.kind == "stage" and not self.frozen

    @cached_property
    def entry_digest(self) -> str:
        """SHA-256 of what the lock says of this stage."""
        return sha256_of(
            {
                "cmd": self.locked_command,
                "deps": [[d.path, d.locked and str(d.locked)] for d in self.deps],
                "outs": [[o.path, o.locked and str(o.locked)] for o in self.outs],
                "params": {p.path: p.locked for p in self.params},
            }
        )


@dataclass(frozen=True)
class Pipeline:
    """All stages, in an order in which each comes after what it needs."""

    stages: tuple[Stage, ...]

    @classmethod
    def ordered(cls, stages: Iterable[Stage]) -> Self:
        """Sort stages so that each comes after what it needs, else by address.

        Raises:
            ValueError: stages need each other, or make the same output, or there are more than
                `MOST_STAGES`, or they are linked in more than two million places.
        """
        unsorted = cls(stages=tuple(sorted(stages, key=lambda stage: stage.address)))
        if len(unsorted.stages) > MOST_STAGES:
            raise ValueError(f"there are more than {MOST_STAGES} stages: use fewer, or split them")
        unsorted._check_outs()
        sorter = TopologicalSorter({a: s - {a} for a, s in unsorted._sources.items()})
        try:
            sorter.prepare()
        except CycleError as error:
            raise ValueError(f"stages need each other: {' -> '.join(error.args[1])}") from error
        order: list[Stage] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            order += [unsorted.by_address[address] for address in ready]
            sorter.done(*ready)
        found = cls(stages=tuple(order))
        found.__dict__["_sources"] = unsorted._sources  # What they need does not change.
        return found

    @classmethod
    def unlinked(cls, stages: Iterable[Stage]) -> Self:
        """Stages that cannot be ordered, as if none needed another; `MOST_STAGES` at most."""
        found = cls(stages=tuple(islice(stages, MOST_STAGES)))
        found.__dict__["_sources"] = {stage.address: set() for stage in found.stages}
        return found

    def _check_outs(self) -> None:
        makers: dict[str, str] = {}
        for stage in self.stages:
            for out in stage.outs:
                other = makers.setdefault(out.path, stage.address)
                if other != stage.address:
                    raise ValueError(f"{other} and {stage.address} both make {out.path}")
        for stage in self.stages:
            if stage.address not in self._sources[stage.address]:
                continue
            own = Places((out.path, out.path) for out in stage.outs)
            for dep in stage.deps:
                for path in () if dep.external else own.overlapping(dep.path):
                    raise ValueError(f"stages need each other: {stage.address} needs {path}")
        # Of most pipelines this is known at once: no output is a folder that holds another.
        nested = "." in makers or not self._outs.folders.isdisjoint(makers)
        for path, address in makers.items() if nested else ():
            for parent in parents(path):
                other = makers.get(parent, "")
                if other:
                    raise ValueError(f"{other} makes {parent}, and {address} makes {path} in it")

    @cached_property
    def by_address(self) -> dict[str, Stage]:
        """Stages by address."""
        return {stage.address: stage for stage in self.stages}

    @cached_property
    def _outs(self) -> Places:
        return Places((o.path, s.address) for s in self.stages for o in s.outs)

    @cached_property
    def _sources(self) -> dict[str, set[str]]:
        """Address -> addresses whose outputs its dependencies overlap, its own included."""
        found: dict[str, set[str]] = {}
        left = _MOST_LINKS
        for stage in self.stages:
            found[stage.address] = sources = set()
            for dep in stage.deps:
                makers = self._outs.overlapping(dep.path)
                sources.update(makers)
                left -= len(makers)
                if left < 0:
                    raise ValueError(
                        f"{stage.address} and others depend on more than {_MOST_LINKS} outputs in"
                        " all: let fewer stages depend on folders that many stages write into"
                    )
        return found

    @cached_property
    def upstream(self) -> dict[str, tuple[str, ...]]:
        """Address -> addresses whose outputs its dependencies overlap, in pipeline order."""
        place = {stage.address: number for number, stage in enumerate(self.stages)}
        return {
            address: tuple(sorted(self._sources[address] - {address}, key=place.__getitem__))
            for address in place
        }

    def ancestors(self, addresses: Iterable[str]) -> set[str]:
        """Everything that the given stages need, directly or not, themselves excluded."""
        found: set[str] = set()
        todo = list(addresses)
        while todo:
            for address in self.upstream[todo.pop()]:
                if address not in found:
                    found.add(address)
                    todo.append(address)
        return found

    def makers(self, path: str) -> tuple[tuple[Stage, Out], ...]:
        """The outputs (and who makes them) that are a path, lie in it, or hold it."""
        found = self._outs.overlapping(path)
        if not found:
            return ()
        found = list(dict.fromkeys(found))
        return tuple(
            (stage, out)
            for stage in map(self.by_address.__getitem__, found)
            for out in stage.outs
            if overlap(out.path, path)
        )

    def inputs(self, stage: Stage) -> tuple[tuple[Stage, Out], ...]:
        """The outputs (and who makes them) that overlap the stage's dependencies."""
        read = Places((dep.path, dep.path) for dep in stage.deps)
        return tuple(
            (producer, out)
            for address in self.upstream[stage.address]
            for producer in (self.by_address[address],)
            for out in producer.outs
            if read.overlapping(out.path)
        )


def inside(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies below it."""
    within = folder == "." and not path.startswith("../")
    return within or path == folder or path.startswith(f"{folder}/")


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same or one lies inside the other."""
    return inside(one, other) or inside(other, one)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys; lists stay values."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            found.update(flat(value, f"{name}."))
        else:
            found[name] = value
    return found
