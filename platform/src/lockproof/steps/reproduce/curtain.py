"""What of a checkout a stage finds: the rest is put aside while it runs.

A stage never finds the history (`.git` is an empty repository), the lock, the policy, the run
records or objects of a DVC remote that somebody committed: what is to be proved must not be there
to copy. Of the other tracked files it finds all but those that the policy hides, or only those that
it declares.
"""

import os
import re
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cache
from itertools import pairwise
from pathlib import Path, PurePosixPath

from lockproof.adapters.scratch import remove
from lockproof.config import FILE_NAME, Policy
from lockproof.model.pipeline import Pipeline, Stage, inside, overlap

_GIT = ".git"
_DVC_OWN = ((".dvc", "tmp"), (".dvc", "cache"))
_NEVER = ("dvc.lock", ".gitignore", FILE_NAME)
_OBJECT = re.compile(r"(?:.*?/)??(files/md5/)?([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)")
"""Where DVC keeps an output, in a cache or a remote of any name; DVC 2 without the folders."""
_SKELETON = ("HEAD", "ref: refs/heads/main\n"), ("config", "[core]\n\tbare = false\n")


class Curtain:
    """Tells for each stage which tracked files it finds."""

    def __init__(
        self,
        tracked: Iterable[str],
        policy: Policy,
        prefix: str,
        pipelines: Iterable[Pipeline] = (),
    ) -> None:
        """Sort out once what is hidden.

        Args:
            tracked: paths of files from the Git root.
            policy: says what is hidden.
            prefix: the DVC root relative to the Git root; empty where they are the same.
            pipelines: those whose outputs are to be proved.
        """
        proved = {
            out.locked.value
            for pipeline in pipelines
            for stage in pipeline.stages
            for out in stage.outs
            if out.locked
        }
        self._files = sorted(tracked)
        self._prefix = prefix
        self.declared_only = policy.run.view == "declared"
        records = _from_top(prefix, policy.record.directory)
        never = {p for p in self._files if _is_never_found(p, records)}
        data = {p for p in self._files if _is_kept(p, proved) or _matches_any(p, policy.run.hidden)}
        self.furniture = tuple(p for p in self._files if p in never or p in data)
        """What no stage finds unless it declares it."""
        self.out_of_sight = tuple(sorted(data - never))
        """Of that, what is no lock, policy or record: a stage may have read it elsewhere."""

    def shown(self, stage: Stage) -> tuple[str, ...]:
        """The files that a stage declares, in order: all that it finds under `declared`."""
        found = set()
        for path in self._declared(stage):
            if path == ".":
                return tuple(self._files)
            for first, last in ((path, f"{path}\0"), (f"{path}/", f"{path}0")):
                start, end = bisect_left(self._files, first), bisect_left(self._files, last)
                found.update(self._files[start:end])
        return tuple(sorted(found))

    def hidden(self, stage: Stage, *, declared_only: bool = False) -> tuple[str, ...]:
        """The files that a stage does not find, in order; with `declared_only` as `view` has it."""
        if self.declared_only or declared_only:
            shown = frozenset(self.shown(stage))
            return tuple(path for path in self._files if path not in shown)
        declared = self._declared(stage)
        return tuple(p for p in self.furniture if not any(overlap(p, d) for d in declared))

    def _declared(self, stage: Stage) -> list[str]:
        return [_from_top(self._prefix, path) for path in declared_paths(stage)]


def declared_paths(stage: Stage) -> tuple[str, ...]:
    """What a stage declares that it reads or makes, from the DVC root."""
    return (
        *(dep.path for dep in stage.deps if not dep.external),
        *(params.path for params in stage.params),
        # What is put back afterwards would take the place of what the stage made.
        *(out.path for out in stage.outs if not out.external),
    )


def _from_top(prefix: str, path: str) -> str:
    return os.path.normpath(f"{prefix}/{path}") if prefix else path


def _is_never_found(path: str, records: str) -> bool:
    return path.rpartition("/")[2] in _NEVER or inside(path, records)


def _is_kept(path: str, proved: Container[str]) -> bool:
    """Whether it is an object of DVC 3, or one of those named as DVC 2 does."""
    named = _OBJECT.fullmatch(path)
    return bool(named and (named[1] or f"{named[2]}{named[3]}" in proved))


def _matches_any(path: str, globs: tuple[str, ...]) -> bool:
    """Whether it, or a folder that it is in, matches one, as in a shell: `*` crosses no `/`."""
    parts = path.split("/")
    return any(
        len(wanted) <= len(parts) and all(map(fnmatchcase, parts, wanted))
        for wanted in _pieces(globs)
    )


@cache
def _pieces(globs: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(glob.strip("/").split("/")) for glob in globs)


@contextmanager
def drawn(folder: Path, hidden: Iterable[str]) -> Iterator[None]:
    """Put paths of a checkout aside, and put them back afterwards in place of what came there.

    Args:
        folder: the Git root of the checkout.
        hidden: paths from there; what is not there is left out. `.git` is always put aside, in
            submodules too.
    """
    aside = folder.with_suffix(".aside")
    repositories = _repositories(folder)
    moved = [path for path in (*repositories, *hidden) if _put_aside(folder, path, aside)]
    for path in repositories:
        _make_skeleton(folder / path)
    emptied = _drop_empty(folder, moved)
    try:
        yield
    finally:
        for path in repositories:
            _clear(folder / path)
        for path in moved:
            _put_back(folder, path, aside)
        for path in emptied:
            (folder / path).mkdir(parents=True, exist_ok=True)
        if aside.exists():
            remove(aside)


def remove_unwatched(folder: Path, tracked: Container[str]) -> None:
    """Delete what no trace shows in a checkout, so that no later stage finds it.

    That is what Python compiled, and what lies in DVC's own folders.
    """
    places = [folder]
    while places:
        place = places.pop()
        inside = place.relative_to(folder).parts
        dvc = any(pair in _DVC_OWN for pair in pairwise(inside))
        try:
            entries = list(os.scandir(place))
        except OSError:
            continue  # Too deep, or closed.
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                places += [place / entry.name] if entry.name != _GIT else []
                continue
            compiled = entry.name.endswith(".pyc") or inside[-1:] == ("__pycache__",)
            local = inside[-1:] == (".dvc",) and entry.name == "config.local"
            known = "/".join((*inside, entry.name)) in tracked
            if (compiled or dvc or local) and not known:
                os.unlink(entry.path)


def _repositories(folder: Path) -> list[str]:
    found = [_GIT]
    modules = folder / ".gitmodules"
    if modules.is_file():
        for place, folders, files in os.walk(folder):
            for name in folders:
                at = os.path.join(place, name)
                if not os.access(at, os.R_OK | os.X_OK) and not os.path.islink(at):
                    os.chmod(at, 0o700)  # An earlier stage left it so: nothing is hidden there.
            if _GIT in (*folders, *files) and Path(place) != folder:
                found.append(os.path.relpath(os.path.join(place, _GIT), folder))
            folders[:] = [name for name in folders if name != _GIT]
    return found


def _make_skeleton(place: Path) -> None:
    """A repository without a commit: programs that look for the top of one still find it."""
    for name in ("objects", "refs/heads"):
        (place / name).mkdir(parents=True)
    for name, content in _SKELETON:
        (place / name).write_text(content)


def _drop_empty(folder: Path, moved: Iterable[str]) -> list[str]:
    """Remove folders that held nothing else; deepest first."""
    dropped: list[str] = []
    parents = {parent.as_posix() for path in moved for parent in PurePosixPath(path).parents}
    for parent in sorted(parents - {"."}, key=lambda path: -path.count("/")):
        try:
            (folder / parent).rmdir()
        except OSError:
            continue
        dropped.append(parent)
    return dropped


def _put_aside(folder: Path, path: str, aside: Path) -> bool:
    source, target = folder / path, aside / path
    if any((folder / parent).is_symlink() for parent in PurePosixPath(path).parents):
        return False  # An earlier stage has put a link where a folder was.
    if not os.path.lexists(source):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(source, target)
    return True


def _put_back(folder: Path, path: str, aside: Path) -> None:
    parents = [folder / parent for parent in reversed(PurePosixPath(path).parents)]
    for place in parents[1:]:
        # The stage may have put a file or a link where a folder was.
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            place.unlink()
        place.mkdir(exist_ok=True)
    _clear(folder / path)
    os.rename(aside / path, folder / path)


def _clear(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        remove(path)
