"""A clock that shows another time, or stands still: libfaketime, loaded before a program's own."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

_Made = TypeVar("_Made")
CONTROL = "LOCKPROOF_CONTROL"
"""A variable that nothing reads."""
_AHEAD = 401 * 86400 + 3 * 3600 + 61
"""Seconds: then year, month, day, weekday, hour, minute and second are all others."""
_WAYS: tuple[Mapping[str, str], ...] = ({"DONT_FAKE_MONOTONIC": "1"}, {})
"""With some programs that sleep or wait one way works and the other does not."""


def library() -> Path | None:
    """libfaketime, where it is installed."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    found += sorted(Path("/usr").glob("lib*/faketime/libfaketime.so.1"))
    return found[0] if found else None


def no_clock() -> str:
    """Why the clock cannot be set otherwise; empty where it can."""
    return "" if library() else "libfaketime is not installed"


def another_day(
    patience: float, make: Callable[[str, Mapping[str, object], Mapping[str, object]], _Made]
) -> tuple[_Made, ...]:
    """Settings with a clock that goes on from a day more than a year ahead.

    Their control is one that is ahead by nothing.
    """
    return tuple(
        make(
            "the clock 401 days ahead",
            _changes(way, f"+{_AHEAD}", patience),
            # Not a number: who reads it as one fails, where libfaketime takes it for none.
            _changes(way, "+0d", patience),
        )
        for way in _WAYS
    )


def standing(patience: float) -> list[Mapping[str, object]]:
    """Changes under which the clock stands at this second, the likelier way to work first."""
    return [_changes(way, str(int(time.time())), patience) for way in _WAYS]


def respelled(still: Mapping[str, object]) -> Mapping[str, object]:
    """Further changes that write the time at which it stands otherwise, beside one variable more.

    What shows how a clock is set differs with them, and what shows the time does not.
    """
    variables = still["variables"]
    assert isinstance(variables, dict)
    return {"variables": {"FAKETIME": f"0{variables['FAKETIME']}", CONTROL: "1"}}


def _changes(way: Mapping[str, str], shown: str, patience: float) -> Mapping[str, object]:
    variables = {
        "LD_PRELOAD": str(library()),
        "FAKETIME": shown,
        "NO_FAKE_STAT": "1",
        **way,
        # In seconds since 1970: a date would be another one in another time zone.
        **({} if shown.startswith("+") else {"FAKETIME_FMT": "%s"}),
    }
    return {"variables": variables, "patience": patience}
