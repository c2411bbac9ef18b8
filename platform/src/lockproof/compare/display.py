"""Values and names as reports show them: one line, bounded, without control characters."""

from decimal import Decimal

from .bounds import MAX_SHOWN


def visible(text: str) -> str:
    """A name or message of foreign origin, escaped where it is not printable."""
    if len(text) > 4 * MAX_SHOWN:
        text = text[: 4 * MAX_SHOWN] + "…"
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def shown(value: object) -> str:
    """A value: numbers with all their digits (17 significant ones at most), text in quotes."""
    if isinstance(value, int) and value.bit_length() > MAX_SHOWN:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str | bytes):
        return visible(repr(value[: 4 * MAX_SHOWN]))
    try:
        return visible(str(value) if isinstance(value, Decimal) else repr(value))
    except ValueError:  # a set that holds an integer too long to print
        return type(value).__name__


def counted(count: int, thing: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def distinct(names: list[str]) -> list[str]:
    """Column names; the second `x` becomes `x#2`."""
    times: dict[str, int] = {}
    found = []
    for name in names:
        times[name] = times.get(name, 0) + 1
        found.append(name if times[name] == 1 else f"{name}#{times[name]}")
    return found
