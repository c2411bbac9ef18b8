"""The SDK's decorators, with the types that those of SDK 0.20 leave out, and its log.

Its `function` takes `cache`, which its overloads do not say, and its `object_type` makes
dataclasses, which mypy does not see through the alias that the SDK exports.
"""

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, dataclass_transform

import dagger

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


@dataclass_transform(kw_only_default=True, field_specifiers=(dagger.field,))
def object_type(cls: type[T]) -> type[T]:
    """Make a class an object of the module, and a dataclass."""
    return dagger.object_type(cls)


def function(*, cache: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a method a function of the module.

    `cache="never"` is for what reads or changes the state of something outside: the engine would
    else answer a call that it has seen before from its cache, for seven days.
    """
    decorate: Any = dagger.function
    decorated: Callable[[Callable[P, R]], Callable[P, R]] = decorate(cache=cache)
    return decorated


class InputError(ValueError):
    """What a caller has given cannot be used; the message is one line that says what to do."""


class _Expected(logging.Filter):
    """Keeps tracebacks of what goes wrong outside out of the log: its message says everything."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be logged."""
        expected = (dagger.QueryError, InputError)
        return not (record.exc_info and isinstance(record.exc_info[1], expected))


logging.getLogger("dagger.mod").addFilter(_Expected())
