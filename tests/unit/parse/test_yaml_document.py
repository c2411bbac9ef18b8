"""YAML as data: what is read, what is refused, and where things stand."""

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.errors import ConfigError
from lockproof.parse.yaml_document import ParseError, read_yaml


def value(text: str) -> Any:
    (document,) = read_yaml(text.encode(), "f.yaml")
    return document.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1", {"a": 1}),
        ("1: a", {"1": "a"}),
        ("a: 2026-01-02", {"a": "2026-01-02"}),
        ("a: 12:30:45", {"a": "12:30:45"}),
        ("a: 0o14", {"a": 12}),
        ("a: 0x1f", {"a": 31}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: 1.0e+3", {"a": 1000.0}),
        ("a: on", {"a": True}),
        ("a: ~", {"a": None}),
        ("a: {b: [1, two, 3.5]}", {"a": {"b": [1, "two", 3.5]}}),
        ("x: &x {b: 1, c: 2}\nz: {<<: *x, c: 3}", {"x": {"b": 1, "c": 2}, "z": {"b": 1, "c": 3}}),
        ("\ufeffa: 1", {"a": 1}),
        ("", None),
    ],
)
def test_values_are_those_of_json(text: str, expected: Any) -> None:
    documents = read_yaml(text.encode(), "f.yaml", many=True)
    assert [d.value for d in documents] == ([expected] if text else [])


def test_lines_of_keys_and_items() -> None:
    (first, second) = read_yaml(
        b"a:\n  - b: 1\n    c: 2\n  - 3\n---\nx: &x {k: 1}\nz:\n  <<: *x\n", "f", many=True
    )
    assert first.line() == 1
    assert first.line("a") == 1
    assert first.line("a", 0) == 2
    assert first.line("a", 0, "c") == 3
    assert first.line("a", 1) == 4
    assert second.line("x") == 6
    assert second.line("z", "k") == 6, "what is merged in stands where it was written"
    for missing in (("b",), ("a", 2), ("a", "b"), ("a", 0, "b", "d"), ("a", -1)):
        assert first.line(*missing) is None


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"a: 1\na: 2\n", "twice", 2),
        (b"ok: 1\nb: \xff\n", "not UTF-8", 2),
        (b"a: !!python/object/apply:os.system ['x']\n", "tag that is not allowed", 1),
        (b"a: !custom x\n", "tag that is not allowed", 1),
        (b"? [a]\n: 1\n", "key that is no text", 1),
        (b"a: [1,\n", "no YAML", None),
        (b"a: *nowhere\n", "no YAML", 1),
        (b"a: 'x\n", "no YAML", None),
        (b"a: \x00\n", "no YAML", 1),
        (b"[" * 3000, "no YAML|nested deeper", None),
        (b"[" * 150 + b"]" * 150, "nested deeper", 1),
        # libyaml's own recursion would end the process.
        (b"[" * 200_000, "nested deeper", 1),
        (b"- " * 200_000, "nested deeper", 1),
        (b"? " * 200_000, "nested deeper", 1),
        (b"{a: " * 200_000, "nested deeper", 1),
        (b"a: 1\nb:\n" + b"".join(b" " * n + b"- \n" for n in range(3000)), "nested deeper", None),
        (b"a: 1\n---\nb: 1\n", "2 documents", None),
        (b"x: &x [*x]\n", "nested deeper|no YAML", None),
        (b"a: " + b"9" * 5000, "1000 digits", 1),
        (b"a: " + b"x" * (9 << 20), "larger than", None),
    ],
)
def test_what_is_refused_says_where(content: bytes, message: str, line: int | None) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        read_yaml(content, "f.yaml")
    assert isinstance(caught.value, ConfigError)
    assert str(caught.value).startswith("f.yaml")
    assert "\n" not in str(caught.value)
    if line is not None:
        assert caught.value.line == line


def test_anchors_that_explode_are_refused_quickly() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    with pytest.raises(ParseError, match="anchors included"):
        read_yaml("\n".join(lines).encode(), "f.yaml")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc:-#'\" \n{}[]é", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abcé .-", min_size=1, max_size=6), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(PLAIN)
@settings(deadline=None, max_examples=60)
def test_what_a_dumper_writes_is_read_back(data: Any) -> None:
    text = yaml.safe_dump(data, allow_unicode=True)
    assert value(text) == data


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(ParseError):
        read_yaml(content, "f", many=True)


def test_a_directive_by_which_dvc_would_read_other_values_is_refused() -> None:
    text = b"# first\n%YAML 1.1\n---\na: yes\nb: 010\n"
    with pytest.raises(ParseError, match=r"asks to be read as YAML 1\.1") as refused:
        read_yaml(text, "params.yaml", core=True)
    assert refused.value.line == 2
    (kept,) = read_yaml(text.replace(b"1.1", b"1.2"), "params.yaml", core=True)
    assert kept.value == {"a": "yes", "b": 10}
    (manifest,) = read_yaml(text, "k.yaml")
    assert manifest.value == {"a": True, "b": 8}
    (inside,) = read_yaml(b"a: |\n  %YAML 1.1\nb: !!str 1\n", "params.yaml", core=True)
    assert inside.value == {"a": "%YAML 1.1\n", "b": "1"}
