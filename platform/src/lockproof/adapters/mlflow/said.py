"""What MLflow's and SQLAlchemy's errors say, without the statements that they quote."""

import re

_QUOTED = re.compile(r"(?:\[SQL:|\[parameters:|\(Background on this error).*", re.DOTALL)
_LONGEST = 10_000
"""Characters of what a server says that are looked at."""
_PREFIX = re.compile(r"\(raised as a result of [^;(]*;[^()]*\)\s*|\((?:\w+\.)+\w*Error\)\s*")
_ADVICE = {
    "database or disk is full": "make room on its disk",
    "disk I/O error": "make room on its disk, or raise the limit on the size of files",
    "readonly database": "make the file and its folder writable",
    "unable to open database file": "make its folder writable",
}


def said(error: Exception) -> str:
    """The error in one short line; of a database in a file also what to do."""
    text = " ".join(_PREFIX.sub("", _QUOTED.sub("", str(error)[:_LONGEST])).split())[:300]
    advice = next((do for what, do in _ADVICE.items() if what in text), "")
    return f"{text}: {advice}" if advice else text or type(error).__name__
