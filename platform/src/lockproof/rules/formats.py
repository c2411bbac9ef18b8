"""The text formats that API servers check."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import NamedTuple

from lockproof.model.later import later

_QUANTITY = later(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+|[EPTGMk]i?|Ki|m|u|n|)")
_DURATION = later(
    r"[+-]?(0|(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)(?:(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*)"
)
_DATE_TIME = later(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)"
    r"(\.\d+)?([Zz]|[+-]\d{2}:\d{2})"
)
_MOST = 1e30
"""Far beyond the 2^63 where Kubernetes caps a quantity, and still a number to calculate with."""
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SUFFIX = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "E": 1e18, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50,
    "Ei": 2.0**60,
}  # fmt: skip


class Format(NamedTuple):
    """A format's test, and what to call it in a message."""

    name: str
    holds: Callable[[str], bool]


def is_quantity(text: str) -> bool:
    """Whether Kubernetes reads it as a quantity: `500m`, `1.5Gi`, `2e3`."""
    return _QUANTITY.fullmatch(text) is not None


def quantity(value: object) -> float | None:
    """A quantity in its base unit (cores, bytes), 1e30 at most; None for what is none."""
    try:
        found = _quantity(value)
    except OverflowError:
        return _MOST
    return None if found is None else max(-_MOST, min(found, _MOST))


def _quantity(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    sign, suffix = -1.0 if match[0].startswith("-") else 1.0, match[2]
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return sign * float(f"{match[1]}{suffix}")
    return sign * float(match[1]) * _SUFFIX[suffix]


def duration(text: str) -> float | None:
    """Seconds of a Go duration such as `1h30m`; None for what is none."""
    if not _DURATION.fullmatch(text):
        return None
    parts = re.findall(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", text)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return -seconds if text.startswith("-") else seconds


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


FORMATS = {
    "date-time": Format(
        "a time such as 2026-01-31T12:00:00Z", lambda t: bool(_DATE_TIME.fullmatch(t))
    ),
    "byte": Format("base64", _is_base64),
    "duration": Format("a duration such as 30s or 1h30m", lambda t: duration(t) is not None),
}
