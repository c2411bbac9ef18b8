"""`.dvcignore`: patterns as pathspec reads them for DVC, and none that takes years."""

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern
from tests.fuzz.parsers import Files

from lockproof.parse.document import ParseError
from lockproof.parse.ignore import Ignored
from lockproof.parse.ignore_patterns import linear
from lockproof.parse.project import Kind, read_project

NAMES = st.text("ab.^[*", min_size=1, max_size=5)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)
PARTS = st.sampled_from(
    ["*", "**", "?", "a", "b", ".", "[ab]", "[!a]", "[a[]", "\\*", "[.-0]", "^"]
)
SEGMENTS = st.lists(PARTS, max_size=6).map("".join) | st.just("**") | st.just("*")
PATTERNS = st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join)


@given(PATTERNS, st.lists(PATHS, min_size=1, max_size=8))
@example("**/a/**/b/**", ["a/b/c", "a/a/b/b/c", "x/a/b"])
@example("*a*b*a", ["aba", "abba", "abab", "aabba", "b/aba", "a/b/a"])
@example("/a*/**/b*b/**/a", ["a/b/a", "aa/bb/a/a", "a/bab/x/a/b", "a/b/b/a"])
@example("*[!a]*b", ["a/b", "b/b", "ab/b"])
@example("a^/*b", ["a^/b", "a^/x/b"])
@settings(deadline=None, max_examples=600)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_same_matches_as_pathspec_finds(pattern: str, paths: list[str]) -> None:
    try:
        text = GitIgnoreSpecPattern.pattern_to_regex(pattern)[0]
        theirs = re.compile(text) if text is not None else None
    except (ValueError, re.error):
        return
    if theirs is None:
        return
    try:
        ours = re.compile(linear(text))
    except ValueError:
        assert "[" in pattern  # A class that a slash is in.
        return
    for path in paths:
        a, b = theirs.match(path), ours.match(path)
        assert (a and a.groupdict()) == (b and b.groupdict())


LINES = PATTERNS | PATTERNS.map("!".__add__) | st.sampled_from(["!**", "*", "/b/", "!.dvc/", "#"])
IGNORES = st.lists(LINES | LINES.map(lambda line: f"{line}/"), max_size=4).map("\n".join)
FOLDERS = st.sampled_from(["a", "b", "ab", ".b", "#a", "!a", "[a]", "**", "x y", ".dvc", ".git"])
TREES = st.dictionaries(
    st.lists(FOLDERS, max_size=3).map("/".join),
    st.sets(st.sampled_from(["a", "b", ".b", "x\n"]), min_size=1, max_size=2),
    min_size=1,
    max_size=4,
)


def laid_out(root: Path, tree: Mapping[str, set[str]], ignores: Mapping[str, str]) -> set[str]:
    """A tree as files, with ignore files in its folders; the paths that are there."""
    for folder in tree:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path in (root / folder / name for folder, names in tree.items() for name in names):
        if not path.is_dir():
            path.write_bytes(b"")
    for folder, text in ignores.items():
        if (root / folder).is_dir():
            (root / folder / ".dvcignore").write_text(text)
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def refused(ours: Ignored) -> str:
    try:
        ours.check()
    except ParseError as error:
        return str(error)
    return ""


@given(TREES, st.dictionaries(st.just("") | st.lists(FOLDERS, max_size=2).map("/".join), IGNORES))
@example({"a": {"b"}}, {"": "a\n!a/b\n!**"})
@example({"a": {"b"}}, {"": "!**\na"})
@example({"a/b": {"a"}}, {"": "a/*\n!a/b"})
@example({"a/b": {"a", "b"}}, {"": "a/**\n!a/b/a\n!a/b/", "a": "!b"})
@example({"a/b": {"a"}}, {"": ".*", "a": "b"})
@example({"a/b": {"a"}}, {"a": "**\n!b"})
@example({"**/b": {"a"}, "#a": {"b"}, "!a": {"b"}}, {"**": "a", "#a": "b", "!a": "b"})
@example({".dvc": {"a"}, "a/.dvc": {"b"}}, {"": "!.dvc/"})
@example({"a": {"x\n"}}, {"": "x"})
@example({"a/b": {"a"}}, {"": "*/", "a": "*/"})
@example({"a/b": {"a"}}, {"": "a/\n", "a": "\\"})
@settings(deadline=None, max_examples=150)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_dvc_itself_sees_the_same(tree: Mapping[str, set[str]], ignores: Mapping[str, str]) -> None:
    from dvc.fs import localfs
    from dvc.ignore import DvcIgnoreFilter

    with TemporaryDirectory() as folder:
        root = Path(folder)
        found = laid_out(root, tree, ignores)
        files = {path: root / path for path in found if (root / path).is_file()}
        texts = {p: f.read_bytes() for p, f in files.items() if f.name == ".dvcignore"}
        ours = Ignored(texts)
        try:
            walked = DvcIgnoreFilter(localfs, folder)
            seen = {
                (Path(where) / name).relative_to(root).as_posix()
                # With projects inside, which are none of ours to read here.
                for where, _, names in walked.walk(localfs, folder, ignore_subrepos=False)
                for name in names
            }
        except (ValueError, re.error):
            assert refused(ours)
            return
        why = refused(ours)
        if why:
            assert "too many wildcards" in why
            return
        asked = DvcIgnoreFilter(localfs, folder)
        for path in found - {""}:
            full = str(root / path)
            if path in files:
                assert ours.hides(path) == (path not in seen), path
                assert ours.hides(path) == asked.is_ignored_file(full, False), path
            else:
                assert ours.hides(path, folder=True) == asked.is_ignored_dir(full, False), path


@given(st.lists(FOLDERS, min_size=1, max_size=4).map("/".join), st.booleans())
@example("a.git/b", False)
@example(".git", False)
@example("a/.git", True)
@settings(deadline=None, max_examples=200)
def test_a_pattern_of_nothing_hides_as_none_does(path: str, folder: bool) -> None:
    few = Ignored({".dvcignore": b"# a comment\n\n"})
    some = Ignored({".dvcignore": b"no such name\n"})
    assert few.hides(path, folder=folder) == some.hides(path, folder=folder)


def test_what_is_no_text_counts_unless_it_is_hidden() -> None:
    odd = b"\xff\n"
    assert "is not UTF-8" in refused(Ignored({"a/.dvcignore": odd}))
    hidden = Ignored({".dvcignore": b"# none\n", ".dvc/tmp/.dvcignore": odd})
    assert not refused(hidden)
    assert not hidden.hides("a")
    assert hidden.hides(".dvc/tmp/a")


NAME = "a" * 255
DEEP = "/".join(["a"] * 2000)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 60 + "b", NAME),
        ("*" * 200 + "b", NAME),
        ("a*" * 60 + "/b", f"{NAME}/c"),
        ("*a*a*/" * 20 + "b", f"{NAME}/" * 16 + "c"),
        ("**/a/" * 60 + "b", DEEP),
        ("a/**/" * 60 + "b", DEEP),
        ("**/*a*a/" * 30 + "b", f"{NAME}/" * 16 + "c"),
        ("?*" * 60 + "b", NAME),
        ("[ab]*" * 60 + "b", f"{NAME}c"),
    ],
)
def test_no_pattern_takes_more_than_a_glance(pattern: str, path: str) -> None:
    """Each of these takes pathspec's own expression longer than anybody waits."""
    assert not Ignored({".dvcignore": pattern.encode()}).hides(path)


BROKEN: Mapping[str, tuple[bytes, str]] = {
    "lone backslash": (b"a\n\\\n", ".dvcignore, line 2: DVC cannot use the pattern '\\\\'"),
    "backslash at the end": (b"a\\\n", "a backslash, or"),
    "escaped space, which DVC strips": (b"a\\ \n", "a backslash, or"),
    "lone exclamation mark": (b"!\n", "line 1"),
    "range from behind": (b"*.csv\r\n\r\n[z-a]\r\n", "line 3"),
    "class with a slash, many wildcards": (b"[!a]*[!a]*[!a]*[!a]*b", "too many wildcards"),
    "not UTF-8": (b"\xff", "is not UTF-8"),
    "too many": (b"a\n" * 10_001, "more than 10000 patterns"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_dvc_cannot_use_is_a_problem_of_its_file(case: str) -> None:
    content, why = BROKEN[case]
    files = {"d/.dvcignore": b"*.tmp", ".dvcignore": content, ".dvc/config": b""}
    reading = read_project(Files(files), "")
    (problem,) = reading.problems
    assert (problem.kind, problem.path) == (Kind.INVALID, ".dvcignore")
    assert why in problem.message
    assert "\n" not in problem.message


def test_odd_patterns_that_dvc_takes() -> None:
    odd = ["[", "[[a]", "[]]", "a b", "#", "\\#", "//", "!a", "/", "**", "***", "\u2028", "x\x0cy"]
    Ignored({".dvcignore": "\n".join(odd).encode()}).check()
