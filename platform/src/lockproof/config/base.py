"""What every section of the policy is made of."""

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, allow_inf_nan=False)]
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


def matches_any(path: str, globs: tuple[str, ...]) -> bool:
    """Whether a POSIX path matches one of the globs (`*` also crosses `/`, as in Git's)."""
    return any(fnmatchcase(path, glob) for glob in globs)
