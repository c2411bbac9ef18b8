"""Metrics files to dotted keys."""

import contextlib
import io
import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lockproof.errors import ConfigError
from lockproof.model.metrics import MAX_BYTES, MAX_SLOW_BYTES, flatten_metrics


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("m.json", '{"a": 1, "b": {"c": 0.5, "d": -2e-3}}', {"a": 1.0, "b.c": 0.5, "b.d": -0.002}),
        ("m.JSON", '{"a": 1}', {"a": 1.0}),
        ("m.json", "0.93", {"": 0.93}),
        ("m.json", '{"a": null, "b": true, "c": "0.9", "d": [1, 2], "e": {}}', {}),
        ("m.json", '{"a": Infinity, "b": -Infinity}', {"a": math.inf, "b": -math.inf}),
        ("m.json", '\ufeff{"a": 1}', {"a": 1.0}),
        ("m.yaml", "a: 1e-3\nb: {c: 1_000, 7: .inf}\nno: 2", {"a": 0.001, "b.c": 1000.0,
                                                              "b.7": math.inf, "no": 2.0}),
        ("m.yml", "", {}),
        ("m.yml", "- 1\n- 2\n", {}),
        ("m.yml", "a: &x {b: 1}\nc: *x\n", {"a.b": 1.0, "c.b": 1.0}),
        ("metrics", "a: 0.5", {"a": 0.5}),
        ("m.txt", "0.25\n", {"": 0.25}),
        ("m.csv", "epoch,loss\n1,0.5\n", {}),
        ("m.toml", "a = 1\nday = 2026-01-02\n[b]\nc = 0.5\n", {"a": 1.0, "b.c": 0.5}),
        ("m.toml", "a = nan", {"a": math.nan}),
    ],
)  # fmt: skip
def test_numbers_by_dotted_key(path: str, text: str, expected: dict[str, float]) -> None:
    found = flatten_metrics(path, text.encode())
    assert list(found) == list(expected)
    assert all(type(value) is float for value in found.values())
    for key, value in expected.items():
        assert found[key] == value or (math.isnan(value) and math.isnan(found[key]))


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("m.json", b"{", "cannot be read as metrics"),
        ("m.json", b"", "cannot be read as metrics"),
        ("m.json", b"\xff", "cannot be read as metrics"),
        ("m.json", b'{"a": 1, "a": 2}', "occurs twice"),
        ("m.json", b'{"a": {"b": 1}, "a.b": 2}', "two values for the metric 'a.b'"),
        ("m.json", b'{"a": ' + b"9" * 400 + b"}", "'a' does not fit"),
        ("m.json", b'{"a": ' + b"9" * 5000 + b"}", "cannot be read as metrics"),
        ("m.json", b'{"\\ud800": 1}', "not valid Unicode"),
        ("m.json", b'{"a":' * 100_000, "nested too deeply"),
        ("m.json", b'{"a":' * 40 + b"1" + b"}" * 40, "more values or levels"),
        ("m.json", json.dumps({str(i): i for i in range(20_001)}).encode(), "more values"),
        ("m.json", b" " * (MAX_BYTES + 1), "too many for a metrics file"),
        ("m.yaml", b" " * (MAX_SLOW_BYTES + 1), "too many for a metrics file"),
        ("m.yaml", b"a: [", "cannot be read as metrics"),
        ("m.yaml", b"a: 1\na: 2", "cannot be read as metrics"),
        ("m.yaml", b"? {a: 1}\n: 2", "cannot be read as metrics"),
        ("m.yaml", b"a: !!python/object/apply:os.system [id]", "cannot be read as metrics"),
        ("m.yaml", b"[" * 100_000, "nested too deeply"),
        ("m.yaml", b"a: &a {b: *a}", "more values or levels"),
        ("m.toml", b"a = ", "cannot be read as metrics"),
    ],
)
def test_a_file_that_is_no_metrics_file(path: str, content: bytes, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        flatten_metrics(path, content)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_document_of_aliases_to_aliases_ends() -> None:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{i}: &a{i} {{x: *a{i - 1}, y: *a{i - 1}}}" for i in range(1, 30)]
    with pytest.raises(ConfigError, match="more values or levels"):
        flatten_metrics("m.yaml", "\n".join(lines).encode())


NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53)
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=6)
LEAVES = NUMBERS | st.none() | st.booleans() | st.text(max_size=4)
TREES = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=10),
    max_size=4,
)


def by_recursion(tree: Any, prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= by_recursion(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{prefix}{key}"] = float(value)
    return found


@given(TREES)
def test_json_says_what_was_written(tree: dict[str, Any]) -> None:
    found = flatten_metrics("m.json", json.dumps(tree).encode())
    assert list(found.items()) == list(by_recursion(tree).items())


@given(TREES.filter(lambda tree: "\\u" not in json.dumps(tree)))
@example({"a": 1e-05, "b": {"c": 1e16}})
def test_yaml_says_what_was_written(tree: dict[str, Any]) -> None:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(tree, stream)
    assert flatten_metrics("m.yaml", stream.getvalue().encode()) == by_recursion(tree)


@given(st.sampled_from(["m.json", "m.yaml", "m.toml", "m"]), st.binary(max_size=60) | st.text())
def test_any_content_is_numbers_or_a_clear_error(path: str, content: bytes | str) -> None:
    data = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    with contextlib.suppress(ConfigError):
        assert all(type(value) is float for value in flatten_metrics(path, data).values())
