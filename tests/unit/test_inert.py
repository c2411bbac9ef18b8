"""Nothing that we print is obeyed by the runner of a CI system, whatever a file is called."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.cli.plain_progress import visible as plain
from lockproof.model.inert import inert, inert_json
from lockproof.render.foreign import brief, last_lines, visible

HOSTILE = [
    "::stop-commands::x",
    "  ::stop-commands::x",
    "::set-env name=PATH::/evil",
    "a\r::add-mask::a",
    "a\n::error file=x::y",
    "::TOKEN::",
    "##[add-mask]a",
    "a ##[group]b",
    "##vso[task.setvariable]x",
    "long " * 40 + "::Stop-Commands::x",
    "\x1b[0Ksection_start:1:a[collapsed=true]\r\x1b[0Kx",
]
PIECES = st.sampled_from(
    ["::", ":", "#", "##", "[", "]", " ", "\n", "\r", "error", "vso", "a", "\x1b"]
)


def obeyed(text: str) -> bool:
    """Whether a runner of GitHub, Azure or GitLab takes a line, or a part of it, for its own."""
    lines = re.split(r"[\r\n]", text)
    return (
        any(line.strip().startswith("::") for line in lines)
        or bool(
            re.search(
                r"##\w*\[|::(stop-commands|add-mask|set-env|error|group)\b", text, re.IGNORECASE
            )
        )
        or bool(re.search(r"section_(start|end):\d+:.*\r\x1b\[0K", text))
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_no_command_is_left(text: str) -> None:
    assert obeyed(text)
    for shown in (plain(text), visible(text), brief(text, 60), "\n".join(last_lines(text, 9)[0])):
        assert not obeyed(shown)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_none_in_any_text(text: str) -> None:
    assert not obeyed(plain(text))
    assert not obeyed(visible(text))
    assert not obeyed("\n".join(last_lines(text, 99)[0]))
    assert inert(inert(text)) == inert(text)


@pytest.mark.parametrize(
    "text", ["std::vector::size", "a::b", "# [x]", "## x [y]", "a:: b", "10::20"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert visible(text) == plain(text) == text


@given(st.lists(PIECES, max_size=12).map("".join))
def test_json_says_the_same(text: str) -> None:
    shown = inert_json(json.dumps({text: [text]}, indent=2))
    assert json.loads(shown) == {text: [text]}
    assert not re.search(r"##\w*\[", shown)
    assert not any(line.strip().startswith("::") for line in shown.split("\n"))
