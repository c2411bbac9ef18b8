"""Literal blocks against PyYAML: the same text, or left to it."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.parse.literal_text import literal

HEADERS = ["|", "|-", "|+"]
LINES = st.lists(
    st.builds(
        "{}{}".format,
        st.integers(0, 5).map(lambda far: " " * far),
        st.sampled_from(["", "x", "# c", "- y", "b: 1", "---", "...", "x  ", '"', "é\u00a0", "%"]),
    ),
    max_size=7,
)


@settings(deadline=None, max_examples=1000)
@given(st.sampled_from([*HEADERS, ">", "|2", "|2-"]), LINES, st.sampled_from(["a: ", "- "]))
def test_the_same_as_pyyaml_or_none(header: str, lines: list[str], before: str) -> None:
    found = literal(header, ["", *lines], 1, 0)
    if found is None:
        return
    text, count = found
    after = [line for line in lines[count:] if line.strip(" ")]
    assert not after or not after[0].startswith(" ")
    content = f"{before}{header}\n" + "".join(f"{line}\n" for line in lines[:count])
    (said,) = yaml.safe_load_all(content)
    assert text == (said["a"] if isinstance(said, dict) else said[0])


@pytest.mark.parametrize("header", HEADERS)
@given(st.lists(st.text("ab #:-'é ", max_size=9), min_size=1, max_size=5), st.integers(1, 4))
def test_what_writers_write_is_read(header: str, lines: list[str], far: int) -> None:
    margin = " " * far
    block = [f"{margin}{line}" if line else "" for line in [f"x{lines[0]}", *lines]]
    found = literal(header, [*block, "next: 1"], 0, 0)
    assert found is not None
    assert found[1] == len(block)
    assert found[0].rstrip("\n") == "\n".join([f"x{lines[0]}", *lines]).rstrip("\n")


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["b: 1"],
        ["", "  x"],
        ["   ", "  x"],
        ["   x", "  y"],
        ["  x", " # a comment"],
    ],
)
def test_others_are_left_to_pyyaml(lines: list[str]) -> None:
    assert literal("|", lines, 0, 0) is None
