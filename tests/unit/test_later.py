"""Patterns that are compiled late are right all the same."""

import importlib
import pkgutil
import re

import pytest

import lockproof
from lockproof.model.later import _Later, later

LATE = {
    f"{module.name}.{name}": pattern
    for module in pkgutil.walk_packages(lockproof.__path__, "lockproof.")
    if module.name.startswith(("lockproof.parse.", "lockproof.rules."))
    for name, pattern in vars(importlib.import_module(module.name)).items()
    if isinstance(pattern, _Later)
}


@pytest.mark.parametrize("name", LATE)
def test_it_is_a_pattern(name: str) -> None:
    assert LATE[name].search is not None


def test_it_does_what_a_pattern_does() -> None:
    late, pattern = later("a(B+)", re.IGNORECASE), re.compile("a(B+)", re.IGNORECASE)
    for text in ("abb", "xABby", "", "a"):
        assert late.sub("-", text) == pattern.sub("-", text)
        assert late.findall(text) == pattern.findall(text)
        assert bool(late.fullmatch(text)) == bool(pattern.fullmatch(text))
    assert late.pattern == pattern.pattern
    with pytest.raises(re.error):
        _ = later("(").search
