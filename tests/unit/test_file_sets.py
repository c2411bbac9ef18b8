"""Files that belong together are all written, or all as before."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from lockproof.adapters.file_sets import write_all
from lockproof.errors import UsageError


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_all_are_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    write_all({tmp_path / "a": "new", tmp_path / "b" / "c": "c"})
    assert tree(tmp_path) == {"a": b"new", "b/c": b"c"}


def test_one_that_cannot_be_written_takes_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "in-the-way").write_text("x")
    with pytest.raises(UsageError, match="in-the-way"):
        write_all({tmp_path / n: "new" for n in ("a", "b/c/d", "in-the-way/e")})
    assert tree(tmp_path) == {"a": b"old", "in-the-way": b"x"}
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("called", ["mkstemp", "fsync", "replace", "chmod"])
@pytest.mark.parametrize("time", [1, 2, 3])
def test_an_interrupt_at_any_step_leaves_all_as_before(
    called: str, time: int, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("old")
    seen = 0

    def notice(frame: Any, event: str, argument: Any) -> None:
        nonlocal seen
        name = argument.__name__ if event == "c_call" else frame.f_code.co_name
        if event in ("call", "c_call") and name == called:
            seen += 1
            if seen == time:
                signal.raise_signal(signal.SIGINT)

    before = sys.getprofile()
    sys.setprofile(notice)
    try:
        with pytest.raises(KeyboardInterrupt):
            write_all({tmp_path / n: "new" for n in ("a", "b/c", "d")})
    finally:
        sys.setprofile(before)
    assert tree(tmp_path) == {"a": b"old"}
    assert not (tmp_path / "b").exists()
