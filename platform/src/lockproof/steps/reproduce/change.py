"""A difference between what ran and what the lock describes, with what puts it back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lockproof.adapters.environment.interpreters import Interpreter
from lockproof.compare.causes import Factor

from .execution import Input, Setup

PutBack = Callable[[Setup], Setup]


@dataclass(frozen=True)
class Change:
    """A factor, and how to put it back."""

    factor: Factor
    put_back: PutBack | None = None
    packages: Mapping[str, str | None] | None = None
    """For package changes: recorded versions, put back together by building an environment."""
    python: Interpreter | None = None
    """For a change of Python: the recorded one, which is here."""
    by_variable: bool = False
    """Whether it is put back by an environment variable, which an output may list."""


def give(inputs: Mapping[str, Input]) -> PutBack:
    """Lay out these inputs instead."""
    return lambda setup: setup.put_back(inputs=inputs)
