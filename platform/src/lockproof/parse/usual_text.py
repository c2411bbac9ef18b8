"""Which texts are for the readers of the common part of YAML."""

import re

from .plain_scalars import is_other_key

_MOST_LINES = 1_000_000
"""Of the lock of some 20,000 stages."""
_OTHER_KEY = re.compile(
    r"\n[ -]*+([yYnN]|[oO](?:n|N|ff|FF)|[yY](?:es|ES)|[nN](?:o|O|ull|ULL)|[tT](?:rue|RUE)"
    r"|[fF](?:alse|ALSE)|[.0-9][\w.+-]*+):(?=[ \n]|\Z)",
    re.ASCII,
)
"""Keys that kubectl may read as no text, each after the end of a line, which is found at once."""
_PRINTABLE = bytes((10, *range(32, 127)))
# Compiled when it is needed, which takes a while.
_ODD = "[^\n -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"


def usual_text(text: str, *, core: bool) -> str | None:
    """A text with the line ends of Unix; None for odd characters or keys, or too many lines."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if text.isascii():
        if text.encode().translate(None, _PRINTABLE):
            return None
    elif re.search(_ODD, text):
        return None
    if text.count("\n") > _MOST_LINES:
        return None
    if not core and any(map(is_other_key, _OTHER_KEY.findall(f"\n{text}"))):
        return None
    return text
