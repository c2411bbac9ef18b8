"""Patterns that are compiled when they are first used: a command uses few of those it loads."""

import re
from typing import Any, cast


class _Later:
    """Stands for a compiled pattern, and has what that has from the first use on."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(self._pattern, self._flags), name)
        setattr(self, name, found)
        return found


def later(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`, for patterns that are used by their methods alone.

    A pattern that is wrong is so at its first use: a test compiles all.
    """
    return cast("re.Pattern[str]", _Later(pattern, flags))
