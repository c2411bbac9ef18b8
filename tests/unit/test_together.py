"""Findings that have one cause are one finding, and each is weighed for itself before."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.config import Policy, parse_policy
from lockproof.model.baseline import Baseline
from lockproof.model.fields import fields_of
from lockproof.model.finding import Finding, Severity, Shared
from lockproof.rules.catalog import finding
from lockproof.rules.policy import weigh, weigh_advisory
from lockproof.rules.together import shared, together

TODAY = date(2026, 1, 2)
EVERY = "3 outputs (a, b, c) are not in store"


def lost(path: str, remote: str = "store", file: str = "dvc.lock", line: int = 1) -> Shared:
    found = finding("LP201", path, f"{path} is gone", path=file, line=line, seen=path)
    cause = f"remote {remote!r}"
    return shared(found, cause=cause, item=path, noun="outputs", words=f"are not in {remote}")


def test_one_cause_is_one_finding_that_names_the_first_and_counts_all() -> None:
    (one,) = together([lost(path, line=ord(path)) for path in "dbeca"])
    assert type(one) is Finding
    assert one.message == "5 outputs (a, b, c, …) are not in store"
    assert (one.rule, one.subject, one.path, one.line) == (
        "LP201",
        "remote 'store'",
        "dvc.lock",
        100,
    )
    assert one.fingerprint == together([lost("x", file="x.dvc"), lost("y")])[0].fingerprint


def test_what_stands_alone_is_as_it_was() -> None:
    other = finding("LP107", "x", "missing")
    alone = lost("a")
    one, two = together([other, alone])
    assert one is other
    assert type(two) is Finding
    assert two.model_dump() == {k: getattr(alone, k) for k in fields_of(Finding)}


def policy(text: str) -> Policy:
    return parse_policy(f'{text}reason = "meant"\nexpires = "2026-02-01"\n')


@pytest.mark.parametrize(
    ("subject", "left"),
    [("a", "2 outputs (b, c) are not in store"), ("remote 'store'", None), ("dvc.lock", None)]
    + [(name, EVERY) for name in ("store", "s*", "r*", "*'")],
)
def test_a_waiver_names_an_output_or_the_cause(subject: str, left: str | None) -> None:
    waiver = policy(f'[[waiver]]\nrule = "LP201"\nsubject = "{subject}"\n')
    weighed = weigh([lost("a"), lost("b"), lost("c")], waiver, TODAY)
    found = together(weighed.findings)
    errors = [each.message for each in found if each.severity is Severity.ERROR]
    assert errors == ([left] if left else [])
    notes = [each.message for each in found if each.severity is Severity.NOTE]
    waived = "(waived until 2026-02-01: meant)"
    assert [note.endswith(waived) for note in notes] == [True] * (errors != [EVERY])


def test_the_baseline_knows_each_output() -> None:
    known = Baseline.of([lost("a")])
    weighed = weigh([lost("a"), lost("b"), lost("c")], Policy(), TODAY, known)
    assert [f"{f.severity.value} {f.message}" for f in together(weighed.findings)] == [
        "note a is gone (in the baseline)",
        "error 2 outputs (b, c) are not in store",
    ]


@given(st.lists(st.tuples(st.text("abc", min_size=1), st.sampled_from(["one", "two"]))))
def test_no_cause_is_lost_or_said_twice(items: list[tuple[str, str]]) -> None:
    found = together([lost(path, remote) for path, remote in items])
    assert len(found) == len({remote for _, remote in items})
    for remote in {remote for _, remote in items}:
        paths = {path for path, where in items if where == remote}
        said = f"{len(paths):,} outputs" if len(paths) > 1 else f"{min(paths)} is gone"
        assert any(one.message.startswith(said) for one in found)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ["error LP701", "warning LP711"]),
        ("[rules.LP711]\noff = true\n[rules.LP701]\noff = true\n", ["error LP701"]),
        ('[rules]\nLP711.severity = "error"\n', ["error LP701", "error LP711"]),
        (
            '[[waiver]]\nrule = "LP711"\nsubject = "fit *"\nreason = "x"\nexpires = 2026-01-02\n'
            '[[waiver]]\nrule = "LP701"\nsubject = "*"\nreason = "x"\nexpires = 2026-01-02\n',
            ["error LP701", "note LP711"],
        ),
    ],
)
def test_of_a_reproduction_the_policy_weighs_what_is_advice(text: str, left: list[str]) -> None:
    found = [finding("LP701", "out", "differs"), finding("LP711", "fit timezone", "depends")]
    weighed = weigh_advisory(found, parse_policy(text), TODAY)
    assert [f"{f.severity.value} {f.rule}" for f in weighed] == left
