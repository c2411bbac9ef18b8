"""JSON as kubectl reads it: streams, escape pairs, and what bounds it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.parse.json_stream import read_json
from lockproof.parse.yaml_document import ParseError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


@given(st.lists(VALUES), st.sampled_from(["\n", "  ", "\r\n\t"]))
def test_what_was_written_one_after_another_is_read(values: list[Any], between: str) -> None:
    stream = read_json(between.join(map(json.dumps, values)).encode(), "f.json")
    assert list(stream.values) == values
    assert [one.value for one in stream.documents()] == values
    lines = [1 + number * between.count("\n") for number in range(len(values))]
    assert list(stream.lines) == lines


@given(st.binary() | st.text(alphabet='{}[]",:\\ud83 1').map(str.encode))
def test_whatever_is_read_or_refused(content: bytes) -> None:
    try:
        documents = read_json(content, "f.json").documents()
    except ParseError:
        return
    for document in documents:
        json.dumps(document.value, ensure_ascii=False, allow_nan=False).encode()


def test_each_value_says_the_line_it_starts_in() -> None:
    first, second = read_json(b'\n{"a":\n1}\n\n{"b": [2]}', "f.json").documents()
    assert (first.line(), first.line("a")) == (2, 2)
    assert (second.line(), second.line("b", 0), second.line("c")) == (5, 5, None)


def test_a_pair_is_one_sign_and_half_a_pair_is_none() -> None:
    (document,) = read_json(rb'{"a": "\ud83d\ude00", "b\ud83d": "\ude00"}', "f.json").documents()
    assert document.value == {"a": "\U0001f600", "b\ufffd": "\ufffd"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1,}', "is no JSON"),
        (b'{"a": 1}, {}', "is no JSON"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        (b"[" * 200_000, "nested deeper"),
        (b"[[]," * 3_000_000, "more than"),
        (b"1 " * 600_000, "more than"),
        (b"9" * 5000, "too long"),
    ],
)
def test_what_is_no_json_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        read_json(content, "f.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "the key 'b' twice"),
        (b'{"a": NaN}', "a number that is none"),
        (b'{"a": 1e999}', "a number that is none"),
        (b"[" * 150 + b"]" * 150, "nested deeper than 100"),
        (b"[" + b"1," * 600_000 + b"1]", "more than 500000 values"),
    ],
)
def test_what_is_json_may_be_no_document(content: bytes, said: str) -> None:
    stream = read_json(content, "f.json")
    assert len(stream.values) == 1
    with pytest.raises(ParseError, match=said):
        stream.documents()
