"""Files that run code when they are loaded, told by name and by content; nothing is unpickled."""

import io
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
_NPY_OBJECTS = re.compile(rb"'descr':\s*(?:'[|<>=]?O'|\[[^]]*'[|<>=]?O')")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_LAMBDA = re.compile(rb'"class_name":\s*"Lambda"')
_PEEK = 1 << 16
_MEMBERS = 10_000


def may_hold_code(path: str) -> bool:
    """Whether a file of this name is worth reading: it may hold a pickle or serialised code."""
    return code_in_name(path) is not None or _suffix(path) in (
        ".bin", ".dat", ".h5", ".hdf5", ".keras", ".model", ".npy", ".npz", ".sav", ".zip",
    )  # fmt: skip


def code_in_name(path: str) -> str | None:
    """What a file is whose suffix says that loading it runs code; else None."""
    return _BY_SUFFIX.get(_suffix(path))


def code_in_content(content: bytes) -> str | None:
    """What makes a file run code when it is loaded; None where nothing of the kind was seen.

    Known are pickles of every protocol, also compressed with zlib or gzip (joblib), PyTorch's zip
    files, NumPy arrays of objects, and Keras's Lambda layers.
    """
    if _is_pickle(_inflated(content)):
        return "a pickle"
    if content.startswith(b"\x93NUMPY"):
        return "a NumPy array of objects, which are pickled" if _npy_objects(content) else None
    if content.startswith(_HDF5):
        return (
            "a Keras model with a Lambda layer, which is code" if _LAMBDA.search(content) else None
        )
    return _in_zip(content) if content.startswith(b"PK\x03\x04") else None


def _suffix(path: str) -> str:
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    while suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _is_pickle(head: bytes) -> bool:
    """Whether this begins as a pickle does: disassembled, not executed.

    Texts are pickles of the oldest protocol surprisingly often, so one without a protocol number
    has to name something to import, and to end where the file ends.
    """
    modern = _PROTOCOL.match(head) is not None
    imports, operations = False, 0
    try:
        for code, argument, position in pickletools.genops(head[:_PEEK]):
            operations += 1
            if code.name in ("GLOBAL", "INST"):
                imports = imports or _GLOBAL.fullmatch(str(argument)) is not None
            if code.name == "STOP":
                assert position is not None
                return modern or (imports and not head[position + 1 :].strip())
    except (ValueError, OverflowError, LookupError, struct.error):
        # joblib puts arrays as they are between the operations.
        return (modern and operations > 2) or (imports and len(head) >= _PEEK)
    return False


def _inflated(content: bytes) -> bytes:
    """The beginning of what zlib or gzip compressed; other content as it is."""
    gzip = content.startswith(b"\x1f\x8b")
    if not gzip and content[:2] not in (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"):
        return content
    try:
        return zlib.decompressobj(31 if gzip else 15).decompress(content[:_PEEK], _PEEK)
    except zlib.error:
        return content


def _npy_objects(content: bytes) -> bool:
    return _NPY_OBJECTS.search(content[:_PEEK].partition(b"\n")[0]) is not None


def _in_zip(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()[:_MEMBERS]
            for member in members:
                suffix = PurePosixPath(member.filename).suffix
                if suffix in (".pkl", ".pickle"):
                    return "an archive with a pickle in it, as PyTorch writes it"
                if suffix == ".npy" or member.filename == "config.json":
                    with archive.open(member) as file:
                        head = file.read(_PEEK if suffix == ".npy" else 1 << 20)
                    if suffix == ".npy" and _npy_objects(head):
                        return "NumPy arrays of objects, which are pickled"
                    if suffix == ".json" and _LAMBDA.search(head):
                        return "a Keras model with a Lambda layer, which is code"
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
        return None
    except ValueError:
        return None
    return None
