"""What words without quotes are to Kubernetes: go-yaml's YAML 1.1, which PyYAML's nearly is."""

import json
import math
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lockproof.adapters.kustomize.program import find_kustomize
from lockproof.parse.block_yaml import read_blocks
from lockproof.parse.composed_yaml import compose
from lockproof.parse.document import ParseError
from lockproof.parse.plain_scalars import CORE, PREFIX, SERVER
from lockproof.parse.yaml_document import read_yaml

WORDS_OF_KUBECTL = json.loads(Path(__file__).with_name("plain_words.json").read_bytes())
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
        return SERVER.value(text)
    except ValueError:
        return ValueError


OTHERS = {
    "y and n": r"[yYnN]",
    "exponents without a sign, or without a point": r"(?i)[-+]?[0-9_.]+e.*",
    "prefixes of Go: 0o, and capitals": r"[-+]?_*0_*(?:[oO]|[BX]).*",
    "where underscores stand": r"[-+.]*[0-9.].*_.*|[-+]_.*",
    "08, 00.5 and 018 are decimal": r"[-+]?0[0-9]+\.?[0-9]*",
    "a sign behind the prefix, or before a point": r"0b[-+].*|[-+]\..*",
    "no base 60": r".*:.*",
    "64 bits": r"[-+]?0[bx].{10,}",
}
"""Where kubectl differs from PyYAML -> what the words look like."""


@settings(max_examples=500, deadline=None)
@given(NUMBERS | WORDS | st.text(max_size=4) | st.from_regex(r"\A[-+]?0[bx]?[0-9a-f_]{1,6}\Z"))
def test_a_plain_word_is_what_pyyaml_says_but_where_kubectl_differs(text: str) -> None:
    mine, theirs = ours(text), by_pyyaml(text)
    if repr(mine) != repr(theirs):  # Not ==: 1 is True, and NaN is not itself.
        assert any(re.fullmatch(pattern, text, re.DOTALL) for pattern in OTHERS.values())


def test_a_plain_word_is_what_kubectl_says() -> None:
    """As kubectl 1.34.4 answered; a test with the cluster mark asks it again."""
    assert len(WORDS_OF_KUBECTL) > 150
    for text, value in WORDS_OF_KUBECTL:
        mine = ours(text)
        # Printed as JSON, where 1.0 is 1 and what is larger than 2**53 is rounded.
        if isinstance(value, int | float) and not isinstance(value, bool):
            assert not isinstance(mine, bool | str), text
            assert mine == pytest.approx(value, rel=1e-12), text
        else:
            assert repr(mine) == repr(value), text


@settings(max_examples=500, deadline=None)
@given(
    st.builds(
        "{}{}".format,
        st.sampled_from("+-.0123456789"),
        NUMBERS | st.text("0_bBoOxX17fe.+-", max_size=8),
    )
)
@example(".0_0")
@example(".0__0")
def test_numbers_are_told_apart_as_go_does(text: str) -> None:
    """Step by step as go-yaml tries them, where the table has one pattern for each."""
    mine = ours(text)
    # With a point in front strconv.ParseFloat sees the underscores, and takes those between digits.
    bare = re.sub(r"(?<=\d)_(?=\d)" if text[0] == "." else "_", "", text)
    if text[0] != "." and (found := go_integer(bare)) is not None:
        assert repr(mine) == repr(found)
    elif re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", bare):
        found = float(bare)
        assert mine == (text if math.isinf(found) else found)
    else:
        assert mine == text


def go_integer(text: str) -> int | None:
    """As strconv.ParseInt with base 0, and go-yaml's own for 0b with a sign behind it."""
    sign = -1 if text[:1] == "-" else 1
    digits = text[1:] if text[:1] in ("+", "-") else text
    if text[:2] == "0b" and text[2:3] in ("+", "-"):
        sign, digits = -1 if text[2] == "-" else 1, f"0b{text[3:]}"
    base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2].lower())
    if base is not None:
        digits = digits[2:]
    elif digits[:1] == "0" and len(digits) > 1:
        base, digits = 8, digits[1:]
    if not digits.isalnum() or not digits.isascii():
        return None
    try:
        return sign * int(digits, base or 10)
    except ValueError:
        return None


@pytest.mark.parametrize("read", [read_blocks, partial(compose, name="a")])
def test_a_manifest_is_read_as_kubectl_does(read: Any) -> None:
    words = {"a": "y", "b": "N", "c": "0o17", "d": "7e12345", "e": "1e3", "f": "'y'", "g": "=y"}
    (document,) = read("".join(f"{k}: {v}\n" for k, v in words.items()), core=False)
    assert document.value == {
        "a": True, "b": False, "c": 15, "d": "7e12345", "e": 1000, "f": "y", "g": "=y"
    }  # fmt: skip


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


KEYS = """
y N on Off yes no True null ~ 1 01 1.0 1e3 0o17 017 0x1F 0b11 1_000 +1 -0 -0.0 .5 .inf -.inf .nan
.5_0 .5_ ._5 .5__0 .5e1_0 .5e1__0 .5e_10
2001-01-01 12345678901234567890 123456789012345678901 9223372036854775807 -9223372036854775809
1:30 0.1 1e21 1e-5 1e-4 123456.78 100000.0 1000000.0 1e300 -1e39 1e-46 16777217.0 7e12345 = key nil
"""


def test_a_plain_key_is_what_kubectl_says() -> None:
    """As the kubectl of the extra answers, key by key: it ends at one that it refuses."""
    found = find_kustomize()
    assert found is not None
    assert found.command[-1] == "kustomize"  # A part of kubectl.
    for key in (*KEYS.split(), "'y'", '"1.0"', "!!str y", '!!bool "y"'):
        text = f"apiVersion: x/v1\nkind: K\nmetadata: {{name: a}}\nv:\n  {key}: here\n"
        done = subprocess.run(
            [found.command[0], "label", "--local", "-f", "-", "-o", "json", "a=b"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            with pytest.raises(ParseError, match=r"line 5: has a key .* as kubectl reads it"):
                read_yaml(text.encode(), "a.yaml")
            continue
        (document,) = read_yaml(text.encode(), "a.yaml")
        theirs = json.loads(done.stdout)["v"]
        assert document.value["v"] == theirs, key
        (name,) = theirs
        assert document.line("v", name) == 5
        quick = read_blocks(text, core=False)
        assert quick is None or quick[0].value == document.value


def test_a_key_by_an_alias_is_read_and_the_value_stays_what_it_was() -> None:
    (document,) = compose("&a y: *a\nb: &c {on: 1}\nd: *c\n", "a", core=False)
    assert document.value == {"true": True, "b": {"true": 1}, "d": {"true": 1}}
    assert [name for name, _, _ in document.entries()] == ["true", "b", "d"]
    assert document.line("d", "true") == 2
    (document,) = compose("y: 1\n1.0: 2\n~: 3\n", "a", core=True)
    assert document.value == {"y": 1, "1.0": 2, "~": 3}


def test_keys_that_are_one_to_kubectl_are_one_twice() -> None:
    with pytest.raises(ParseError, match="line 2: has the key 'true' twice, as kubectl reads it"):
        read_yaml(b"yes: 1\non: 2\n", "a.yaml")
