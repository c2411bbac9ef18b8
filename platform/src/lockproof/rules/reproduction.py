"""What a reproduction found, as findings that say what to do."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from shlex import quote

from lockproof.model.cause import Cause
from lockproof.model.condition import RUN_TO_RUN, condition_noun
from lockproof.model.digest import Digest
from lockproof.model.finding import Finding, Severity
from lockproof.model.pipeline import Stage
from lockproof.model.report import SkipReason, Varied
from lockproof.model.verdict import OutputVerdict, Verdict, worst

from .catalog import finding
from .lock import AGAIN, LockFacts, lock_findings


@dataclass(frozen=True)
class StageFacts:
    """What came of one stage, in the terms of the rules."""

    stage: Stage
    verdicts: Mapping[str, OutputVerdict]
    accepted: frozenset[OutputVerdict] = frozenset()
    """Inconclusive verdicts that the policy accepts."""
    skipped: SkipReason | None = None
    skip_accepted: bool = False
    missing: tuple[str, ...] = ()
    """Inputs that the revision does not have."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """Those of `missing` that other DVC projects may make -> why they are, and what to do."""
    cased: Mapping[str, str] = field(default_factory=dict)
    """Those of `missing` that Git has with other capitals -> how, from the Git root."""
    exit_code: int | None = None
    timed_out: bool = False
    over: str | None = None
    """What the command had too much of, such as `memory: 3 GiB at one time where …`; it has an exit
    code then."""
    rewritten: tuple[str, ...] = ()
    given: Mapping[str, tuple[Digest | None, str | None]] = field(default_factory=dict)
    """Dependency -> digest in this revision, and the stage that makes it."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Dependency -> its bytes where `given` is, as far as that is known."""
    unsynced: Mapping[str, str] = field(default_factory=dict)
    """As `LockFacts.unsynced`."""
    windows: frozenset[str] = frozenset()
    """As `LockFacts.windows`."""
    in_git: Mapping[str, Digest | None] = field(default_factory=dict)
    """Output kept in Git -> digest of the committed content."""
    by_value: frozenset[str] = frozenset()
    """Outputs for which a tolerance could be stated, and is not."""
    unconfirmed: tuple[str, ...] = ()
    """Outputs that others stand for, and that no stage which reads them confirms."""
    causes: tuple[Cause, ...] = ()
    """What was found to be why outputs disagree."""
    file: str = "dvc.yaml"
    """The file that declares it, relative to the Git root."""
    varied: tuple[Varied, ...] = ()
    """What came of it with one condition varied each."""


def stage_findings(facts: StageFacts) -> list[Finding]:
    """Everything that is wrong with one stage."""
    return [*_lock(facts), *_run(facts), *_outputs(facts), *_varied(facts)]


def _varied(facts: StageFacts) -> Iterator[Finding]:
    for each in facts.varied:
        if not each.matters:
            continue
        name, what = facts.stage.address, condition_noun(each.condition)
        paths = [path for path, how in each.outputs.items() if how == "differs"]
        if each.failed:
            text = f"{name} fails with {each.setting} ({each.failed})"
        elif each.condition == "random":
            text = f"{name}: {', '.join(paths)} varies from run to run"
        else:
            text = f"{name}: {', '.join(paths)} depends on {what} ({each.setting})"
        message = f"{text}: {each.mend}"
        yield finding("LP711", f"{name} {each.condition}", message, path=facts.file)


def _lock(facts: StageFacts) -> Iterator[Finding]:
    unavailable = facts.skipped is SkipReason.INPUT_UNAVAILABLE
    lock = LockFacts(
        stage=facts.stage,
        file=facts.file,
        given=facts.given,
        sizes=facts.sizes,
        unsynced=facts.unsynced,
        in_git=facts.in_git,
        windows=facts.windows,
        untracked=tuple(p for p in facts.missing if p not in facts.beside) if unavailable else (),
        cased=facts.cased,
    )
    yield from lock_findings(lock, locked=facts.skipped is not SkipReason.NOT_LOCKED)


_EXIT_HINTS = {
    126: " (a program may not be executed)",
    127: " (a program is not in the pipeline's environment)",
    137: " (killed, perhaps for want of memory)",
    153: " (a file grew beyond [run] disk, or another limit of the machine)",
}


def _run(facts: StageFacts) -> Iterator[Finding]:
    name, path = facts.stage.address, facts.file
    for needed, why in facts.beside.items():
        text = f"{name} was not checked: it needs {needed}: {why}"
        yield finding("LP708", f"{name} {needed}", text, path=path)
    if facts.skipped in (SkipReason.FROZEN, SkipReason.UPSTREAM_FAILED):
        why = (
            f"it is frozen: run 'dvc unfreeze {quote(name)}' and commit, or accept frozen stages:"
            ' [reproduce] frozen = "accept" in lockproof.toml'
            if facts.skipped is SkipReason.FROZEN
            else "a stage that it needs did not run to its end: mend that one first"
        )
        severity = Severity.NOTE if facts.skip_accepted else None
        yield finding("LP708", name, f"{name} was not checked: {why}", path=path, severity=severity)
    if facts.timed_out:
        yield finding(
            "LP704",
            name,
            f"{name} ran into the time limit: raise [run] timeout or speed it up",
            path=path,
        )
    elif facts.over:
        raised = f"raise [run] {facts.over.partition(':')[0]} or let it take less"
        message = f"{name} was ended for its {facts.over}: {raised}"
        yield finding("LP704", name, message, path=path)
    elif facts.exit_code:
        hint = _EXIT_HINTS.get(facts.exit_code, "")
        yield finding(
            "LP703",
            name,
            f"{name}: the command failed with exit code {facts.exit_code}{hint}: see its log",
            path=path,
        )
    for dep in facts.rewritten:
        yield finding(
            "LP707",
            f"{name} {dep}",
            f"{name} changes its own dependency {dep}: write the result to an output, put {dep}"
            f" back, then {AGAIN}",
            path=path,
        )


_OUTPUT_RULES = {
    OutputVerdict.DIFFERENT: (
        "LP701",
        "{0} differs from what dvc.lock names: see the causes; if it is meant, run"
        " 'dvc repro -f -s {2}', 'dvc repro' and 'dvc push', and commit",
    ),
    OutputVerdict.MISSING: (
        "LP702",
        "{0} was not made by the command: declare what it writes, then " + AGAIN,
    ),
    OutputVerdict.NONDETERMINISTIC: (
        "LP705",
        "{0} {4}: mend what the causes name, then " + AGAIN + "; or {3} in lockproof.toml",
    ),
    OutputVerdict.NOT_COMPARABLE: (
        "LP706",
        "{0} cannot be compared: if the locked content is in no remote, run 'dvc push {1}' where it"
        " was made, else let another output stand for it with [[judged-by]]",
    ),
}


_UNCONFIRMED = (
    "another output stands for it, and no stage that reads it confirms the locked one: let a stage"
    " read it that gives its locked outputs from it"
)


def _outputs(facts: StageFacts) -> Iterator[Finding]:
    if facts.exit_code or facts.timed_out:
        return  # The failed command has its own finding, and what it left tells nothing.
    for path, verdict in sorted(facts.verdicts.items()):
        if verdict not in _OUTPUT_RULES:
            continue
        rule, message = _OUTPUT_RULES[verdict]
        if path in facts.unconfirmed:
            message = "{0} cannot be compared: " + _UNCONFIRMED
        severity = Severity.NOTE if verdict in facts.accepted else None
        name = facts.stage.address
        words = path, quote(path), quote(name), _allowed(facts, path), _varying(facts, path)
        yield finding(
            rule,
            path,
            f"{name}: {message.format(*words)}",
            path=facts.file,
            severity=severity,
        )


def _varying(facts: StageFacts, path: str) -> str:
    """That an output varies, or by what: then runs with nothing varied may all have agreed."""
    by = {c.condition for c in facts.causes if c.subject == path and c.condition in RUN_TO_RUN}
    names = sorted(condition_noun(name) for name in by if name and name != "random")
    return f"{f'depends on {names[0]}, which differs' if names else 'varies'} from run to run"


def _allowed(facts: StageFacts, path: str) -> str:
    """What the policy can say so that an output may vary."""
    if path in facts.by_value:
        return "state a [[tolerance]] for it"
    return "let another output stand for it with [[judged-by]]"


def stage_verdict(facts: StageFacts) -> Verdict:
    """The verdict on a stage: the worst of its outputs, the policy's acceptances applied.

    A stage without outputs is proved by its exit code.
    """
    if facts.skipped is SkipReason.UPSTREAM_FAILED:
        return Verdict.INCONCLUSIVE
    if facts.skipped in (SkipReason.FROZEN, SkipReason.UNAFFECTED):
        return Verdict.PASSED if facts.skip_accepted else Verdict.INCONCLUSIVE
    if facts.skipped is SkipReason.INPUT_UNAVAILABLE and facts.missing:
        known = set(facts.missing).difference(facts.beside)
        return Verdict.FAILED if known else Verdict.INCONCLUSIVE
    if facts.skipped or facts.exit_code or facts.timed_out:
        return Verdict.FAILED
    parts = [
        Verdict.PASSED if verdict in facts.accepted else verdict.verdict
        for verdict in facts.verdicts.values()
    ]
    return worst(parts) if parts else Verdict.PASSED


def report_verdict(checked: Iterable[Verdict], findings: Iterable[Finding]) -> Verdict:
    """The worst of the checked stages; an error among the findings fails the report."""
    if any(f.severity is Severity.ERROR for f in findings):
        return Verdict.FAILED
    return worst(checked)
