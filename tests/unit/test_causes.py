"""What experiments allow to conclude about causes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.compare.causes import Factor, Facts, conclude
from lockproof.compare.conditions import Dependence
from lockproof.model.cause import Cause, CauseKind, Certainty
from lockproof.model.condition import CONDITIONS

CODE = Factor(CauseKind.CODE, "train.py", "its content changed", (("a diff", "-x\n+y"),))
COMMAND = Factor(CauseKind.COMMAND, "train", "the command changed")
CPU = Factor(CauseKind.ENVIRONMENT, "cpu", "cpu: a -> b", obstacle="it belongs to the machine")
LOST = Factor(CauseKind.DATA, "data.csv", "other content", obstacle="object 0123 is missing")


def brief(**facts: Any) -> list[tuple[str, str, str]]:
    found = conclude(Facts(**{"differing": ("out",), **facts}))
    return [(cause.kind.value, cause.subject, cause.certainty.value) for cause, _ in found]


def reasons(**facts: Any) -> list[str]:
    return [text for _, lines in conclude(Facts(**facts)) for text, _ in lines]


UNKNOWN = ("unknown", "out", "possible")
SETTLED: dict[str, Any] = {
    "repeated": True,
    "observed": "watched",
    "excluded": dict.fromkeys(CONDITIONS, "varied, and nothing changed"),
}


def test_the_only_factor_that_brings_the_outputs_back_in_all_runs_is_proven() -> None:
    facts: dict[str, Any] = {"factors": (CODE,), "baseline": True, "shown": {0: 8}}
    assert brief(**facts) == [("code", "train.py", "proven")]
    assert reasons(**facts) == [
        "with this put back the locked outputs are made again, and with only this as it is now"
        " they are not: in each of 8 runs, in a drawn order",
        "a diff",
    ]


def test_one_that_did_so_in_one_run_is_likely_with_the_reason() -> None:
    facts: dict[str, Any] = {"factors": (CODE,), "baseline": True, "unshown": "none was left"}
    assert brief(**facts) == [("code", "train.py", "likely")]
    assert reasons(**facts)[0].endswith("in one run, which may be chance: none was left")


def test_its_evidence_and_summary_are_kept() -> None:
    ((cause, evidence),) = conclude(Facts(factors=(CODE,), baseline=True, shown={0: 8}))
    assert cause.summary == "its content changed"
    assert evidence[1:] == (("a diff", "-x\n+y"),)


def test_a_factor_that_alone_makes_the_difference_is_proven_and_the_others_are_cleared() -> None:
    alone = {0: False, 1: True}
    found = brief(factors=(CODE, COMMAND), baseline=True, alone=alone, shown={0: 8})
    assert found == [("code", "train.py", "proven")]
    both = {"alone": {0: False, 1: False}, "shown": {0: 8, 1: 8}}
    found = brief(factors=(CODE, COMMAND), baseline=True, **both)
    assert found == [("code", "train.py", "proven"), ("command", "train", "proven")]


def test_factors_known_to_matter_only_as_a_group_are_likely() -> None:
    found = brief(factors=(CODE, COMMAND), baseline=True)
    assert found == [("code", "train.py", "likely"), ("command", "train", "likely")]
    # Experiments ran out after the first of the two.
    found = brief(factors=(CODE, COMMAND), baseline=True, alone={0: False}, shown={0: 8})
    assert found == [("code", "train.py", "proven"), ("command", "train", "likely")]


def test_what_could_not_be_put_back_is_cleared_when_the_outputs_come_back_without() -> None:
    found = brief(factors=(CPU, CODE), baseline=True, shown={1: 8})
    assert found == [("code", "train.py", "proven")]


def test_what_could_not_be_put_back_is_possible_otherwise() -> None:
    assert brief(factors=(LOST,)) == [("data", "data.csv", "possible"), UNKNOWN]
    assert "it could not be put back here: object 0123 is missing" in reasons(factors=(LOST,))
    found = brief(factors=(LOST, CODE), baseline=False)
    assert found[0] == ("data", "data.csv", "possible")


def test_without_an_experiment_nothing_is_more_than_possible() -> None:
    assert brief(factors=(CODE,)) == [("code", "train.py", "possible"), UNKNOWN]
    assert reasons(factors=(CODE,))[0] == "no experiment was made"


def test_what_experiments_cleared_is_not_named() -> None:
    assert brief(factors=(CODE, COMMAND), baseline=False) == [UNKNOWN]
    found = brief(factors=(CODE, COMMAND), baseline=True, alone={0: True, 1: True})
    assert found == [UNKNOWN]


def test_what_moves_the_outputs_elsewhere_is_likely_beside_another() -> None:
    found = brief(factors=(CODE,), baseline=False, baseline_moved=True)
    assert found == [("code", "train.py", "likely")]
    assert (
        "there is another cause beside it"
        in reasons(factors=(CODE,), baseline=False, baseline_moved=True)[0]
    )


def test_what_was_shown_stands_beside_an_output_that_varies() -> None:
    facts: dict[str, Any] = {"factors": (CODE, COMMAND), "varies": ("log",), "baseline": True}
    found = brief(**facts, alone={0: False, 1: False}, shown={0: 8})
    assert found == [("code", "train.py", "proven"), ("command", "train", "possible")]


def test_what_may_have_moved_the_outputs_by_chance_is_neither_named_nor_cleared() -> None:
    facts: dict[str, Any] = {"factors": (CODE,), "baseline": False, "baseline_moved": None}
    assert brief(**facts) == [("code", "train.py", "possible"), UNKNOWN]
    assert "no run shows that they are not by themselves" in reasons(**facts)[0]


def test_two_runs_that_agree_exclude_nondeterminism_only_where_no_other_run_differed() -> None:
    said = reasons(repeated=True, unsettled=True)
    assert not any("no nondeterminism showed" in text for text in said)
    assert any("nondeterminism is not excluded" in text for text in said)


def test_outputs_that_vary_are_nondeterminism_and_hide_all_else() -> None:
    chance = Dependence("random", "nothing varied", "seed its random numbers", ("out", "log"))
    facts: dict[str, Any] = {"varies": ("out", "log"), "depends": (chance,), "repeated": True}
    found = brief(**facts, factors=(CODE,), baseline=True, alone={0: False})
    assert found == [
        ("nondeterminism", "out", "proven"),
        ("nondeterminism", "log", "proven"),
        ("code", "train.py", "possible"),
    ]
    assert reasons(**facts)[0] == (
        "with all else held, and nothing varied, it comes out differently"
    )


def test_a_rewritten_input_is_proven_by_what_was_seen() -> None:
    found = brief(rewritten={"data.csv": "1 before the run, 2 after it"})
    assert found == [("rewritten input", "data.csv", "proven")]
    assert reasons(rewritten={"data.csv": "1 before, 2 after"}) == ["1 before, 2 after"]


def test_no_lock_is_called_altered_although_all_that_can_be_was_excluded() -> None:
    assert brief(**SETTLED) == [UNKNOWN]
    assert brief(**SETTLED, factors=(CODE,), baseline=False) == [UNKNOWN]
    assert brief(**SETTLED, relocked={"out": "abc changed only this"}) == [UNKNOWN]


def test_history_is_the_first_evidence_of_the_unknown() -> None:
    assert brief(relocked={"out": "abc changed only this"}) == [UNKNOWN]
    assert reasons(relocked={"out": "abc changed only this"}, differing=("out",))[0] == (
        "abc changed only this"
    )


@pytest.mark.parametrize("name", CONDITIONS)
def test_one_condition_that_is_open_is_told_with_the_reason(name: str) -> None:
    excluded = {k: v for k, v in SETTLED["excluded"].items() if k != name}
    why = {**SETTLED, "excluded": excluded, "not_excluded": {name: "nobody could look"}}
    assert brief(**why) == [UNKNOWN]
    said = reasons(**why, differing=("out",))
    assert f"not excluded: {CONDITIONS[name]} (nobody could look)" in said
    assert sum(text.startswith("excluded: ") for text in said) == 1


def test_what_was_seen_directly_is_named() -> None:
    cause = Cause(
        kind=CauseKind.NETWORK, subject="out", certainty=Certainty.LIKELY, summary="it was cut"
    )
    named = ((cause, (("no name was resolved", None),)),)
    assert brief(**SETTLED, named=named) == [("network", "out", "likely")]


def test_strays_are_named_where_a_declared_output_is_missing() -> None:
    facts: dict[str, Any] = {"stray_outputs": ("other",), "missing": ("out",)}
    assert brief(**facts) == [("undeclared output", "other", "likely")]
    ((cause, evidence),) = conclude(Facts(**facts))
    assert "instead of out:" in cause.summary
    assert evidence
    assert brief(stray_outputs=("other",)) == [UNKNOWN]
    assert brief(**facts, failed="it failed") == [UNKNOWN]


def test_the_unknown_says_what_was_excluded() -> None:
    assert reasons(repeated=True, failed="it failed") == [
        "two runs agree with each other: no nondeterminism showed",
        "command, code, data and parameters are as the lock has them",
        "no run record fits this lock, so the environment that made it is not known"
        " ('lockproof record -- dvc repro' keeps one)",
    ]


def test_the_unknown_names_the_outputs_and_the_failure() -> None:
    ((cause, _),) = conclude(Facts(differing=("a", "b"), failed="the command failed"))
    assert (cause.subject, cause.summary) == ("a, b", "the command failed")
    ((cause, _),) = conclude(Facts())
    assert (cause.subject, cause.summary) == ("command", "no cause was established")


PATHS = st.sampled_from(["out", "two", "three"])
NOTES = st.dictionaries(PATHS, st.just("seen"), max_size=2)
FACTORS = st.lists(st.sampled_from([CODE, COMMAND, CPU, LOST]), max_size=4, unique=True)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    factors = tuple(draw(FACTORS))
    restorable = [i for i, factor in enumerate(factors) if not factor.obstacle]
    tried = (
        st.dictionaries(st.sampled_from(restorable), st.booleans()) if restorable else st.just({})
    )
    shown = st.sets(st.sampled_from(restorable)) if restorable else st.just(set[int]())
    few = st.lists(PATHS, max_size=2, unique=True).map(tuple)
    return Facts(
        factors=factors,
        varies=draw(few),
        repeated=draw(st.booleans()),
        baseline=draw(st.sampled_from([None, True, False])) if restorable else None,
        baseline_moved=draw(st.sampled_from([None, True, False])),
        alone=draw(tried),
        shown=dict.fromkeys(draw(shown), 8),
        unshown=draw(st.sampled_from(["", "none was left"])),
        rewritten=draw(NOTES),
        relocked=draw(NOTES),
        excluded=draw(st.sampled_from([{}, SETTLED["excluded"]])),
        differing=draw(few),
        failed=draw(st.sampled_from([None, "the command failed"])),
        observed=draw(st.sampled_from([None, "watched", "after the fact"])),
        stray_outputs=draw(few),
        missing=draw(few),
    )


@given(any_facts())
@settings(max_examples=100, deadline=None)
def test_there_is_always_an_answer_and_unknown_is_the_last_one(facts: Facts) -> None:
    found = conclude(facts)
    kinds = [cause.kind for cause, _ in found]
    known = [c for c, _ in found if c.certainty is not Certainty.POSSIBLE]
    assert found
    assert kinds.count(CauseKind.UNKNOWN) == (0 if known else 1)
    assert CauseKind.UNKNOWN not in kinds[:-1]


@given(any_facts())
@settings(max_examples=100, deadline=None)
def test_what_is_named_has_evidence_a_subject_and_a_summary(facts: Facts) -> None:
    for cause, evidence in conclude(facts):
        assert cause.subject
        assert cause.summary
        if cause.kind is not CauseKind.UNKNOWN:
            assert evidence
            assert all(text for text, _ in evidence)


@given(any_facts())
@settings(max_examples=100, deadline=None)
def test_no_cause_is_named_twice(facts: Facts) -> None:
    named = [(cause.kind, cause.subject) for cause, _ in conclude(facts)]
    assert len(named) == len(set(named))


@given(any_facts())
@settings(max_examples=100, deadline=None)
def test_a_factor_is_proven_only_by_the_locked_outputs_coming_back_in_all_runs(
    facts: Facts,
) -> None:
    proven = {c.subject for c, _ in conclude(facts) if c.certainty is Certainty.PROVEN}
    for index, factor in enumerate(facts.factors):
        if factor.subject in proven:
            assert index in facts.shown
            assert not factor.obstacle


def test_unknown_always_says_why() -> None:
    factor = Factor(CauseKind.CODE, "f.py", "changed")
    found = conclude(Facts(factors=(factor,), differing=("out",), observed="watched"))
    assert all(evidence for _, evidence in found)
