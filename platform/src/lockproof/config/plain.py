"""Reads what a policy usually says without pydantic, which takes long to load.

What is plainly right is taken, by the same annotations. Of all else, and of every mistake, pydantic
is asked: nothing is refused here, and nothing is taken that it would refuse.
"""

import math
import re
from collections.abc import Mapping
from datetime import date
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from lockproof.model.base import unchecked
from lockproof.model.fields import Asked, fields_of

from .base import Section, key_of

_EXACT = 1 << 53
"""Whole numbers below it are floats as well."""


class Unusual(Exception):
    """Pydantic has to be asked."""


def plain(kind: Any, value: Any) -> Any:
    """The value of a type that a value of TOML plainly is.

    Raises:
        Unusual: it is not, or that is for pydantic to say.
    """
    outer, parts = get_origin(kind), get_args(kind)
    if outer is Annotated:
        return _asked(parts[0], parts[1:], value)
    if outer is Literal:
        return _if(type(value) is str and value in parts, value)
    if outer in (Union, UnionType):  # TOML has no null.
        some = [part for part in parts if part is not type(None)]
        _if(len(some) == 1, value)
        return plain(some[0], value)
    if outer is tuple:
        return tuple([plain(parts[0], each) for each in _if(type(value) is list, value)])
    if outer is Mapping:
        items = _if(type(value) is dict, value).items()
        return {plain(parts[0], key): plain(parts[1], each) for key, each in items}
    if isinstance(kind, type) and issubclass(kind, Section):
        return _section(kind, value)
    return _if(kind in (str, int, float, bool, date) and type(value) is kind, value)


def _if(right: bool, value: Any) -> Any:
    if not right:
        raise Unusual
    return value


def _section(kind: type[Section], value: Any) -> Section:
    fields = {key_of(name): name for name in fields_of(kind)}
    if type(value) is not dict or not value.keys() <= fields.keys():
        raise Unusual
    annotations = fields_of(kind)
    held = {fields[key]: plain(annotations[fields[key]], each) for key, each in value.items()}
    try:
        made = unchecked(kind)(**held)
        getattr(made, "hold_together", tuple)()
    except (KeyError, ValueError) as error:  # A field is missing, or they do not fit each other.
        raise Unusual from error
    return made


def _asked(kind: Any, asked: tuple[Any, ...], value: Any) -> Any:
    """A value of a type of which more is asked; as in pydantic, `before` comes before the type."""
    if not all(isinstance(one, Asked) for one in asked):
        raise Unusual
    try:
        for one in reversed(asked):
            value = one.of["before"](value) if "before" in one.of else value
        if kind is float and type(value) is int and abs(value) < _EXACT:
            value = float(value)
        value = plain(kind, value)
        for one in asked:
            value = one.of["after"](value) if "after" in one.of else value
            _if(all(_holds(what, limit, value) for what, limit in one.of.items()), value)
    except ValueError as error:
        raise Unusual from error
    return value


def _holds(what: str, limit: Any, value: Any) -> Any:
    match what:
        case "before" | "after" | "schema" | "strict":
            return True  # Types are always taken strictly here.
        case "pattern":
            # Of other text its language and Python's may not say the same.
            return value.isascii() and value.isprintable() and re.search(limit, value)
        case "min_length":
            return len(value) >= limit
        case "max_length":
            return len(value) <= limit
        case "allow_inf_nan":
            return limit or math.isfinite(value)
        case "ge":
            return value >= limit
        case "gt":
            return value > limit
        case "le":
            return value <= limit
    return False
