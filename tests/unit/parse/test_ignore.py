"""`.dvcignore`: patterns as pathspec reads them for DVC, and none that takes years."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec
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


@given(st.lists(PATTERNS | PATTERNS.map("!".__add__), max_size=5), st.lists(PATHS, max_size=5))
@settings(deadline=None, max_examples=200)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_whole_files_say_what_pathspec_says(patterns: list[str], paths: list[str]) -> None:
    ours = Ignored({".dvcignore": "\n".join(patterns).encode()})
    try:
        ours.check()
        # Named, since with google-re2 beside it pathspec takes another one, which answers otherwise
        # where a folder is ignored and a pattern before that takes all back.
        theirs = GitIgnoreSpec.from_lines([p.strip() for p in patterns], backend="simple")
    except (ParseError, ValueError):
        return
    for path in paths:
        assert ours.hides(path) == bool(theirs.check_file(path).include)


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
