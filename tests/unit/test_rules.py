"""Every rule: when it fires, how much it weighs, and the page that explains it."""

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.model.cause import Cause, CauseKind, Certainty
from lockproof.model.digest import Digest
from lockproof.model.finding import Finding, Severity
from lockproof.model.pipeline import Dep, Out, Params, Stage
from lockproof.model.report import SkipReason
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.rules.catalog import RULES, finding
from lockproof.rules.reproduction import StageFacts, report_verdict, stage_findings, stage_verdict

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "rules"
SOURCE = ROOT / "platform" / "src" / "lockproof"

ZERO, ONE = Digest(value="0" * 32), Digest(value="1" * 32)
STAGE = Stage(
    address="train",
    kind="stage",
    file="dvc.yaml",
    command=("python train.py",),
    locked_command=("python train.py",),
    deps=(Dep(path="data", locked=ZERO),),
    params=(Params(path="params.yaml", keys=("a",), locked={"a": 1}, current={"a": 1}),),
    outs=(Out(path="model", locked=ZERO),),
    locked=True,
)
FINE: dict[str, Any] = {"stage": STAGE, "verdicts": {"model": OutputVerdict.IDENTICAL}}


def facts(**changes: Any) -> StageFacts:
    return StageFacts(**{**FINE, "file": "sub/dvc.yaml", **changes})


def with_params(locked: dict[str, Any] | None, current: dict[str, Any]) -> Stage:
    params = Params(path="params.yaml", keys=(), locked=locked, current=current)
    return replace(STAGE, params=(params,))


def outputs(**verdicts: OutputVerdict) -> dict[str, Any]:
    return {"verdicts": verdicts}


def test_what_is_known_to_depend_on_a_condition_is_not_said_to_have_varied() -> None:
    """Runs with nothing varied may all have agreed."""
    facts = outputs(model=OutputVerdict.NONDETERMINISTIC, other=OutputVerdict.NONDETERMINISTIC)
    by = Cause(
        kind=CauseKind.NONDETERMINISM,
        subject="model",
        certainty=Certainty.PROVEN,
        condition="hash-seed",
        summary="it does",
    )
    found = stage_findings(StageFacts(STAGE, **facts, causes=(by,)))
    told = {f.subject: f.message for f in found if f.rule == "LP705"}
    assert "model depends on the order of a set or of hashes, which differs from" in told["model"]
    assert "other varies from run to run" in told["other"]


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
FROZEN = {"skipped": SkipReason.FROZEN}

ALONE: list[tuple[dict[str, Any], str, Severity, str, str]] = [
    ({"skipped": SkipReason.NOT_LOCKED}, "LP101", ERROR, "train", "sub/dvc.yaml"),
    (
        {"stage": replace(STAGE, command=("python other.py",))},
        "LP102", ERROR, "train", "sub/dvc.yaml",
    ),
    (
        {"stage": with_params({"a": 1, "b": 2}, {"a": 3, "c": 4})},
        "LP103", ERROR, "train params.yaml", "sub/dvc.yaml",
    ),
    ({"stage": with_params(None, {"a": 1})}, "LP103", ERROR, "train params.yaml", "sub/dvc.yaml"),
    ({"given": {"data": (ONE, None)}}, "LP104", ERROR, "train data", "sub/dvc.yaml"),
    ({"given": {"data": (ONE, "prepare")}}, "LP105", ERROR, "train data", "sub/dvc.yaml"),
    ({"in_git": {"model": ONE}}, "LP106", ERROR, "train model", "model"),
    ({"in_git": {"model": None}}, "LP106", ERROR, "train model", "model"),
    (
        {"skipped": SkipReason.INPUT_UNAVAILABLE, "missing": ("data",)},
        "LP107", ERROR, "train data", "sub/dvc.yaml",
    ),
    (outputs(model=OutputVerdict.DIFFERENT), "LP701", ERROR, "model", "sub/dvc.yaml"),
    (outputs(model=OutputVerdict.MISSING), "LP702", ERROR, "model", "sub/dvc.yaml"),
    ({"exit_code": 1}, "LP703", ERROR, "train", "sub/dvc.yaml"),
    ({"exit_code": -9}, "LP703", ERROR, "train", "sub/dvc.yaml"),
    (
        {"exit_code": 1, **outputs(model=OutputVerdict.MISSING)},
        "LP703", ERROR, "train", "sub/dvc.yaml",
    ),
    ({"timed_out": True, "exit_code": -9}, "LP704", ERROR, "train", "sub/dvc.yaml"),
    (
        {"timed_out": True, **outputs(model=OutputVerdict.MISSING)},
        "LP704", ERROR, "train", "sub/dvc.yaml",
    ),
    (
        {"over": "memory: 2 GiB", "exit_code": 137, **outputs(model=OutputVerdict.IDENTICAL)},
        "LP704", ERROR, "train", "sub/dvc.yaml",
    ),
    (outputs(model=OutputVerdict.NONDETERMINISTIC), "LP705", WARNING, "model", "sub/dvc.yaml"),
    (
        {
            **outputs(model=OutputVerdict.NONDETERMINISTIC),
            "accepted": frozenset({OutputVerdict.NONDETERMINISTIC}),
        },
        "LP705", NOTE, "model", "sub/dvc.yaml",
    ),
    (outputs(model=OutputVerdict.NOT_COMPARABLE), "LP706", WARNING, "model", "sub/dvc.yaml"),
    (
        {
            **outputs(model=OutputVerdict.NOT_COMPARABLE),
            "accepted": frozenset({OutputVerdict.NOT_COMPARABLE}),
        },
        "LP706", NOTE, "model", "sub/dvc.yaml",
    ),
    ({"rewritten": ("data",)}, "LP707", ERROR, "train data", "sub/dvc.yaml"),
    (FROZEN, "LP708", WARNING, "train", "sub/dvc.yaml"),
    ({**FROZEN, "skip_accepted": True}, "LP708", NOTE, "train", "sub/dvc.yaml"),
    ({"skipped": SkipReason.UPSTREAM_FAILED}, "LP708", WARNING, "train", "sub/dvc.yaml"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "rule", "severity", "subject", "path"), ALONE)
def test_each_rule_fires_alone(
    changes: dict[str, Any], rule: str, severity: Severity, subject: str, path: str
) -> None:
    (found,) = stage_findings(facts(**changes))
    assert (found.rule, found.severity, found.subject, found.path) == (
        rule,
        severity,
        subject,
        path,
    )
    assert found.message.startswith("train")
    assert ": " in found.message, "a finding says what to do"
    assert "\n" not in found.message


@pytest.mark.parametrize(
    "changes",
    [
        {},
        outputs(model=OutputVerdict.WITHIN_TOLERANCE),
        {"exit_code": 0},
        {"given": {"data": (ZERO, "prepare")}},
        {"given": {"data": (None, None)}},
        {"given": {"other": (ONE, None)}},
        {"stage": with_params({"a": None}, {"a": None})},
        {"stage": replace(STAGE, locked_command=None)},
        {"missing": ("data",)},
        {"skipped": SkipReason.UNAFFECTED},
    ],
)
def test_what_is_as_it_should_be_is_no_finding(changes: dict[str, Any]) -> None:
    assert stage_findings(facts(**changes)) == []


def test_a_stage_without_a_lock_entry_is_not_compared_with_one() -> None:
    stage = replace(STAGE, command=("other",))
    found = stage_findings(
        facts(
            stage=stage,
            skipped=SkipReason.NOT_LOCKED,
            given={"data": (ONE, None)},
            in_git={"model": ONE},
        )
    )
    assert [f.rule for f in found] == ["LP101"]


def test_line_endings_of_windows_are_told_from_another_content() -> None:
    given_ = {"data": (ONE, None)}
    (found,) = stage_findings(facts(given=given_, windows=frozenset({"data"})))
    assert (found.rule, "line ends of Windows" in found.message) == ("LP104", True)
    (found,) = stage_findings(facts(given=given_, windows=frozenset({"other"})))
    assert (found.rule, "Windows" in found.message) == ("LP104", False)


def test_changed_parameters_are_named_together() -> None:
    stage = with_params({"b": 2, "a": 1, "same": 0}, {"a": 3, "c": None, "same": 0})
    (found,) = stage_findings(facts(stage=stage))
    assert "a, b, c in params.yaml differ" in found.message


def test_every_output_has_its_own_finding_in_order_of_path() -> None:
    verdicts = {"z": OutputVerdict.DIFFERENT, "a": OutputVerdict.MISSING}
    found = stage_findings(facts(verdicts=verdicts))
    assert [(f.rule, f.subject) for f in found] == [("LP702", "a"), ("LP701", "z")]
    assert len({f.fingerprint for f in found}) == 2


def test_findings_about_different_things_are_told_apart() -> None:
    deps = (Dep(path="data", locked=ZERO), Dep(path="more", locked=ZERO))
    stage = replace(STAGE, deps=deps)
    given_ = {"data": (ONE, None), "more": (ONE, None)}
    found = stage_findings(facts(stage=stage, given=given_, rewritten=("data", "more")))
    assert len({f.fingerprint for f in found}) == len(found) == 4


VERDICTS: list[tuple[dict[str, Any], Verdict]] = [
    ({}, Verdict.PASSED),
    ({"verdicts": {}, "exit_code": 0}, Verdict.PASSED),
    ({"verdicts": {}, "exit_code": 1}, Verdict.FAILED),
    ({"exit_code": -9}, Verdict.FAILED),
    ({"timed_out": True}, Verdict.FAILED),
    (outputs(model=OutputVerdict.DIFFERENT), Verdict.FAILED),
    (outputs(model=OutputVerdict.NONDETERMINISTIC), Verdict.INCONCLUSIVE),
    (
        outputs(a=OutputVerdict.NOT_COMPARABLE, b=OutputVerdict.MISSING, c=OutputVerdict.IDENTICAL),
        Verdict.FAILED,
    ),
    (
        {
            **outputs(a=OutputVerdict.NONDETERMINISTIC, b=OutputVerdict.NOT_COMPARABLE),
            "accepted": frozenset({OutputVerdict.NONDETERMINISTIC}),
        },
        Verdict.INCONCLUSIVE,
    ),
    (
        {
            **outputs(a=OutputVerdict.NONDETERMINISTIC),
            "accepted": frozenset({OutputVerdict.NONDETERMINISTIC}),
        },
        Verdict.PASSED,
    ),
    (FROZEN, Verdict.INCONCLUSIVE),
    ({**FROZEN, "skip_accepted": True}, Verdict.PASSED),
    ({"skipped": SkipReason.UNAFFECTED}, Verdict.INCONCLUSIVE),
    ({"skipped": SkipReason.UNAFFECTED, "skip_accepted": True}, Verdict.PASSED),
    ({"skipped": SkipReason.UPSTREAM_FAILED, "skip_accepted": True}, Verdict.INCONCLUSIVE),
    ({"skipped": SkipReason.NOT_LOCKED, "skip_accepted": True}, Verdict.FAILED),
    ({"skipped": SkipReason.INPUT_UNAVAILABLE, "skip_accepted": True}, Verdict.FAILED),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), VERDICTS)
def test_the_verdict_on_a_stage(changes: dict[str, Any], expected: Verdict) -> None:
    assert stage_verdict(facts(**changes)) is expected


@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(OutputVerdict), min_size=1),
    st.frozensets(st.sampled_from([OutputVerdict.NONDETERMINISTIC, OutputVerdict.NOT_COMPARABLE])),
    st.sampled_from([0, 1]),
)
@settings(deadline=None)
def test_an_error_is_found_just_where_a_stage_fails(
    verdicts: dict[str, OutputVerdict], accepted: frozenset[OutputVerdict], exit_code: int
) -> None:
    given_ = facts(verdicts=verdicts, accepted=accepted, exit_code=exit_code)
    severities = {f.severity for f in stage_findings(given_)}
    assert (Severity.ERROR in severities) == (stage_verdict(given_) is Verdict.FAILED)


def test_the_verdict_on_a_report() -> None:
    def one(severity: Severity) -> Finding:
        return Finding.of("LP101", severity, "s", "m")

    passed, failed = Verdict.PASSED, Verdict.FAILED
    assert report_verdict([], []) is Verdict.INCONCLUSIVE
    assert report_verdict([passed], []) is passed
    assert report_verdict([passed], [one(WARNING), one(NOTE)]) is passed
    assert report_verdict([passed], iter([one(NOTE), one(ERROR)])) is failed
    assert report_verdict([passed, failed], []) is failed
    assert report_verdict([passed, Verdict.INCONCLUSIVE], []) is Verdict.INCONCLUSIVE


def test_a_finding_weighs_as_its_rule_does_unless_told() -> None:
    for rule in RULES.values():
        assert finding(rule.id, "s", "m").severity is rule.severity
        assert finding(rule.id, "s", "m", severity=NOTE).severity is NOTE
    with pytest.raises(KeyError):
        finding("LP000", "s", "m")


def test_ids_are_unique_and_sorted() -> None:
    listed = re.findall(r'Rule\("(\w+)"', (SOURCE / "rules" / "catalog.py").read_text("utf-8"))
    assert listed == sorted(set(listed)) == list(RULES)
    assert all(re.fullmatch(r"LP\d{3}", rule) for rule in listed)


def test_every_rule_is_used_and_every_rule_used_is_in_the_catalog() -> None:
    used = {
        node.value
        for path in SOURCE.rglob("*.py")
        if path.name != "catalog.py"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"LP\d{3}", node.value)
    }
    assert used == set(RULES)


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert {path.stem for path in PAGES.glob("LP*.md")} == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_page_is_titled_as_its_rule(rule: str) -> None:
    lines = (PAGES / f"{rule}.md").read_text("utf-8").splitlines()
    assert lines[0] == f"# {rule}: {RULES[rule].title}"
    headings = [line for line in lines if line.startswith("#")][1:]
    assert headings == ["## What", "## Why", "## How to fix"]
    for heading in headings:
        assert lines[lines.index(heading) + 2].strip(), f"{heading} says nothing"
