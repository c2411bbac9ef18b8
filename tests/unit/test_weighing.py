"""No mixture of waivers, baseline, `off` and severities makes more of a check than it found."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lockproof.config import Policy, parse_policy
from lockproof.model.baseline import Baseline
from lockproof.model.check import Check
from lockproof.model.finding import Finding, Severity, Shared
from lockproof.model.verdict import Verdict
from lockproof.rules.catalog import RULES
from lockproof.rules.together import shared, together
from lockproof.steps.weighing import Weighing

TODAY = date(2026, 11, 29)
IDS = ("LP101", "LP103", "LP104", "LP203")
SUBJECTS = ("a", "b", "data/a")


@st.composite
def found(draw: st.DrawFn) -> Finding:
    rule, subject = draw(st.sampled_from(IDS)), draw(st.sampled_from(SUBJECTS))
    severity = draw(st.sampled_from([RULES[rule].severity, Severity.NOTE]))
    one = Finding.of(
        rule,
        severity,
        subject,
        "says why",
        path="dvc.lock",
        seen=draw(st.sampled_from([None, 1, 2])),
    )
    if draw(st.booleans()):
        return shared(one, cause="remote", item=subject, noun="outputs", words="are not there")
    return one


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    lines = []
    for rule in draw(st.sets(st.sampled_from(IDS))):
        say = draw(
            st.sampled_from(
                ["off = true", 'severity = "note"', 'severity = "warning"', 'paths = ["x"]']
            )
        )
        lines.append(f"[rules.{rule}]\n{say}\n")
    for rule in draw(st.lists(st.sampled_from(IDS), max_size=3)):
        subject = draw(st.sampled_from([*SUBJECTS, "*", "dvc.lock", "remote", "rem*"]))
        expires = TODAY + timedelta(days=draw(st.sampled_from([-1, 0, 9])))
        lines.append(f'[[waiver]]\nrule = "{rule}"\nsubject = "{subject}"\n')
        lines.append(f'reason = "r"\nexpires = {expires}\n')
    return parse_policy("".join(lines), "lockproof.toml")


def is_let_pass(item: Finding, policy: Policy, baseline: Baseline) -> bool:
    """Whether the policy's words, read one by one, let a finding of an error pass."""
    if item.severity is not Severity.ERROR:
        return True
    rule = policy.rules.get(item.rule)
    if rule and (rule.off or rule.severity or rule.paths):
        return True
    names = [item.subject, item.path, "*", *(["remote"] if isinstance(item, Shared) else [])]
    waived = any(
        w.rule == item.rule and w.subject in names and w.expires >= TODAY for w in policy.waiver
    )
    return waived or any(
        (e.rule, e.subject, e.path, e.seen) == (item.rule, item.subject, item.path, item.seen)
        for e in baseline.findings
    )


@given(
    st.lists(st.lists(found(), max_size=6), min_size=1, max_size=3),
    policies(),
    st.lists(found(), max_size=4),
    st.sampled_from(Verdict),
)
def test_a_check_passes_only_by_its_own_verdict_and_with_no_error_left(
    checks: list[list[Finding]], policy: Policy, adopted: list[Finding], own: Verdict
) -> None:
    baseline = Baseline.of(adopted)
    weighing = Weighing(policy, TODAY, baseline, "baseline.json")
    for findings in checks:
        check = Check(name="lock", verdict=own)
        verdict = weighing.add(check, findings, "LP1")
        left = [item for item in findings if not is_let_pass(item, policy, baseline)]
        assert verdict is (Verdict.FAILED if left else own)
        assert weighing.checks[-1].verdict is verdict
    counting = [f for f in weighing.findings if f.severity is Severity.ERROR]
    expected = [f for c in checks for f in c if not is_let_pass(f, policy, baseline)]
    assert [(f.rule, f.subject) for f in counting] == [(f.rule, f.subject) for f in expected]
    merged = [f for f in together(weighing.findings) if f.severity is Severity.ERROR]
    assert {f.rule for f in merged} == {f.rule for f in expected}
    for item in expected:
        told = [f for f in merged if f.rule == item.rule]
        assert any(item.subject == f.subject or item.subject in f.message for f in told)


@given(policies(), st.lists(found(), max_size=3))
def test_the_policy_alone_proves_nothing_and_its_own_faults_count(
    policy: Policy, adopted: list[Finding]
) -> None:
    weighing = Weighing(policy, TODAY, Baseline.of(adopted), "baseline.json")
    verdict = weighing.close((), "lockproof.toml", (), ())
    run_out = any(w.expires < TODAY for w in policy.waiver)
    assert verdict is (
        Verdict.FAILED if run_out and RULES["LP801"].severity is Severity.ERROR else Verdict.PASSED
    )
