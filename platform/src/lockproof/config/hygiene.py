"""What Git may hold, and what metrics must be."""

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, WithJsonSchema, model_validator

from .base import Bound, Name, Section

_SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20}
_SIZE = r"^(\d+(?:\.\d+)?)\s*([kMG]?B|[KM]iB)$"


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
Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]


class GitPolicy(Section):
    """What Git may hold; see the rules LP301 to LP308."""

    large: Bytes = 5_000_000
    """A file of more than this belongs into DVC: bytes, or '500 kB', '5 MB'."""
    binary: Bytes = 500_000
    """As `large`, for binary files."""
    allow: tuple[Name, ...] = ()
    """Files that may be large or binary; globs, relative to the Git root."""
    secrets: StrictBool = True
    """Whether secrets are looked for. It takes the extra `secrets`; where that is not installed,
    nothing can pass."""


class MetricRule(Section):
    """What some metrics must be; without any, they must only be finite numbers."""

    path: Name
    """The metrics file; a glob."""
    key: Name = "*"
    """The dotted key in it; a glob. No metric that matches is a finding."""
    min: Number | None = None
    """The least value that is allowed."""
    max: Number | None = None
    """The largest value that is allowed."""
    direction: Literal["higher", "lower"] | None = None
    """Which way is better. With it the metric may not be worse than at the base."""
    atol: Bound = 0.0
    """By how much it may be worse than at the base."""
    rtol: Bound = 0.0
    """The part relative to the base: it may be worse by `atol + rtol * |base|`."""

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if self.min is None and self.max is None and self.direction is None:
            raise ValueError("state min, max or direction")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is larger than max")
        if self.direction is None and (self.atol or self.rtol):
            raise ValueError("atol and rtol say how much worse it may be: state direction, too")
        return self
