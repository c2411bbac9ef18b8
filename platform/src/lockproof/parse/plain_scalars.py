"""What words without quotes are: text, numbers, truth values or nothing."""

import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

PREFIX = "tag:yaml.org,2002:"
_LONGEST = 1000
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_TRUE, _FALSE = frozenset({"y", "yes", "true", "on"}), frozenset({"n", "no", "false", "off"})
AS_READ = "as kubectl reads it"
"""Stands in what is said of keys that other programs take as they are written."""

Resolvers = Mapping[str, Sequence[tuple[str, re.Pattern[str]]]]
"""First character, empty for no text at all -> tags, each with the pattern of what it is."""


@dataclass(frozen=True)
class Schema:
    """A schema of YAML, with the values that JSON knows."""

    table: Sequence[tuple[str, str, str]]
    """Tag, what its scalars begin with (NUL: nothing at all), and the pattern of what they are."""
    number: Callable[[bool, str], int | float | str]
    """The value of text that is an integer, or is none, and of no simple decimal form.

    Text stays what is a number too large to be one.
    """

    @cached_property
    def resolvers(self) -> Resolvers:
        """By first character, made where they are asked for: a command reads by one schema."""
        found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
        for tag, first, pattern in self.table:
            compiled = re.compile(rf"(?:{pattern})\Z")
            for letter in first:
                found.setdefault(letter.strip("\0"), []).append((f"{PREFIX}{tag}", compiled))
        return found

    def value(self, text: str) -> Any:
        """The value of a plain scalar.

        Raises:
            ValueError: it has none that JSON knows; says why.
        """
        resolvers = self.resolvers.get(text[:1])
        if resolvers is None:
            return text
        if text.isdecimal() and text.isascii() and text[0] != "0":
            return _integer(text)  # As the patterns would have it; sizes are many.
        for tag, pattern in resolvers:
            if pattern.match(text):
                return self.tagged(tag, text)
        return text

    def tagged(self, tag: str, text: str) -> Any:
        """The value of a scalar with this tag; dates are text.

        Raises:
            ValueError: the text does not fit the tag, or the tag has no type of JSON; says why.
        """
        name = tag.removeprefix(PREFIX)
        if name in ("str", "timestamp", "value"):
            return text
        if name == "null":
            return None
        if name == "bool":
            if text.lower() not in _TRUE | _FALSE:
                raise ValueError(f"has a truth value that is none: {text[:40]}")
            return text.lower() in _TRUE
        if name not in ("int", "float"):
            raise ValueError(f"has a tag that is not allowed: {tag[:60]}")
        if name == "int" and _INTEGER.fullmatch(text):
            return _integer(text.replace("_", ""))
        _check_length(text)
        if ":" in text:
            return text  # Sexagesimal only to YAML 1.1; a time of day to everybody else.
        try:
            found = self.number(name == "int", text)
        except ValueError:
            raise ValueError(f"has a number that is none: {text[:40]}") from None
        # A tag that is written out may be of another kind than the digits: `!!float 1` is 1.0.
        if (
            name == "float"
            and isinstance(found, int)
            and text.replace("_", "").lstrip("+-").isdecimal()
        ):
            return float(text.replace("_", ""))
        if isinstance(found, str):
            return found
        if isinstance(found, int) != (name == "int"):
            raise ValueError(f"has a number that is no {name}: {text[:40]}")
        return found


def key_text(tag: str, text: str) -> str:
    """The key of JSON that kubectl makes of a key with this tag.

    As sigs.k8s.io/yaml prints what is no text: `y` is "true", `0o17` is "15", `1.0` is "1".

    Raises:
        ValueError: it refuses such a key; says why.
    """
    value = SERVER.tagged(tag, text)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        raise ValueError(f"has a key that is nothing, {AS_READ}: put quotes around it")
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return str(value)
    if isinstance(value, int) and 0 < value < 1 << 64:
        raise ValueError(f"has a key that is too large a number, {AS_READ}: put quotes around it")
    return _float_text(value)


def is_other_key(text: str) -> bool:
    """Whether kubectl may read a plain key of ASCII as another one, or refuse it."""
    if text.isdecimal() and text[0] != "0" and len(text) < 19:
        return False
    try:
        return not isinstance(SERVER.value(text), str)
    except ValueError:
        return True


def _float_text(value: float) -> str:
    """The shortest text of a number in 32 bits, as Go's `%g` has it; what has none is `.inf`."""
    try:
        short: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        short = math.inf if value > 0 else -math.inf
    if not math.isfinite(short):
        return ".nan" if math.isnan(short) else ".inf" if short > 0 else "-.inf"
    for digits in range(9):
        text = f"{short:.{digits}e}"
        if struct.pack("f", float(text)) == struct.pack("f", short):
            break
    places, exponent = text.split("e")
    if -4 <= int(exponent) < 6:
        return f"{short:.{max(0, digits - int(exponent))}f}"
    return f"{places}e{exponent}"


def _integer(text: str) -> int:
    _check_length(text)
    return int(text)


def _check_length(text: str) -> None:
    # In another base than ten it could be read at once, and then not be printed.
    if len(text) > _LONGEST:
        raise ValueError(f"has a number of more than {_LONGEST} digits: make it shorter")


def _core_number(_is_int: bool, text: str) -> int | float:
    digits = text.replace("_", "").lower()
    bare = digits.lstrip("+-")
    if bare[1:2] and bare[1] in "xbo":
        return int(digits, 0)
    if bare.isdecimal():
        return int(digits)
    return float(digits.replace(".inf", "inf").replace(".nan", "nan"))


_CORE = (
    ("bool", "tTfF", r"true|True|TRUE|false|False|FALSE"),
    (
        "float",
        "-+0123456789.",
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    ),
    (
        "int",
        "-+0123456789",
        r"[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+",
    ),
    ("merge", "<", "<<"),
    ("null", "~nN\0", r"~|null|Null|NULL|"),
)


# As go-yaml's version 2 has it, behind sigs.k8s.io/yaml: YAML 1.1 with Go's numbers and no base
# 60; underscores count nowhere but at the start. Dates and `=` are text here.
_EXPONENT = r"(?:[eE]_*(?:[-+]_*)?[0-9][0-9_]*)?"
_SERVER = (
    (
        "bool",
        "yYnNtTfFoO",
        r"y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
    ),
    (
        "int",
        "-+0123456789",
        r"[-+]?_*0_*[bB]_*[01][01_]*|0_*b_*[-+]_*[01][01_]*|[-+]?_*0_*[oO]_*[0-7][0-7_]*"
        r"|[-+]?_*0[0-7_]*|[-+]?_*[1-9][0-9_]*|[-+]?_*0_*[xX]_*[0-9a-fA-F][0-9a-fA-F_]*",
    ),
    (
        "float",
        "-+0123456789",
        rf"[-+]?_*[0-9][0-9_]*(?:\.[0-9_]*)?{_EXPONENT}|[-+]_*\._*[0-9][0-9_]*{_EXPONENT}"
        r"|[-+]\.(?:inf|Inf|INF)",
    ),
    (
        "float",
        ".",
        # Go's own numbers: an underscore stands between two digits.
        r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?|\.(?:inf|Inf|INF|nan|NaN|NAN)",
    ),
    ("merge", "<", "<<"),
    ("null", "~nN\0", r"~|null|Null|NULL|"),
)


def _server_number(is_int: bool, text: str) -> int | float | str:
    digits = text.replace("_", "").lower()
    if not is_int:
        found = float(digits.replace(".inf", "inf").replace(".nan", "nan"))
        # Such as the start of a commit, 7e12345.
        return text if math.isinf(found) and "inf" not in digits else found
    bare = digits.lstrip("+-")
    base = {"0b": 2, "0x": 16, "0o": 8}.get(bare[:2]) or (8 if bare.startswith("0") else 10)
    if base == 2:
        digits = digits.replace("0b", "", 1)  # The sign may stand behind it.
    number = int(digits, base)
    in_64_bits = -(1 << 63) <= number < 1 << 64
    return number if in_64_bits or base in (8, 10) else text


CORE = Schema(_CORE, _core_number)
"""YAML 1.2's core schema, as DVC reads it: `on` is text, `1e3` a number."""
SERVER = Schema(_SERVER, _server_number)
"""YAML 1.1 as kubectl and Argo CD read manifests: `y` is true, `1e3` and `0o17` are numbers."""
