"""pydantic's models of our values: made where one is checked, read or written, and not before."""

from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter

from .base import Asked, defaults_of, fields_of

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema
    from pydantic_core.core_schema import ModelSchema

    from .base import Frozen

_Value = TypeVar("_Value", bound="Frozen")


class Model(BaseModel):
    """A value that is pydantic's model from the start, as that takes more than fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="constants",
        defer_build=True,  # It is made whole as part of the schema of the value.
    )


_MODELS: "dict[type[Frozen], type[BaseModel]]" = {}
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def model_of(cls: "type[Frozen]") -> type[BaseModel]:
    """A model of the same name, fields and words as a class of values."""
    if cls not in _MODELS:
        body: dict[str, Any] = {
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
            "__annotations__": {name: _stated(one) for name, one in fields_of(cls).items()},
            **defaults_of(cls),
        }
        metaclass: Any = type(Model)
        _MODELS[cls] = metaclass(cls.__name__, (Model,), body)
    return _MODELS[cls]


def _stated(annotation: Any) -> Any:
    """An annotation with what is asked of the field itself in pydantic's words."""
    if get_origin(annotation) is not Annotated:
        return annotation
    kind, *how = get_args(annotation)
    return Annotated[(kind, *(one.metadata() if isinstance(one, Asked) else one for one in how))]


def schema_of(cls: "type[Frozen]", handler: "GetCoreSchemaHandler") -> "CoreSchema":
    """The schema of that model, which fills objects of the class itself."""
    schema = handler(model_of(cls))
    cast("ModelSchema", handler.resolve_ref_schema(schema))["cls"] = cls
    return schema


def adapter(cls: type[_Value]) -> TypeAdapter[_Value]:
    """What checks, reads and writes values of a class."""
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]
