"""pydantic's models of our values: made where one is checked, read or written, and not before."""

from functools import reduce
from operator import or_
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from .fields import Asked, defaults_of, fields_of

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


_Value = TypeVar("_Value")


class Model(BaseModel):
    """A value that is pydantic's model from the start, as that takes more than fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="constants",
        defer_build=True,  # It is made whole as part of the schema of the value.
    )


_MODELS: dict[type[Any], type[BaseModel]] = {}
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def model_of(cls: type[Any]) -> type[BaseModel]:
    """A model of the same name, fields and words as a class of values."""
    if cls not in _MODELS:
        body: dict[str, Any] = {
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
            "__annotations__": {name: stated(one) for name, one in fields_of(cls).items()},
            **defaults_of(cls),
            "model_config": cls.settings,
        }
        if hasattr(cls, "hold_together"):
            body["held_together"] = model_validator(mode="after")(_held_together)
        metaclass: Any = type(Model)
        _MODELS[cls] = metaclass(cls.__name__, (Model,), body)
    return _MODELS[cls]


def _held_together(value: Any) -> Any:
    value.hold_together()
    return value


def stated(annotation: Any) -> Any:
    """An annotation with what is asked in it in pydantic's words."""
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return Annotated[(stated(parts[0]), *map(_metadata, parts[1:]))]
    if kind is None or kind is Literal:
        return annotation
    if kind in (Union, UnionType):
        return reduce(or_, map(stated, parts))
    return kind[tuple(map(stated, parts))]


def _metadata(one: Any) -> Any:
    if not isinstance(one, Asked):
        return one
    match one.of:
        case {"before": check}:
            return BeforeValidator(check)
        case {"after": check}:
            return AfterValidator(check)
        case {"schema": schema}:
            return WithJsonSchema(schema)
    return Field(**one.of)


def schema_of(cls: type[Any], handler: "GetCoreSchemaHandler") -> "CoreSchema":
    """The schema of that model, which fills objects of the class itself."""
    schema = handler(model_of(cls))
    inner: Any = handler.resolve_ref_schema(schema)
    while inner["type"] != "model":  # What holds it together is around it.
        inner = inner["schema"]
    inner["cls"] = cls
    return schema


def adapter(cls: type[_Value]) -> TypeAdapter[_Value]:
    """What checks, reads and writes values of a class."""
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]
