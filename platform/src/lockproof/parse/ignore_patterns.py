"""Patterns of a `.dvcignore`, as DVC reads them, that take time in proportion to a path.

pathspec, which DVC uses, makes regular expressions in which every `*` and `**` may give back what
it took: with some of them in one pattern, a name of 255 letters takes years.
"""

import re
import warnings
from collections.abc import Mapping
from itertools import groupby

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from .document import ParseError

_MARK = "(?P<ps_d>/)"
_TAILS = (f"(?:{_MARK}|$)", _MARK, "/")
_WHOLE = {".", *_TAILS}
"""Expressions of patterns for everything, or every folder."""
_FIRST, _BETWEEN = "(?:.+/)?", "(?:/.+)?/"
_CLASS = re.compile(r"(?<!\\)(?:\\\\)*(\[\^?\]?[^\]]*\])")
_SLASH = re.compile(r"(?<!\[\^)/")
"""One between segments: in a segment a slash stands only in what a wildcard became."""
_FEW = 3
"""Wildcards that may give back without much harm."""


class Patterns:
    """The patterns of one file on top of those of the folders above, as DVC joins them."""

    def __init__(
        self,
        lines: Mapping[int, str],
        name: str = "",
        folder: str = "",
        above: "Patterns | None" = None,
    ) -> None:
        """Read them.

        Args:
            lines: number of each line -> pattern, stripped.
            name: what the user calls the file.
            folder: where it lies below the root.
            above: what holds where these say nothing.

        Raises:
            ParseError: one is no pattern, or could take time without end; says which.
        """
        self._above = above
        read: list[tuple[bool, bool, str]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # Of `[[`.
            for number, line in lines.items():
                try:
                    if expression(line) is None:
                        continue
                    pattern = moved(line, folder) if folder else line
                    found = expression(pattern)
                except ValueError as error:
                    message = f"DVC cannot use the pattern {line[:60]!r}: {error}"
                    raise ParseError(message, name, number) from None
                if found is not None:
                    read.append((found[1], pattern.endswith("/"), found[0]))
            groups: list[tuple[tuple[bool, bool], re.Pattern[str]]] = [
                (kind, re.compile("|".join(text for *_, text in same)))
                for kind, same in groupby(read, key=lambda each: each[:2])
            ]
        self._last_first = groups[::-1]

    def hide(self, path: str, *, folder: bool) -> bool:
        """Whether a file or folder is hidden, if nothing above it is."""
        at: Patterns | None = self
        while at is not None:
            said = at.say(path, folder=folder)
            if said is not None:
                return said
            at = at._above
        return False

    def say(self, path: str, *, folder: bool) -> bool | None:
        """What those of this file alone say; None where none matches."""
        for (hides, only_folders), pattern in self._last_first:
            if (folder or not only_folders) and (
                pattern.match(path) or (folder and pattern.match(f"{path}/"))
            ):
                return hides
        return None


def moved(pattern: str, folder: str) -> str:
    """A pattern of a file in a folder as DVC writes it to read it from the root.

    The folder's name is part of it then, wildcards and all.
    """
    back, rule = pattern.startswith("!"), pattern.removeprefix("!")
    anchored = "/" in rule[:-1] and not rule.startswith("**/")
    rule = rule.removeprefix("/" if anchored else "**/").removeprefix("\\")
    return f"{'!/' if back else ''}{folder}/{'' if anchored else '**/'}{rule}"


def expression(pattern: str) -> tuple[str, bool] | None:
    """What matches what a pattern does, and whether that is hidden; None for a comment.

    It takes time in proportion to the path, and has to match at its start.

    Raises:
        ValueError: it is no pattern, or could take time without end; says which.
    """
    try:
        text, include = GitIgnoreSpecPattern.pattern_to_regex(pattern)
        if text is None or include is None:
            return None
        re.compile(text)
    except re.error as error:
        raise ValueError(f"it is no pattern ({error.msg})") from None
    except ValueError:
        raise ValueError(
            "it is no pattern: a backslash, or '!' at its start, needs something behind it"
        ) from None
    return linear(text).replace(_MARK, "/"), include


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
