"""Additions to a user's own files: what was there stays, and the addition is there once."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.errors import ConfigError
from lockproof.steps.init.edits import with_item, with_lines, with_toolchain

ITEM = "- local: .gitlab/lockproof.yml"
PRESENT = ".gitlab/lockproof.yml"

SCALARS = st.one_of(
    st.integers(), st.booleans(), st.text(st.characters(codec="utf-8", exclude_categories=["C"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=6,
)
MAPPINGS = st.dictionaries(st.sampled_from(["stages", "job", "include", "x"]), VALUES, max_size=4)


def added(text: str) -> str:
    return with_item(text, "include", ITEM, present=PRESENT, name=".gitlab-ci.yml")


@given(MAPPINGS, st.booleans(), st.sampled_from(["", "\n", "\n\n# the end\n"]))
@settings(deadline=None)
def test_one_more_item_and_all_else_as_it_was(
    content: dict[str, object], sort: bool, tail: str
) -> None:
    before = yaml.safe_dump(content, sort_keys=sort, default_flow_style=False).rstrip("\n")
    text = ("" if not content else before) + tail
    listed = content.get("include", [])
    if "include" in content and (not isinstance(listed, list) or not listed):
        with pytest.raises(ConfigError):
            added(text)
        return
    after = added(text)
    assert yaml.safe_load(after) == {**content, "include": [*listed, {"local": PRESENT}]}
    kept = iter(after.splitlines())
    assert all(line in kept for line in text.splitlines() if line.strip()), "lines are only added"
    assert added(after) == after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "include:\n  - local: .gitlab/lockproof.yml\n"),
        ("job:\n  script: x", "job:\n  script: x\n\ninclude:\n  - local: .gitlab/lockproof.yml\n"),
        (
            "include:\n- local: a.yml # why\n\n# jobs\njob: !reference [.a, b]\n",
            "include:\n- local: a.yml # why\n- local: .gitlab/lockproof.yml\n\n"
            "# jobs\njob: !reference [.a, b]\n",
        ),
        (
            "include:\n  - local: a.yml\n    rules:\n      - if: $A",
            "include:\n  - local: a.yml\n    rules:\n      - if: $A\n"
            "  - local: .gitlab/lockproof.yml\n",
        ),
    ],
)
def test_the_text_around_an_item_stays(text: str, expected: str) -> None:
    assert added(text) == expected


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "include: {local: x}\n", "include: [a, b]\n"])
def test_what_cannot_be_added_to_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\.gitlab-ci\.yml"):
        added(text)


def test_lines_are_added_once() -> None:
    assert with_lines("", ("/a/",), "# b") == "# b\n/a/\n"
    once = with_lines("/x", ("/a/", "/x"), "# b")
    assert once == "/x\n\n# b\n/a/\n"
    assert with_lines(once, ("/a/",), "# b") == once


def test_a_toolchain_is_added_once() -> None:
    before = '{"name": "mine", "toolchains": [{"name": "go", "source": "x"}]}'
    after = with_toolchain(before, "lockproof", "github.com/a/b@v1")
    assert json.loads(after)["toolchains"] == [
        {"name": "go", "source": "x"},
        {"name": "lockproof", "source": "github.com/a/b@v1"},
    ]
    assert with_toolchain(after, "lockproof", "other") == after
    for text in ('{"blueprint": {"name": "lockproof"}}', '{"blueprint": {"name": "other"}}'):
        kept = with_toolchain(text, "lockproof", "x")
        assert (kept == text) == ("lockproof" in text)


@pytest.mark.parametrize("text", ["{", "[]", '{"toolchains": "x"}', '{"toolchains": [1]}'])
def test_a_dagger_json_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"dagger\.json"):
        with_toolchain(text, "lockproof", "x")
