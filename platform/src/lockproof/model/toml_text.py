"""TOML, the text of which anybody may have chosen: read within bounds, or refused."""

import re
import tomllib
from typing import Any

MOST_PARTS = 32
"""Parts of one dotted key: what tomllib does with it grows with their square, and more."""
MOST_DIGITS = 1000
LARGEST = 8 << 20
"""Characters, unless a caller says less."""

_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*"|'[^'\n]*+')[ \t]*+"""
# In the order in which a reader of TOML meets them, so that no text is taken for a key. What is
# not closed ends with its line, or with all: it is an error to tomllib. Possessive are single
# classes alone: of groups with alternatives, Python before 3.11.5 matches too little (gh-106052).
_BEYOND = re.compile(
    rf"(?P<key>(?<![A-Za-z0-9_-])(?:{_PART}\.[ \t]*+){{{MOST_PARTS}}})"
    rf"|(?P<number>(?<![A-Za-z0-9_])(?:0[xob])?[0-9A-Fa-f_]{{{MOST_DIGITS + 1}}})"
    r'|"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*(?:"{3,5}|\\?\Z)'
    r"|'''[^']*+(?:'(?!'')[^']*+)*(?:'{3,5}|\Z)"
    r'|"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*+",
    re.DOTALL,
)


def read_toml(text: str, most: int = LARGEST) -> dict[str, Any]:
    """The tables of a TOML document.

    Args:
        text: of the document.
        most: characters that it may have.

    Raises:
        ValueError: it is no TOML or nested too deeply, is larger, or has a dotted key of more
            than `MOST_PARTS` parts, or a number of more than `MOST_DIGITS` digits, which could
            not be printed; says which, in one line.
    """
    if len(text) > most:
        raise ValueError(f"larger than {most >> 20} MiB")
    for match in _BEYOND.finditer(text):
        if match.lastgroup:
            line = text.count("\n", 0, match.start()) + 1
            what = f"a key of more than {MOST_PARTS} parts"
            if match.lastgroup == "number":
                what = f"a number of more than {MOST_DIGITS} digits"
            raise ValueError(f"{what} (at line {line}): make it shorter")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
