"""What a policy usually says is read without pydantic, and as pydantic reads it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any, get_args

import pytest

from lockproof.config.base import Section, key_of
from lockproof.config.plain import Unusual, plain
from lockproof.config.policy import PARTS, Part, file_model, parse_policy
from lockproof.model.checked import adapter
from lockproof.model.fields import fields_of

from .test_config import KEYS

TEXTS = (
    *("", "a", "é", "a\n", "a\x00", "\u2028", " a ", "x\u202e", "0" * 40, "0" * 64, "a" * 254, "*"),
    *("1.34", "1.٣", "LP103", "LP103\n", "LP1٣3", "2027-03-31", "20270331", "..", "/", "a/../b"),
    *("30m", "1.5 h", "0s", "-1s", "1e3s", "5 MB", "0 B", "1 MB\n", "8Gi", "500m", "12Ki", "/etc"),
    *("error", "note", "isolated", "required", "reachable", "accept", "lock", "schema", "cluster"),
    *("Exists", "Equal", "file", "sklearn", "higher", "https://a.example", "https://a.example/x"),
)
NUMBERS = (0, 1, -1, 2, 16, 300, 1 << 20, 1 << 53, 1 << 80, 10**400, 0.0, 0.5, -0.5, 1.0, 1e300)
ODD = (True, False, float("nan"), float("inf"), -float("inf"), date(2027, 3, 31), time(1, 2))
SINGLE = (*TEXTS, *NUMBERS, *ODD, datetime(2027, 3, 31, tzinfo=UTC))
VALUES = (
    *SINGLE,
    *([one] for one in SINGLE),
    *({"a": one} for one in SINGLE),
    *({one: "a"} for one in TEXTS),
    *([], {}, ["a", "a"], ["a", 1], [["a"]], [{}], [{"a": "b"}]),
)


def sections(kind: Any) -> Iterator[type[Section]]:
    """All kinds of sections that a type leads to."""
    if isinstance(kind, type) and issubclass(kind, Section):
        yield kind
        kind = tuple[tuple(fields_of(kind).values())]
    for part in get_args(kind):
        yield from sections(part)


SECTIONS = {kind.__name__: kind for part in PARTS.values() for kind in sections(part.type())}
LEAST: dict[str, dict[str, object]] = {
    "BudgetPolicy": {"cpu": "2", "memory": "4Gi"},
    "ClusterStage": {"stages": ["a"]},
    "EnvironmentPolicy": {"uv-lock": "uv.lock"},
    "JudgedBy": {"paths": ["a"], "by": ["b"], "reason": "c"},
    "MetricRule": {"path": "m.json", "min": 0.5},
    "ModelRule": {"name": "a", "paths": ["a"]},
    "RevokedRule": {"reason": "a", "key": "0" * 64},
    "ToleranceRule": {"paths": ["a"], "rtol": 0.5},
    "Toleration": {"key": "a"},
    "TrustRule": {"key": "a"},
    "Waiver": {"rule": "LP103", "subject": "a", "reason": "a", "expires": date(2027, 3, 31)},
}


def same(kind: type[Section], table: dict[str, object]) -> bool:
    """Whether it is taken plainly; what is, is what pydantic makes of it."""
    try:
        found = plain(kind, table)
    except Unusual:
        return False
    asked = adapter(kind).validate_python(table, by_alias=True, by_name=False)
    assert repr(found) == repr(asked)
    assert found == asked
    return True


@pytest.mark.parametrize("name", SECTIONS)
def test_whatever_is_taken_is_what_pydantic_takes(name: str) -> None:
    kind, least = SECTIONS[name], LEAST.get(name, {})
    assert same(kind, least)
    for field in fields_of(kind):
        for key in {field, key_of(field)}:
            taken = [value for value in VALUES if same(kind, {**least, key: value})]
            assert not taken or key == key_of(field)
        same(kind, {key: value for key, value in least.items() if key != key_of(field)})
    assert not same(kind, {**least, "other": 1})
    with pytest.raises(Unusual):
        plain(kind, [least])


def parts_in(table: dict[str, Any]) -> list[Part]:
    return [part for part in PARTS.values() if part.key in table]


@pytest.mark.parametrize("name", PARTS)
def test_a_part_as_a_whole_too(name: str) -> None:
    part = PARTS[name]
    kinds = list(sections(part.type()))
    least = LEAST.get(kinds[0].__name__, {})
    for value in (least, [least], [least, least], {"LP103": least}, {"LP1": least}, {"LP103": 1}):
        try:
            found = plain(part.type(), value)
        except Unusual:
            continue
        asked = file_model([part]).model_validate({part.key: value}, by_alias=True, by_name=False)
        assert getattr(asked, name) == found
        break
    else:
        pytest.fail("it is never plain")


@pytest.mark.parametrize(("text", "dotted"), [key[:2] for key in KEYS if key[0].isascii()])
def test_usual_files_need_no_pydantic(
    text: str, dotted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        pytest.fail(f"pydantic was asked about {dotted}")

    monkeypatch.setattr("lockproof.config.policy._read", asked)
    parse_policy(text)
