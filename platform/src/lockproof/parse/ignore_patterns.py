"""Patterns of a `.dvcignore`, as DVC reads them, that take time in proportion to a path.

pathspec, which DVC uses, makes regular expressions in which every `*` and `**` may give back what
it took: with some of them in one pattern, a name of 255 letters takes years.
"""

import re
import warnings
from typing import Any

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

_TAILS = ("(?:(?P<ps_d>/)|$)", "(?P<ps_d>/)", "/")
_WHOLE = {".", *_TAILS}
"""Expressions of patterns for everything, or every folder."""
_FIRST, _BETWEEN = "(?:.+/)?", "(?:/.+)?/"
_CLASS = re.compile(r"(?<!\\)(?:\\\\)*(\[\^?\]?[^\]]*\])")
_SLASH = re.compile(r"(?<!\[\^)/")
"""One between segments: in a segment a slash stands only in what a wildcard became."""
_FEW = 3
"""Wildcards that may give back without much harm."""


class LinearPattern(GitIgnoreSpecPattern):
    """A pattern that matches what pathspec's own matches, in time proportional to the path."""

    __slots__ = ()

    @classmethod
    def pattern_to_regex(cls, pattern: Any) -> tuple[Any, bool | None]:
        """The expression, and whether what it matches is ignored; None for a comment.

        Raises:
            ValueError: it is no pattern, or could take time without end; says which.
        """
        try:
            text, include = super().pattern_to_regex(pattern)
            if text is None:
                return text, include
            re.compile(text)
        except re.error as error:
            raise ValueError(f"it is no pattern ({error.msg})") from None
        except ValueError:
            raise ValueError(
                "it is no pattern: a backslash, or '!' at its start, needs something behind it"
            ) from None
        return linear(text), include


def ignore_spec(lines: list[str]) -> GitIgnoreSpec:
    """The patterns of one file, each of which must be one (see `LinearPattern`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Of `[[`.
        return GitIgnoreSpec.from_lines(lines, LinearPattern, backend="simple")


def linear(text: str) -> str:
    """The same expression, with nothing given back that cannot lead to a match.

    What stands between two wildcards takes as many characters (or names) wherever it matches, so
    that its first match is as good as any other.

    Args:
        text: an expression of `GitIgnoreSpecPattern`.

    Raises:
        ValueError: it has many wildcards, and a class that a slash is in, so that this is not so.
    """
    if text in _WHOLE:
        return text
    if any(re.match(found, "/") for found in _CLASS.findall(text.replace("[^/]", ""))):
        if text.count("[^/]*") + text.count(".+") > _FEW:
            raise ValueError("it has too many wildcards beside a [class] that a slash is in")
        return text
    tail = next(tail for tail in _TAILS if text.endswith(tail))
    body = text.removesuffix(tail).removeprefix("^")
    floating = body.startswith(_FIRST)
    *groups, last = map(_group, body.removeprefix(_FIRST).split(_BETWEEN))
    if not groups:
        return f"^{_FIRST if floating else ''}{last}{tail}"
    first, *inner = groups
    head = f"^(?>(?:.+?/)??{first}(?=/|$))" if floating else f"^{first}(?=/|$)"
    middle = "".join(f"(?>(?:/.+?)??/{group}(?=/|$))" for group in inner)
    return f"{head}{middle}{_BETWEEN}{last}{tail}"


def _group(text: str) -> str:
    """Names one below the other."""
    return "/".join(map(_segment, _SLASH.split(text)))


def _segment(text: str) -> str:
    first, *rest = text.split("[^/]*")
    if not rest:
        return text
    *middle, last = rest
    return first + "".join(f"(?>[^/]*?{part})" for part in middle if part) + f"[^/]*{last}"
