"""Files that run code when they are loaded, made by the libraries that write them."""

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
import zlib
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.parse.code_formats import code_in_content, code_in_name


def array(values: object, **options: object) -> bytes:
    """An `.npy` file."""
    buffer = io.BytesIO()
    np.save(buffer, np.array(values, **options), allow_pickle=True)  # type: ignore[call-overload]
    return buffer.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    """A zip file, the same whenever it is made: it is part of a test's name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value", [OrderedDict(a=1), [np.float64(1)], np.arange(9), {"plain": [1, 2]}]
)
def test_pickles_of_every_protocol(protocol: int, value: object) -> None:
    content = pickle.dumps(value, protocol)
    assert code_in_content(content) == "a pickle"
    assert code_in_content(zlib.compress(content)) == "a pickle"
    assert code_in_content(gzip.compress(content, mtime=0)) == "a pickle"
    assert code_in_content(bz2.compress(content)) == "a pickle"
    assert code_in_content(lzma.compress(content)) == "a pickle"
    assert code_in_content(lzma.compress(content, lzma.FORMAT_ALONE)) == "a pickle"
    assert "pickle" in str(code_in_content(archive({"a/b.bin": content})))
    assert code_in_content(pickle.dumps(value, protocol) + b"trailing") == (
        None if protocol < 2 and type(value) is dict else "a pickle"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'ls'\ntR.",
        b"cos\nsystem\n(S'ls'\ntR.and more",
        b"cos\nsystem\n(S'ls'\ntR\xff never reached",
        b"N0\x80\x04" + pickle.dumps(OrderedDict(a=1), 4)[2:],
        b"(S'ls'\nios\nsystem\n.",
    ],
)
def test_pickles_that_begin_or_end_as_none_does(content: bytes) -> None:
    assert code_in_content(content) == "a pickle"


def test_an_archive_that_is_cut_off_is_known_by_its_first_name() -> None:
    whole = archive({"archive/data.pkl": bytes(100)})
    assert code_in_content(whole[:80])


def test_arrays_of_objects_and_archives() -> None:
    objects = array([{}, []], dtype=object)
    assert "objects" in str(code_in_content(objects))
    assert "objects" in str(code_in_content(array([(1, "a")], dtype=[("n", "i4"), ("o", "O")])))
    assert "objects" in str(code_in_content(archive({"x.npy": objects})))
    inner = [("a", [("x", "f4")]), ("b", [("c", "O", (2,))])]
    assert "objects" in str(code_in_content(array([], dtype=inner)))
    assert "pickle" in str(code_in_content(archive({"model/data.pkl": b"x"})))
    layer = b'{"layers": [{"class_name": "Lambda"}]}'
    assert "Lambda" in str(code_in_content(archive({"config.json": layer})))
    assert "Lambda" in str(code_in_content(b"\x89HDF\r\n\x1a\n" + layer))


@pytest.mark.parametrize(
    "header",
    [
        '{ "descr" : "|O", "fortran_order": False, "shape": (1,)}',
        "{'descr': 'O8', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': 'i4', 'descr': 'object', 'fortran_order': False, 'shape': (1,)}",
        "{'fortran_order': False, 'shape': (1,),\n'descr': '|' 'O'}",
        "{'descr': [('a', ('|O', (1,)))], 'fortran_order': False, 'shape': (1,)}",
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_arrays_of_objects_as_numpy_reads_their_header(header: str, version: int) -> None:
    size = len(header).to_bytes(2 * version, "little")
    head = b"\x93NUMPY" + bytes([version, 0]) + size + header.encode()
    read = np.load(io.BytesIO(head + pickle.dumps([1], 4)), allow_pickle=True)
    assert read == [1], "it was unpickled"
    assert "objects" in str(code_in_content(head))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        b"{}",
        b"# Title.\n\ncopyright.",
        b"(see below).",
        array([1.0, 2.0]),
        array(np.arange(20_000, dtype="f8").tolist()),
        archive({"a.txt": b"a,b\n1,2\n", "sub/": b""}),
        array(["Old", "O"]),
        array([(1, 2)], dtype=[("O", "i4"), ("object", "f4")]),
        archive({"x.npy": array([1])}),
        archive({"config.json": b'{"class_name": "Dense"}'}),
        b"\x89HDF\r\n\x1a\n" + bytes(100),
        b"\x89PNG\r\n\x1a\n",
        gzip.compress(b"a,b\n1,2\n", mtime=0),
        b"PK\x03\x04 not a zip",
        b"x\x9c not zlib",
    ],
)
def test_what_runs_nothing(content: bytes) -> None:
    assert code_in_content(content) is None


def test_names() -> None:
    assert code_in_name("models/best.PKL")
    assert code_in_name("models/best.pkl.gz")
    assert code_in_name("m.pt")
    assert not code_in_name("model.skops")
    assert not code_in_name("pkl")


@settings(deadline=None)
@given(st.sampled_from((b"", b"PK\x03\x04", b"\x93NUMPY", b"x\x9c", b"\x1f\x8b")), st.binary())
def test_any_bytes_are_looked_at(start: bytes, rest: bytes) -> None:
    # A few drawn bytes may be the header of an array of objects.
    arrays = "a NumPy array of objects, which are pickled"
    assert code_in_content(start + rest) in (None, "a pickle", arrays)


def test_a_bomb_is_not_unpacked() -> None:
    zeros = bytes(50_000_000)
    for content in (zlib.compress(zeros, 9), bz2.compress(zeros), lzma.compress(zeros)):
        assert code_in_content(content) is None
