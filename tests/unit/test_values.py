"""Values are to pydantic as its own models, which are made only when one is checked or written."""

import copy
import pickle
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from lockproof.model.base import Frozen, Made, Number, unchecked
from lockproof.model.checked import Model, model_of
from lockproof.model.fields import Asked


class Inner(Frozen):
    """What is inside."""

    name: Annotated[str, Asked(min_length=1)]
    counts: Mapping[str, Mapping[str, Number]] = {}


class Outer(Frozen):
    """What is around it."""

    kind: Literal["a", "b"] = "a"
    inner: Inner
    more: tuple[Inner, ...] = ()
    least: Annotated[int, Asked(ge=1)] | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        return (self.inner.name, *(one.name for one in self.more))

    def hold_together(self) -> None:
        if self.kind == "b" and not self.more:
            raise ValueError("b goes with more")


class Written(Made):
    """What only the program makes."""

    last: str = "z"
    first: int


class TheirInner(Model):
    """What is inside."""

    name: str = Field(min_length=1)
    counts: Mapping[str, Mapping[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]] = {}


class TheirOuter(Model):
    """What is around it."""

    kind: Literal["a", "b"] = "a"
    inner: TheirInner
    more: tuple[TheirInner, ...] = ()
    least: Annotated[int, Field(ge=1)] | None = None


GOOD: list[dict[str, object]] = [
    {"inner": {"name": "x"}},
    {"inner": {"name": "x", "counts": {"a": {"b": 1}}}, "more": [{"name": "y"}], "least": "3"},
    {"kind": "b", "inner": {"name": "x"}, "more": ({"name": "y"},), "least": None},
]
BAD: list[object] = [
    {},
    None,
    {"inner": {"name": ""}},
    {"inner": {"name": "x", "other": 1}},
    {"inner": {"name": "x"}, "other": 1},
    {"inner": {"name": "x", "counts": {"a": {"b": -1}}}},
    {"inner": {"name": "x"}, "least": 0},
    {"inner": {"name": "x"}, "kind": "c"},
]


def mistakes(kind: type[Frozen] | type[BaseModel], value: object) -> list[tuple[str, object, str]]:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(value)
    return [(one["type"], one["loc"], one["msg"]) for one in caught.value.errors()]


@pytest.mark.parametrize("value", GOOD)
def test_a_value_is_read_and_written_as_a_model(value: dict[str, object]) -> None:
    ours, theirs = Outer.model_validate(value), TheirOuter.model_validate(value)
    assert type(ours) is Outer
    assert type(ours.inner) is Inner
    assert ours.model_dump() == theirs.model_dump()
    assert ours.model_dump(exclude_defaults=True) == theirs.model_dump(exclude_defaults=True)
    assert ours.model_dump_json() == theirs.model_dump_json()
    assert repr(ours) == repr(theirs).replace("Their", "")
    assert str(ours) == str(theirs).replace("Their", "")
    assert Outer.model_validate_json(ours.model_dump_json(), strict=True) == ours == Outer(**value)
    assert TypeAdapter(tuple[Outer, ...]).validate_python([value]) == (ours,)


@pytest.mark.parametrize("value", BAD)
def test_mistakes_are_those_of_a_model(value: object) -> None:
    said = mistakes(TheirOuter, value)
    assert [str(one) for one in mistakes(Outer, value)] == [
        str(one).replace("Their", "") for one in said
    ]


def test_fields_are_held_together() -> None:
    with pytest.raises(ValidationError, match="b goes with more"):
        Outer.model_validate({"kind": "b", "inner": {"name": "x"}})
    with pytest.raises(ValidationError, match="b goes with more"):
        Outer(kind="b", inner=Inner(name="x"))


def test_equal_values_are_equal_whatever_was_asked_of_them() -> None:
    one, other = (Outer(inner=Inner(name="x")) for _ in range(2))
    assert one.names == ("x",)
    assert one == other
    assert hash(Inner.model_construct(name="x", counts=())) == hash(("x", ()))
    assert one != Outer(inner=Inner(name="y"))
    assert one != one.model_dump()


def test_a_value_cannot_be_changed_and_can_be_copied() -> None:
    one = Outer(inner=Inner(name="x"), least=1)
    with pytest.raises(AttributeError):
        one.least = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del one.least
    for same in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert same == one == same.model_copy()
    assert one.model_copy(update={"least": 2}) == Outer(inner=Inner(name="x"), least=2)
    assert one.least == 1


def test_what_is_made_is_not_looked_at() -> None:
    made = Written(first="1")  # type: ignore[arg-type]
    assert list(made.__dict__.items()) == [("last", "z"), ("first", "1")]
    assert unchecked(Inner)(name="").name == ""
    assert Written.model_validate({"first": "1"}) == Written(first=1)
    with pytest.raises(ValidationError):
        Written.model_validate({"first": "x"})


def test_a_model_has_the_words_of_its_value() -> None:
    assert model_of(Outer) is model_of(Outer)
    assert (model_of(Outer).__name__, model_of(Outer).__doc__) == ("Outer", Outer.__doc__)
