"""What is read of nearly every path in a short way, against the way for all."""

from dataclasses import replace
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.model.pipeline import Stage, overlap
from lockproof.model.places import Places
from lockproof.parse.document import ParseError
from lockproof.parse.entries import commands, place
from lockproof.parse.pipeline_file import read_pipeline_file

PARTS = st.sampled_from(["a", "b", "..", ".", "", "a.b", ".a", "~", "ä b", "s3:", "ds:"])
PATHS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)


@given(PATHS, st.sampled_from(["", "p", "p/q"]))
@settings(max_examples=300, deadline=None)
def test_a_path_that_is_normal_is_where_it_says(path: str, prefix: str) -> None:
    assert place(path, ".", prefix) == place(path, "x/..", prefix)


@given(st.text("a \t\n\r\x0b\x1c\x85\u2028\u3000\x07", max_size=5))
@settings(max_examples=300, deadline=None)
def test_commands_are_lines(text: str) -> None:
    assert commands(text) == tuple(line for line in text.splitlines() if line.strip())


@given(st.lists(PATHS.filter(bool), max_size=5), PATHS.filter(bool))
@settings(max_examples=300, deadline=None)
def test_what_overlaps_is_found(paths: list[str], asked: str) -> None:
    owned = [each for each in paths if not each.startswith("/") and not each.endswith("/")]
    if asked.startswith("/") or asked.endswith("/") or any("//" in p for p in (*owned, asked)):
        return
    found = Places((each, each) for each in owned).overlapping(asked)
    assert set(found) >= {each for each in owned if each == asked}
    normal = all(not {"..", "."}.intersection(p.split("/")) for p in (*owned, asked))
    if normal:
        assert sorted(found) == sorted({each for each in owned if overlap(each, asked)})


MD5 = "0123456789abcdef" * 2
VALUES = st.tuples(
    st.sampled_from(["a", "b/c", "../x", "/abs/x", "s3://b/k", "ds://set", ".a", "b//c"]),
    st.sampled_from([MD5, f"{MD5}.dir", "abc", MD5[:-1], "", 5, None]),
    st.sampled_from([0, 7, -1, True, None, "7"]),
)


def read(dep: dict[str, Any], out: dict[str, Any], flags: Any) -> Stage | str:
    named = out["path"] if flags is None else {out["path"]: flags}
    declared = {"s": {"cmd": "x", "deps": [dep["path"]], "outs": [named]}}
    locked = {"s": {"cmd": "x", "deps": [dep], "outs": [out]}}
    try:
        found = read_pipeline_file(
            yaml.safe_dump({"stages": declared}).encode(),
            yaml.safe_dump({"schema": "2.0", "stages": locked}).encode(),
            "p/dvc.yaml",
            lambda path: None,
            root="/abs",
        )
    except ParseError as error:
        return error.reason
    (stage,) = found.stages
    (dep_,), (out_,) = stage.deps, stage.outs
    return replace(stage, deps=(replace(dep_, line=None),), outs=(replace(out_, line=None),))


@given(VALUES, VALUES, st.sampled_from([None, {"cache": False}, {"push": False, "persist": True}]))
@settings(max_examples=200, deadline=None)
def test_an_entry_of_four_keys_says_what_it_would_with_a_fifth(
    dep: tuple[Any, ...], out: tuple[Any, ...], flags: Any
) -> None:
    entries = [
        {"path": path, "hash": "md5", "md5": md5, "size": size} for path, md5, size in (dep, out)
    ]
    one, other = entries
    short = read(one, other, flags)
    assert repr(short) == repr(read({**one, "isexec": False}, {**other, "isexec": False}, flags))
