"""Kustomize's words on why it does not build, made short, and the line that they are about."""

import re

from lockproof.model.manifest import Place

from .source import Outline, Trouble

_OUT_OF_REACH = re.compile(
    r"external plugins disabled|must specify --enable-|'git' program on path|proxyconnect tcp"
)
_INCLUDED = re.compile(
    r"(?:recursed (?:accumulation of|merging from) path '[^']*'|accumulateDirectory): [\\\"]*"
)
_FROM = re.compile(r"accumulating resources from '[^']*': (.*)$")
_WRAPPED = re.compile(r"trouble configuring builtin (\w+) with config: `(?:.*`: |.*$)")
_PATCH = re.compile(r"from \[patch: .*")
_CONTENT = (
    (re.compile(r"invalid literal source .*, expected key=value"), "a literal is not KEY=VALUE"),
    (re.compile(r"literal sources:? \[.*?\](?=: |$)"), "literals"),
    (re.compile(r"generator &\{[^}]*\}"), "a generator"),
    (re.compile(r"(cannot unmarshal \S+) `[^`]*`"), r"\1"),
    (re.compile(r'parsing "[^"]*"'), "parsing a value"),
    (re.compile(r'(?:map\[|\[?\{"|\[\{).*'), "…"),
)
"""What kustomize quotes of a patch, a generator or an object, which may be a secret; and addresses
in its memory, which differ from run to run."""
_OUTSIDE = re.compile(r"security; file '([^']*)' is not in or below '([^']*)'")
_WORD = re.compile(r"[\w./@:-]+")
_LONGEST = 300


def is_out_of_reach(text: str) -> bool:
    """Whether a build failed for what is not followed here: plugins, charts, the network."""
    return _OUT_OF_REACH.search(text) is not None


def explained(text: str, found: Outline) -> Trouble:
    """A refusal as a trouble: its innermost reason, at the line that it names."""
    outside = _OUTSIDE.search(text)
    if outside:
        said = (
            f"{outside[1]} lies outside the kustomization's folder {outside[2]}, and kustomize"
            " reads no file from there: move it, or make its folder a kustomization of its own"
        )
        return Trouble(_place(text, found), said)
    return Trouble(_place(text, found), f"kustomize does not build it: {shortened(text)}")


def shortened(text: str) -> str:
    """The innermost reason of a chain of them, without what may be a secret."""
    deeper = list(_INCLUDED.finditer(text))
    reason = text[deeper[-1].end() :] if deeper else text
    inner = _FROM.search(reason)
    if inner:
        reason = inner[1]
    reason = reason.partition("': must build at directory")[0]
    # What is quoted may hold the end of a quotation: so the last goes first, and whole.
    reason = _WRAPPED.sub(r"\1: ", _PATCH.sub("from its text", reason))
    reason = reason.replace("\\n", " ").replace("\\", "").strip()
    for pattern, said in _CONTENT:
        reason = pattern.sub(said, reason)
    for quote in "\"'":  # One that was opened in what is left out.
        if reason.endswith(quote) and reason.count(quote) % 2:
            reason = reason[:-1]
    return reason if len(reason) <= _LONGEST else f"{reason[: _LONGEST - 1]}…"


def _place(text: str, found: Outline) -> Place:
    """The field of a kustomization that a message quotes, or the file that it names."""
    words = set(_WORD.findall(text))
    words |= {word.rpartition("/")[2] for word in words}
    best: tuple[int, Place] | None = None
    for layer in found.layers:
        for word, at in layer.pairs():
            known = not {word, word.rpartition("/")[2], word.partition("=")[0]}.isdisjoint(words)
            if known and len(word) > 2 and (best is None or len(word) > best[0]):
                best = (len(word), layer.place(*at))
    if best:
        return best[1]
    files = sorted((name for name in found.files if name in words), key=len)
    return (files[-1] if files else found.root), 1
