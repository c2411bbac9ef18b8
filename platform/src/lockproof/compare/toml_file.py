"""TOML."""

import re
import tomllib
from typing import Any

from .bounds import MAX_DEPTH, MAX_TOML_BYTES, MAX_VALUES
from .document import DocumentReader
from .interface import Unreadable

_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}\.[ \t]*+){{{MAX_DEPTH}}}")


def toml_reader() -> DocumentReader:
    """The reader of TOML files."""
    return DocumentReader("TOML", parse_toml, MAX_TOML_BYTES)


def parse_toml(content: bytes) -> Any:
    """Parse TOML.

    Raises:
        Unreadable: too many values, or a dotted key of too many parts.
        ValueError: not TOML.
        RecursionError: nested too deeply.
    """
    text = content.decode("utf-8")
    if sum(text.count(mark) for mark in "=,[{") > MAX_VALUES:
        raise Unreadable(f"TOML of more than {MAX_VALUES} values")
    # tomllib takes time that grows with the square of the parts of a dotted key.
    if _LONG_KEY.search(text):
        raise Unreadable(f"TOML with a key of more than {MAX_DEPTH} parts")
    return tomllib.loads(text)
