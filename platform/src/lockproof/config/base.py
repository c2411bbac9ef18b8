"""What every section of the policy is made of."""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

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
    BeforeValidator(_seconds),
    Field(gt=0, allow_inf_nan=False),
    WithJsonSchema(
        {
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
    BeforeValidator(_bytes),
    Field(ge=0),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "description": "Bytes."},
                {"type": "string", "pattern": _SIZE, "description": "With a unit: `5 MB`."},
            ]
        }
    ),
]
Bound = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Name = Annotated[str, Field(min_length=1, pattern=r"^[^\x00\n]+$")]
Acceptance = Literal["inconclusive", "accept"]


class Section(BaseModel):
    """A table of the policy: frozen, and strict about unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        defer_build=True,
        populate_by_name=True,  # In code; a file has only the aliases.
    )

    @classmethod
    def read(cls, value: object) -> Self:
        """The section as a file has it.

        Raises:
            ValidationError: it says something that is not allowed.
        """
        return cls.model_validate(value, by_alias=True, by_name=False)
