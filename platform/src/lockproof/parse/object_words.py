"""The two words of every object, in whatever way YAML and JSON let them be written."""

import re

_WORDS = (b"apiVersion", b"kind")
_ESCAPE = re.compile(
    rb"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(?:\r\n|[\r\n])[ \t]*+)"
)
"""A character by its number, or a line that goes on in the next one."""
_ENCODED = re.compile(rb"![^\s!\[\]{}]*?(?:binary|%)|^%TAG", re.MULTILINE)
"""A tag that may make a word of what is none."""
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def may_hold_object(content: bytes) -> bool:
    """Whether a file that nobody here can read may hold an object that kubectl reads.

    It has `apiVersion` and `kind` as whole words, also by escapes and in UTF-16, or has texts in
    base64 that could be such. Where not, it is a file of something else.
    """
    if wide := _WIDE.get(content[:2]):
        content = content[2:].decode(wide, "replace").encode()
    if b"\\" in content:
        content = _ESCAPE.sub(_written, content)
    if all(word in content for word in _WORDS):
        return all(re.search(rb"(?<![\w-])%b(?![\w-])" % word, content) for word in _WORDS)
    return b"!" in content and _ENCODED.search(content) is not None


def _written(escape: re.Match[bytes]) -> bytes:
    digits = escape[1] or escape[2] or escape[3]
    number = int(digits, 16) if digits else 0
    return chr(number).encode("utf-8", "replace") if 0 < number <= 0x10FFFF else b""
