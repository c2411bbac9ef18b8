"""Quoted text of YAML, over any number of lines (YAML 1.2, 6.5 and 7.3: escapes and folding)."""

import re

_ESCAPE = re.compile(r"\\(.?)")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", " ": " "}
"""Those that files have; YAML has more."""


def unquoted(text: str) -> str | None:
    """What a quoted text says; None where the reader of all of YAML has to be asked.

    Args:
        text: from its first quote to its last. Spaces are the only white space beside line feeds.
    """
    double, inner = text[0] == '"', text[1:-1]
    if text[0] in (_ESCAPE.sub("", inner) if double else inner.replace("''", "")):
        return None  # It ends before the last quote.
    lines = inner.split("\n")
    last = len(lines) - 1
    said: list[str] = []
    goes_on = False
    """Whether the line before ended with an escape, so that its end says nothing."""
    blank = 0
    for number, line in enumerate(lines):
        if number:
            line = line.lstrip(" ")
            if not line and number < last:
                blank += 1
                continue
            if goes_on and blank:
                return None
            said.append("" if goes_on else "\n" * blank or " ")
            blank = 0
        goes_on = double and (len(line) - len(line.rstrip("\\"))) % 2 == 1
        if goes_on:
            line = line[:-1]
        elif number < last:
            line = line.rstrip(" ")
            if double and line.endswith("\\"):
                return None  # It may be the space that is escaped.
        if not double:
            line = line.replace("''", "'")
        elif "\\" in line:
            if not _ESCAPES.keys() >= set(_ESCAPE.findall(line)):
                return None
            line = _ESCAPE.sub(lambda found: _ESCAPES[found[1]], line)
        said.append(line)
    return "".join(said)
