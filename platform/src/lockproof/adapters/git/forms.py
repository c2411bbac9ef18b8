"""What a checkout holds of a tracked file where that is not the blob: attributes and Git LFS.

Git itself converts, in a scratch repository that has nothing but the revision's `.gitattributes`
and borrows the objects. The settings of user and machine do not count, and no filter is run.
"""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lockproof.adapters.hashing import chunks_of, plain_sha256
from lockproof.adapters.scratch import temporary_folder

from .lfs import FETCH, LONGEST_POINTER, Pointer, rewritten
from .repository import run_git
from .snapshot import Snapshot

_ATTRIBUTES = ("text", "eol", "ident", "working-tree-encoding", "filter")
_NONE = ("unspecified", "unset")
_PLAIN = (
    "core.autocrlf=false",
    "core.eol=lf",
    "core.symlinks=true",
    f"core.attributesFile={os.devnull}",
)
FILTERED = "is what the filter"
"""How what is said of a file begins that another filter than Git LFS makes."""
_UNKNOWN_LFS = f"is in Git LFS, whose content is not in this clone ({FETCH!r} brings it)"

Take = Callable[[str, Iterator[bytes]], None]
"""Takes a path and the content that a checkout has there, in chunks."""


class Forms(NamedTuple):
    """SHA-256 of one file in every form that a checkout may give it, in hexadecimal."""

    kept: str
    """As Git keeps it; of a file of Git LFS, of its content."""
    here: str
    """By the attributes of the revision."""
    windows: str
    """With `core.autocrlf` too."""


class _Kinds(NamedTuple):
    converted: list[str]
    lfs: list[str]
    foreign: dict[str, str]
    """Path -> the name of its filter."""


def other_forms(
    snapshot: Snapshot, paths: Iterable[str], take: Take, *, windows: bool = False
) -> dict[str, str]:
    """Give those of the files that a checkout holds in another form than Git.

    Args:
        snapshot: the revision.
        paths: of regular files, POSIX, from the Git root.
        take: called once for each of them whose content is known.
        windows: a checkout with `core.autocrlf`; then each is given that no filter makes.

    Returns:
        Path -> why nobody here knows what a checkout would hold.

    Raises:
        UsageError: Git cannot tell, or cannot write them.
    """
    wanted = list(dict.fromkeys(paths))
    if not wanted:
        return {}  # Asked for often: to look through all entries each time took a minute.
    named = (p for p in snapshot.entries if p.rpartition("/")[2] == ".gitattributes")
    ruled = [path for path in named if snapshot.entries[path].is_file]
    if not (ruled or windows):
        return {}
    with temporary_folder() as scratch:
        tree = scratch / "tree"
        snapshot.git.borrow(tree)
        kinds = _kinds(snapshot, ruled, wanted, tree, windows=windows)
        ends = ("-c", "core.autocrlf=true") if windows else ()
        _git(tree, *ends, "checkout-index", "-z", "--stdin", given=_listed(kinds.converted))
        for path in kinds.converted:
            take(path, chunks_of(tree / path))
    unknown = {p: f"{FILTERED} {name!r} makes" for p, name in kinds.foreign.items()}
    return unknown | _from_lfs(snapshot, kinds.lfs, take)


def forms_of(snapshot: Snapshot, paths: Iterable[str]) -> dict[str, Forms]:
    """The files by every form that a checkout may have them in; Git's index is not asked.

    Args:
        snapshot: the revision.
        paths: POSIX, from the Git root.

    Returns:
        Path -> its forms. Left out is what is no regular file there, and what some filter makes.
        A pointer of Git LFS is no form of the content that it names.

    Raises:
        UsageError: as `other_forms`.
    """
    entries = snapshot.entries
    files = [path for path in dict.fromkeys(paths) if path in entries and entries[path].is_file]
    kept: dict[str, str] = {}
    named: dict[str, str] = {}

    def keep(oid: str, _size: int, chunks: Iterator[bytes]) -> None:
        head = next(chunks, b"")
        pointer = Pointer.read(head)
        if pointer is not None:
            named[oid] = pointer.oid
        else:
            kept[oid] = plain_sha256(itertools.chain((head,), chunks))

    snapshot.each(dict.fromkeys(entries[path].oid for path in files), keep)
    plain = [path for path in files if entries[path].oid in kept]
    here = _made(snapshot, plain, windows=False)
    windows = _made(snapshot, plain, windows=True)
    found = {}
    for path in files:
        as_kept = kept.get(entries[path].oid) or named[entries[path].oid]
        as_here = here.get(path, as_kept)
        found[path] = Forms(as_kept, as_here, windows.get(path, as_here))
    return {path: forms for path, forms in found.items() if all(forms)}


def _made(snapshot: Snapshot, paths: list[str], *, windows: bool) -> dict[str, str]:
    """Path -> SHA-256 of another form than Git's, empty where that is not known."""
    made: dict[str, str] = {}

    def take(path: str, chunks: Iterator[bytes]) -> None:
        made[path] = plain_sha256(chunks)

    unknown = other_forms(snapshot, paths, take, windows=windows)
    return dict.fromkeys(unknown, "") | made


def _kinds(
    snapshot: Snapshot, ruled: list[str], wanted: list[str], tree: Path, *, windows: bool
) -> _Kinds:
    entries = snapshot.entries
    index = "".join(f"{entries[p].mode} {entries[p].oid} 0\t{p}\0" for p in {*ruled, *wanted})
    _git(tree, "update-index", "-z", "--index-info", given=os.fsencode(index))
    asked = ("check-attr", "-z", "--cached", "--stdin", *_ATTRIBUTES)
    said = os.fsdecode(_git(tree, *asked, given=_listed(wanted))).split("\0")
    kinds = _Kinds([], [], {})
    for start in range(0, len(said) - 1, 3 * len(_ATTRIBUTES)):
        path, values = said[start], said[start + 2 : start + 3 * len(_ATTRIBUTES) : 3]
        text, eol, ident, encoding, filter_ = values
        if filter_ == "lfs":
            kinds.lfs.append(path)
        elif filter_ not in _NONE:
            kinds.foreign[path] = filter_
        elif (
            windows
            or (eol == "crlf" and text != "unset")
            or ident == "set"
            or encoding not in _NONE
        ):
            kinds.converted.append(path)
    return kinds


def _from_lfs(snapshot: Snapshot, paths: list[str], take: Take) -> dict[str, str]:
    """A file that LFS should have and whose blob is like no pointer is what it is."""
    heads: dict[str, bytes] = {}

    def take_head(oid: str, _size: int, chunks: Iterator[bytes]) -> None:
        heads[oid] = next(chunks, b"")[:LONGEST_POINTER]

    snapshot.each(dict.fromkeys(snapshot.entries[path].oid for path in paths), take_head)
    unknown = {}
    for path in paths:
        head = heads[snapshot.entries[path].oid]
        pointer = Pointer.read(head)
        if pointer is None:
            if Pointer.is_like(head):
                unknown[path] = (
                    "is no pointer as Git LFS writes them without extensions"
                    f" ({rewritten(path)!r} writes one)"
                )
            continue
        stored = pointer.stored(snapshot.git.common)
        if stored:
            take(path, chunks_of(stored))
        else:
            unknown[path] = _UNKNOWN_LFS
    return unknown


def _git(tree: Path, *args: str, given: bytes) -> bytes:
    settings = [word for setting in _PLAIN for word in ("-c", setting)]
    extra = {"GIT_ATTR_NOSYSTEM": "1", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    return run_git(tree, *settings, *args, extra=extra, given=given)


def _listed(paths: list[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
