"""The YAML that most files are made of, read line by line: many times as fast as all of YAML.

That is block mappings and lists, plain keys, plain and quoted text, lists and mappings on one line,
block text and comments. Anything else, and whatever might be an error, is declined; so is a file
that could come near a limit. Nothing is refused here: that is for the reader of all of YAML.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any

from .block_lines import LINE, locked_items, named_items
from .document import MarkedDocument, ParseError, YamlDocument
from .literal_text import literal
from .plain_scalars import CORE, SERVER
from .quoted_text import unquoted
from .usual_text import usual_text

# Far enough below the limits of the reader of all of YAML that none of them is passed unseen.
_MOST_FLOW = 200_000
"""Characters of lists and mappings on one line, in one file."""
_DEEPEST = 90

_WORDS = re.compile(r"\[(?:([\w./][\w./@-]*(?:, [\w./][\w./@-]*)*))?\]", re.ASCII)
_TEXTS = re.compile(r"""\[("[^"\\]*"(?:, ?"[^"\\]*")*)\]""")
"""A list of texts without escapes."""
_QUOTED = re.compile(r"""'((?:[^']|'')*)'|"([^"\\]*)\"""")
"""All there is; without escapes."""
_ESCAPED = {"'": re.compile("''"), '"': re.compile(r"\\(?:.|$)")}
_COMMENT = re.compile(" +#.*")
_BLOCK = re.compile(r"[|>][1-9]?[+-]?")
_NOT_PLAIN = frozenset("?:,[]{}#&*!|>'\"%@`")


class _DeclinedError(Exception):
    """This is for the reader of all of YAML."""


def read_blocks(text: str, *, core: bool) -> list[YamlDocument] | None:
    """The documents of a text; None where it is not of this part of YAML.

    Args:
        text: of the file.
        core: whether plain words are those of YAML 1.2's core schema, else of YAML 1.1.
    """
    usual = usual_text(text, core=core)
    if usual is None:
        return None
    try:
        return _Reader(usual, core).read()
    except (_DeclinedError, ValueError):
        return None


class _Reader:
    """Reads lines and keeps what is open: the innermost container, and those around it."""

    def __init__(self, text: str, core: bool) -> None:
        self.text, self.core = text, core
        self.schema = CORE if core else SERVER
        self.documents: list[YamlDocument] = []
        self.started = False
        self.flow = 0
        self.resume = 0
        """The line after text that took several."""
        self._begin()

    def _begin(self) -> None:
        self.root: list[Any] = [None]
        self.root_marks: list[Any] = [None]
        self.stack: list[tuple[int, int, Any, Any]] = []
        self.indent = -1
        self.value: Any = self.root
        self.marks: Any = self.root_marks
        self.column = -1
        """Where the keys of the innermost container stand; -1 where it is a list."""
        self.pending: Any = 0
        """The key, or place in the root, whose value is still to come."""
        self.last: Any = None
        """The key or place of plain text that the next line may go on with."""

    def read(self) -> list[YamlDocument]:
        """The documents.

        Raises:
            _DeclinedError: it is not of this part of YAML.
            ValueError: a plain word has no value.
        """
        special = frozenset(self.schema.resolvers)
        word_value = self.schema.value
        number = 0
        for spaces, dash, key, locked, _, named, _, word, rest in LINE.findall(self.text):
            number += 1
            if number < self.resume:
                if locked or named:  # They are of one text, too, which ends before none of them.
                    number += 1 + locked.count("\n") + named.count("\n")
                continue
            at = len(spaces)
            if key and not dash and not rest:
                # Most lines are like that.
                if at != self.column:
                    self._find(number, at, "")
                if key in self.value:
                    raise _DeclinedError
                self.marks[key] = number
                if word:
                    self.value[key] = word_value(word) if word[0] in special else word
                    self.pending, self.last = None, key
                elif locked or named:
                    number += self._list(number, key, locked, named)
                else:
                    self.value[key] = None
                    self.pending, self.last = key, None
            elif not (dash and word and self._next(number, at, dash, key, word)):
                self._line(number, at, dash, key, (word or rest).rstrip(" "))
        if self.started and self.root[0] is None and self.text.endswith("\n"):
            self._empty(self.text.count("\n") + 1)
        else:
            self._end()
        return self.documents

    def _list(self, number: int, key: str, locked: str, named: str) -> int:
        """Give a key all items of its list, with their marks; how many lines these are."""
        if len(self.stack) + 2 > _DEEPEST:
            raise _DeclinedError
        read, lines = (locked_items, locked) if locked else (named_items, named)
        self.value[key], marks = read(lines, number + 1, self.schema.value)
        self.marks[key] = (number, marks)
        self.pending = self.last = None
        return 1 + lines.count("\n")

    def _next(self, number: int, at: int, dash: str, key: str, word: str) -> bool:
        """Add to the innermost list another item that is a word, or a mapping; if it is one."""
        if key:
            if at + len(dash) != self.column:
                return False
            indent, column, items, marks = self.stack[-1]
            if at != indent or column >= 0:
                return False
            self.value, self.marks, self.last = {key: self.schema.value(word)}, {key: number}, key
            items.append(self.value)
            marks.append((number, self.marks))
        else:
            if at != self.indent or self.column >= 0:
                return False
            self.last = len(self.value)
            self.value.append(self.schema.value(word))
            self.marks.append(number)
        self.pending = None
        return True

    def _line(self, number: int, at: int, dash: str, key: str, text: str) -> None:
        if text.startswith("#"):
            text = ""
        if not dash and not key:
            self._text(number, at, text)
            return
        self._find(number, at, dash)
        if dash and key:
            self.marks.append(number)
            self.value.append(None)
            self.pending = len(self.value) - 1
            self._open(number, at + len(dash), {}, {})
        if key:
            if key in self.value:
                raise _DeclinedError
            self.value[key], self.marks[key], self.pending = None, number, key
        else:
            self.value.append(None)
            self.marks.append(number)
            self.pending = len(self.value) - 1
        self.last = None
        if text:
            self._assign(number, text)
        elif not key:
            raise _DeclinedError

    def _find(self, number: int, at: int, dash: str) -> None:
        """Make the container innermost that a key or dash in this column belongs to."""
        below = self.pending is not None and (
            at > self.indent or (dash and at == self.column == self.indent)
        )
        if below:
            if dash:
                self._open(number, at, [], [])
            else:
                self._open(number, at, {}, {})
            return
        while at < self.indent or (at == self.indent and not dash and self.column < 0):
            if not self.stack:
                raise _DeclinedError
            self.indent, self.column, self.value, self.marks = self.stack.pop()
        if at != self.indent or bool(dash) != (self.column < 0):
            raise _DeclinedError

    def _open(self, number: int, at: int, value: Any, marks: Any) -> None:
        if len(self.stack) > _DEEPEST:
            raise _DeclinedError
        line = self.marks[self.pending] or number
        self.value[self.pending], self.marks[self.pending] = value, (line, marks)
        self.stack.append((self.indent, self.column, self.value, self.marks))
        self.indent, self.value, self.marks = at, value, marks
        self.column = at if isinstance(value, dict) else -1
        self.pending = self.last = None

    def _text(self, number: int, at: int, text: str) -> None:
        """A line without dash and key."""
        if not text:
            self.last = None
        elif at == 0 and text == "---":
            if self.root[0] is not None:
                self._end()
                self._begin()
            elif self.started:
                self._empty(number)
            self.started = True
        elif at <= self.indent or not self.stack:
            raise _DeclinedError
        elif self.last is not None:
            before = self.value[self.last]
            if not isinstance(before, str) or _plain(text) != text:
                raise _DeclinedError
            self.value[self.last] = f"{before} {text}"
        elif self.pending is not None:
            self._assign(number, text)
        else:
            raise _DeclinedError

    def _empty(self, number: int) -> None:
        """A document with nothing in it, which stands where the next thing does."""
        self.documents.append(MarkedDocument(None, number, None))

    def _end(self) -> None:
        if self.root[0] is None:
            raise _DeclinedError
        self.documents.append(MarkedDocument(self.root[0], *self.root_marks[0]))

    def _assign(self, number: int, text: str) -> None:
        """Give the pending key or item its value."""
        key, self.pending = self.pending, None
        first = text[0]
        if first not in _NOT_PLAIN and text[:2] not in ("-", "- "):
            plain = _plain(text)
            self.value[key] = self.schema.value(plain)
            self.last = key if plain == text else None
        elif first in _ESCAPED:
            self.value[key] = self._quoted(number, text)
        elif first in "[{":
            self.value[key] = found = self._flow(text)
            if self.marks[key] != number:  # It stands below its key.
                one = isinstance(found, dict)
                below = dict.fromkeys(found, number) if one else [number] * len(found)
                self.marks[key] = (self.marks[key], below)
        elif _BLOCK.fullmatch(text):
            found = literal(text, self.raw, number, self.indent) or self._block(number, text)
            self.value[key], count = found
            if number + count == len(self.raw) and not self.text.endswith("\n"):
                raise _DeclinedError
            self.resume = number + count + 1
        else:
            raise _DeclinedError

    def _block(self, number: int, text: str) -> tuple[str, int]:
        """Block text, and how many lines it takes."""
        lines = list(self._lines(number))
        if text[1:2].isdecimal():  # Counted from the container, which is left out.
            lines = [line[self.indent :] for line in lines]
        return self._compose("\n".join((text, *lines, ""))), len(lines)

    def _quoted(self, number: int, text: str) -> Any:
        match = _QUOTED.fullmatch(text)
        if match:
            return match[1].replace("''", "'") if match[2] is None else match[2]
        if text[-1] == "\\" and self.raw[number - 1][-1] == " ":
            raise _DeclinedError  # It is a space that is escaped, and not the line break.
        quote, lines = text[0], [text]
        rest = _ESCAPED[quote].sub("", text[1:])
        more = self._lines(number)
        while quote not in rest:
            line = next(more, None)
            if line is None:
                raise _DeclinedError
            lines.append(line)
            rest = _ESCAPED[quote].sub("", line)
        after = rest.partition(quote)[2]
        if after.strip(" ") and not _COMMENT.fullmatch(after):
            raise _DeclinedError
        self.resume = number + len(lines)
        whole = "\n".join(lines)
        said = None if after else unquoted(whole)
        return self._compose(whole) if said is None else said

    def _flow(self, text: str) -> Any:
        self.flow += len(text)
        deep = text.count("[") + text.count("{")
        if (deep and len(self.stack) + deep > _DEEPEST) or self.flow > _MOST_FLOW:
            raise _DeclinedError
        if text == "{}":
            return {}
        if texts := _TEXTS.fullmatch(text):
            return texts[1].split('"')[1::2]
        match = _WORDS.fullmatch(text)
        if match:
            return [self.schema.value(word) for word in match[1].split(", ")] if match[1] else []
        if "&" in text or "*" in text or "<<" in text:
            raise _DeclinedError
        return self._compose(text)

    @cached_property
    def raw(self) -> list[str]:
        """Its lines."""
        return self.text.removesuffix("\n").split("\n")

    def _lines(self, number: int) -> Iterator[str]:
        """The lines after one that are empty or further in than the innermost container."""
        for line in islice(self.raw, number, None):
            if line.strip(" ") and len(line) - len(line.lstrip(" ")) <= self.indent:
                return
            yield line

    def _compose(self, text: str) -> Any:
        """The value of what stands by itself."""
        from .composed_yaml import compose

        try:
            (document,) = compose(text, "", core=self.core)
        except ParseError as error:
            raise _DeclinedError from error
        return document.value


def _plain(text: str) -> str:
    """Plain text without the comment behind it."""
    plain, comment, _ = text.partition(" #")
    if ": " in plain or plain.endswith(":"):
        raise _DeclinedError
    return plain.rstrip(" ") if comment else plain
