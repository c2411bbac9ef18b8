"""MD5 of content, as DVC computes it: DVC 3's of the bytes, DVC 2's with Unix line ends in text.

And SHA-256, by which statements name content.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from lockproof.errors import UsageError

from .files import open_named

CHUNK = 1 << 20
"""Bytes read at once; DVC 2's digests depend on it."""

_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_BLOCK = 512
_LARGE = 8 << 20
_BRIEF = 0.0005
"""Seconds after which a thread that runs Python lets the one that hashes have its turn."""


class Hashing:
    """SHA-256 of a file, worked out by a thread while this one loads and asks other things.

    Only to be used in `with`, whose end stops it. Hashing and reading hold no lock of Python's, so
    on a second processor it costs no time but its own.
    """

    def __init__(self, path: Path, instead: str) -> None:
        """Take the file, and what to give where it is none (as `open_named`)."""
        self.path = path
        self._instead = instead
        self._enough = Event()
        self._sha256: str | None = None
        self._error: UsageError | None = None
        self._thread = Thread(target=self._run, name="hashing")
        self._before = sys.getswitchinterval()

    def __enter__(self) -> "Hashing":
        """Begin."""
        sys.setswitchinterval(_BRIEF)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, done or not."""
        self._enough.set()
        self._thread.join()
        sys.setswitchinterval(self._before)

    def sha256(self) -> str:
        """In hex; waits for it.

        Raises:
            UsageError: as `open_named`.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._sha256 is not None, "asked after the end"
        return self._sha256

    def _run(self) -> None:
        digest, block = hashlib.sha256(), memoryview(bytearray(_LARGE))
        try:
            with open_named(self.path, self._instead) as file:
                while count := file.readinto(block):
                    if self._enough.is_set():
                        return
                    digest.update(block[:count])
            self._sha256 = digest.hexdigest()
        except UsageError as error:
            self._error = error


def file_md5(path: Path, algorithm: str = "md5") -> str:
    """MD5 of a file in hex; `md5-dos2unix` as DVC 2 computes it.

    Raises:
        OSError: the file cannot be read.
    """
    if algorithm == "md5-dos2unix":
        return both_md5(chunks_of(path))[1]
    return plain_md5(chunks_of(path))


def plain_md5(chunks: Iterable[bytes]) -> str:
    """MD5 in hex."""
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def plain_sha256(chunks: Iterable[bytes]) -> str:
    """SHA-256 in hex."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def both_sums(path: Path) -> tuple[str, str]:
    """SHA-256 and MD5 of a file in hex, which is read once.

    Raises:
        OSError: the file cannot be read.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for chunk in chunks_of(path):
        sha256.update(chunk)
        md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest()


def both_md5(chunks: Iterable[bytes]) -> tuple[str, str]:
    """MD5 in hex, and DVC 2's; all chunks but the last have `CHUNK` bytes."""
    plain, unix = hashlib.md5(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        plain.update(chunk)
        # Each chunk is looked at for itself, and a CRLF that two of them share stays.
        unix.update(chunk.replace(b"\r\n", b"\n") if _is_text(chunk[:_BLOCK]) else chunk)
    return plain.hexdigest(), unix.hexdigest()


def chunks_of(path: Path) -> Iterator[bytes]:
    """The content of a file: chunks of `CHUNK` bytes, and the rest.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _is_text(block: bytes) -> bool:
    """As DVC tells text from other content."""
    if b"\0" in block:
        return False
    return len(block.translate(None, _TEXT)) <= 0.3 * len(block)
