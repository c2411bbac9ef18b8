"""CSV and TSV: headers, columns by name, rows by position, and bounded memory."""

import tracemalloc
from pathlib import Path

import pytest

from lockproof.compare.bounds import MAX_ROW_CHARS
from lockproof.compare.content import compare_content
from lockproof.compare.numbers import parse_number

from .files import DIFFERENT, LOOSE, NOT_COMPARABLE, WITHIN, compare, rule, summaries

LOCKED = b"id,loss,score\na,0.5,1.0\nb,0.25,2.0\nc,0.125,4.0\n"


def test_columns_are_compared_by_name() -> None:
    observed = b"score,id,loss\n1.0,a,0.5\n2.0,b,0.2500000001\n4.0,c,0.125\n"
    found = compare("m.csv", LOCKED, observed, LOOSE)
    assert found.verdict is WITHIN
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "row 2, column loss"


def test_the_tolerance_is_that_of_the_column() -> None:
    rules = (rule(atol=0.5, fields=("score",)), rule(atol=1e-9, fields=("*",)))
    scored = LOCKED.replace(b"4.0", b"4.5")
    assert compare("m.csv", LOCKED, scored, *rules).verdict is WITHIN
    assert compare("m.csv", LOCKED, LOCKED.replace(b"0.25,", b"0.5,"), *rules).verdict is DIFFERENT
    assert compare("m.csv", LOCKED, scored, rule(atol=9, fields=("loss",))).verdict is DIFFERENT


def test_text_must_be_equal() -> None:
    found = compare("m.csv", LOCKED, LOCKED.replace(b"b,", b"B,"), LOOSE)
    assert found.verdict is DIFFERENT
    largest = found.differences[0].largest
    assert largest is not None
    assert (largest.where, largest.locked, largest.observed) == ("row 2, column id", "'b'", "'B'")
    assert largest.absolute is None


def test_a_number_beyond_tolerance_is_larger_than_text() -> None:
    observed = LOCKED.replace(b"a,", b"A,").replace(b"4.0", b"4.1")
    found = compare("m.csv", LOCKED, observed, LOOSE)
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "row 3, column score"


def test_missing_and_new_columns_and_rows() -> None:
    observed = b"id,loss,mark\na,0.5,1\nb,0.25,2\n"
    assert summaries(compare("m.csv", LOCKED, observed, LOOSE)) == [
        "column score: missing",
        "column mark: new",
        "3 rows became 2",
        "equal in what both have (4 values)",
    ]
    assert "2 rows became 3" in summaries(compare("m.csv", observed, LOCKED, LOOSE))


def test_columns_of_one_name() -> None:
    locked = b"x,x\n1,2\n"
    assert compare("m.csv", locked, b"x,x\n1,3\n", rule(atol=1)).verdict is WITHIN
    found = compare("m.csv", locked, b"x,x\n1,5\n", LOOSE)
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "row 1, column x#2"


def test_without_a_header_columns_have_positions() -> None:
    locked, observed = b"1\t2\n3\t4\n", b"1\t2\n3\t5\n"
    found = compare("m.tsv", locked, observed, rule(atol=0.1))
    assert found.differences[0].checked == 4
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "row 2, column 2"
    assert compare("m.tsv", locked, observed, rule(atol=1, fields=("2",))).verdict is WITHIN
    assert summaries(compare("m.tsv", locked, b"a\tb\n3\t4\n", LOOSE)) == ["header row: new"]


def test_an_index_column_leaves_the_header_one() -> None:
    locked, observed = b",0,1\n0,1.0,2.0\n", b",0,1\n0,1.0,2.00000001\n"
    found = compare("m.csv", locked, observed, LOOSE)
    assert found.differences[0].checked == 3
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "row 1, column 1"


@pytest.mark.parametrize(
    "observed",
    [
        LOCKED.replace(b"\n", b"\r\n"),
        LOCKED.rstrip(),
        b"\xef\xbb\xbf" + LOCKED,
        LOCKED.replace(b"a,", b'"a",'),
        LOCKED.replace(b"\nb", b"\n\n\nb"),
        LOCKED.replace(b"0.5", b"5e-1"),
        LOCKED.replace(b"0.5", b" 0.50"),
    ],
)
def test_spelling_does_not_matter(observed: bytes) -> None:
    found = compare("m.csv", LOCKED, observed, LOOSE)
    assert found.verdict is WITHIN
    assert found.differences[0].differing == 0


HOSTILE = {
    "ragged": (b"id,loss,score\na,0.5,1.0,7\n", "row 1 has 4 cells, the first row 3"),
    "short": (b"id,loss,score\na,0.5,1.0\nb\n", "row 2 has 1 cell, the first row 3"),
    "long cell": (b"id,loss,score\na,0.5," + b"x" * 200_000, "not readable as CSV"),
    "open quote": (b'id,loss,score\na,0.5,"1.0\n', "not readable as CSV"),
    "long line": (b"x" * (17 << 20), "a row of more than"),
    "endless row": (b"id,loss,score\n" + b'"\n",' * (6 << 20), "a row of more than"),
    "many columns": (b"," * 100_001, "more than 100000 columns"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_tables(case: str) -> None:
    content, reason = HOSTILE[case]
    found = compare("m.csv", LOCKED, content, LOOSE)
    assert found.verdict is NOT_COMPARABLE
    assert reason in summaries(found)[0]
    assert compare("m.csv", content, LOCKED, LOOSE).verdict is NOT_COMPARABLE
    assert compare("m.csv", LOCKED, content).verdict is DIFFERENT


def test_what_was_proved_different_stays_so_when_the_rest_is_broken() -> None:
    found = compare("m.csv", LOCKED, b"id,loss,score\na,0.7,1.0\nb,1\n", LOOSE)
    assert found.verdict is DIFFERENT
    assert summaries(found)[0] == "1 of 3 values differs, 1 beyond tolerance"
    assert summaries(found)[1].startswith("the rest was not compared: observed file: row 2")


def test_a_header_alone_proves_nothing() -> None:
    assert compare("m.csv", b"a,b\n", b"a,b\r\n", LOOSE).verdict is NOT_COMPARABLE


def test_bytes_that_are_no_utf8_are_compared_as_text() -> None:
    locked = b"name,x\n\xe9,1.0\n"
    assert compare("m.csv", locked, locked.replace(b"1.0", b"1"), LOOSE).verdict is WITHIN
    found = compare("m.csv", locked, locked.replace(b"\xe9", b"\xe8"), LOOSE)
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.locked == r"'\udce9'"


def test_the_bound_is_on_rows_not_on_files() -> None:
    locked = b"text,x\n" + (b"x" * 100_000 + b",1.0\n") * (MAX_ROW_CHARS // 100_000 + 2)
    found = compare("m.csv", locked, locked[:-4] + b"1.1\n", LOOSE)
    assert summaries(found)[0].endswith("1 beyond tolerance")


@pytest.mark.parametrize(
    "text", ["", "x", "1_0", "１", "0x1", "1,5", "--1", "1e", "nan1", "9" * 2000]
)
def test_text_that_is_no_number(text: str) -> None:
    assert parse_number(text) is None


def test_large_tables_are_streamed(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for path, last in ((a, "1.0"), (b, "1.5")):
        with path.open("w") as file:
            file.write("id,text,score\n")
            file.writelines(f"{i},{'x' * 400},1.0\n" for i in range(20_000))
            file.write(f"end,x,{last}\n")
    tracemalloc.start()
    try:
        found = compare_content("m.csv", a, b, [LOOSE])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.verdict, found.differences[0].checked) == (DIFFERENT, 60_003)
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "row 20001, column score"
    assert a.stat().st_size > 8_000_000
    assert peak < 6 << 20  # four pieces of CHUNK_BYTES while the bytes are compared
