"""What a log, a command and its code say of files and of the network: words, not experiments."""

import re
from collections.abc import Iterable, Iterator

_ABSENT = re.compile(
    r"(?:No such file or directory|FileNotFoundError|cannot open file|does not exist)"
    r"[^'\"\n]{0,40}['\"]([^'\"\n]{1,400})['\"]"
    r"|['\"]([^'\"\n]{1,400})['\"]: No such file or directory"
    r"|(?:^|\s)([^\s:'\"]{1,400}): No such file or directory",
    re.MULTILINE,
)
_CUT = re.compile(
    r"Temporary failure in name resolution|Name or service not known|nodename nor servname"
    r"|getaddrinfo failed|No address associated with hostname|Could not resolve host"
    r"|unable to resolve host|Network is unreachable|No route to host"
    r"|NewConnectionError|Failed to establish a new connection|ENETUNREACH|EAI_AGAIN"
    # Where the network is off, nobody listens on the stage's own loopback.
    r"|Connection refused|ConnectionRefusedError|ECONNREFUSED"
)
_BELOW_HOME = re.compile(
    r"(?:(?<!\w)~|\$HOME|\$\{HOME\})/([\w.@+-]+(?:/[\w.@+-]+)*)"
    r"|\bhome\(\)\s*/\s*['\"]([^'\"\n]{1,200})['\"]"
)
_PATH = re.compile(r"(?<![\w.@+~/$}-])(?:\./)?([\w.@+-]+(?:/[\w.@+-]+)*)")
_STRING = re.compile(r"['\"]([^'\"\n]{1,200})['\"]")
_LETTER = re.compile(r"[a-zA-Z]")
_LONGEST = 1 << 18
"""Characters of one text that are looked at."""
_MOST = 2000


def cut_network(log: str) -> str | None:
    """The first line in which a program says that it could not reach somebody."""
    return next((line.strip() for line in log.splitlines() if _CUT.search(line)), None)


def absent_files(log: str) -> Iterator[tuple[str, str]]:
    """Paths that a program did not find, as it wrote them, each with its words."""
    for match in _ABSENT.finditer(log):
        yield match[1] or match[2] or match[3], match[0].strip()


def below_home(texts: Iterable[str]) -> tuple[str, ...]:
    """Files below the home folder that commands or code name, from there: `.config/tool.toml`."""
    found = (m[1] or m[2] for text in texts for m in _BELOW_HOME.finditer(text[:_LONGEST]))
    return tuple(dict.fromkeys(found))


def words_like_paths(commands: Iterable[str], code: Iterable[str]) -> tuple[str, ...]:
    """What commands, and strings in code, name that may be a file below where they run."""
    found = [m[1] for text in commands for m in _PATH.finditer(text[:_LONGEST])]
    for text in code:
        for match in _STRING.finditer(text[:_LONGEST]):
            found += [m[1] for m in [_PATH.fullmatch(match[1])] if m]
    likely = (
        word
        for word in dict.fromkeys(found)
        if ("." in word or "/" in word) and _LETTER.search(word)
    )
    return tuple(likely)[:_MOST]
