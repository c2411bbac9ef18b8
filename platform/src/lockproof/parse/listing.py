"""Directory objects (`.dir`): the JSON lists in which DVC names the files of a directory.

A pull request can choose the directory object, so its content is hostile: it is read entry by
entry, so that a million of them take the memory of a few, and no name may leave the directory.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .yaml_document import ParseError

_MAX_ENTRY = 1 << 16
"""Characters; a path of 4096 bytes is the longest that a kernel takes, escaped six-fold."""
# Just what DVC writes between two entries; any other JSON goes the slow way.
_NEXT = re.compile(r', \{"md5": "([0-9a-f]{32})", "relpath": "([^"\\\x00-\x1f]+)"\}')
_MD5 = re.compile(r"[0-9a-f]{32}")
_SPACE = re.compile(r"[ \t\r\n]*")
_MAX_NAME, _MAX_PATH, _MAX_LEVELS = 255, 4095, 200
"""Bytes of a name and of a path that a kernel takes, and names in a path that Python does."""
_MAX_FOLDERS = 1_000_000
_HOSTILE = re.compile(r"(?:^|/)\.{0,2}(?:/|\Z)|\x00")


class ListingError(ParseError):
    """A directory object is no listing, or names what it must not."""


class ListedFile(NamedTuple):
    """One file of a directory."""

    relpath: str
    """POSIX, below the directory."""
    md5: str
    """32 hex digits."""


def read_listing(chunks: Iterable[bytes], name: str) -> Iterator[ListedFile]:
    """The files of a directory object, one by one, in the object's own order.

    Args:
        chunks: the content, in pieces of any size.
        name: what errors call it.

    Raises:
        ListingError: the content is no JSON list of `{md5, relpath}`; a path is absolute,
            empty, leaves the directory, stands there twice, is a file and a folder, or is
            one that no file can have. What was yielded before is no proof of anything.
    """
    text = _Text(chunks, name)
    seen: set[int] = set()
    folders = _Folders(seen, name)
    last, ascending = "", True
    if text.next() != "[":
        raise ListingError("is not a DVC listing: it does not start with a JSON list", name)
    while (file := text.entry(first=not seen)) is not None:
        relpath = file.relpath
        if _HOSTILE.search(relpath):
            raise ListingError(f"names a path outside of its directory: {relpath[:200]!r}", name)
        if not relpath.isascii() or len(relpath) > _MAX_NAME:
            _check_name(relpath, name)
        ascending = ascending and relpath > last
        key = hash(relpath)
        # DVC sorts, and then the order alone shows that no name comes twice.
        if not ascending and key in seen:
            raise ListingError(f"names {relpath[:200]!r} twice", name)
        folders.check(relpath, key)
        seen.add(key)
        last = relpath
        yield file
    if text.next():
        raise ListingError("is not a DVC listing: text follows the JSON list", name)


def _check_name(relpath: str, name: str) -> None:
    """Refuse what no file can be called."""
    try:
        # As Python names a file whose name is not UTF-8, but not as a second name of one that is.
        raw = relpath.encode("utf-8", "surrogateescape")
        sound = raw.decode("utf-8", "surrogateescape") == relpath
    except UnicodeEncodeError:
        sound = False
    if not sound:
        raise ListingError(f"names a path that is not valid Unicode: {relpath[:200]!r}", name)
    parts = raw.split(b"/")
    if len(raw) > _MAX_PATH or len(parts) > _MAX_LEVELS or max(map(len, parts)) > _MAX_NAME:
        raise ListingError(f"names a path that is too long for a file: {relpath[:200]!r}", name)


class _Folders:
    """The folders that the paths so far are in, as hashes."""

    def __init__(self, files: set[int], name: str) -> None:
        self._files, self._name = files, name
        self._known: set[int] = set()
        self._last = ""

    def check(self, relpath: str, key: int) -> None:
        """Refuse a path that is a file here and a folder there; `files` does not have it yet."""
        if key in self._known:
            raise self._both(relpath)
        folder = relpath.rpartition("/")[0]
        if folder == self._last:
            return
        self._last = folder
        while folder and (key := hash(folder)) not in self._known:
            if key in self._files:
                raise self._both(folder)
            self._known.add(key)
            folder = folder.rpartition("/")[0]
        if len(self._known) > _MAX_FOLDERS:
            raise ListingError(f"has more than {_MAX_FOLDERS} folders", self._name)

    def _both(self, path: str) -> ListingError:
        return ListingError(f"names {path[:200]!r} as a file and as a folder", self._name)


class _Text:
    """A window on the decoded content."""

    def __init__(self, chunks: Iterable[bytes], name: str) -> None:
        self._chunks = iter(chunks)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._name = name
        self._text = ""
        self._at = 0
        self._json = json.JSONDecoder(object_pairs_hook=self._pairs)

    def next(self) -> str:
        """The next character that is no space, consumed; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                self._at += 1
                return self._text[self._at - 1]
            if not self._more():
                return ""

    def entry(self, *, first: bool) -> ListedFile | None:
        """The next entry; None at the end of the list."""
        match = None if first else _NEXT.match(self._text, self._at)
        if match and match.end() - self._at <= _MAX_ENTRY:
            self._at = match.end()
            return ListedFile(match[2], match[1])
        found = self.next()
        if found == "]":
            return None
        if not first:
            if found != ",":
                raise self._broken("a comma is missing")
            found = self.next()
        if found != "{":
            raise self._broken("an entry is no JSON object")
        self._at -= 1
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except RecursionError:
                raise self._broken("it is nested too deeply") from None
            except ValueError as error:
                # Half an entry is no error yet.
                if len(self._text) - self._at > _MAX_ENTRY or not self._more():
                    raise self._broken("an entry is no valid JSON, or too long") from error
                continue
            if end - self._at > _MAX_ENTRY:
                raise self._broken("an entry is no valid JSON, or too long")
            self._at = end
            return self._file(value)

    def _file(self, value: dict[str, Any]) -> ListedFile:
        relpath, md5 = value.get("relpath"), value.get("md5")
        if not isinstance(relpath, str) or not isinstance(md5, str) or not _MD5.fullmatch(md5):
            raise self._broken("an entry has no relpath, or no md5 of 32 hex digits")
        return ListedFile(relpath, md5)

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise self._broken("an entry has a key twice")
        return found

    def _more(self) -> bool:
        for chunk in self._chunks:
            text = self._decoded(chunk)
            if text:
                self._text = self._text[self._at :] + text
                self._at = 0
                return True
        self._decoded(b"", last=True)
        return False

    def _decoded(self, chunk: bytes, *, last: bool = False) -> str:
        try:
            return self._decoder.decode(chunk, last)
        except UnicodeDecodeError:
            raise self._broken("it is not UTF-8") from None

    def _broken(self, why: str) -> ListingError:
        return ListingError(f"is not a DVC listing: {why}", self._name)
