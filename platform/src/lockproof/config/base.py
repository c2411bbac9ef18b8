"""What every section of the policy is made of."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from lockproof.model.base import Frozen
from lockproof.model.fields import Asked

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("write a duration such as '90s', '30m', '2h' or '1d'")
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", value.strip())
        if not match:
            raise ValueError("write a duration such as '90s', '30m', '2h' or '1d'")
        return float(match[1]) * _UNITS[match[2]]
    return value


_DURATION = r"^\s*(?=[0-9.]*[1-9])[0-9]+(\.[0-9]+)?\s*[smhd]\s*$"
Seconds = Annotated[
    float,
    Asked(before=_seconds),
    Asked(gt=0, allow_inf_nan=False),
    Asked(
        schema={
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "description": "Seconds."},
                {
                    "type": "string",
                    "pattern": _DURATION,
                    "description": "Such as `90s`, `30m`, `2h`.",
                },
            ]
        }
    ),
]
_SIZES = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_SIZE = r"^(\d{1,15}(?:\.\d{1,15})?)\s*([kMGT]?B|[KMGT]iB)$"


def _bytes(value: object) -> object:
    match = re.match(_SIZE, value) if isinstance(value, str) else None
    if match:
        return int(float(match[1]) * _SIZES[match[2]])
    if isinstance(value, str | bool):
        raise ValueError("write a size such as '500 kB' or '5 MB'")
    return value


Bytes = Annotated[
    int,
    Asked(before=_bytes),
    Asked(ge=0),
    Asked(
        schema={
            "anyOf": [
                {"type": "integer", "minimum": 0, "description": "Bytes."},
                {"type": "string", "pattern": _SIZE, "description": "With a unit: `5 MB`."},
            ]
        }
    ),
]
Bound = Annotated[float, Asked(ge=0, allow_inf_nan=False, strict=True)]
Name = Annotated[str, Asked(min_length=1, pattern=r"^[^\x00\n]+$")]
Acceptance = Literal["inconclusive", "accept"]
Strict = Annotated[bool, Asked(strict=True)]


def key_of(name: str) -> str:
    """How a file spells a name."""
    return name.replace("_", "-")


class Section(Frozen):
    """A table of the policy: frozen, and strict about unknown keys."""

    # A file has only the aliases.
    settings: ClassVar[Mapping[str, Any]] = {"alias_generator": key_of, "populate_by_name": True}
