"""Findings that say the same of different things are read once."""

import pytest

from lockproof.model.finding import Finding, Severity
from lockproof.render.alike import alike


def missing(path: str, digest: str, rule: str = "LP201") -> Finding:
    message = f"{path} ({digest}) is missing from remote 'store': run 'dvc push {path}'"
    return Finding.of(rule, Severity.ERROR, path, message, path=f"{path}.dvc", line=2)


def test_one_cause_is_read_once_and_no_place_is_lost() -> None:
    many = [missing(f"data/part-{n}.csv", f"{n:08x}") for n in range(6)]
    (group,) = alike(many)
    assert (group.first, *group.others) == tuple(many)


@pytest.mark.parametrize(
    "other",
    [
        missing("a", "0f", "LP202"),
        missing("a", "0f").model_copy(update={"severity": Severity.WARNING}),
        missing("a", "0f").model_copy(update={"message": "a (0f) is empty in remote 'store'"}),
    ],
)
def test_what_says_something_else_stays_apart(other: Finding) -> None:
    first, last = missing("b", "1e"), missing("c", "2d")
    groups = alike([first, other, last])
    assert [(g.first, g.others) for g in groups] == [(first, (last,)), (other, ())]
