"""The files of one commit, or of the index, read from Git's object store in bulk."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import IO, NamedTuple

from lockproof.errors import UsageError

from .command import git_command, git_environment
from .links import BrokenLink, Links
from .repository import SUBMODULE, GitRepository, run_git

_CHUNK = 1 << 20
_IMPOSSIBLE = frozenset({"", ".", "..", ".git"})
_EMPTY = frozenset(
    {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    }
)
"""The id of an empty file, by SHA-1 and by SHA-256."""


class Entry(NamedTuple):
    """A tracked file."""

    mode: str
    """Git's: `100644`, `100755`, `120000` for a link, `160000` for a submodule."""
    oid: str
    """Object id."""

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, not a link or a submodule."""
        return self.mode.startswith("100")


class Snapshot:
    """The tracked files of a commit or of the index; the work tree is never looked at."""

    def __init__(self, git: GitRepository, commit: str | None) -> None:
        """`commit` None means the index, as `git commit` would take it."""
        self.git, self.commit = git, commit
        self._content: dict[str, bytes | None] = {}

    @property
    def top(self) -> str:
        """The root of the clone, absolute and without links."""
        return os.path.realpath(self.git.root)

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """POSIX path from the Git root -> entry, in Git's order.

        Raises:
            UsageError: the index holds files in conflict; or a tree is broken.
        """
        if self.commit is not None:
            listing = run_git(self.git.root, "ls-tree", "-r", "-z", "--full-tree", self.commit)
            found = {}
            for line in filter(None, os.fsdecode(listing).split("\0")):
                meta, _, path = line.partition("\t")
                mode, _, oid = meta.split(" ")
                if path in found:
                    raise self._broken(path, "is there twice")
                found[path] = Entry(mode, oid)
        else:
            found = self._index()
        self._refuse_impossible(found)
        return found

    def _index(self) -> dict[str, Entry]:
        found = {}
        asked = ("ls-files", "-s", "-z", "--full-name", ":/")
        listing = run_git(self.git.root, *asked, extra=self.git.index)
        for line in filter(None, os.fsdecode(listing).split("\0")):
            meta, _, path = line.partition("\t")
            mode, oid, stage = meta.split(" ")
            if stage != "0":
                raise UsageError(f"{path} is in conflict: resolve it and add it")
            found[path] = Entry(mode, oid)
        if any(entry.oid in _EMPTY for entry in found.values()):
            # Perhaps only announced ('git add -N'), and no commit would take it.
            tree = run_git(self.git.root, "hash-object", "-t", "tree", "--stdin").decode().strip()
            how = ("--cached", "--name-only", "-z", "--no-relative", "--no-renames")
            named = ("diff-index", *how, "--ita-invisible-in-index", tree)
            listing = run_git(self.git.root, *named, extra=self.git.index)
            kept = set(os.fsdecode(listing).split("\0"))
            found = {path: entry for path, entry in found.items() if path in kept}
        return found

    def _refuse_impossible(self, found: Mapping[str, Entry]) -> None:
        """Refuse what no checkout can have, since then nobody knows what one would have."""
        folders: set[str] = set()
        for path in found:
            above, slash, name = path.rpartition("/")
            while True:
                if name.lower() in _IMPOSSIBLE:
                    raise self._broken(path, "is no name that Git checks out")
                if not slash or above in folders:
                    break  # Each folder is looked at once.
                if above in found:
                    raise self._broken(above, "is a file and a folder")
                folders.add(above)
                above, slash, name = above.rpartition("/")

    def _broken(self, path: str, why: str) -> UsageError:
        where = self.commit[:12] if self.commit else "the index"
        return UsageError(f"{where} is broken: {path!r} {why}: see 'git fsck', and make it anew")

    @cached_property
    def folders(self) -> Mapping[str, tuple[str, ...]]:
        """Folder -> the paths directly in it, folders included; the Git root is `""`."""
        found: dict[str, list[str]] = {"": []}
        for path in self.entries:
            child = path
            while True:
                parent = child.rpartition("/")[0]
                known = parent in found
                found.setdefault(parent, []).append(child)
                if known:
                    break
                child = parent
        return {folder: tuple(paths) for folder, paths in found.items()}

    @cached_property
    def submodules(self) -> "Mapping[str, Snapshot | None]":
        """Path of each -> its files, by the commit that is named; None where that is not here."""
        found: dict[str, Snapshot | None] = {}
        for path, entry in self.entries.items():
            if entry.mode == SUBMODULE:
                inner = self.git.submodule(path, entry.oid)
                found[path] = Snapshot(inner, entry.oid) if inner else None
        return found

    def read(self, path: str) -> bytes | None:
        """Content of a file; None where there is none, or it is a link or a submodule."""
        self.load([path])
        return self._content[path]

    def read_through(self, path: str) -> bytes | None:
        """As `read`, of what tracked links on the way lead to; None where they lead out."""
        try:
            return self.read(self._links.resolve(path))
        except BrokenLink:
            return None

    @cached_property
    def _links(self) -> Links:
        return Links(self)

    def reads_alike(self, other: "Snapshot") -> bool:
        """Whether who has read this one would find the same in another.

        That is so where both have the same names, modes, links and submodules, and what was read
        here as content is the same there. False where nothing was read yet.
        """
        mine, theirs = self.entries, other.entries
        if not self._content or mine.keys() != theirs.keys():
            return False
        return all(
            entry == theirs[path]
            or (entry.is_file and entry.mode == theirs[path].mode and path not in self._content)
            for path, entry in mine.items()
        )

    def load(self, paths: Iterable[str]) -> None:
        """Read many files at once, so that `read` finds them."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self._content]
        oids: dict[str, list[str]] = {}
        for path in wanted:
            self._content[path] = None
            entry = self.entries.get(path)
            if entry and entry.is_file:
                oids.setdefault(entry.oid, []).append(path)

        def keep(oid: str, _size: int, chunks: Iterator[bytes]) -> None:
            content = b"".join(chunks)
            for path in oids[oid]:
                self._content[path] = content

        self.each(oids, keep)

    def each(self, oids: Iterable[str], take: Callable[[str, int, Iterator[bytes]], None]) -> None:
        """Stream blobs, by one process of Git: `take(object id, bytes, content in chunks)`.

        Raises:
            UsageError: the clone lacks a blob.
        """
        wanted = list(oids)
        if not wanted:
            return
        process = subprocess.Popen(
            git_command("cat-file", "--batch", "--buffer"),
            cwd=self.git.root,
            env=git_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=_CHUNK,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        writer = threading.Thread(target=_ask, args=(process.stdin, wanted), daemon=True)
        writer.start()
        try:
            for oid in wanted:
                header = process.stdout.readline().split()
                if len(header) != 3 or header[1] != b"blob":
                    raise UsageError(
                        f"this clone lacks object {oid[:12]}: fetch it, or clone without --filter"
                    )
                size = int(header[2])
                if size < _CHUNK:
                    chunks = iter((_whole(process.stdout, size),))
                else:
                    chunks = _chunks(process.stdout, size)
                take(oid, size, chunks)
                for _ in chunks:
                    pass  # What was not wanted.
        finally:
            process.kill()
            process.stdout.close()
            writer.join()
            process.wait()

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """Bytes of files, by path; links and submodules are left out."""
        oids: dict[str, list[str]] = {}
        for path in paths:
            entry = self.entries.get(path)
            if entry and entry.is_file:
                oids.setdefault(entry.oid, []).append(path)
        if not oids:
            return {}
        done = subprocess.run(
            git_command("cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer"),
            cwd=self.git.root,
            env=git_environment(),
            input="\n".join(oids).encode() + b"\n",
            capture_output=True,
            check=True,
        )
        found = {}
        for line in done.stdout.decode().splitlines():
            oid, _, size = line.partition(" ")
            if size.isdigit():
                found.update(dict.fromkeys(oids[oid], int(size)))
        return found


def _ask(stdin: IO[bytes], oids: list[str]) -> None:
    with contextlib.suppress(OSError), stdin:
        stdin.write("\n".join(oids).encode() + b"\n")


def _whole(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size + 1)  # A line end follows.
    if len(content) <= size:
        raise UsageError("git cat-file ended early: run 'git fsck'")
    return content[:-1]


def _chunks(stream: IO[bytes], size: int) -> Iterator[bytes]:
    left = size + 1  # A line end follows.
    while left:
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            raise UsageError("git cat-file ended early: run 'git fsck'")
        left -= len(chunk)
        content = chunk if left else chunk[:-1]
        if content:
            yield content
