"""Whether a shell command that installs lockproof says which one."""

import os
import re
import shlex

_INSTALLERS = re.compile(r"pip[\d.]*|pipx|uvx?|poetry|pdm|pixi")
_REQUIREMENT = re.compile(
    r"lockproof\s*+(?:\[[\w\s,.-]*+\]\s*+)?(?P<rest>(?:(?:[=<>~!]=|[<>@;(]).*)?)", re.IGNORECASE
)
_OPTION = re.compile(r"\A--[a-z-]++=")
"""One whose value is in the same word: uv takes `--with=` and `--from=`, pip `--editable=`."""
_INDEX = (
    "--index",
    "--default-index",
    "--extra-index-url",
    "--find-links",
    "--no-index",
    "-i",
    "-f",
)
_COMMIT = re.compile(r"@(?:[0-9a-f]{40}|[0-9a-f]{64})(?:#.*)?")


def unpinned(command: str) -> str | None:
    """Why nobody can say beforehand which lockproof a command installs; None where that is known.

    Args:
        command: one that a shell can read.
    """
    try:
        # A new line ends a command, so that no word of the next one belongs to it.
        lexer = shlex.shlex(command, posix=True, punctuation_chars="();<>|&\n")
        lexer.whitespace, lexer.whitespace_split = " \t\r", True
        words = list(lexer)
    except ValueError:  # Such as an apostrophe in a here-document.
        words = [word for line in command.splitlines() for word in (*line.split(), "\n")]
    if not any(_INSTALLERS.fullmatch(os.path.basename(word)) for word in words):
        return None
    own_index = any(word.startswith(_INDEX) for word in words)
    # `lockproof @ URL` may be one word or three.
    text = [" ".join(words[at : at + 3]) if words[at + 1 : at + 2] == ["@"] else word
            for at, word in enumerate(words)]  # fmt: skip
    return next(filter(None, (_objection(word, own_index=own_index) for word in text)), None)


def _objection(word: str, *, own_index: bool) -> str | None:
    word = _OPTION.sub("", word, count=1).strip()
    if word.startswith("git+"):
        return _of_git(word)
    match = _REQUIREMENT.fullmatch(word)
    if match is None:
        return None
    rest = match["rest"].strip()
    if rest.startswith("@"):
        place = rest[1:].strip()
        if "/" in place:
            return _of_git(place) if place.startswith("git+") else None
        # A version, as uvx and Poetry take it.
    if rest.startswith("==") and "*" not in rest and own_index:
        return None
    return f"{word!r} would come from a package index, where anybody could take the name"


def _of_git(place: str) -> str | None:
    own = "lockproof" in place.lower()
    return f"{place} can change" if own and not _COMMIT.search(place) else None
