"""Regular expressions of ours take time in proportion to the text, whatever stands in it."""

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import lockproof

BOUNDED = {
    "render.alike._PLACE": "a message is cut at 1,000 characters",
}
"""Patterns that may take longer, and why that harms nobody."""
REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
MANY = 50
LETTERS = "a1. -_/:=@A\t\n#\"'[]{}()é%$+,;<>\\|~!?*&^`"
GLANCE = 0.02
"""Seconds of CPU; of 64,000 characters a linear pattern takes about 0.004."""


@cache
def patterns() -> dict[str, tuple[re.Pattern[Any], frozenset[str]]]:
    """Each constant of a module -> the pattern, and how it is used there or elsewhere."""
    found = {}
    root = Path(lockproof.__path__[0])
    texts = {path: path.read_text("utf-8") for path in root.rglob("*.py")}
    everything = "\n".join(texts.values())
    for info in pkgutil.walk_packages(lockproof.__path__, "lockproof."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        own = texts[Path(str(module.__file__))]
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and re.search(rf"(?m)^{name}\b", own):
                call = rf"\b{name}\.(match|fullmatch|search|sub|findall|finditer|split)\("
                used = re.findall(call, own) or re.findall(call, everything) or ["search"]
                found[f"{info.name}.{name}".removeprefix("lockproof.")] = value, frozenset(used)
    return found


def sample(items: Iterable[Any]) -> str:
    """A short text that a part of a pattern matches, or nearly."""
    return "".join(map(_one, items))


def _one(item: Any) -> str:
    kind, value = str(item[0]), item[1]
    if kind == "LITERAL":
        return chr(value)
    if kind in ("ANY", "NOT_LITERAL"):
        return "a" if value != ord("a") else "b"
    if kind == "IN":
        one: re.Pattern[str] = _compiler.compile(_parser.SubPattern(_parser.State(), [item]))
        return next((letter for letter in LETTERS if one.match(letter)), "a")
    if kind in REPEATS:
        least, most, inner = value
        return sample(inner) * min(max(least, 1 if most else 0), MANY)
    if kind == "SUBPATTERN":
        return sample(value[3])
    if kind == "ATOMIC_GROUP":
        return sample(value)
    return sample(value[1][0]) if kind == "BRANCH" else ""


def repeats(items: Iterable[Any], before: str = "") -> Iterator[tuple[str, str]]:
    """What stands before each repetition without an end, and what is repeated."""
    for item in items:
        kind, value = str(item[0]), item[1]
        if kind in REPEATS:
            if value[1] == _constants.MAXREPEAT or value[1] > MANY:
                yield before, sample(value[2])
            yield from repeats(value[2], before)
        elif kind in ("SUBPATTERN", "ATOMIC_GROUP"):
            yield from repeats(value[3] if kind == "SUBPATTERN" else value, before)
        elif kind == "BRANCH":
            for branch in value[1]:
                yield from repeats(branch, before)
        before += _one(item)


def hostile(pattern: re.Pattern[Any]) -> set[tuple[str, str, str]]:
    """Head, what is repeated, tail: that fails late, and can begin anew everywhere."""
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    found = set()
    for head, unit in repeats(_parser.parse(pattern.pattern, flags)):
        if unit:
            found |= {(head, unit, "\0"), (head, unit, "\n!"), ("", unit, "\0")}
            found |= {("", head + unit, "\0"), ("", head + unit, ""), ("", unit + head, "\0")}
            found |= {("", f"{unit} ", "\0")}
    return found


def seconds(use: Callable[[Any], Any], text: Any) -> float:
    before = time.thread_time()
    use(text)
    return time.thread_time() - before


def grows(pattern: re.Pattern[Any], use: str, text: Callable[[int], Any]) -> bool:
    """Whether four times as much text takes far more than four times as long."""

    def call(given: Any) -> object:
        done = getattr(pattern, use)
        return (
            list(done(given)) if use == "finditer" else done(*[given[:0]] * (use == "sub"), given)
        )

    def far_longer(size: int) -> bool:
        """Again, as a busy machine slows either."""
        whole = part = float("inf")
        for turn in range(10):
            whole = min(whole, seconds(call, text(size)))
            part = min(part, seconds(call, text(size // 4)))
            if whole > 1:
                break
            if turn > 1 and whole <= max(GLANCE, 8 * part):
                return False
        return whole > 8 * part

    sizes = (250, 1000, 4000, 16_000, 64_000)
    return any(seconds(call, text(size)) > GLANCE and far_longer(size) for size in sizes)


def growing(pattern: re.Pattern[Any], uses: Iterable[str]) -> list[tuple[str, str, str, str]]:
    """Where a pattern takes more than its share: the use, and the text."""
    found = []
    is_bytes = isinstance(pattern.pattern, bytes)
    for head, unit, tail in hostile(pattern):

        def text(size: int, head: str = head, unit: str = unit, tail: str = tail) -> Any:
            made = f"{head}{unit * (size // len(unit) + 1)}{tail}"
            return made.encode() if is_bytes else made

        found += [(use, head, unit, tail) for use in uses if grows(pattern, use, text)]
    return found


def test_each_takes_time_in_proportion_to_the_text() -> None:
    found = {name: growing(*both) for name, both in patterns().items() if name not in BOUNDED}
    assert {name: where[:2] for name, where in found.items() if where} == {}


def test_what_may_take_longer_is_still_there() -> None:
    assert set(BOUNDED) <= set(patterns())


@pytest.mark.parametrize(
    ("pattern", "use"),
    [
        (r"(\.[^\s:,]+): expected", "findall"),
        (r"\$\{(?P<inner>.*?)\}", "finditer"),
        (r"\((\d[\d.]*) ?(\w+)\)", "match"),
        (r"\s*x", "search"),
        (r"^\s*\[\s*(.*?)\s*\]\s*$", "match"),
        (r"[a-z][a-z0-9+.-]*://", "search"),
    ],
)
def test_one_that_does_not_is_found(pattern: str, use: str) -> None:
    assert growing(re.compile(pattern), [use])
