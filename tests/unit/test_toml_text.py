"""TOML within bounds: what tomllib reads is read, and nothing that would take it minutes."""

import tomllib
import tracemalloc

import pytest
import tomlkit
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockproof.config import parse_policy
from lockproof.errors import ConfigError
from lockproof.model.toml_text import LARGEST, MOST_DIGITS, MOST_PARTS, read_toml
from lockproof.parse.params import read_params

KEY = ".".join(["a"] * (MOST_PARTS + 1))
QUOTED = " . ".join(['"\\""', "'b'"] * MOST_PARTS)
DIGITS = "1" * (MOST_DIGITS + 1)

TOO_MUCH = {
    "a key without end": ("a." * 50_000 + "a = 1", "a key of more than 32 parts (at line 1)"),
    "just too long": (f"\n{KEY} = 1", "a key of more than 32 parts (at line 2)"),
    "a table's": (f"[{KEY}]", "32 parts"),
    "an array's": (f"[[{KEY}]]", "32 parts"),
    "in a value": (f"a = {{ {KEY} = 1 }}", "32 parts"),
    "of quoted parts": (f"{QUOTED} = 1", "32 parts"),
    "after a text": (f"a = '''\n'''\n{KEY} = 1", "32 parts"),
    "after more quotes than needed": (f'a = """"a"""""\n{KEY} = 1', "32 parts"),
    "after a comment": (f"# \"\n{KEY} = '\"'", "32 parts"),
    "hexadecimal": ("a = 0x" + "f" * 20_000, "1000 digits"),
    "octal": ("a = 0o" + "7" * 20_000, "1000 digits"),
    "decimal": (f"a = -{DIGITS}", "1000 digits"),
    "decimals": (f"a = 0.{DIGITS}", "1000 digits"),
    "deep": ("a = " + "[" * 100_000, "nested too deeply"),
    "deep tables": ("a = " + "{a=" * 100_000, "nested too deeply"),
    "large": ("#" * (LARGEST + 1), "larger than 8 MiB"),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_what_would_take_time_or_could_not_be_printed(case: str) -> None:
    text, why = TOO_MUCH[case]
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
            read_toml(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert why in str(caught.value)
    assert peak < 4 << 20
    with pytest.raises(ConfigError, match=r"^[^\n]+$"):
        parse_policy(text)
    with pytest.raises(ConfigError, match=r"^[^\n]+$"):
        read_params(text.encode(), "p.toml")


@pytest.mark.parametrize(
    "text",
    [
        KEY.removeprefix("a.") + " = 1",
        f"a = '{KEY}'",
        f'a = "{KEY}"',
        f'a = "\\"{KEY}"',
        f'a = """\n{KEY}"\\""" {DIGITS}"""',
        f"a = '''\n{KEY}' {DIGITS}'''",
        f"# {KEY} {DIGITS}",
        f"a = 1 # '\n[b] # {KEY}",
        "a = [" + "1.5, " * 2000 + "]",
        "a = 0x" + "f" * 900,
        "a = 1e400",
    ],
)
def test_what_only_looks_like_it(text: str) -> None:
    assert read_toml(text) == tomllib.loads(text)


VALUES = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
@settings(deadline=None)
def test_what_is_written_is_read(tree: dict[str, object]) -> None:
    text = tomlkit.dumps(tree)
    assert read_toml(text) == tomllib.loads(text)


@given(st.text("a.'\"\\\n#= 1[]{},", max_size=60))
@example('"' + '\\"' * 30)
@settings(deadline=None, max_examples=500)
def test_any_text_is_read_as_tomllib_reads_it(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            read_toml(text)
        return
    assert read_toml(text) == expected
