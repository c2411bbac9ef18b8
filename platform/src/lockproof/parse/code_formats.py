"""Files that run code when they are loaded, told by name and by content; nothing is unpickled."""

import ast
import bz2
import io
import lzma
import pickletools
import re
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

_BY_SUFFIX = {
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".dill": "a pickle (dill)",
    ".cloudpickle": "a pickle (cloudpickle)",
    ".joblib": "a pickle (joblib)",
    ".pt": "a PyTorch file, which holds a pickle",
    ".pth": "a PyTorch file, which holds a pickle",
    ".ckpt": "a checkpoint, which most often holds a pickle",
    ".mar": "a TorchServe archive, which holds code",
}
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".lzma", ".z", ".zst")

_PROTOCOL = re.compile(rb"\x80[\x02-\x05]")
_GLOBAL = re.compile(r"[^\W\d][\w.]* [^\W\d][\w.]*")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_LAMBDA = re.compile(rb'"class_name":\s*"Lambda"')
_ZIP = b"PK\x03\x04"
PEEK = 1 << 16
"""Bytes of a file's beginning that tell what it is."""
_MEMBERS = 10_000
_UNPACKED = 16 << 20
"""Bytes that are unpacked of one archive."""
_LZMA_MEMORY = 96 << 20
_CALLS = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
_MEMO = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})


def wants_whole(head: bytes) -> bool:
    """Whether the beginning of a file does not do: an archive has its names at its end."""
    return head.startswith((_ZIP, _HDF5))


def code_in_name(path: str) -> str | None:
    """What a file is whose suffix says that loading it runs code; else None."""
    return _BY_SUFFIX.get(_suffix(path))


def code_in_content(content: bytes) -> str | None:
    """What makes a file run code when it is loaded; None where nothing of the kind was seen.

    Known are pickles of every protocol, also compressed with zlib, gzip, bzip2 or xz (joblib),
    PyTorch's zip files, NumPy arrays of objects, and Keras's Lambda layers.

    Args:
        content: the first `PEEK` bytes of the file, or all of it where `wants_whole` says so.
    """
    if _is_pickle(_inflated(content)):
        return "a pickle"
    if content.startswith(b"\x93NUMPY"):
        return "a NumPy array of objects, which are pickled" if _npy_objects(content) else None
    if content.startswith(_HDF5):
        return (
            "a Keras model with a Lambda layer, which is code" if _LAMBDA.search(content) else None
        )
    return _in_zip(content) if content.startswith(_ZIP) else None


def _suffix(path: str) -> str:
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    while suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _is_pickle(head: bytes) -> bool:
    """Whether this begins as a pickle does: disassembled, not executed.

    Texts are pickles of the oldest protocols surprisingly often. So one without a protocol number
    has to import something and to call it, or to name something in its memo and to end where the
    file ends. What is called before the first error is called by a loader as well.
    """
    modern = _PROTOCOL.match(head) is not None
    imports = calls = named = False
    operations = texts = 0
    try:
        for code, argument, position in pickletools.genops(head[:PEEK]):
            operations += 1
            if code.name in ("GLOBAL", "INST"):
                imports = imports or _GLOBAL.fullmatch(str(argument)) is not None
            texts += "UNICODE" in code.name or "STRING" in code.name
            imports = imports or (code.name == "STACK_GLOBAL" and texts >= 2)
            calls = calls or (imports and code.name in _CALLS)
            named = named or code.name in _MEMO
            if code.name == "STOP":
                assert position is not None
                ends = not head[position + 1 :].strip()
                return modern or calls or (ends and (imports or named))
    except (ValueError, OverflowError, LookupError, struct.error):
        # joblib puts arrays as they are between the operations.
        return (modern and operations > 2) or calls or (imports and len(head) >= PEEK)
    return False


def _inflated(content: bytes) -> bytes:
    """The beginning of what was compressed with zlib, gzip, bzip2 or xz; other content as it is."""
    part = content[:PEEK]
    try:
        if part.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(31).decompress(part, PEEK)
        if part[:2] in (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"):
            return zlib.decompressobj(15).decompress(part, PEEK)
        if part.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(part, PEEK)
        if part.startswith((b"\xfd7zXZ\0", b"]\0\0")):
            return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY).decompress(part, PEEK)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        pass
    return content


def _npy_objects(content: bytes) -> bool:
    """As NumPy reads the header: a literal, whose types are texts in lists and tuples."""
    start = 10 if content[6:7] == b"\x01" else 12
    header = content[start:PEEK][: int.from_bytes(content[8:start], "little")]
    try:
        read = ast.literal_eval(header.decode("latin-1").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return b"O" in header  # Cut off, or nothing that NumPy reads.
    todo = [read.get("descr")] if isinstance(read, dict) else []
    while todo:
        kind = todo.pop()
        if isinstance(kind, str) and ("O" in kind or "object" in kind):
            return True
        if isinstance(kind, tuple):
            todo += kind[:1]
        elif isinstance(kind, list):
            todo += [field[1] for field in kind if isinstance(field, tuple) and len(field) > 1]
    return False


def _in_zip(content: bytes) -> str | None:
    left = _UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist()[:_MEMBERS]:
                what = _named_in_zip(member.filename)
                if what:
                    return what
                if left <= 0 or member.is_dir():
                    continue
                with archive.open(member) as file:
                    head = file.read(1 << 20 if member.filename == "config.json" else PEEK)
                left -= len(head)
                what = _of_member(member.filename, head)
                if what:
                    return what
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
        return _first_in_zip(content)
    except (ValueError, lzma.LZMAError):
        return _first_in_zip(content)
    return None


def _named_in_zip(name: str) -> str | None:
    if PurePosixPath(name).suffix in (".pkl", ".pickle"):
        return "an archive with a pickle in it, as PyTorch writes it"
    return None


def _of_member(name: str, head: bytes) -> str | None:
    if head.startswith(b"\x93NUMPY"):
        return "NumPy arrays of objects, which are pickled" if _npy_objects(head) else None
    if name == "config.json":
        return "a Keras model with a Lambda layer, which is code" if _LAMBDA.search(head) else None
    return "an archive with a pickle in it" if _is_pickle(head) else None


def _first_in_zip(content: bytes) -> str | None:
    """What the first member of a broken or cut archive is, by its name."""
    length = int.from_bytes(content[26:28], "little")
    return _named_in_zip(content[30 : 30 + length].decode("utf-8", "replace"))
