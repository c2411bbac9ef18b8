"""Foreign text made safe to show: names, commands and logs come from a repository.

A terminal obeys control characters, and both terminals and browsers let invisible and
direction-changing characters make one name look like another. All of these become escapes, and
so does what a CI system would obey (see `lockproof.model.inert`).
"""

from lockproof.model.inert import inert

_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
"""Characters that Unicode calls printable and that show nothing."""


def visible(text: str) -> str:
    r"""One line in which every hidden character is an escape such as `\n` or `\u202e`."""
    if not text.isprintable() or not _BLANK_LETTERS.isdisjoint(text):
        text = "".join(map(_shown, text))
    return inert(text)


def visible_lines(text: str) -> str:
    """As `visible`, but line feeds stay and tabs become spaces: for logs and diffs."""
    lines = text.replace("\r\n", "\n").expandtabs(4).split("\n")
    return "\n".join(map(visible, lines))


def brief(text: str, limit: int) -> str:
    """`visible(text)` in at most about `limit` characters, both ends kept.

    What is left out is counted, so that two long names that differ in the middle are not
    taken for equal without a warning.
    """
    shown = visible(text[: 2 * limit] + text[-limit:] if len(text) > 3 * limit else text)
    if len(text) <= limit and len(shown) <= 4 * limit:
        return shown
    mark = f"…({len(text):,} characters)…"
    tail = max(1, (limit - len(mark)) // 3)
    head = max(1, limit - len(mark) - tail)
    return f"{shown[:head]}{mark}{shown[-tail:]}"


def first_lines(text: str, lines: int, width: int = 2000) -> tuple[list[str], int]:
    """The first lines of a text, made visible, and how many more there are."""
    every = _bounded_lines(text, width)
    return every[:lines], max(0, len(every) - lines)


def last_lines(text: str, lines: int, width: int = 2000) -> tuple[list[str], int]:
    """The last lines of a text, made visible, and how many there are before them."""
    every = _bounded_lines(text, width)
    return every[-lines:], max(0, len(every) - lines)


def _bounded_lines(text: str, width: int) -> list[str]:
    lines = visible_lines(text).rstrip("\n").split("\n")
    return [line if len(line) <= width else brief(line, width) for line in lines]


def _shown(character: str) -> str:
    if character.isprintable() and character not in _BLANK_LETTERS:
        return character
    return character.encode("unicode_escape").decode("ascii")
