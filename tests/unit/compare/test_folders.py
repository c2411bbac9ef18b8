"""Folders: child by child, by the rules that match each of them."""

import os
from pathlib import Path

import numpy as np
import pytest

from lockproof.compare.bounds import MAX_CHILDREN_REPORTED
from lockproof.compare.content import Comparison, compare_content
from lockproof.config import ToleranceRule

from .files import DIFFERENT, IDENTICAL, LOOSE, NOT_COMPARABLE, WITHIN, npy, summaries


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    locked, observed = tmp_path / "locked", tmp_path / "observed"
    locked.mkdir()
    observed.mkdir()
    return locked, observed


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def on(*paths: str) -> ToleranceRule:
    return ToleranceRule(paths=paths, rtol=1e-6)


FILES = {
    "a.json": b'{"x": 1.0}',
    "deep/er/b.npy": npy(np.array([1.0, 2.0])),
    "note.txt": b"hello",
}
CLOSE = FILES | {"deep/er/b.npy": npy(np.array([1.0, 2.0000001]))}


def check(sides: tuple[Path, Path], *rules: ToleranceRule, name: str = "out") -> Comparison:
    return compare_content(name, *sides, rules)


def test_equal_folders(sides: tuple[Path, Path]) -> None:
    for side in sides:
        fill(side, FILES)
    assert check(sides) == check(sides, LOOSE) == Comparison(verdict=IDENTICAL)


def test_each_child_by_its_own_rules(sides: tuple[Path, Path]) -> None:
    fill(sides[0], FILES)
    fill(sides[1], CLOSE)
    found = check(sides, on("out/*.npy"))
    assert found.verdict is WITHIN
    assert summaries(found) == ["deep/er/b.npy: 1 of 2 values differs, within tolerance"]
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "[1]"
    assert check(sides, on("out/*.json")).verdict is DIFFERENT
    assert check(sides, on("elsewhere/*")).verdict is DIFFERENT
    assert check(sides).verdict is DIFFERENT
    assert check(sides, on("out/*.npy"), name="out/").verdict is WITHIN


def test_a_rule_on_the_folder_holds_for_all_in_it(sides: tuple[Path, Path]) -> None:
    fill(sides[0], FILES)
    fill(sides[1], CLOSE)
    assert check(sides, on("out")).verdict is WITHIN
    fill(sides[1], {"note.txt": b"hallo"})
    found = check(sides, on("out"))
    assert found.verdict is NOT_COMPARABLE
    assert summaries(found)[0].startswith("note.txt: .txt files are not compared by value")


def test_missing_and_new_children(sides: tuple[Path, Path]) -> None:
    fill(sides[0], FILES)
    fill(sides[1], {"a.json": FILES["a.json"], "new/c.csv": b"x\n", "new/d": b""})
    found = check(sides, LOOSE)
    assert found.verdict is DIFFERENT
    assert summaries(found) == [
        "note.txt: missing",
        "deep/er/b.npy: missing",
        "new/c.csv: new",
        "new/d: new",
    ]


def test_empty_folders_do_not_count(sides: tuple[Path, Path]) -> None:
    (sides[0] / "empty" / "inside").mkdir(parents=True)
    assert check(sides, LOOSE).verdict is IDENTICAL


def test_a_file_where_a_folder_was(sides: tuple[Path, Path]) -> None:
    fill(sides[0], {"x/y": b"1"})
    fill(sides[1], {"x": b"1"})
    assert sorted(summaries(check(sides, LOOSE))) == ["x/y: missing", "x: new"]
    found = compare_content("out", sides[0], sides[1] / "x", [LOOSE])
    assert (found.verdict, summaries(found)) == (DIFFERENT, ["a folder became a file"])
    found = compare_content("out", sides[1] / "x", sides[0], [LOOSE])
    assert (found.verdict, summaries(found)) == (DIFFERENT, ["a file became a folder"])


def test_worst_first(sides: tuple[Path, Path]) -> None:
    fill(sides[0], {"a.json": b"[1]", "b.json": b"[1]", "c.json": b"[1]"})
    fill(sides[1], {"a.json": b"[1.0]", "b.json": b"[", "c.json": b"[2]"})
    found = check(sides, LOOSE)
    assert found.verdict is DIFFERENT
    assert [s[:7] for s in summaries(found)] == ["c.json:", "b.json:", "a.json:"]
    (sides[1] / "c.json").write_bytes(b"[1]")
    assert check(sides, LOOSE).verdict is NOT_COMPARABLE


def test_many_children_are_counted_not_listed(sides: tuple[Path, Path]) -> None:
    for side, content in zip(sides, (b"1", b"2"), strict=True):
        fill(side, {f"{i:03}": content for i in range(MAX_CHILDREN_REPORTED + 7)})
    found = summaries(check(sides))
    assert len(found) == MAX_CHILDREN_REPORTED + 1
    assert found[0] == "000: bytes differ from offset 0; sizes 1, 1"
    assert found[-1] == "7 more files: different"


def test_links_to_files_are_followed_and_to_folders_are_not(sides: tuple[Path, Path]) -> None:
    fill(sides[0], {"a.json": b"[1]", "inner/b.json": b"[1]"})
    fill(sides[1], {"real.json": b"[1.0]"})
    (sides[1] / "a.json").symlink_to("real.json")
    (sides[1] / "inner").symlink_to(sides[0] / "inner")
    (sides[1] / "loop").symlink_to(sides[1])
    found = summaries(check(sides, LOOSE))
    assert sorted(found) == [
        "a.json: bytes differ from offset 2; sizes 3, 5; equal by value (1 value)",
        "inner/b.json: missing",
        "inner: new",
        "loop: new",
        "real.json: new",
    ]


def test_what_is_no_file_is_never_opened(sides: tuple[Path, Path]) -> None:
    for name in ("pipe", "link"):
        fill(sides[0], {name: b"1"})
    os.mkfifo(sides[1] / "pipe")
    (sides[1] / "link").symlink_to("nowhere")
    found = check(sides, LOOSE)
    assert found.verdict is DIFFERENT
    assert len(summaries(found)) == 2
    assert check((sides[1], sides[0]), LOOSE).verdict is NOT_COMPARABLE
    assert check((sides[1], sides[1]), LOOSE).verdict is NOT_COMPARABLE


def test_names_that_no_terminal_should_see(sides: tuple[Path, Path]) -> None:
    try:
        fill(sides[0], {"a\n\x1b[2J": b"1", os.fsdecode(b"\xff.csv"): b"x\n1\n"})
        fill(sides[1], {os.fsdecode(b"\xff.csv"): b"x\n2\n"})
    except OSError:
        pytest.skip("this file system only has names in UTF-8")
    found = check(sides, LOOSE)
    found.model_dump_json()
    assert [s.partition(":")[0] for s in summaries(found)] == [r"a\n\x1b[2J", r"\udcff.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read(sides: tuple[Path, Path]) -> None:
    for side in sides:
        fill(side, {"x/y": b"1"})
    (sides[1] / "x").chmod(0)
    try:
        assert check(sides, LOOSE).verdict is NOT_COMPARABLE
    finally:
        (sides[1] / "x").chmod(0o755)
