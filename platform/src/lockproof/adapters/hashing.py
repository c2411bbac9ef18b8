"""MD5 of content, as DVC computes it: DVC 3's of the bytes, DVC 2's with Unix line ends in text.

And SHA-256, by which statements name content.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

CHUNK = 1 << 20
"""Bytes read at once; DVC 2's digests depend on it."""

_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_BLOCK = 512


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
