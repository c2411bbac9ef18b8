"""The words of an expression."""

from typing import NamedTuple

_MOST = 10_000
"""Characters of an expression."""
_WORDS = frozenset(
    {"in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "not"}
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_BASES = {"x": "0123456789abcdefABCDEF_", "o": "01234567_", "b": "01_"}
_DIGITS = "0123456789_"


class Refused(Exception):
    """The language refuses the expression, whatever it is asked of."""


class Unsupported(Exception):
    """The expression uses what is not known here."""


class Token(NamedTuple):
    """One word, and where it begins."""

    kind: str
    """`name`, `number`, `text`, `operator`, `bracket` or `end`."""
    value: str
    at: int
    """Characters before it."""

    @property
    def shown(self) -> str:
        """What messages call it."""
        return "the end" if self.kind == "end" else f"'{self.value}' at character {self.at + 1}"


def tokens(text: str) -> list[Token]:
    """The words of an expression, with one that says that it ends.

    Raises:
        Refused: it has what is no word.
        Unsupported: it is too long, or has an escape that is not known here.
    """
    if len(text) > _MOST:
        raise Unsupported(f"it is longer than {_MOST} characters")
    found: list[Token] = []
    place = 0
    while place < len(text):
        one = text[place]
        if one.isspace():
            place += 1
        elif text.startswith("//", place):
            end = text.find("\n", place)
            place = len(text) if end < 0 else end + 1
        elif text.startswith("/*", place):
            end = text.find("*/", place + 2)
            if end < 0:
                raise Refused("a comment is not closed")
            place = end + 2
        else:
            token, place = _token(text, place)
            found.append(token)
    return [*found, Token("end", "", len(text))]


def _token(text: str, place: int) -> tuple[Token, int]:
    one, after = text[place], text[place + 1 : place + 2]
    if one in "'\"":
        value, end = _text(text, place)
        return Token("text", value, place), end
    if one in "0123456789" or (one == "." and after and after in "0123456789"):
        end = _number(text, place)
        return Token("number", text[place:end], place), end
    if one in "([{}])":
        return Token("bracket", one, place), place + 1
    if one in "?.|&!=*<>,:;%+-^/#":
        length = 2 if after and after in _SECOND.get(one, "") else 1
        return Token("operator", text[place : place + length], place), place + length
    if _is_letter(one):
        end = place
        while end < len(text) and _is_letter(text[end]):
            end += 1
        word = text[place:end]
        return Token("operator" if word in _WORDS else "name", word, place), end
    raise Refused(f"{one!r} at character {place + 1} is nothing of the language")


_SECOND = {"?": ".?", ".": ".", "|": "|", "#": "#"} | dict.fromkeys("&!=*<>", "&=*")
"""What may follow a sign and be one with it, be that an operator or not."""


def _is_letter(one: str) -> bool:
    return one in "_$" or one.isalpha() or one.isdecimal()


def _number(text: str, place: int) -> int:
    """Where a number ends."""

    def run(end: int, digits: str) -> int:
        while end < len(text) and text[end] in digits:
            end += 1
        return end

    digits, end = _DIGITS, place
    if text[end] == "0":
        end += 1
        base = text[end : end + 1].lower()
        if base in _BASES:
            digits, end = _BASES[base], end + 1
    end = run(end, digits)
    if text.startswith("..", end):  # A range begins here.
        return end
    if text.startswith(".", end):
        end = run(end + 1, digits)
    if text[end : end + 1] in ("e", "E"):
        end += 1
        if text[end : end + 1] in ("+", "-"):
            end += 1
        end = run(end, digits)
    if end < len(text) and _is_letter(text[end]):
        raise Refused(f"'{text[place : end + 1]}' at character {place + 1} is no number")
    return end


def _text(text: str, place: int) -> tuple[str, int]:
    """The content of a quoted text, and where it ends."""
    quote, made = text[place], []
    end = place + 1
    while text[end : end + 1] != quote:
        one = text[end : end + 1]
        if one in ("", "\n"):
            raise Refused(f"the text at character {place + 1} has no end")
        if one == "\\":
            escaped = text[end + 1 : end + 2]
            if escaped != quote and escaped not in _ESCAPES:
                if escaped in ("x", "u", "U") or (escaped and escaped in "01234567"):
                    raise Unsupported(f"the escape \\{escaped}")
                raise Refused(f"\\{escaped} at character {end + 1} is no escape")
            made.append(quote if escaped == quote else _ESCAPES[escaped])
            end += 2
        else:
            made.append(one)
            end += 1
    return "".join(made), end + 1
