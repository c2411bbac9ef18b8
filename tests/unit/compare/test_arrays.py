"""NPY and NPZ: element types, orders, structures, and files made to harm."""

import io
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.installed import how_to_add

from .files import DIFFERENT, LOOSE, NOT_COMPARABLE, WITHIN, compare, npy, npz, rule, summaries

GRID = np.arange(12.0).reshape(3, 4)


def moved(array: np.ndarray, index: tuple[int, ...], value: object) -> np.ndarray:
    copy = array.copy()
    copy[index] = value
    return copy


@pytest.mark.parametrize("locked_order", "CF")
@pytest.mark.parametrize("observed_order", "CF")
def test_the_order_in_storage_does_not_matter(locked_order: str, observed_order: str) -> None:
    locked = npy(np.asarray(GRID, order=locked_order))
    observed = npy(np.asarray(moved(GRID, (2, 1), 9.5), order=observed_order))
    (difference,) = compare("m.npy", locked, observed, LOOSE).differences
    assert (difference.checked, difference.beyond) == (12, 1)
    assert difference.largest is not None
    assert difference.largest.where == "[2, 1]"
    assert (difference.largest.locked, difference.largest.observed) == ("9.0", "9.5")


@pytest.mark.parametrize("order", "CF")
def test_places_in_large_arrays(order: str) -> None:
    array = np.zeros((3, 1000, 100), order=order)
    found = compare("m.npy", npy(array), npy(moved(array, (2, 998, 7), 1.0)), LOOSE)
    assert found.differences[0].checked == 300_000
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "[2, 998, 7]"


@pytest.mark.parametrize(
    ("locked", "observed", "verdict"),
    [
        (np.array([1.0]), np.array([1.0], dtype="f4"), WITHIN),
        (np.array([1, 2]), np.array([1, 2], dtype="i2"), WITHIN),
        (np.array(["a"]), np.array(["a"], dtype="U9"), WITHIN),
        (np.array([1 + 2j]), np.array([1 + 2.0000001j]), WITHIN),
        (np.array([1 + 2j]), np.array([1 + 3j]), DIFFERENT),
        (np.array([complex(np.nan, 0)]), np.array([complex(0, np.nan)]), WITHIN),
        (np.array([2**62]), np.array([2**62 + 1]), WITHIN),
        (np.array([True, False]), np.array([True, True]), DIFFERENT),
        (np.array(["a", "b"]), np.array(["a", "c"]), DIFFERENT),
        (np.array([b"a"]), np.array([b"b"]), DIFFERENT),
        (np.array([1], dtype="M8[D]"), np.array([2], dtype="M8[D]"), DIFFERENT),
        (np.array(["NaT"], dtype="M8[D]"), np.array(["NaT"], dtype=">M8[D]"), WITHIN),
        (np.array([1], dtype="m8[s]"), np.array([2], dtype="m8[s]"), DIFFERENT),
        (np.array([b"ab"], dtype="V2"), np.array([b"ac"], dtype="V2"), DIFFERENT),
        (np.float64(1.0), np.float64(1.00000001), WITHIN),
    ],
)
def test_element_types(locked: np.ndarray, observed: np.ndarray, verdict: object) -> None:
    found = compare("m.npy", npy(locked), npy(observed), LOOSE)
    assert found.verdict is verdict
    assert found.differences[0].checked == np.size(locked)


def test_integers_are_subtracted_exactly() -> None:
    low, high = np.array([-(2**63)]), np.array([2**63 - 1])
    (difference,) = compare("m.npy", npy(low), npy(high), LOOSE).differences
    assert difference.largest is not None
    assert difference.largest.absolute == 2.0**64
    near = compare("m.npy", npy(high), npy(high - 1), rule(atol=0.5))
    assert near.verdict is DIFFERENT
    unsigned = np.array([0], dtype="u8")
    assert compare("m.npy", npy(unsigned), npy(unsigned + 1), rule(atol=1)).verdict is WITHIN


@pytest.mark.parametrize(
    ("observed", "summary"),
    [
        (GRID.astype("i8"), "elements: type float64 became int64"),
        (GRID.astype("U4"), "elements: type float64 became <U4"),
        (GRID[:2], "shape (3, 4) became (2, 4)"),
        (GRID.ravel(), "shape (3, 4) became (12,)"),
    ],
)
def test_kind_and_shape_are_structure(observed: np.ndarray, summary: str) -> None:
    found = compare("m.npy", npy(GRID), npy(observed), LOOSE)
    assert (found.verdict, summaries(found)) == (DIFFERENT, [summary])


def test_units_of_time_are_structure() -> None:
    days, hours = np.array([1], dtype="M8[D]"), np.array([24], dtype="M8[h]")
    assert "type datetime64[D] became" in summaries(compare("m.npy", npy(days), npy(hours)))[0]


def test_structured_arrays_go_field_by_field() -> None:
    kind = [("id", "i8"), ("p", [("x", "f8"), ("v", "f8", (2,))]), ("name", "U3")]
    locked = np.zeros(3, dtype=kind)
    observed = locked.copy()
    observed["p"]["v"][2, 1] = 0.5
    found = compare("m.npy", npy(locked), npy(observed), LOOSE)
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "p.v[2, 1]"
    assert found.differences[0].checked == 15
    assert compare("m.npy", npy(locked), npy(observed), rule(atol=1, fields=("p.*",))).verdict is (
        WITHIN
    )
    fewer = np.zeros(3, dtype=[("id", "i8"), ("other", "f8")])
    assert summaries(compare("m.npy", npy(locked), npy(fewer), LOOSE)) == [
        "elements: field p is missing",
        "elements: field name is missing",
        "elements: field other is new",
        "equal in what both have (3 values)",
    ]


def test_npz_goes_array_by_array() -> None:
    locked = npz(coef=GRID, bias=np.array(1.0), old=GRID)
    observed = npz(coef=moved(GRID, (0, 3), 3.5), bias=np.array(1.5), new=GRID)
    found = compare("m.npz", locked, observed, rule(atol=1, fields=("coef",)))
    assert found.verdict is DIFFERENT
    assert summaries(found) == [
        "array old: missing",
        "array new: new",
        "2 of 13 values differ, 1 beyond tolerance",
    ]
    assert found.differences[2].largest is not None
    assert found.differences[2].largest.where == "bias"
    assert found.differences[2].largest.locked == "1.0"


floats = st.floats(-1e300, 1e300) | st.sampled_from([np.nan, np.inf, -np.inf])


@settings(deadline=None)
@given(
    data=st.lists(st.tuples(floats, floats), min_size=1, max_size=30),
    rtol=st.floats(0, 1),
    atol=st.floats(1e-9, 1e9),
)
def test_as_numpy_isclose(data: list[tuple[float, float]], rtol: float, atol: float) -> None:
    a, b = np.array(data).T
    with np.errstate(all="ignore"):
        beyond = int((~np.isclose(b, a, rtol=rtol, atol=atol, equal_nan=True)).sum())
    found = compare("m.npy", npy(a), npy(b), rule(rtol, atol))
    assert sum(d.beyond for d in found.differences) == beyond


def header(text: bytes, version: int = 1) -> bytes:
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


def described(descr: str, shape: str, order: str = "False") -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}".encode())


class Explosive:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('unpickled')",))


HOSTILE = {
    "objects": (npy(np.array([{}, 1], dtype=object)), "never unpickled"),
    "pickle": (npy(np.array([Explosive()], dtype=object)), "never unpickled"),
    "no file": (b"\x80\x04N.", "ends early"),
    "ends early": (npy(GRID)[:-3], "ends early"),
    "goes on": (npy(GRID) + b"\0", "bytes follow"),
    "long header": (header(b" " * 20_000), "header of more than"),
    "endless header": (header(b"{}", 2)[:8] + b"\xff" * 4, "header of more than"),
    "deep header": (header(b"(" * 9_000), "broken NPY header"),
    "code in header": (header(b"__import__('os')._exit(1)"), "broken NPY header"),
    "negative shape": (described("'<f8'", "(-3, 4)"), "broken NPY header"),
    "huge shape": (described("'<f8'", "(10**18,)"), "broken NPY header"),
    "text as shape": (described("'<f8'", "'34'"), "broken NPY header"),
    "truth in shape": (described("'<f8'", "(True, 4)"), "broken NPY header"),
    "many dimensions": (described("'<f8'", str((1,) * 65)), "broken NPY header"),
    "no such type": (described("'no'", "(3, 4)"), "element type"),
    "empty elements": (described("'|S0'", "(3, 4)"), "cannot be compared"),
    "huge elements": (described("'|S2000000000'", "(3, 4)"), "cannot be compared"),
    "version 9": (b"\x93NUMPY\x09" + bytes(20), "version 1 to 3"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_arrays(case: str) -> None:
    content, reason = HOSTILE[case]
    found = compare("m.npy", npy(GRID), content, LOOSE)
    assert found.verdict is NOT_COMPARABLE
    assert reason in summaries(found)[0]
    assert compare("m.npy", content, npy(GRID), LOOSE).verdict is NOT_COMPARABLE
    assert compare("m.npy", npy(GRID), content).verdict is DIFFERENT


def test_arrays_larger_than_their_file() -> None:
    large = described("'<f8'", "(4000000000, 4000000000)")
    found = compare("m.npy", large, large + b"\0", LOOSE)
    assert (found.verdict, "ends early" in summaries(found)[0]) == (NOT_COMPARABLE, True)
    other = described("'<f8'", "(4000000000, 4000000000)", "True")
    found = compare("m.npy", large, other, LOOSE)
    assert "stored in different orders" in summaries(found)[0]


@pytest.mark.parametrize("code", [0xD800, 0x110000, 0x7FFFFFFF, 0x80000000, 0xFF000062])
def test_code_points_that_are_none_can_be_told_apart(code: int) -> None:
    sound = npy(np.array(["ab"]))
    found = compare("m.npy", sound, sound[:-4] + code.to_bytes(4, "little"), LOOSE)
    assert found.verdict is DIFFERENT
    largest = found.differences[0].largest
    assert largest is not None
    assert largest.locked == "'ab'"
    assert largest.observed != "'ab'"
    assert largest.observed.isprintable()


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_hostile_archives() -> None:
    sound = npz(a=GRID)
    flipped = bytearray(sound)
    flipped[sound.index(GRID.tobytes()) + 3] ^= 1
    cases = {
        "CRC": bytes(flipped),
        "another method": archive({"a.npy": npy(GRID)}, zipfile.ZIP_BZIP2),
        "more than 10000 arrays": archive({f"{i}.npy": b"" for i in range(10_001)}),
        "contents list": archive({f"{i:0>9000}": b"" for i in range(500)}),
        "never unpickled": archive({"a.npy": npy(np.array([{}], dtype=object))}),
    }
    for reason, content in cases.items():
        found = compare("m.npz", sound, content, LOOSE)
        assert reason in " ".join(summaries(found)), summaries(found)
        assert found.verdict in (NOT_COMPARABLE, DIFFERENT)
    crc = compare("m.npz", sound, cases["CRC"], rule(atol=1e9))
    assert crc.verdict is NOT_COMPARABLE


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_arrays_of_one_name() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as twice:
        twice.writestr("a.npy", npy(GRID))
        twice.writestr("a.npy", npy(GRID))
    found = compare("m.npz", npz(a=GRID), file.getvalue(), LOOSE)
    assert (found.verdict, "one name" in summaries(found)[0]) == (NOT_COMPARABLE, True)


def test_members_that_are_no_arrays_are_compared_by_bytes() -> None:
    locked = archive({"a.npy": npy(GRID), "note.txt": b"x"})
    stored = archive({"a.npy": npy(GRID), "note.txt": b"x"}, zipfile.ZIP_STORED)
    assert compare("m.npz", locked, stored, LOOSE).verdict is WITHIN
    found = compare("m.npz", locked, archive({"a.npy": npy(GRID), "note.txt": b"xy"}), LOOSE)
    assert summaries(found)[0] == "member note.txt: bytes differ"


def test_zip_bombs_are_streamed() -> None:
    size = 32 << 20
    head = described("'|u1'", f"({size},)")
    bomb, other = (archive({"a.npy": head + bytes(size - 1) + last}) for last in (b"\0", b"\1"))
    assert len(bomb) < size // 500
    tracemalloc.start()
    try:
        found = compare("m.npz", bomb, other, LOOSE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.verdict, found.differences[0].checked) == (DIFFERENT, size)
    assert peak < 8 << 20


PROBE = """
import sys
from pathlib import Path
for name in ("numpy", "pyarrow"):
    sys.modules[name] = None  # as where the extra is not installed
from lockproof.installed import how_to_add
from lockproof.compare.content import compare_content
from lockproof.config import ToleranceRule
from lockproof.errors import MissingExtraError
a, b = Path(sys.argv[1], "a"), Path(sys.argv[1], "b")
a.write_bytes(b"x\\n1\\n"), b.write_bytes(b"x\\n2\\n")
rules = [ToleranceRule(paths=("*",), atol=1)]
print(compare_content("m.csv", a, b, rules).verdict)
for suffix in ("npy", "npz", "parquet"):
    print(compare_content("m." + suffix, a, b, []).verdict)
    print(compare_content("m." + suffix, a, a, rules).verdict)
    try:
        compare_content("m." + suffix, a, b, rules)
    except MissingExtraError as error:
        print(error)
"""


def test_without_the_extra(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("extra")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, folder], capture_output=True, text=True, check=True
    )
    needs = f"by value needs the extra 'compare': {how_to_add('compare')}"
    expected = ["within tolerance"]
    for kind in ("NPY", "NPZ", "Parquet"):
        expected += ["different", "identical", f"comparing {kind} files {needs}"]
    assert done.stdout.splitlines() == expected
