"""What the fields of a value are, and what is asked of them."""

from collections.abc import Mapping
from typing import Any


class Asked:
    """What is asked of a field beside its type, in words of pydantic's `Field` such as `ge=0`.

    `before` and `after` are functions as its `BeforeValidator` and `AfterValidator` take them, and
    `schema` is what a JSON schema says of the field. `model/checked.py` gives them to pydantic.
    """

    def __init__(self, **of: Any) -> None:
        """Take it: `Field`'s words, or one of the others alone."""
        self.of = of


_FIELDS: dict[type, Mapping[str, Any]] = {}
_DEFAULTS: dict[type, Mapping[str, Any]] = {}


def fields_of(cls: type) -> Mapping[str, Any]:
    """Field -> what it is annotated with; those of a base come first."""
    if cls not in _FIELDS:
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            stated = vars(base).get("__annotations__", {})
            found.update({name: one for name, one in stated.items() if name != "settings"})
        _FIELDS[cls] = found
    return _FIELDS[cls]


def defaults_of(cls: type) -> Mapping[str, Any]:
    """Field -> what stands for it where nothing is said; none of them can be changed."""
    if cls not in _DEFAULTS:
        _DEFAULTS[cls] = {name: getattr(cls, name) for name in fields_of(cls) if hasattr(cls, name)}
    return _DEFAULTS[cls]
