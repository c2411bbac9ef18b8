"""What words without quotes are to YAML 1.1, as PyYAML has it."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lockproof.parse.plain_scalars import CORE, LEGACY, PREFIX

NUMBERS = st.text("0123456789abfxeEoO_.:+-", max_size=12)
WORDS = st.sampled_from(
    ["yes", "no", "on", "off", "true", "null", ".inf", ".nan", "y", "~", "=", "<<", ""]
).flatmap(lambda w: st.sampled_from([w, w.upper(), w.title(), f"{w}x", f"-{w}", f"+{w}"]))


def by_pyyaml(text: str) -> Any:
    """The value of a plain word; dates, times and what is no value of JSON stay text."""
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))
    name = tag.removeprefix(PREFIX)
    # `yaml`: `!`, `&` or `*` alone, which no document has as a word.
    if name in ("str", "timestamp", "value", "yaml") or (name in ("int", "float") and ":" in text):
        return text
    if name == "merge":
        return ValueError
    try:
        return loader.construct_object(yaml.ScalarNode(tag, text))
    except ValueError:
        return ValueError


def ours(text: str) -> Any:
    try:
        return LEGACY.value(text)
    except ValueError:
        return ValueError


@settings(max_examples=500, deadline=None)
@given(NUMBERS | WORDS | st.text(max_size=4) | st.from_regex(r"\A[-+]?0[bx]?[0-9a-f_]{1,6}\Z"))
def test_a_plain_word_is_what_pyyaml_says(text: str) -> None:
    mine, theirs = ours(text), by_pyyaml(text)
    assert repr(mine) == repr(theirs)  # Not ==: 1 is True, and NaN is not itself.


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0b11", 3),
        ("-0x1F", -31),
        ("017", 15),
        ("0_7", 7),
        ("1_0.5", 10.5),
        ("-.INF", float("-inf")),
    ],
)
def test_numbers_of_other_forms(text: str, value: float) -> None:
    assert ours(text) == value == by_pyyaml(text)


TAGGED = st.tuples(
    st.sampled_from(["int", "float", "bool"]),
    st.sampled_from(["true", "off", "1", "1.0", "0x1", ".inf", "1e3", "0", "y", "", "1_0"])
    | st.from_regex(r"\A[-+]?[0-9]{1,4}(\.[0-9]{0,3})?(e[0-9])?\Z"),
)


@settings(max_examples=300, deadline=None)
@given(TAGGED)
def test_a_tag_that_is_written_out_decides(tagged: tuple[str, str]) -> None:
    """`!!float 1` is 1.0, which code tells from 1; what DVC's reader refuses is refused."""
    name, text = tagged
    try:
        theirs = YAML(typ="safe", pure=True).load(f"!!{name} '{text}'")
    except (ValueError, KeyError, IndexError):
        theirs = ValueError
    try:
        mine: Any = CORE.tagged(f"{PREFIX}{name}", text)
    except ValueError:
        mine = ValueError
    assert repr(mine) == repr(theirs)
