"""Schedules of CronJobs: five fields, or a word such as `@daily`."""

from functools import lru_cache
from typing import Any

from lockproof.rules.formats import duration

_WORDS = frozenset(
    {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)


def schedule_problem(value: Any) -> str | None:
    """Why a schedule is none; None where it is one, or no text."""
    if not isinstance(value, str):
        return None
    if "TZ" in value:
        return "names a time zone: use spec.timeZone"
    text = value.strip()
    if text.startswith("@every "):
        found = duration(text.removeprefix("@every "))
        return None if found is not None else f"is {value[:40]!r}: '@every' wants a duration"
    if text.startswith("@"):
        return (
            None
            if text in _WORDS
            else f"is {value[:40]!r}: it is one of {', '.join(sorted(_WORDS))}"
        )
    parts = text.split()
    if len(parts) != len(_FIELDS):
        return f"has {len(parts)} fields, a schedule has five: minute, hour, day, month, weekday"
    for part, (name, low, high, words) in zip(parts, _FIELDS, strict=True):
        for one in part.split(","):
            problem = _part_problem(one, low, high, words)
            if problem:
                return f"has {part[:30]!r} for the {name}: {problem}"
    return None


def _part_problem(part: str, low: int, high: int, words: dict[str, int]) -> str | None:
    span, slash, step = part.partition("/")
    if slash and (not _is_number(step) or int(step) == 0):
        return "a step is a number from 1 up"
    if span in ("*", "?"):
        return None
    ends = [_value(end, words) for end in span.split("-")]
    if len(ends) > 2 or any(end is None for end in ends):
        return f"it is a number from {low} to {high}, a range, '*', or several with commas"
    numbers = [end for end in ends if end is not None]
    if not all(low <= number <= high for number in numbers):
        return f"it goes from {low} to {high}"
    return "a range goes up" if numbers != sorted(numbers) else None


def _value(text: str, words: dict[str, int]) -> int | None:
    if text.lower() in words:
        return words[text.lower()]
    return int(text) if _is_number(text) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    import zoneinfo  # The machine's list, read where a zone is named.

    return frozenset(zoneinfo.available_timezones())


def zone_problem(value: Any) -> str | None:
    """Why a time zone is none; None where it is one, or no list of them is here."""
    if not isinstance(value, str):
        return None
    if not value or value.lower() == "local" or value != value.strip():
        return f"is {value[:40]!r}: name a zone such as Europe/Berlin"
    known = _zones()
    return f"is {value[:40]!r}, no time zone" if known and value not in known else None
