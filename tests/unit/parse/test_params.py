"""Parameter files: a value that could not be printed is refused where it is read."""

import json

import pytest

from lockproof.errors import ConfigError
from lockproof.parse.params import read_params, select
from lockproof.parse.yaml_document import read_yaml

HEX = b"0x" + b"f" * 20_000

HUGE = [
    ("p.yaml", b"a: " + HEX),
    ("p.yaml", b"a: 0o" + b"7" * 20_000),
    ("p.yaml", b"a: 0b" + b"1" * 20_000),
    ("p.yaml", b"a: 1" + b"_1" * 20_000),
    ("p.yaml", b"a: [!!int '" + HEX + b"']"),
    ("p.yaml", b"a: " + b"9" * 20_000),
    ("p.json", b'{"a": ' + b"9" * 20_000 + b"}"),
    ("p.json", b'{"a": [' + b"9" * 2_000 + b"]}"),
    ("p.toml", b"a = " + HEX),
    ("p.py", b"A = " + HEX),
    ("p.py", b"class A:\n    b = {'c': " + b"9" * 20_000 + b"}"),
]


@pytest.mark.parametrize("case", range(len(HUGE)))
def test_a_number_that_is_too_long_to_print(case: int) -> None:
    name, content = HUGE[case]
    with pytest.raises(ConfigError, match=r"^p\.[^\n]+ more than \d+ digits[^\n]*$") as caught:
        read_params(content, name)
    assert len(str(caught.value)) < 200
    assert "sys." not in str(caught.value)


@pytest.mark.parametrize("text", [b"0x" + b"f" * 5000, b"0" + b"7" * 5000, b"0b" + b"1" * 5000])
def test_manifests_hold_none_either(text: bytes) -> None:
    with pytest.raises(ConfigError, match="digits"):
        read_yaml(b"a: " + text, "m.yaml")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.yaml", b"a: 1e400"),
        ("p.json", b'{"a": 1e400}'),
        ("p.toml", b"a = 1e400"),
        ("p.py", b"a = 1e400"),
    ],
)
def test_a_float_beyond_all_floats_is_infinite(name: str, content: bytes) -> None:
    assert json.dumps(read_params(content, name)) == '{"a": "inf"}'


@pytest.mark.parametrize("content", [b"A = " + b"-" * 20_000 + b"1", b"A = 1" + b"+1j" * 20_000])
def test_python_that_is_nested_without_end(content: bytes) -> None:
    with pytest.raises(ConfigError, match="is not valid Python: nested too deeply"):
        read_params(content, "p.py")


def test_an_index_without_end_is_of_no_item() -> None:
    assert select({"a": [1, 2]}, ["a.1", "a." + "9" * 5000, "a.²"]) == {"a.1": 2}
