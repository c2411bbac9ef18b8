"""TOML."""

from typing import Any

from lockproof.model.toml_text import read_toml

from .bounds import MAX_TOML_BYTES, MAX_VALUES
from .document import DocumentReader
from .interface import Unreadable


def toml_reader() -> DocumentReader:
    """The reader of TOML files."""
    return DocumentReader("TOML", parse_toml, MAX_TOML_BYTES)


def parse_toml(content: bytes) -> Any:
    """Parse TOML.

    Raises:
        Unreadable: too many values.
        ValueError: not TOML, or beyond what `read_toml` reads.
    """
    text = content.decode("utf-8")
    if sum(text.count(mark) for mark in "=,[{") > MAX_VALUES:
        raise Unreadable(f"TOML of more than {MAX_VALUES} values")
    return read_toml(text)
