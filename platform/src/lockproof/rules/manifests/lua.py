"""What Argo CD's health scripts may say: of the Lua that most are made of, whichever way it goes.

Known are tables of texts, fields of theirs that are set to one text, `if` with any condition that
calls nothing, and `return`. Of a script with more in it nothing is known.
"""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<gap>\s++|--\[\[(?:[^\]]|\](?!\]))*+\]\]|--(?!\[=*+\[)[^\n]*+)"
    r"|(?P<text>\"[^\"\\\n]*+\"|'[^'\\\n]*+'|\[\[[^\[\]]*+\]\])|(?P<name>[A-Za-z_]\w*+)"
    r"|(?P<number>[0-9]++(?:\.[0-9]++)?+(?![\w.]))"
    r"|(?P<sign>[=~<>]=|\.\.(?!\.)|[{}=.,;#<>+*/%()-]|\[(?![\[=])|\])",
    re.ASCII,
)
_WORDS = frozenset(
    (
        *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if"),
        *("in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"),
    )
)
_BINARY = frozenset(("and", "or", "==", "~=", "<", "<=", ">", ">=", "..", "+", "-", "*", "/", "%"))
_DEEPEST = 50
_MOST = 5_000
"""Words of a script."""


class _UnknownError(Exception):
    """The script has something in it of which nothing is known here."""


class _Token(NamedTuple):
    kind: str
    word: str


_END = _Token("end", "")
Statuses = dict[str, frozenset[str]]
"""Each table that the script made, and the statuses that it may hold; empty text: none."""

_Hidden = dict[str, frozenset[str] | None]
"""Each name that a block declares for itself, and what it stood for until then."""


def says_only_healthy(script: str) -> bool:
    """Whether a health script is known to say Healthy whichever way it goes.

    It may still end in an error, where a condition looks into what is not there.
    """
    try:
        return _Script(script).says() == {"Healthy"}
    except _UnknownError:
        return False


class _Script:
    """Goes through a script once, along both ways of each branch."""

    def __init__(self, script: str) -> None:
        self.tokens: list[_Token] = []
        place = 0
        while place < len(script):
            match = _TOKEN.match(script, place)
            if match is None:
                raise _UnknownError
            kind, word = str(match.lastgroup), match[0]
            if kind == "text":
                word = word[2:-2].removeprefix("\n") if word.startswith("[[") else word[1:-1]
            elif kind == "name" and word in _WORDS:
                kind = "sign"
            if kind != "gap":
                self.tokens.append(_Token(kind, word))
            if len(self.tokens) > _MOST:
                raise _UnknownError
            place = match.end()
        self.at = 0
        self.deep = 0
        self.returned: set[str] = set()

    def says(self) -> set[str]:
        """Every status that it may give; an empty text stands for none."""
        left, _ = self._block({}, live=True)
        if self.tokens[self.at :]:
            raise _UnknownError
        if left is not None:
            self.returned.add("")  # It ends without a word.
        return self.returned

    @property
    def next(self) -> _Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else _END

    def _take(self, kind: str, word: str | None = None) -> str:
        token = self.next
        if token.kind != kind or (word is not None and token.word != word):
            raise _UnknownError
        self.at += 1
        return token.word

    def _is(self, *signs: str) -> bool:
        return self.next.kind == "sign" and self.next.word in signs

    def _block(self, before: Statuses, *, live: bool) -> tuple[Statuses | None, "_Hidden"]:
        """What holds after a block, None where it always returns; what its own names hide."""
        self.deep += 1
        if self.deep > _DEEPEST:
            raise _UnknownError
        now = dict(before)
        own: _Hidden = {}
        while self.next is not _END and not self._is("end", "else", "elseif"):
            if self._is(";"):
                self.at += 1
            elif self._is("return"):
                self.at += 1
                self._return(now, live=live)
                self.deep -= 1
                if not (self.next is _END or self._is("end", "else", "elseif")):
                    raise _UnknownError
                return None, own
            elif self._is("if"):
                after = self._if(now, live=live)
                live = live and after is not None
                now = now if after is None else after
            else:
                self._assign(now, own, live=live)
        self.deep -= 1
        return (now if live else None), own

    def _if(self, before: Statuses, *, live: bool) -> Statuses | None:
        after: list[Statuses] = []
        fallen = True
        word = "if"
        while word in ("if", "elseif"):
            self._take("sign", word)
            self._expression()
            self._take("sign", "then")
            after += self._branch(before, live=live)
            word = self.next.word if self._is("elseif", "else") else "end"
        if word == "else":
            self._take("sign", "else")
            after += self._branch(before, live=live)
            fallen = False
        self._take("sign", "end")
        if fallen:
            after.append(before)
        if not after:
            return None
        shared = set(after[0]).intersection(*after[1:])
        return {name: frozenset().union(*(one[name] for one in after)) for name in shared}

    def _branch(self, before: Statuses, *, live: bool) -> list[Statuses]:
        after, own = self._block(before, live=live)
        if after is None:
            return []
        # A local name of the branch hid one outside, which is as it was then.
        hidden = {name: statuses for name, statuses in own.items() if statuses is not None}
        return [{k: v for k, v in after.items() if k not in own} | hidden]

    def _return(self, now: Statuses, *, live: bool) -> None:
        if self._is("{"):
            said = frozenset((self._table(),))
        else:
            name = self._take("name")
            if live and name not in now:
                raise _UnknownError
            said = now.get(name, frozenset())
        if self._is(";"):
            self.at += 1
        if live:
            self.returned |= said

    def _assign(self, now: Statuses, own: "_Hidden", *, live: bool) -> None:
        local = self._is("local")
        self.at += local
        name = self._take("name")
        field = self._field() if not local and self._is(".", "[") else None
        if local:
            own.setdefault(name, now.get(name))
        if local and not self._is("="):
            now.pop(name, None)
            return
        self._take("sign", "=")
        if field is not None:
            if live and name not in now:
                raise _UnknownError
            text = self._take("text")
            if self._goes_on():
                raise _UnknownError
            if field == "status":
                now[name] = frozenset((text,))
            return
        if self._is("{"):
            now[name] = frozenset((self._table(),))
            if self._goes_on():
                raise _UnknownError
        else:
            start = self.at
            self._expression()
            names = {one.word for one in self.tokens[start : self.at] if one.kind == "name"}
            if not names.isdisjoint(now):
                raise _UnknownError  # Another name for a table of the script's.
            now.pop(name, None)

    def _field(self) -> str:
        if self._is("."):
            self.at += 1
            return self._take("name")
        self._take("sign", "[")
        word = self._take("text")
        self._take("sign", "]")
        return word

    def _table(self) -> str:
        """A table of texts; its status, or an empty text."""
        self._take("sign", "{")
        status = ""
        while not self._is("}"):
            name = self._field() if self._is("[") else self._take("name")
            self._take("sign", "=")
            text = self._take("text")
            if name == "status":
                status = text
            if self._is(",", ";"):
                self.at += 1
            elif not self._is("}"):
                raise _UnknownError
        self.at += 1
        return status

    def _goes_on(self) -> bool:
        """Whether what was read is the beginning of more: of a call, an index, a longer text."""
        more = self.next.kind in ("text", "number")
        return more or (self._is(*_BINARY, "(", "{", "[", ".", ","))

    def _expression(self) -> None:
        """An expression that calls nothing and makes nothing."""
        self.deep += 1
        if self.deep > _DEEPEST:
            raise _UnknownError
        while True:
            while self._is("not", "-", "#"):
                self.at += 1
            self._operand()
            if not self._is(*_BINARY):
                break
            self.at += 1
        self.deep -= 1
        if self._goes_on():
            raise _UnknownError

    def _operand(self) -> None:
        if self._is("("):
            self.at += 1
            self._expression()
            self._take("sign", ")")
        elif self.next.kind in ("text", "number") or self._is("nil", "true", "false"):
            self.at += 1
            return
        else:
            self._take("name")
        while self._is(".", "["):
            if self._is("."):
                self.at += 1
                self._take("name")
            else:
                self.at += 1
                self._expression()
                self._take("sign", "]")
