"""Directory objects: what DVC writes is read as DVC reads it, and nothing hostile gets through."""

import json
import re
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.parse.listing import ListedFile, ListingError, read_listing

MD5 = "0123456789abcdef" * 2
digests = st.text("0123456789abcdef", min_size=32, max_size=32)
names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


def can_lie_side_by_side(files: Mapping[str, str]) -> bool:
    """Whether no file has the name of another one's folder."""
    return not any(other.startswith(f"{path}/") for path in files for other in files)


listings = st.dictionaries(paths, digests, max_size=20).filter(can_lie_side_by_side)


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def read(content: bytes, size: int = 1 << 18) -> list[ListedFile]:
    return list(read_listing(pieces(content, size), "raw"))


def entry(relpath: Any, md5: Any = MD5, **more: Any) -> dict[str, Any]:
    return {"md5": md5, "relpath": relpath, **more}


def dump(*entries: Any) -> bytes:
    return json.dumps(entries).encode()


@given(listings, st.integers(1, 60))
@settings(deadline=None)
def test_what_dvc_writes_is_read_whatever_the_pieces(files: dict[str, str], size: int) -> None:
    entries = [entry(path, files[path]) for path in sorted(files)]
    content = json.dumps(entries, sort_keys=True).encode()
    assert read(content, size) == [ListedFile(path, files[path]) for path in sorted(files)]


@given(listings, st.booleans(), st.sampled_from([None, 2]))
@settings(deadline=None)
def test_any_json_of_the_same_entries_is_the_same(
    files: dict[str, str], ascii_only: bool, indent: int | None
) -> None:
    entries = [{"relpath": path, "isexec": True, "md5": md5} for path, md5 in files.items()]
    text = json.dumps(entries, ensure_ascii=ascii_only, indent=indent)
    content = text.encode("utf-8", "surrogatepass")
    try:
        content.decode()
    except UnicodeDecodeError:
        with pytest.raises(ListingError, match="not UTF-8"):
            read(content)
        return
    assert read(content) == [ListedFile(path, md5) for path, md5 in files.items()]


@given(
    st.binary(max_size=200) | st.text('[]{}:,"md5relpath\\u0123. /', max_size=80).map(str.encode)
)
@settings(deadline=None, max_examples=500)
def test_anything_is_read_as_json_reads_it_or_refused(content: bytes) -> None:
    try:
        found = read(content, 7)
    except ListingError:  # Which is one line by itself.
        return
    loaded = json.loads(content)
    assert [(f.relpath, f.md5) for f in found] == [(e["relpath"], e["md5"]) for e in loaded]


def test_dvc_itself_writes_what_is_read() -> None:
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    tree = Tree()
    for path in ("b", "a/ü", "a/\u2028", "c.d/e"):
        tree.add(tuple(path.split("/")), None, HashInfo("md5", MD5))
    found = read(tree.as_bytes())
    assert [f.relpath for f in found] == ["a/\u00fc", "a/\u2028", "b", "c.d/e"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "does not start with a JSON list"),
        (b"{}", "does not start with a JSON list"),
        (b"null", "does not start with a JSON list"),
        (b"[", "no JSON object"),
        (b"[]]", "text follows"),
        (b"[1]", "no JSON object"),
        (dump(entry("a")) + b"x", "text follows"),
        (dump(entry("a"))[:-1], "a comma is missing"),
        (dump(entry("a"))[:-3], "no valid JSON"),
        (dump(entry("a")).replace(b"}]", b"},]"), "no JSON object"),
        (dump(entry("a"), entry("b")).replace(b"}, {", b"} {"), "a comma is missing"),
        (dump(entry("a", MD5.upper())), "no md5 of 32 hex digits"),
        (dump(entry("a", MD5 + ".dir")), "no md5 of 32 hex digits"),
        (dump(entry("a", None)), "no md5"),
        (dump(entry(1)), "no relpath"),
        (dump({"md5": MD5}), "no relpath"),
        (b'[{"md5": "%b", "md5": "%b", "relpath": "a"}]' % ((MD5.encode(),) * 2), "a key twice"),
        (dump(entry("a", x=[[]])).replace(b"[[]]", b"[" * 100_000), "nested too deeply"),
        (dump(entry("a" * 70_000, x="é")), "too long"),
        (b"[" + b"\xff" * 4, "not UTF-8"),
        (b"[]\xc8", "not UTF-8"),
        (dump(entry("a\nb")).replace(b"\\n", b"\n"), "no valid JSON"),
    ],
)
def test_what_is_no_listing(content: bytes, why: str) -> None:
    for size in (1 << 18, 1000):
        with pytest.raises(ListingError, match=re.escape(why)):
            read(content, size)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", ".", "a/./b", "a//b", "a/", "a\0b"],
)
def test_paths_that_leave_or_confuse(path: str) -> None:
    with pytest.raises(ListingError, match="outside of its directory"):
        read(dump(entry("0"), entry(path)))


@pytest.mark.parametrize(
    "path", ["..a", "a..", "...", "a/..b", "-rf", "a\\..\\b", " ", "~", "C:", "\n", "..\n"]
)
def test_paths_that_only_look_odd(path: str) -> None:
    assert read(dump(entry(path))) == [ListedFile(path, MD5)]


@pytest.mark.parametrize("order", [["a", "a", "b"], ["a", "b", "a"], ["b", "a", "c", "b"]])
def test_a_path_may_stand_there_once(order: list[str]) -> None:
    with pytest.raises(ListingError, match="twice"):
        read(dump(*(entry(path) for path in order)))


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a/b"],
        ["a/b", "a"],
        ["a", "a-b", "a/b"],
        ["a/b/c", "x", "a/b"],
        ["a/b", "x", "a/b/c/d"],
        ["z", "a/b", "z/y"],
    ],
)
def test_a_path_is_a_file_or_a_folder(paths: list[str]) -> None:
    with pytest.raises(ListingError, match=r"names '[abz/]+' as a file and as a folder"):
        read(dump(*(entry(path) for path in paths)))
    assert len(read(dump(*(entry(f"{n}/{path}") for n, path in enumerate(paths))))) == len(paths)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a" * 256, "too long"),
        ("x/" + "a" * 256 + "/y", "too long"),
        ("ü" * 128, "too long"),
        ("/".join(["b" * 255] * 17), "too long"),
        ("/".join("a" * 202), "too long"),
        ("a\ud800", "not valid Unicode"),
        ("\udcc3\udcbc", "not valid Unicode"),
    ],
)
def test_paths_that_no_file_can_have(path: str, why: str) -> None:
    with pytest.raises(ListingError, match=why):
        read(dump(entry("0"), entry(path)))


@pytest.mark.parametrize(
    "path", ["a" * 255, "ü" * 127, "\udcff", "/".join("a" * 200), "/".join(["b" * 255] * 15)]
)
def test_the_longest_paths_that_files_can_have(path: str) -> None:
    assert read(dump(entry(path))) == [ListedFile(path, MD5)]


def test_folders_without_end_are_refused_before_memory_is() -> None:
    asked = []

    def content() -> Iterator[bytes]:
        yield b"["
        for n in range(1 << 20):
            asked.append(n)
            deep = "/".join([str(n), *"a" * 190])
            yield (b", " if n else b"") + json.dumps(entry(deep)).encode()

    with pytest.raises(ListingError, match="more than 1000000 folders"):
        list(read_listing(content(), "raw"))
    assert len(asked) < 6_000


def test_a_million_files_take_little_memory() -> None:
    """Reading them must not hold the entries, nor the text of them."""

    def content() -> Iterator[bytes]:
        yield b"["
        for start in range(0, 200_000, 1000):
            items = (json.dumps(entry(f"d/{n:09}")) for n in range(start, start + 1000))
            yield (b", " if start else b"") + ", ".join(items).encode()
        yield b"]"

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_listing(content(), "raw"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 200_000
    assert peak < 30 << 20, "of which most are the hashes that find doubles, for 18 MB of text"
