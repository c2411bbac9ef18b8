"""Digests of what Git holds, as DVC would compute them in a checkout."""

import hashlib
from collections.abc import Callable, Iterable, Iterator

from lockproof.model.digest import Algorithm, Digest, directory_digest

from .snapshot import LINK, Snapshot

_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_BLOCK = 512


class Blobs:
    """Files and folders of one revision by their DVC digests; each blob is hashed once."""

    def __init__(self, snapshot: Snapshot, prefix: str, hides: Callable[[str], bool]) -> None:
        """Paths are relative to the DVC root, which `prefix` names from the Git root.

        `hides` says of such a path whether DVC's ignore files keep it out of DVC's sight.
        """
        self.snapshot, self.hides = snapshot, hides
        self.prefix = f"{prefix}/" if prefix else ""
        self._digests: dict[tuple[str, str], str] = {}
        self._prepared: set[tuple[str, str]] = set()
        self._listed: dict[str, list[str]] = {}
        self.hashed = 0
        """How many blobs were read."""

    def holds(self, path: str) -> bool:
        """Whether Git has a file, link or folder there."""
        full = self._full(path)
        return full in self.snapshot.entries or full in self.snapshot.folders

    def prepare(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Hash many at once: (path, algorithm) of files and folders."""
        entries, known = self.snapshot.entries, self._digests
        oids: dict[str, bool] = {}
        for path, algorithm in wanted:
            if (path, algorithm) in self._prepared:
                continue
            self._prepared.add((path, algorithm))
            for file in self._files(path):
                entry = entries[file]
                if entry.is_file and (entry.oid, algorithm) not in known:
                    oids[entry.oid] = algorithm == "md5-dos2unix" or oids.get(entry.oid, False)

        def hash_(oid: str, _size: int, chunks: Iterator[bytes]) -> None:
            if oids[oid]:
                known[oid, "md5"], known[oid, "md5-dos2unix"] = _both(chunks)
            else:
                known[oid, "md5"] = _plain(chunks)
            self.hashed += 1

        self.snapshot.each(oids, hash_)

    def digest(self, path: str, algorithm: str) -> Digest | None:
        """The digest of a file or folder; None where it is not there, or holds a link."""
        name: Algorithm = "md5-dos2unix" if algorithm == "md5-dos2unix" else "md5"
        if (path, name) not in self._prepared:
            self.prepare([(path, name)])
        full = self._full(path)
        entries = self.snapshot.entries
        if full in entries:
            value = self._digests.get((entries[full].oid, name))
            return Digest.of(name, value) if value else None
        children = {}
        for file in self._files(path):
            value = self._digests.get((entries[file].oid, name))
            if value is None or entries[file].mode == LINK:
                return None
            children[file[len(full) + 1 :] if full else file] = value
        return directory_digest(children, name) if children else None

    def _files(self, path: str) -> list[str]:
        """The file itself, or what DVC sees of a folder; from the Git root."""
        full = self._full(path)
        if full in self.snapshot.entries:
            return [full]
        if full not in self._listed:
            self._listed[full] = list(self._below(full))
        return self._listed[full]

    def _below(self, folder: str) -> Iterator[str]:
        folders, todo = self.snapshot.folders, [folder]
        while todo:
            for child in folders.get(todo.pop(), ()):
                if child in folders:
                    todo.append(child)
                elif not self.hides(child[len(self.prefix) :]):
                    yield child

    def _full(self, path: str) -> str:
        return self.prefix.rstrip("/") if path == "." else f"{self.prefix}{path}"


def _plain(chunks: Iterator[bytes]) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        md5.update(chunk)
    return md5.hexdigest()


def _both(chunks: Iterator[bytes]) -> tuple[str, str]:
    """MD5, and DVC 2's."""
    plain, unix = hashlib.md5(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    is_text: bool | None = None
    for chunk in chunks:
        plain.update(chunk)
        if is_text is None:
            is_text = _is_text(chunk[:_BLOCK])
        # A CRLF that two chunks share stays: DVC's chunks are of the same size.
        unix.update(chunk.replace(b"\r\n", b"\n") if is_text else chunk)
    return plain.hexdigest(), unix.hexdigest()


def _is_text(block: bytes) -> bool:
    """As DVC 2 told text from other content: by the first 512 bytes."""
    if not block:
        return True
    if b"\0" in block:
        return False
    return len(block.translate(None, _TEXT)) / len(block) <= 0.30
