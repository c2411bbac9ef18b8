"""The NPY format as a stream, and NPZ as a bounded zip; after numpy's NEP 1, without numpy."""

import ast
import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from .bounds import MAX_MEMBERS, MAX_NPZ_BYTES, MAX_ZIP_READ_BYTES
from .interface import Unreadable, foreign

MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 10_000
"""As numpy: a longer literal can crash the interpreter that evaluates it."""
MAX_DIMENSIONS = 64


class Stream(Protocol):
    """What arrays are read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, fewer only at the end."""
        ...


@dataclass(frozen=True)
class Header:
    """What stands before the elements of an array."""

    descr: Any
    """The element type as numpy describes it; not yet judged."""
    column_order: bool
    """Whether the first index varies fastest."""
    shape: tuple[int, ...]


def read_header(stream: Stream) -> Header:
    """Read up to the first element.

    Raises:
        Unreadable: it is not NPY 1.0 to 3.0, or the header is broken or too long.
    """
    prefix = read_exactly(stream, 8)
    if not prefix.startswith(MAGIC) or prefix[6] not in (1, 2, 3):
        raise Unreadable("not an NPY file of version 1 to 3")
    form = "<H" if prefix[6] == 1 else "<I"
    (length,) = struct.unpack(form, read_exactly(stream, struct.calcsize(form)))
    if length > MAX_HEADER_BYTES:
        raise Unreadable(f"NPY header of more than {MAX_HEADER_BYTES} bytes")
    text = read_exactly(stream, length)
    with foreign("broken NPY header"):
        fields = ast.literal_eval(text.decode("utf-8" if prefix[6] == 3 else "latin-1").strip())
        descr, order, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    if not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
        raise Unreadable("broken NPY header: shape")
    if not all(type(n) is int and 0 <= n < 1 << 62 for n in shape):
        raise Unreadable("broken NPY header: shape")
    if not isinstance(order, bool):
        raise Unreadable("broken NPY header: fortran_order")
    return Header(descr, order and len(shape) > 1, shape)


def read_exactly(stream: Stream, size: int) -> bytes:
    """Read `size` bytes.

    Raises:
        Unreadable: the file ends before, or is broken.
    """
    with foreign("broken file"):
        content = stream.read(size)
        while len(content) < size and (more := stream.read(size - len(content))):
            content += more
    if len(content) < size:
        raise Unreadable("file ends early")
    return content


class _BoundedFile(io.FileIO):
    """Refuses to read more at once than a sound zip file makes anyone read."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As `io.FileIO.read`, which zipfile also calls for the whole list of contents."""
        if size is None or size < 0:
            size = max(0, os.fstat(self.fileno()).st_size - self.tell())
        if size > MAX_ZIP_READ_BYTES:
            raise Unreadable(
                f"zip with a contents list of more than {MAX_ZIP_READ_BYTES >> 20} MiB"
            )
        return super().read(size) or b""


@contextmanager
def open_zip(path: Path) -> Iterator[ZipFile]:
    """Open a zip file for reading.

    Raises:
        Unreadable: it is not a zip file, or its list of contents is too long.
    """
    with foreign("not readable as NPZ"):
        file = _BoundedFile(str(path))
    with file:
        with foreign("not readable as NPZ"):
            archive = ZipFile(file)
        yield archive


def members_of(archive: ZipFile) -> dict[str, ZipInfo]:
    """Name -> member.

    Raises:
        Unreadable: too many members, too much in them, two of one name, or packed otherwise
            than numpy packs them.
    """
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise Unreadable(f"NPZ of more than {MAX_MEMBERS} arrays")
    if sum(info.file_size for info in infos) > MAX_NPZ_BYTES:
        raise Unreadable(f"NPZ of more than {MAX_NPZ_BYTES >> 30} GiB once unpacked")
    # Only these two does zipfile unpack in bounded steps.
    if any(info.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for info in infos):
        raise Unreadable("NPZ packed by another method than numpy's")
    found = {info.filename: info for info in infos}
    if len(found) < len(infos):
        raise Unreadable("NPZ with two arrays of one name")
    return found
