"""Numbers of bytes in words."""

from typing import Literal

_UNITS = {
    1000: ("kB", "MB", "GB", "TB", "PB"),
    1024: ("KiB", "MiB", "GiB", "TiB", "PiB"),
}


def size(count: int | None, base: Literal[1000, 1024] = 1000) -> str:
    """`1 byte`, `999 bytes`, `1.5 kB`, `20 MB`; `unknown` where nobody knows.

    Args:
        count: how many bytes.
        base: 1000, or 1024 where the policy names it in `MiB` and the like.
    """
    if count is None:
        return "unknown"
    if count < base:
        return f"{count:,} byte{'' if count == 1 else 's'}"
    value, unit = count / base, 0
    while value >= 999.5 and unit < len(_UNITS[base]) - 1:
        value, unit = value / base, unit + 1
    return f"{value:.3g} {_UNITS[base][unit]}"
