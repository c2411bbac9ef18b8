"""Digests of what Git holds, as DVC would compute them in a checkout."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from lockproof.adapters.hashing import plain_md5
from lockproof.model.digest import Algorithm, Digest, directory_digest
from lockproof.model.line_ends import in_windows_form

from .forms import other_forms
from .hashed import Hashed
from .links import BrokenLink, Links
from .paths import from_git_root
from .repository import SUBMODULE
from .snapshot import Snapshot

_MOST_CONVERTED = 64 << 20
_OF_DVC = frozenset({".dvc", ".dvcignore"})


class Unknown(Exception):
    """Nobody knows from Git alone what a checkout holds at a path; the text says why."""


class _Inner(NamedTuple):
    blobs: "Blobs"
    """Of the submodule."""
    path: str
    """From its top."""


class Blobs:
    """Files and folders of one revision by their DVC digests; each blob is hashed once.

    They are taken as a checkout has them: links followed, line ends and encodings converted, and
    what Git LFS keeps read from its store in the clone.
    """

    def __init__(self, snapshot: Snapshot, prefix: str, hides: Callable[[str], bool]) -> None:
        """Paths are relative to the DVC root, which `prefix` names from the Git root.

        `hides` says of such a path whether DVC's ignore files keep it out of DVC's sight.
        """
        self.snapshot, self.hides = snapshot, hides
        self.prefix = f"{prefix}/" if prefix else ""
        self._links = Links(snapshot)
        self._kept = Hashed()
        self._converted: set[str] = set()
        """Paths that were looked at and of which a checkout has another content than the blob."""
        self._other: dict[str, str | None] = {}
        """Path that was looked at -> why its content is unknown; None where it is the blob's."""
        self._listed: dict[str, dict[str, str]] = {}
        self.not_followed: set[str] = set()
        """Links to folders inside a folder: DVC does not look behind them."""
        self._submodules: dict[str, Blobs | None] = {}
        """Path of each that was asked for; None where it is not here."""
        self._children: dict[tuple[str, str], Mapping[str, str]] = {}
        self._found: dict[tuple[str, Algorithm], Digest | None] = {}
        """What `digest` has answered: each dependency is asked for several times."""
        self._is_submodule = False

    @property
    def hashed(self) -> int:
        """How many files were read."""
        return self._kept.count + sum(inner.hashed for inner in self._submodules.values() if inner)

    def holds(self, path: str) -> bool:
        """Whether Git has a file or folder there, or behind a link that is there.

        So it is taken to have where it is in a submodule of which that is not known.
        """
        try:
            inner = self._inner(path)
        except Unknown:
            return True
        if inner:
            return inner.blobs.holds(inner.path)
        try:
            real = self._links.resolve(from_git_root(self.prefix, path))
        except BrokenLink:
            return self._is_submodule  # It may lead to what is around it.
        return real in self.snapshot.entries or real in self.snapshot.folders

    @cached_property
    def is_plain(self) -> bool:
        """Whether it has no link and no submodule, so that each path is where its name says."""
        return self._links.are_none and not self._has_submodules

    def is_file(self, path: str, digest: Digest, size: int | None) -> bool:
        """Whether it is surely one file with this MD5 and size; of what is plain, and was hashed.

        The path is below the DVC root.
        """
        full = self.prefix + path
        entry = self.snapshot.entries.get(full)
        if entry is None or not entry.is_file or full in self._converted:
            return False
        known = self._other.get(full, "") is None and self._kept.sizes.get(entry.oid) == size
        return known and self._kept.digests["md5"].get(entry.oid) == digest.value

    def real(self, path: str) -> str | None:
        """Where a path leads to; None where that is outside of the DVC project."""
        if self._links.are_none:
            return path
        full = from_git_root(self.prefix, path)
        try:
            real = self._links.resolve(full)
        except BrokenLink:
            return None
        if real == full:
            return path
        return real.removeprefix(self.prefix) if real.startswith(self.prefix) else None

    def prepare(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Hash many at once: (path, algorithm) of files and folders."""
        asked: dict[str, bool] = {}  # File -> whether DVC 2's digest is asked for as well.
        for path, algorithm in wanted:
            both = algorithm == "md5-dos2unix"
            with contextlib.suppress(Unknown):
                for file in self._files(path).values():
                    asked[file] = both or asked.get(file, False)
        new = [file for file in asked if file not in self._other]
        self._other |= dict.fromkeys(new)
        self._other |= other_forms(self.snapshot, new, self._keep_other)
        oids: dict[str, bool] = {}
        for key, (file, both) in zip(self._keys(asked), asked.items(), strict=True):
            known = key in self._kept.digests["md5-dos2unix" if both else "md5"]
            if not known and self._other[file] is None:
                oids[key] = both or oids.get(key, False)

        def keep(oid: str, size: int, chunks: Iterator[bytes]) -> None:
            self._kept.keep(oid, chunks, size, both=oids[oid])

        self.snapshot.each(oids, keep)

    def _keep_other(self, path: str, chunks: Iterator[bytes]) -> None:
        self._kept.keep(f"/{path}", chunks, None, both=True)
        self._converted.add(path)

    def _known(self, files: Mapping[str, str], name: Algorithm) -> dict[str, str] | None:
        """Path -> digest; None where a file was not looked at, or its content is unknown."""
        digests, keys = self._kept.digests[name], self._keys(files.values())
        for file, key in zip(files.values(), keys, strict=True):
            if self._other.get(file, "") is not None or key not in digests:
                return None
        return {at: digests[key] for at, key in zip(files, keys, strict=True)}

    def _keys(self, files: Iterable[str]) -> list[str]:
        """By what digests and sizes of files are kept; no object id begins with `/`."""
        entries, converted = self.snapshot.entries, self._converted
        return [f"/{file}" if file in converted else entries[file].oid for file in files]

    def digest(self, path: str, algorithm: str) -> Digest | None:
        """The digest of a file or folder; None where there is none.

        Raises:
            Unknown: what is in Git does not tell.
        """
        name: Algorithm = "md5-dos2unix" if algorithm == "md5-dos2unix" else "md5"
        if (path, name) not in self._found:
            self._found[path, name] = self._digest(path, name)
        return self._found[path, name]

    def _digest(self, path: str, name: Algorithm) -> Digest | None:
        files = {} if self._has_submodules else self._files(path)
        # Of what is one file it is not kept a second time.
        one = self._known(files, name) if "" in files else None
        children = one or self.children(path, name)
        if "" in children:
            return Digest.of(name, children[""])
        # Of a folder in which DVC sees nothing, it has the digest of an empty one.
        return directory_digest(children, name) if children or self.holds(path) else None

    def children(self, path: str, algorithm: Algorithm) -> Mapping[str, str]:
        """The files of a folder: path below it -> hex digest; of a file its own is `""`.

        Raises:
            Unknown: what is in Git does not tell.
        """
        if (path, algorithm) not in self._children:
            self._children[path, algorithm] = self._read_children(path, algorithm)
        return self._children[path, algorithm]

    def _read_children(self, path: str, name: Algorithm) -> Mapping[str, str]:
        inner = self._inner(path)
        if inner:
            return inner.blobs.children(inner.path, name)
        files = self._files(path)
        found = self._known(files, name)
        if found is None:
            self.prepare([(path, name)])
            for file in files.values():
                why = self._other.get(file)
                if why:
                    raise Unknown(f"{file} {why}")
            found = self._known(files, name)
            assert found is not None, "it was just read"
        return found

    def size(self, path: str, algorithm: Algorithm) -> int:
        """Bytes of a file, or of all files of a folder.

        Raises:
            Unknown: as `children`.
        """
        inner = self._inner(path)
        if inner:
            return inner.blobs.size(inner.path, algorithm)
        if (path, algorithm) not in self._found:
            self.children(path, algorithm)
        return sum([self._kept.sizes[key] for key in self._keys(self._files(path).values())])

    def with_crlf(self, path: str) -> Digest | None:
        """Its MD5 with the line ends that Git for Windows gives to text; None where that is open.

        Raises:
            Unknown: as `children`.
        """
        inner = self._inner(path)
        if inner:
            return inner.blobs.with_crlf(inner.path)
        found = dict(self.children(path, "md5"))
        files = self._files(path)
        own = {at: file for at, file in files.items() if self._other.get(file, "") is None}
        if sum(self._kept.sizes[key] for key in self._keys(own.values())) > _MOST_CONVERTED:
            return None
        self.snapshot.load(own.values())
        for at, file in own.items():
            content = self.snapshot.read(file) or b""
            text = in_windows_form(content)
            if text is not None:
                found[at] = plain_md5([text])
        return Digest.of("md5", found[""]) if "" in found else directory_digest(found, "md5")

    def _inner(self, path: str) -> "_Inner | None":
        """What is a submodule, or in one, by the commit of it that this revision names.

        Raises:
            Unknown: that commit is not in this clone; or it is not known what DVC sees of it.
        """
        if not self._has_submodules:
            return None
        full = from_git_root(self.prefix, path)
        try:
            real = self._links.resolve(full)
        except BrokenLink:
            return None
        parts = real.split("/")
        for count in range(1, len(parts) + 1):
            top = "/".join(parts[:count])
            entry = self.snapshot.entries.get(top)
            if entry is not None and entry.mode == SUBMODULE:
                if top not in self._submodules:
                    self._submodules[top] = self._opened(top, entry.oid)
                blobs = self._submodules[top]
                if blobs is None:
                    raise Unknown(
                        f"{path} is a submodule, or in one, whose commit {entry.oid[:12]} is not in"
                        " this clone ('git submodule update --init' brings it)"
                    )
                below = "/".join(parts[count:]) or "."
                blobs._refuse_unknown(path, below, by_link=real != full)
                return _Inner(blobs, below)
        return None

    @cached_property
    def _has_submodules(self) -> bool:
        return any(entry.mode == SUBMODULE for entry in self.snapshot.entries.values())

    @cached_property
    def _has_rules(self) -> bool:
        return any(_OF_DVC.intersection(path.split("/")) for path in self.snapshot.entries)

    def _refuse_unknown(self, named: str, path: str, *, by_link: bool) -> None:
        """Raise `Unknown` where it is not known what DVC sees of a path of this submodule."""
        entries = self.snapshot.entries
        if self._has_rules:
            raise Unknown(f"{named} is in a submodule with .dvc or .dvcignore, which are not read")
        if by_link and not (path in entries and entries[path].is_file):
            # Patterns of ignore files are matched with the name by which DVC comes there.
            raise Unknown(f"{named} leads by a link into a submodule, of which DVC may see less")

    def _opened(self, top: str, commit: str) -> "Blobs | None":
        git = self.snapshot.git.submodule(top, commit)
        if git is None:
            return None
        named = f"{top}/"
        at = len(self.prefix)

        def hides(path: str) -> bool:
            return named.startswith(self.prefix) and self.hides(f"{named[at:]}{path}")

        inner = Blobs(Snapshot(git, commit), "", hides)
        inner._is_submodule = True
        return inner

    def is_converted(self, path: str) -> bool:
        """Whether it is a file, asked for before, that a checkout has in another form than Git."""
        return bool(self._converted) and from_git_root(self.prefix, path) in self._converted

    def _files(self, path: str) -> dict[str, str]:
        """Path below `path` as DVC sees it -> file of Git; of a file its own is `""`."""
        if path not in self._listed:
            full = from_git_root(self.prefix, path)
            # Most are files, and where there are no links each is where its name says.
            entry = self.snapshot.entries.get(full) if self._links.are_none else None
            self._listed[path] = {"": full} if entry and entry.is_file else dict(self._below(full))
        return self._listed[path]

    def _below(self, full: str) -> Iterator[tuple[str, str]]:
        top = self._follow(full)
        entries, folders = self.snapshot.entries, self.snapshot.folders
        if top in entries:
            yield "", self._file(top)
            return
        start, todo = len(top) + 1 if top else 0, [top]
        while todo:
            for child in folders.get(todo.pop(), ()):
                if child in folders:
                    todo.append(child)
                elif not self._hides(child, full, start):
                    real = self._follow(child)
                    if real in entries:
                        yield child[start:], self._file(real)
                    elif real in folders:
                        self.not_followed.add(child)
                    else:
                        raise Unknown(f"{child} is a link to {real}, which is not in Git")

    def _hides(self, child: str, full: str, start: int) -> bool:
        """Whether DVC does not see a file of a folder, by the name under which it comes to it."""
        named = f"{full}/{child[start:]}" if full else child[start:]
        # Beside its root DVC heeds no ignore file.
        return named.startswith(self.prefix) and self.hides(named[len(self.prefix) :])

    def _follow(self, path: str) -> str:
        try:
            return self._links.resolve(path)
        except BrokenLink as error:
            raise Unknown(f"{path} {error}") from None

    def _file(self, path: str) -> str:
        if not self.snapshot.entries[path].is_file:
            raise Unknown(f"{path} is a submodule, which is another repository")
        return path
