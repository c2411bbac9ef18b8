"""Entries that are written alike are read alike: the many stages of one `dvc.yaml` or `dvc.lock`.

Of the entries of a large mapping most differ in words alone. The first of each form is read line by
line, with a mark in place of each word; of the others only the words are looked at, and the values
of all are made in one go, as JSON. What does not fit is declined as a whole: `block_yaml` then
reads it. A test holds the two against each other: where both read, they say the same.
"""

import json
import re
from itertools import accumulate
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

from .block_yaml import KEY, MOST_FLOW, DeclinedError, Reader
from .document import MarkedDocument, Moved, YamlDocument
from .plain_scalars import CORE, SERVER, Schema
from .usual_text import usual_text

_FEW = 64
"""Entries for which this is not worth while."""
_MOST_FORMS = 256
_SECTION = re.compile(rf"^({KEY}):\n(?=  {KEY}:\n)", re.ASCII | re.MULTILINE)
_END = re.compile(r"^[^ #\n]", re.MULTILINE)
_ENTRY = re.compile(rf"^  ({KEY}):\n", re.ASCII | re.MULTILINE)
# Plain text without a comment or a colon that would end it; or the first key of a list's mapping.
_WORDS = r"(?:[\w./]|-(?=[^ \n]))[^\n:#]*+(?:(?::(?![ \n])|(?<! )#)[^\n:#]*+)*+(?<! )$"
_SLOT = re.compile(
    rf"^( *(?:- +)?(?:{KEY}: +)?)({_WORDS}|(?<=- ){KEY}(?=:$))", re.ASCII | re.MULTILINE
)
_QUOTED = re.compile(
    rf"""^ *(?:- +)?(?:{KEY}: +)?(?:'[^'\n]*'|"[^"\\\n]*")$""", re.ASCII | re.MULTILINE
)
_LONG = frozenset("'\"|>\\")
"""Of what stands in one of these not each line is what it looks like."""


def read_alike(text: str, *, core: bool) -> list[YamlDocument] | None:
    """The one document of a text; None where most of it is no mapping of many entries alike.

    Args:
        text: of the file.
        core: as `read_blocks` has it.
    """
    usual = usual_text(text, core=core)
    if usual is None or not usual.endswith("\n"):
        return None
    for header in _SECTION.finditer(usual):
        start, end = header.end(), _END.search(usual, header.end())
        stop = end.start() if end else len(usual)
        if 2 * (stop - start) > len(usual):
            try:
                return [_Section(usual, header[1], start, stop, core).read()]
            except (DeclinedError, ValueError):
                return None
    return None


class _Form(NamedTuple):
    """What entries have in common."""

    text: str
    """The value as JSON, with `%s` for each of its texts that is made of words."""
    keys: tuple[int, ...]
    """Which words are keys."""
    joined: tuple[tuple[int, int], ...]
    """From which word on how many are one text, with a space between them."""
    marks: Any
    """As of an entry whose name stands in line 2."""
    height: int
    """Lines, without that of the name."""
    flow: int
    """Characters of lists and mappings on one line."""


class _Section:
    """A key at the top with all its entries, and what stands around it."""

    def __init__(self, text: str, key: str, start: int, stop: int, core: bool) -> None:
        self.text, self.key, self.start, self.stop, self.core = text, key, start, stop, core
        self.schema: Schema = CORE if core else SERVER
        self.special = frozenset(self.schema.resolvers)
        self.known: dict[str, str] = {}
        """Plain words that may be no text, as JSON."""
        self.forms: dict[str, _Form | None] = {}
        """By text; None where what is written so is read one by one."""

    def read(self) -> MarkedDocument:
        text = self.text
        nothing, *split = _ENTRY.split(text[self.start : self.stop])
        names, bodies = split[::2], split[1::2]
        if nothing or len(names) < _FEW or len(set(names)) < len(names):
            raise DeclinedError
        line = above = text.count("\n", 0, self.start) + 1
        values: list[str] = []
        marks: dict[str, Any] = {}
        flow = 0
        for name, body in zip(names, bodies, strict=True):
            form, value = self._entry(body)
            values.append(f'"{name}":{value}')
            below = form.marks
            marks[name] = line if below is None else (line, Moved(below, line - 2))
            line += form.height + 1
            flow += form.flow
        if flow > MOST_FLOW:
            raise DeclinedError
        few = f"  {names[0]}:\n{bodies[0]}"
        document = self._around(f"{text[: self.start]}{few}{text[self.stop :]}", names[0])
        document.value[self.key] = json.loads(f"{{{','.join(values)}}}")
        return MarkedDocument(
            document.value,
            document.start,
            self._moved(document.marks, marks, by=line - above - few.count("\n")),
        )

    def _around(self, text: str, name: str) -> Any:
        """What the text is with but one of the entries."""
        (document,) = Reader(text, self.core).read()
        value = document.value
        entries = value.get(self.key) if isinstance(value, dict) else None
        if not isinstance(entries, dict) or list(entries) != [name]:
            raise DeclinedError
        return document

    def _moved(self, around: Any, own: dict[str, Any], by: int) -> dict[str, Any]:
        """The marks of all, where those behind the section stand further down."""
        found: dict[str, Any] = {}
        for key, mark in around.items():
            line, below = mark if isinstance(mark, tuple) else (mark, None)
            if key == self.key:
                found[key] = (line, own)
            elif self.key not in found:
                found[key] = mark
            else:
                found[key] = line + by if below is None else (line + by, Moved(below, by))
        return found

    def _entry(self, body: str) -> tuple[_Form, str]:
        """What an entry has in common with others, and its value as JSON."""
        between = _SLOT.split(body)
        words = between[2::3]
        del between[2::3]
        named = "\0".join(between)
        try:
            if named not in self.forms:
                known = self._read_form(between) if len(self.forms) < _MOST_FORMS else None
                self.forms[named] = known
            form = self.forms[named]
            if form is not None:
                return form, self._filled(form, words)
        except DeclinedError:
            self.forms[named] = None
        alone = self._read_form([body])
        return alone, self._filled(alone, [])

    def _read_form(self, between: list[str]) -> _Form:
        """What entries have in common: their text without the words.

        Raises:
            DeclinedError: that may not be so, or it is not for the reader of lines.
            ValueError: as that says.
        """
        longest = max(map(len, re.findall("slot(_*)", "".join(between))), default=-1)
        slot = f"slot{'_' * (longest + 1)}"  # Which stands nowhere in it.
        if between[1:] and not _LONG.isdisjoint(_QUOTED.sub("", "".join(between))):
            raise DeclinedError
        # Text, what stands before a word, text, …
        parts = [
            part if number % 2 == 0 else f"{part}{slot}{number // 2}"
            for number, part in enumerate(between)
        ]
        body = "".join(parts)
        reader = Reader(f"top:\n  name:\n{body}", self.core)
        (document,) = reader.read()
        value = document.value
        if not isinstance(value, dict) or list(value) != ["top"] or list(value["top"]) != ["name"]:
            raise DeclinedError
        _refuse_beside(value, slot)
        entry = value["top"]["name"]
        mark: Any = document.marks["top"][1]["name"]  # type: ignore[attr-defined]
        text, sizes, keys = _taken_apart(json.dumps(entry, separators=(",", ":")), slot)
        if sum(sizes) != len(between) // 2:
            raise DeclinedError
        starts = accumulate(sizes, initial=0)
        joined = [(start, size) for start, size in zip(starts, sizes, strict=False) if size > 1]
        marks = mark[1] if isinstance(mark, tuple) else None
        return _Form(text, keys, tuple(joined), marks, body.count("\n"), reader.flow)

    def _filled(self, form: _Form, words: list[str]) -> str:
        """The value of an entry, as JSON."""
        known, special = self.known, self.special
        texts = [
            quoted(word) if word[0] not in special else known.get(word) or self._scalar(word)
            for word in words
        ]
        for at in form.keys:
            texts[at] = quoted(words[at])
        filled, done = [], 0
        for at, size in form.joined:
            if not isinstance(self.schema.value(words[at]), str):
                raise DeclinedError
            filled += [*texts[done:at], quoted(" ".join(words[at : at + size]))]
            done = at + size
        return form.text % (*filled, *texts[done:])

    def _scalar(self, word: str) -> str:
        """The value of a plain word that may be no text, as JSON."""
        value = self.schema.value(word)
        known = quoted(value) if isinstance(value, str) else json.dumps(value)
        self.known[word] = known
        return known


def _taken_apart(text: str, slot: str) -> tuple[str, list[int], tuple[int, ...]]:
    """The JSON of a form with `%s` for words; how many each is, and which of them are keys.

    Raises:
        DeclinedError: words are a part of a longer text.
    """
    pieces: list[str] = []
    sizes: list[int] = []
    keys: list[int] = []
    end = number = 0
    for match in re.finditer(rf'"({slot}\d+(?: {slot}\d+)*)"(:?)', text):
        words = match[1].split(" ")
        if words != [f"{slot}{number + at}" for at in range(len(words))]:
            raise DeclinedError
        if match[2]:
            keys.append(number)
        pieces.append(text[end : match.start()])
        end = match.end(1) + 1
        sizes.append(len(words))
        number += len(words)
    pieces.append(text[end:])
    if any(slot in piece for piece in pieces):
        raise DeclinedError
    return "%s".join(piece.replace("%", "%%") for piece in pieces), sizes, tuple(keys)


def _refuse_beside(value: Any, slot: str) -> None:
    """Refuse a key that is a word and stands beside others: it may be one of them."""
    if isinstance(value, dict):
        if len(value) > 1 and any(key.startswith(slot) for key in value):
            raise DeclinedError
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        _refuse_beside(inner, slot)
