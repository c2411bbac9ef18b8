"""Which stages a change touches, by comparing the pipelines of two commits."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import PurePosixPath

from lockproof.adapters.git.links import LINK
from lockproof.adapters.git.repository import SUBMODULE, GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.config import FILE_NAME, Policy
from lockproof.model.base import canonical_json
from lockproof.model.pipeline import Pipeline
from lockproof.parse.params import read_params
from lockproof.parse.project import is_of_pipeline
from lockproof.parse.yaml_document import ParseError
from lockproof.steps.declared import declared, has_project

from .choice import affected_stages
from .curtain import Curtain


def affected_since(
    base: str,
    *,
    git: GitRepository,
    commit: str,
    pipeline: Pipeline,
    policy: Policy,
    prefix: str,
    head: Snapshot | None = None,
) -> frozenset[str] | None:
    """Addresses of the stages that may differ from `base`; None where it has no such project.

    A file that is declared by a stage is taken to be read by those that declare it. What reads any
    other file is not known, so that a change of it affects every stage, but for those that
    no stage finds (`Curtain`).

    Args:
        base: the full id of the commit to compare with.
        git: the repository.
        commit: the full id of the commit under proof.
        pipeline: the pipeline of the commit under proof.
        policy: its policy.
        prefix: the DVC root below the Git root; empty where they are the same.
        head: the files from which its pipeline was read: where nothing of that is other at the
            base, the pipeline is not read there again.

    Raises:
        ConfigError: the pipeline of the base is not valid.
    """
    old = Snapshot(git, base)
    if not has_project(old, prefix):
        return None
    head = head or Snapshot(git, commit)
    before = pipeline if head.reads_alike(old) else declared(old, prefix).pipeline

    def place(path: str) -> str:
        return os.path.normpath(f"{prefix}/{path}") if prefix else path

    named = policy.environment
    whole = [FILE_NAME]
    if named:
        whole += [os.path.normpath(p) for p in (named.requirements, named.uv_lock) if p]
    differing, touched = touched_since(old, head)
    packages = tuple(os.path.dirname(place(path)) for path in whole[1:])

    def changed(path: str) -> bool:
        return bool(differing) and touched(place(path))

    pipelines = (pipeline,) if before is pipeline else (before, pipeline)
    known = _Declared(pipelines, policy, place)
    curtain = Curtain(differing, policy, prefix, pipelines)
    hidden = frozenset(curtain.furniture)
    others = (
        path
        for path in sorted(differing)
        if _counts_for_all(path, packages)
        or not (curtain.declared_only or path in hidden or known.covers(path))
    )
    read = partial(_other_values, git=git, revisions=(base, commit), place=place)
    if any(others) or any(changed(path) and read(path, known.keys[path]) for path in known.keys):
        return frozenset(s.address for s in pipeline.stages if s.kind == "stage")
    return affected_stages(before, pipeline, changed, whole)


_ATTRIBUTES = (".gitattributes", ".dvcignore", ".gitmodules")
_PACKAGES = (".txt", ".in", ".lock", ".toml")


def _counts_for_all(path: str, packages: tuple[str, ...]) -> bool:
    """Whether a file decides what other files are, or which packages are installed."""
    folder, _, name = path.rpartition("/")
    return name in _ATTRIBUTES or (folder in packages and name.endswith(_PACKAGES))


def touched_since(old: Snapshot, new: Snapshot) -> tuple[frozenset[str], Callable[[str], bool]]:
    """What is in one of two commits alone, or other in the two; and whether a path may be.

    Of a folder that is so where anything in it is other, of a path in a submodule where that is.
    What a link leads to is not followed: it may be any file that is another.
    """
    one, other = old.entries, new.entries
    differing = frozenset(path for path in {**one, **other} if one.get(path) != other.get(path))
    links = (path for path, entry in other.items() if entry.mode == LINK)
    around = {*_with_parents(differing), *_with_parents(links)}
    both = ((path, files.get(path)) for path in differing for files in (one, other))
    modules = tuple(f"{path}/" for path, entry in both if entry and entry.mode == SUBMODULE)
    return differing, lambda path: path in around or path.startswith(modules)


def _with_parents(paths: Iterable[str]) -> Iterator[str]:
    """Paths, and every folder that one of them is in."""
    for path in paths:
        yield path
        yield from map(str, PurePosixPath(path).parents)


class _Declared:
    """The files of which the pipelines say what reads them."""

    def __init__(
        self, pipelines: Iterable[Pipeline], policy: Policy, place: Callable[[str], str]
    ) -> None:
        stages = [stage for pipeline in pipelines for stage in pipeline.stages]
        params = [params for stage in stages for params in stage.params]
        whole = {item.path for item in params if not item.keys}
        self.keys: dict[str, set[str]] = {}
        """Parameter file, below the DVC root -> the keys that are declared of it."""
        for item in params:
            if item.path not in whole:
                self.keys.setdefault(item.path, set()).update(item.keys)
        deps = {dep.path for stage in stages for dep in stage.deps if not dep.external}
        outs = {out.path for stage in stages for out in stage.outs if not out.external}
        records = {policy.record.directory, policy.gate.baseline}
        self._paths = {place(path) for path in (*deps, *outs, *whole, *self.keys, *records)}
        self._root = place(".")

    def covers(self, path: str) -> bool:
        """Whether a file, from the Git root, is one of them."""
        if is_of_pipeline(path) and (self._root == "." or path.startswith(f"{self._root}/")):
            return True
        above = (path, *map(str, PurePosixPath(path).parents))
        return not self._paths.isdisjoint(above)


def _other_values(
    path: str,
    keys: Collection[str],
    *,
    git: GitRepository,
    revisions: tuple[str, str],
    place: Callable[[str], str],
) -> bool:
    """Whether a parameter file says something else of what no stage declares."""
    one, other = (_without(git.read(r, place(path)), path, keys) for r in revisions)
    return one != other


def _without(content: bytes | None, path: str, keys: Collection[str]) -> str | bytes | None:
    """The values of a parameter file but for some dotted keys; its bytes where it is none."""
    try:
        values = read_params(content or b"", path)
    except ParseError:
        return content
    for key in keys:
        *folders, last = key.split(".")
        inner = values
        for part in folders:
            inner = inner.get(part) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(last, None)
    return canonical_json(values)
