"""The base of every value: frozen, strict about unknown keys, canonical as JSON."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    ParamSpec,
    Self,
    TypeVar,
    dataclass_transform,
)

from .fields import Asked, defaults_of, fields_of

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


Number = Annotated[float, Asked(ge=0, allow_inf_nan=False)]
"""Of what is counted or measured, such as seconds."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Frozen:
    """An immutable value; unknown keys are errors.

    pydantic takes a third of a short command to load, so that a model of the same fields is made
    only when a value is checked, read or written (`model/checked.py`). What the program itself has
    made needs no check: `unchecked`. The methods have the names that pydantic's models give them.
    A class may have `hold_together`, which raises ValueError where fields do not fit each other.
    """

    # As pydantic's core fills a model, and no other is.
    __slots__ = (
        "__dict__",
        "__pydantic_extra__",
        "__pydantic_fields_set__",
        "__pydantic_private__",
    )

    def __init__(self, **values: Any) -> None:
        """Check the values, and take them.

        Raises:
            ValidationError: one is not of its field's type or of no field, or a field has none.
        """
        from .checked import adapter

        adapter(type(self)).validator.validate_python(values, self_instance=self)

    @classmethod
    def model_construct(cls, **values: Any) -> Self:
        """The value of values that are known to be right, which are not looked at."""
        made = cls.__new__(cls)
        absent = defaults_of(cls)
        # In this order they are written.
        held = {name: values[name] if name in values else absent[name] for name in fields_of(cls)}
        object.__setattr__(made, "__dict__", held)
        return made

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """The same with other values, which are not looked at."""
        made = self.__new__(type(self))
        object.__setattr__(made, "__dict__", {**self.__dict__, **(update or {})})
        return made

    @classmethod
    def model_validate(cls, value: object) -> Self:
        """The value that `value` has, of plain ones.

        Raises:
            ValidationError: it has none.
        """
        from .checked import adapter

        return adapter(cls).validate_python(value)

    @classmethod
    def model_validate_json(cls, text: str | bytes, *, strict: bool | None = None) -> Self:
        """The value that a text has, as JSON.

        Raises:
            ValidationError: it has none.
        """
        from .checked import adapter

        return adapter(cls).validate_json(text, strict=strict)

    def model_dump(self, **how: Any) -> dict[str, Any]:
        """Plain values, by pydantic's options."""
        from .checked import adapter

        plain: dict[str, Any] = adapter(type(self)).dump_python(self, **how)
        return plain

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """JSON."""
        from .checked import adapter

        return adapter(type(self)).dump_json(self, indent=indent).decode()

    settings: ClassVar[Mapping[str, Any]] = {}
    """What pydantic's configuration for it says besides."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        """What pydantic asks for where such a value is part of another."""
        from .checked import schema_of

        return schema_of(cls, handler)

    def __setattr__(self, name: str, _: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen, {name} too")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen, {name} too")

    def __getstate__(self) -> dict[str, Any]:
        """What it holds, to be copied or pickled."""
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Hold that."""
        object.__setattr__(self, "__dict__", dict(state))

    def _values(self) -> tuple[Any, ...]:
        held = self.__dict__  # A cached property is in there as well.
        return tuple([held[name] for name in fields_of(type(self))])

    def __eq__(self, other: object) -> bool:
        """Whether it is of the same type and all its fields are equal."""
        if not isinstance(other, Frozen):
            return NotImplemented
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        """As equal values have it."""
        return hash(self._values())

    def _shown(self) -> list[str]:
        return [f"{name}={self.__dict__[name]!r}" for name in fields_of(type(self))]

    def __repr__(self) -> str:
        """Its fields, as they are given to its class."""
        return f"{type(self).__name__}({', '.join(self._shown())})"

    def __str__(self) -> str:
        """Its fields alone."""
        return " ".join(self._shown())


class Made(Frozen):
    """A value that is made by the program itself, of parts of the right types.

    They are not looked at then: only what is read, with `model_validate` and as a part of others.
    Of 1 where its type is a float no 1.0 is made.
    """

    def __init__(self, **values: Any) -> None:
        """Take the values."""
        absent = defaults_of(type(self))
        # In this order they are written.
        fields = fields_of(type(self))
        held = {name: values[name] if name in values else absent[name] for name in fields}
        object.__setattr__(self, "__dict__", held)


_P = ParamSpec("_P")
_T = TypeVar("_T")


def unchecked(cls: Callable[_P, _T]) -> Callable[_P, _T]:
    """What makes a value of a class and does not look at its parts: types say that they are right.

    A check also makes one type into another, such as 1 into 1.0. Here each must be of its own.
    """
    make: Callable[_P, _T] = cls.model_construct  # type: ignore[attr-defined]
    return make


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no insignificant space: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(value: Any) -> str:
    """Hex SHA-256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()
