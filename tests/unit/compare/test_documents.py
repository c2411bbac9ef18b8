"""JSON, YAML and TOML: what is particular to nested values."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.compare.bounds import MAX_DEPTH, MAX_NOTES
from lockproof.model.toml_text import MOST_PARTS

from .files import DIFFERENT, LOOSE, NOT_COMPARABLE, WITHIN, compare, rule, summaries

LOCKED = {"train": {"loss": 0.5, "steps": 10, "ok": True, "name": "a"}, "scores": [1.0, 2.0]}


def test_nested_json_by_dotted_key() -> None:
    observed = json.loads(json.dumps(LOCKED))
    observed["train"]["loss"] = 0.5000001
    observed["scores"][1] = 2.5
    found = compare(
        "m.json", json.dumps(LOCKED).encode(), json.dumps(observed).encode(), rule(rtol=1e-3)
    )
    assert found.verdict is DIFFERENT
    (difference,) = found.differences
    assert (difference.checked, difference.differing, difference.beyond) == (6, 2, 1)
    assert difference.largest is not None
    assert difference.largest.where == "scores[1]"


def test_yaml_and_toml_are_read_alike() -> None:
    yaml = b"train: {loss: 1.5, when: 2020-01-01}\nscores:\n- 1\n- 2\n"
    assert compare("m.yaml", yaml, yaml.replace(b"1.5", b"1.5000001"), LOOSE).verdict is WITHIN
    found = compare("m.yml", yaml, yaml.replace(b"2020", b"2021"), LOOSE)
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "train.when"
    toml = b"[train]\nloss = 1.5\n[[runs]]\nseed = 1\n[[runs]]\nseed = 2\n"
    found = compare("m.toml", toml, toml.replace(b"= 2", b"= 3"), LOOSE)
    assert found.differences[0].largest is not None
    assert found.differences[0].largest.where == "runs[1].seed"


@pytest.mark.parametrize("number", [b"1e-5", b"1E-05", b"1.0e-5", b"+1.e-5", b".1e-4", b"0.00001"])
def test_yaml_numbers_as_yaml_1_2_writes_them(number: bytes) -> None:
    found = compare("m.yaml", b"a: 0.000010", b"a: " + number, LOOSE)
    assert summaries(found)[0].endswith("equal by value (1 value)")


def test_the_first_rule_with_a_matching_field_wins() -> None:
    locked = b'{"a": {"loss": 1.0, "acc": 1.0}, "n": 1.0, "v": [1.0, 1.0]}'
    rules = (
        rule(atol=0.1, fields=("*.loss", "v[1]")),
        rule(atol=0.5, fields=("a.*",)),
    )

    def verdict(old: bytes, new: bytes) -> object:
        return compare("m.json", locked, locked.replace(old, new), *rules).verdict

    assert verdict(b'"acc": 1.0', b'"acc": 1.4') is WITHIN
    assert verdict(b'"loss": 1.0', b'"loss": 1.4') is DIFFERENT
    assert verdict(b'"loss": 1.0', b'"loss": 1.05') is WITHIN
    assert verdict(b'"n": 1.0', b'"n": 1.0000001') is DIFFERENT
    assert verdict(b'"n": 1.0', b'"n": 1') is WITHIN
    assert verdict(b"[1.0, 1.0]", b"[1.0, 1.05]") is WITHIN
    assert verdict(b"[1.0, 1.0]", b"[1.05, 1.0]") is DIFFERENT


@pytest.mark.parametrize(
    ("locked", "observed", "verdict"),
    [
        ("1", "1.0", WITHIN),
        ("1", "true", DIFFERENT),
        ("true", "true ", WITHIN),
        ("1", '"1"', DIFFERENT),
        ("null", "0", DIFFERENT),
        ("NaN", "NaN ", WITHIN),
        ("NaN", "1.0", DIFFERENT),
        ("Infinity", "Infinity ", WITHIN),
        ("Infinity", "-Infinity", DIFFERENT),
        ("Infinity", "1e308", DIFFERENT),
        ("9007199254740993", "9007199254740992.0", WITHIN),
        ("1" + "0" * 400, "1" + "0" * 399 + "1", WITHIN),
        ("1" + "0" * 400, "2" + "0" * 400, DIFFERENT),
        ("1" + "0" * 400, "1.0", DIFFERENT),
    ],
)
def test_single_values(locked: str, observed: str, verdict: object) -> None:
    found = compare("m.json", f'{{"a": {locked}}}'.encode(), f'{{"a": {observed}}}'.encode(), LOOSE)
    assert found.verdict is verdict
    largest = found.differences[0].largest
    json.dumps([largest and (largest.absolute, largest.relative)], allow_nan=False)


def test_structure_that_differs_is_named() -> None:
    locked = b'{"a": {"x": 1}, "b": [1, 2], "c": {"y": 1}, "d": 1}'
    observed = b'{"a": {"z": 1}, "b": [1], "c": [1], "d": 1}'
    assert summaries(compare("m.json", locked, observed, LOOSE)) == [
        "a.x: missing",
        "a.z: new",
        "b: 2 items became 1",
        "c: a mapping became a list",
        "equal in what both have (2 values)",
    ]


def test_many_missing_keys_are_counted_not_listed() -> None:
    locked = json.dumps({str(i): 1 for i in range(MAX_NOTES + 5)}).encode()
    found = summaries(compare("m.json", locked, b"{}", LOOSE))
    assert len(found) == MAX_NOTES + 1
    assert found[-1] == "5 more differ in structure"


@pytest.mark.parametrize("name", ["m.json", "m.yaml", "m.toml"])
def test_no_values_are_no_proof(name: str) -> None:
    empty = b"" if name == "m.toml" else b"{}"
    found = compare(name, empty, empty + b"\n", LOOSE)
    assert found.verdict is NOT_COMPARABLE
    assert "no values" in summaries(found)[0]
    assert compare("m.yaml", b"", b"\n", LOOSE).verdict is NOT_COMPARABLE


_DEEP = 200_000


def _alias_bomb(body: str) -> bytes:
    lines = ["a0: &a0 {x: 1, y: 2, z: 3}"]
    lines += [f"a{i}: &a{i} " + body.format(",".join([f"*a{i - 1}"] * 9)) for i in range(1, 12)]
    return "\n".join(lines).encode()


HOSTILE = {
    "deep list": ("m.json", b"[" * _DEEP + b"]" * _DEEP, "nested too deeply"),
    "deep object": ("m.json", b'{"a":' * _DEEP, "nested too deeply"),
    "rather deep list": ("m.json", b"[" * 150 + b"1" + b"]" * 150, "became"),
    "huge integer": ("m.json", b'{"a": ' + b"9" * 10_000 + b"}", "digits"),
    "key twice": ("m.json", b'{"a": 1, "a": 1}', "'a' twice"),
    "too many values": ("m.json", b"[" + b"0," * 2_000_001 + b"0]", "more than 2000000 values"),
    "not UTF-8": ("m.json", b'{"a": "\xff"}', "not readable as JSON"),
    "alias bomb": ("m.yaml", _alias_bomb("[{}]"), "more than 2000000 values"),
    "merge bomb": ("m.yaml", _alias_bomb("{{<<: [{}]}}"), "more than 2000000 values"),
    "alias to itself": ("m.yaml", b"&a [*a]", "part of"),
    "alias to nothing": ("m.yaml", b"a: *b", "alias"),
    "deep YAML": ("m.yaml", b"[" * _DEEP, f"deeper than {MAX_DEPTH}"),
    "YAML key twice": ("m.yaml", b"a: 1\nb: 2\na: 1", "'a' twice"),
    "YAML equal keys": ("m.yaml", b"1: 1\n0x1: 2", "'1' twice"),
    "sexagesimal": ("m.yaml", b"a: " + b"1:" * 100_000 + b"1", "number of more than"),
    "YAML too large": ("m.yaml", b"a: 1 #" + b"x" * (5 << 20), "larger than 4 MiB"),
    "object": ("m.yaml", b"!!python/object/apply:os.system [exit]", "not readable as YAML"),
    "no such date": ("m.yaml", b"a: 2020-99-99", "not readable as YAML"),
    "two documents": ("m.yaml", b"--- 1\n--- 2\n", "not readable as YAML"),
    "list as key": ("m.yaml", b"? [1]\n: 2\n", "not readable as YAML"),
    "deep TOML": ("m.toml", b"a = " + b"[" * _DEEP, "nested too deeply"),
    "long TOML key": ("m.toml", b"a." * _DEEP + b"a = 1", f"more than {MOST_PARTS} parts"),
    "long quoted key": ("m.toml", b'"\\"" . ' * _DEEP + b"a = 1", "parts"),
    "long TOML number": ("m.toml", b"a = 0x" + b"f" * 20_000, "more than 1000 digits"),
    "TOML key twice": ("m.toml", b"a = 1\na = 1", "not readable as TOML"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_documents(case: str) -> None:
    name, content, reason = HOSTILE[case]
    sound = b"a = 1" if name == "m.toml" else b'{"a": 1}'
    found = compare(name, sound, content, LOOSE)
    assert reason in summaries(found)[0]
    assert found.verdict is (DIFFERENT if reason == "became" else NOT_COMPARABLE)
    assert compare(name, content, sound, LOOSE).verdict is found.verdict
    assert compare(name, sound, content).verdict is DIFFERENT


def test_equal_deep_documents_are_not_compared() -> None:
    deep = b"[" * (MAX_DEPTH + 2) + b"1" + b"]" * (MAX_DEPTH + 2)
    found = compare("m.json", deep, deep + b"\n", LOOSE)
    assert found.verdict is NOT_COMPARABLE
    assert "nested deeper" in summaries(found)[0]


def test_merged_keys_may_be_overridden() -> None:
    text = b"base: &base {a: 1, b: 2}\nrun:\n  <<: *base\n  a: 3\n"
    assert compare("m.yaml", text, text + b"\n", LOOSE).verdict is WITHIN
    assert compare("m.yaml", text, text.replace(b"b: 2", b"b: 5"), LOOSE).differences[0].beyond == 2


def test_a_bomb_takes_little_memory() -> None:
    bomb = _alias_bomb("{{<<: [{}]}}")
    tracemalloc.start()
    try:
        compare("m.yaml", b"a: 1", bomb, LOOSE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def test_foreign_names_cannot_break_a_line() -> None:
    key = "x\n\x1b[31m\u202e" + "y" * 5000
    locked = json.dumps({key: 1, "t": "\x1b]0;"}).encode()
    found = compare("m.json", locked, json.dumps({"t": "\n" * 9000}).encode(), LOOSE)
    text = [*summaries(found)]
    for difference in found.differences:
        if difference.largest:
            text += [difference.largest.locked, difference.largest.observed]
    assert len(text) == 4
    assert all(line.isprintable() and len(line) <= 200 for line in text)
    assert r"x\n\x1b[31m\u202e" in text[0]


def test_nothing_is_executed(tmp_path: Path) -> None:
    target = tmp_path / "pwned"
    text = f"a: !!python/object/apply:pathlib.Path.touch [{target}]".encode()
    compare("m.yaml", b"a: 1", text, LOOSE)
    assert not target.exists()


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(value=plain)
def test_any_json_equals_itself_written_otherwise(value: object) -> None:
    locked, observed = (json.dumps([1, value], indent=n).encode() for n in (None, 1))
    assert compare("m.json", locked, observed, LOOSE).verdict is WITHIN
