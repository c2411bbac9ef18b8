"""Directory objects: read from a store, checked, and taken apart."""

import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import IO

from lockproof.adapters.store.content import object_md5
from lockproof.adapters.store.interface import Patience, Store
from lockproof.model.digest import Digest
from lockproof.parse.listing import ListedFile, ListingError, read_listing

_IN_MEMORY = 16 << 20
_LARGEST = 1 << 30
_CHUNK = 1 << 18


@dataclass
class Directory:
    """What came of one directory object."""

    missing: bool = False
    corrupted: bool = False
    problem: str | None = None
    """Why the content is no listing, or a hostile one."""
    packed: dict[int, bytearray] = field(default_factory=dict)
    """First byte -> packed digests of its files, one for each file."""
    nfiles: int = 0
    parts: dict[str, dict[str, str]] = field(default_factory=dict)
    """Path in the directory that was asked for -> its files: path below it -> MD5. Of a file its
    own path is empty; `""` stands for the directory itself."""


def read_directory(
    store: Store, digest: Digest, patience: Patience, wanted: Collection[str] = ()
) -> Directory:
    """Read a directory object, check its MD5, and take it apart.

    Args:
        store: where it is.
        digest: names it.
        patience: how the store is asked.
        wanted: paths in the directory, files or folders, whose files are kept by name.

    Raises:
        StoreError: the store does not answer.
    """
    found = Directory()
    try:
        with _content(store, digest, patience) as content:
            packed: dict[int, bytearray] = {}
            parts: dict[str, dict[str, str]] = {path: {} for path in wanted}
            for file in _files(content, digest):
                for path in _around(file.relpath) if parts else ():
                    if path in parts:
                        parts[path][file.relpath[len(path) :].lstrip("/")] = file.md5
                raw = bytes.fromhex(file.md5)
                try:
                    packed[raw[0]] += raw
                except KeyError:
                    packed[raw[0]] = bytearray(raw)
                found.nfiles += 1
            found.packed, found.parts = packed, parts
    except FileNotFoundError:
        found.missing = True
    except _OtherContent:
        found.corrupted = True
    except ListingError as error:
        found.problem = str(error)
    return found


def _around(path: str) -> Iterator[str]:
    """The path itself, every folder that it lies in, and `""` for the whole."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


def names_in(
    store: Store, digest: Digest, patience: Patience, wanted: Callable[[str], bool]
) -> dict[str, str]:
    """MD5 -> the first path of a directory's files that has a wanted MD5.

    Raises:
        StoreError: the store does not answer.
    """
    found: dict[str, str] = {}
    try:
        with _content(store, digest, patience) as content:
            for file in _files(content, digest):
                if wanted(file.md5):
                    found.setdefault(file.md5, file.relpath)
    except (FileNotFoundError, _OtherContent, ListingError):
        pass  # It changed meanwhile: then the digests must do as names.
    return found


class _OtherContent(Exception):
    """The content does not have the digest that is its name."""


def _content(store: Store, digest: Digest, patience: Patience) -> IO[bytes]:
    return patience.ask(lambda: _fetch(store, digest))


def _fetch(store: Store, digest: Digest) -> IO[bytes]:
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="lockproof-")  # noqa: SIM115

    def write(chunk: bytes) -> None:
        file.write(chunk)
        if file.tell() > _LARGEST:
            raise ListingError("is larger than 1 GiB", _called(digest))

    try:
        md5 = object_md5(store, digest.object_path, digest, sink=write)
        if md5 != digest.value.removesuffix(".dir"):
            raise _OtherContent
    except BaseException:
        file.close()
        raise
    return file


def _files(file: IO[bytes], digest: Digest) -> Iterator[ListedFile]:
    return read_listing(_chunks(file), _called(digest))


def _called(digest: Digest) -> str:
    return f"directory object {digest.short}"


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk
