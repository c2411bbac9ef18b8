"""Parquet: columns by name, nested types, and files made to harm."""

import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lockproof.compare import parquet_footer
from lockproof.compare.bounds import BATCH_ROWS, MAX_SCHEMA_DEPTH
from lockproof.compare.columns import compare_column
from lockproof.compare.tally import Fields, Tally

from .files import DIFFERENT, LOOSE, NOT_COMPARABLE, WITHIN, compare, parquet, rule, summaries

MAP = pa.map_(pa.string(), pa.float64())
STRUCT = pa.struct([("u", pa.float64()), ("w", pa.string())])
FIXED = pa.list_(pa.float32(), 2)
DECIMAL = pa.decimal128(10, 2)


def column(values: list[object], kind: pa.DataType | None = None, **options: object) -> bytes:
    return parquet(pa.table({"c": pa.array(values, kind)}), **options)


@pytest.mark.parametrize(
    ("kind", "locked", "observed", "where", "shown"),
    [
        (pa.float64(), [1.0, 2.0], [1.0, 2.5], "row 2, column c", ("2.0", "2.5")),
        (pa.float32(), [0.1, 2.0], [0.2, 2.0], "row 1, column c", ("0.1", "0.2")),
        (pa.float16(), [np.float16(0.5)], [np.float16(0.75)], "row 1, column c", ("0.5", "0.75")),
        (pa.int64(), [1, 2], [1, 3], "row 2, column c", ("2", "3")),
        (pa.uint8(), [1, 255], [1, 0], "row 2, column c", ("255", "0")),
        (pa.bool_(), [True, False], [True, True], "row 2, column c", ("False", "True")),
        (pa.string(), ["a", "b"], ["a", "c"], "row 2, column c", ("'b'", "'c'")),
        (pa.large_string(), ["a", "b"], ["a", "c"], "row 2, column c", ("'b'", "'c'")),
        (pa.binary(), [b"a", b"\xff"], [b"a", b""], "row 2, column c", (r"b'\xff'", "b''")),
        (pa.binary(2), [b"ab"], [b"ac"], "row 1, column c", ("b'ab'", "b'ac'")),
        (pa.float64(), [1.0, None], [1.0, 0.0], "row 2, column c", ("absent", "0.0")),
        (pa.string(), ["a", "b"], ["a", None], "row 2, column c", ("'b'", "absent")),
        (pa.timestamp("ns"), [1, 2], [1, 3], "row 2, column c", None),
        (pa.date32(), [1, 2], [1, 3], "row 2, column c", ("1970-01-03", "1970-01-04")),
        (DECIMAL, [1, 2], [1, 3], "row 2, column c", ("2.00", "3.00")),
        (pa.list_(pa.int8()), [[], None, [1, 2]], [[], None, [1, 3]], "row 3, column c[1]", None),
        (pa.list_(pa.string()), [["a"], ["b"]], [["a"], ["c"]], "row 2, column c[0]", None),
        (pa.list_(pa.int8()), [[1], [1]], [[1], []], "row 2, column c", ("1 item", "0 items")),
        (FIXED, [[1, 2], [3, 4]], [[1, 2], [3, 5]], "row 2, column c[1]", ("4.0", "5.0")),
        (STRUCT, [{"u": 1.0}], [{"u": 2.0}], "row 1, column c.u", ("1.0", "2.0")),
        (STRUCT, [{"w": "a"}], [{"w": "b"}], "row 1, column c.w", ("'a'", "'b'")),
        (STRUCT, [{"u": 1.0}], [None], "row 1, column c", None),
        (MAP, [[], [("k", 1.0)]], [[], [("k", 3.0)]], "row 2, column c[0].value", ("1.0", "3.0")),
        (
            pa.list_(STRUCT),
            [[{"u": 1.0}, {"u": 1.0}], [{"u": 2.0}]],
            [[{"u": 1.0}, {"u": 1.0}], [{"u": 5.0}]],
            "row 2, column c[0].u",
            ("2.0", "5.0"),
        ),
    ],
)
def test_types(
    kind: pa.DataType,
    locked: list[object],
    observed: list[object],
    where: str,
    shown: tuple[str, str] | None,
) -> None:
    a, b = column(locked, kind), column(observed, kind)
    found = compare("m.parquet", a, b, LOOSE)
    assert found.verdict is DIFFERENT
    (difference,) = found.differences
    assert (difference.differing, difference.beyond) == (1, 1)
    assert difference.largest is not None
    assert difference.largest.where == where
    if shown:
        assert (difference.largest.locked, difference.largest.observed) == shown
    same = compare("m.parquet", a, column(locked, kind, compression="zstd"), LOOSE)
    assert same.verdict is WITHIN
    assert same.differences[0].checked > 0


@pytest.mark.parametrize(
    ("kind", "field"), [(pa.float64(), "c"), (pa.list_(pa.float64()), "c"), (STRUCT, "c.u")]
)
def test_tolerance_by_column(kind: pa.DataType, field: str) -> None:
    def value(number: float) -> object:
        return (
            {"c": number, "c.u": {"u": number}}[field]
            if kind != pa.list_(pa.float64())
            else [number]
        )

    a, b = column([value(1.0)], kind), column([value(1.25)], kind)
    assert compare("m.parquet", a, b, rule(atol=0.5, fields=(field,))).verdict is WITHIN
    assert compare("m.parquet", a, b, rule(atol=0.5, fields=("other",))).verdict is DIFFERENT
    assert compare("m.parquet", a, b, rule(rtol=0.1, fields=(field,))).verdict is DIFFERENT


def test_schema_and_rows() -> None:
    locked = pa.table({"a": [1.0, 2.0], "b": [1, 2], "c": ["x", "y"]})
    observed = pa.table({"c": ["x"], "b": [1.0], "d": [1]})
    assert summaries(compare("m.parquet", parquet(locked), parquet(observed), LOOSE)) == [
        "column a: missing",
        "column b: type int64 became double",
        "column d: new",
        "2 rows became 1",
        "equal in what both have (1 value)",
    ]


def test_encodings_of_text_and_widths_of_numbers_do_not_matter() -> None:
    locked = pa.table({"a": pa.array([1.0, 2.0]), "c": ["x", "y"]})
    categories = pa.DictionaryArray.from_arrays([1, 0], ["y", "x"])
    observed = pa.table({"c": categories, "a": pa.array([1.0, 2.0], pa.float32())})
    found = compare("m.parquet", parquet(locked), parquet(observed), LOOSE)
    assert (found.verdict, found.differences[0].differing) == (WITHIN, 0)


def test_row_groups_of_other_sizes_and_columns_of_one_name() -> None:
    numbers = list(range(1000))
    names = ["x", "x"]
    locked = pa.Table.from_arrays([pa.array(numbers), pa.array(numbers)], names)
    changed = pa.array([*numbers[:777], -1, *numbers[778:]])
    observed = pa.Table.from_arrays([pa.array(numbers), changed], names)
    found = compare(
        "m.parquet",
        parquet(locked, row_group_size=7, store_schema=False),
        parquet(observed, row_group_size=100, store_schema=False),
        LOOSE,
    )
    assert found.differences[0].checked == 2000
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "row 778, column x#2"


def test_more_rows_than_one_batch() -> None:
    numbers = np.arange(3.0 * BATCH_ROWS)
    changed = numbers.copy()
    changed[2 * BATCH_ROWS + 5] += 0.5
    locked = pa.table({"x": numbers, "s": numbers.astype("U9")})
    observed = locked.set_column(0, "x", pa.array(changed))
    a, b = parquet(locked, row_group_size=100_000), parquet(observed, row_group_size=30_000)
    found = compare("m.parquet", a, b, rule(atol=0.1))
    assert (found.differences[0].checked, found.differences[0].beyond) == (6 * BATCH_ROWS, 1)
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == f"row {2 * BATCH_ROWS + 6}, column x"


def test_a_value_twice_in_the_dictionary() -> None:
    indices = pa.array([0, 1, 2], pa.int32())
    twice = pa.DictionaryArray.from_arrays(indices, pa.array(["x", "x", "y"]))
    tally = Tally(Fields([]))
    compare_column("c", twice, pa.array(["x", "x", "z"]), str, tally)
    assert (tally.checked, tally.differing) == (3, 1)


def test_text_that_is_no_unicode() -> None:
    bad = pa.array([b"\xff\n"]).cast(pa.binary()).view(pa.string())
    found = compare("m.parquet", column(["a"]), parquet(pa.table({"c": bad})), LOOSE)
    assert found.verdict is DIFFERENT
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.observed == r"'\udcff\n'"


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def nested_schema(levels: int) -> bytes:
    """A Parquet file without rows whose schema is one chain of groups, after parquet.thrift."""

    def node(children: int | None) -> bytes:
        kind = b"" if children is not None else b"\x15" + varint(1 << 1)
        repetition = (b"\x35" if children is not None else b"\x25") + varint(1 << 1)
        name = b"\x18\x01a"
        return kind + repetition + name + (b"" if children is None else b"\x15\x02") + b"\0"

    nodes = [node(1)] * (levels - 1) + [node(None)]
    schema = b"\x19\xfc" + varint(len(nodes)) + b"".join(nodes)
    footer = b"\x15\x02" + schema + b"\x16\0" + b"\x19\x0c" + b"\0"
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def test_schemas_that_overflow_the_stack_are_not_given_to_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "deep"
    path.write_bytes(nested_schema(MAX_SCHEMA_DEPTH))
    assert parquet_footer.row_groups(path) == []
    for levels in (MAX_SCHEMA_DEPTH + 1, 100_000):
        found = compare("m.parquet", column([1.0]), nested_schema(levels), LOOSE)
        assert found.verdict is NOT_COMPARABLE
        assert f"more than {MAX_SCHEMA_DEPTH} levels" in summaries(found)[0]


def test_the_footer_is_read_as_pyarrow_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    table = pa.table({"a": [1.0, None, 3.0], "l": [[1, 2], [], [3]], "s": ["x", "y", "z"]})
    path.write_bytes(parquet(table, row_group_size=2))
    first, second = parquet_footer.row_groups(path)
    assert (first.rows, first.values) == (2, [2, 3, 2])
    assert (second.rows, second.values) == (1, [1, 1, 1])


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 40])
def test_files_that_end_early(cut: int) -> None:
    sound = column([1.0, 2.0])
    for content in (sound[:-cut], sound[:-8][: -cut * 2] + sound[-8:]):
        found = compare("m.parquet", sound, content, LOOSE)
        assert found.verdict is NOT_COMPARABLE


def test_footers_that_claim_too_much() -> None:
    sound = column([1.0, 2.0])
    for length in (len(sound), 1 << 20, 0xFFFFFFFF):
        claimed = sound[:-8] + struct.pack("<I", length) + b"PAR1"
        assert compare("m.parquet", sound, claimed, LOOSE).verdict is NOT_COMPARABLE
    encrypted = sound[:-4] + b"PARE"
    assert "encrypted" in summaries(compare("m.parquet", sound, encrypted, LOOSE))[0]


def test_long_text_repeated_is_held_once() -> None:
    """Decoded row by row this would take 8 GiB."""
    rows, text = 8192, ["x" * (1 << 20), "y"]
    files = []
    for last in (0, 1):
        indices = pa.array([0] * (rows - 1) + [last], pa.int32())
        table = pa.table({"c": pa.DictionaryArray.from_arrays(indices, pa.array(text))})
        files.append(parquet(table, dictionary_pagesize_limit=1 << 30, store_schema=False))
    before = pa.default_memory_pool().max_memory()
    found = compare("m.parquet", *files, LOOSE)
    assert (found.verdict, found.differences[0].beyond) == (DIFFERENT, 1)
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == f"row {rows}, column c"
    assert pa.default_memory_pool().max_memory() - before < 256 << 20
