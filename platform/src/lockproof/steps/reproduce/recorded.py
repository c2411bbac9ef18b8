"""What differs between the environment of the run record and this one, and what is as recorded."""

from collections.abc import Mapping

from lockproof.adapters.environment.interpreters import Interpreter
from lockproof.compare.causes import Factor
from lockproof.model.cause import CauseKind
from lockproof.model.environment import Environment, FactorChange, environment_changes
from lockproof.model.record import RunRecord

from .change import Change
from .history import LockHistory
from .result import Result
from .session import Session

_MACHINE = ("os", "libc", "machine", "cpu", "cpu-features", "gpu", "driver", "cuda", "shell")
_HERE = "it belongs to the machine"
_RECORDED = "as in the run that was watched"


def environment_changes_of(
    before: Environment, after: Environment, python: Interpreter | None = None
) -> list[Change]:
    """What differs between the recorded environment and this one.

    Packages, thread counts, time zone and locale can be put back, and the version of Python where
    `python` is one to put it back with; the machine itself cannot. What is installed there and not
    here is left out: a stage that needs it fails without.
    """
    changes = []
    for found in environment_changes(before, after):
        change = _python(found, python) if found.factor == "python" else _change(found)
        if change is not None:
            changes.append(change)
    return changes


def _change(found: FactorChange) -> Change | None:
    old, name = found.before, found.subject
    if found.factor == "package":
        if found.after is None:
            return None
        factor = Factor(CauseKind.ENVIRONMENT, name, f"package {found}")
        return Change(factor, packages={name: old})
    summary = f"{found.factor}: {found}"
    if found.factor == "threads" and name.isupper() and old:
        return _by_variable(name, name, old, f"threads: {found}")
    if found.factor == "timezone" and old:
        return _by_variable(name, "TZ", old, f"timezone: {old} -> {found.after}")
    if found.factor == "locale" and old is not None:
        return _by_variable(name, name, old, summary)
    if found.factor == "blas" and name.endswith(")"):
        return _bundled(found)
    if found.factor in (*_MACHINE, "blas", "threads", "user", "filesystem"):
        return Change(Factor(CauseKind.ENVIRONMENT, name, summary, obstacle=_HERE))
    if found.factor == "variable":
        obstacle = "the record keeps no values of variables"
        what = f"variable {name}: " + (
            "not set" if found.after is None else "set" if old is None else "another value"
        )
        return Change(Factor(CauseKind.ENVIRONMENT, name, what, obstacle=obstacle))
    if found.factor in ("umask", "locale"):
        obstacle = "it cannot be set for a stage here"
        return Change(Factor(CauseKind.ENVIRONMENT, name, summary, obstacle=obstacle))
    return None


def _python(found: FactorChange, python: Interpreter | None) -> Change:
    old = (found.before or "").split(" ")[0]
    summary = f"the version of Python: {found.before or 'none'} -> {found.after or 'none'}"
    if python is None:
        obstacle = f"Python {old} is not here" if old else "the record names none"
        return Change(Factor(CauseKind.ENVIRONMENT, "python", summary, obstacle=obstacle))
    near = () if python.version == old else ((f"put back with Python {python.version}", None),)
    return Change(Factor(CauseKind.ENVIRONMENT, "python", summary, near), python=python)


def _by_variable(subject: str, variable: str, value: str, summary: str) -> Change:
    factor = Factor(CauseKind.ENVIRONMENT, subject, summary)
    return Change(
        factor, lambda setup: setup.put_back(variables={variable: value}), by_variable=True
    )


def _bundled(found: FactorChange) -> Change | None:
    """A library that came with a package: its version goes with that, its kernel with the CPU."""
    old, new = ((text or "").split(" ") for text in (found.before, found.after))
    if old[0] != new[0] or len(old) < 2 or not found.subject.startswith("openblas"):
        return None
    summary = f"blas: {found}"
    return _by_variable(found.subject, "OPENBLAS_CORETYPE", old[1], summary)


def excluded_by_record(
    session: Session, result: Result, history: LockHistory, record: RunRecord | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Conditions that are as where the lock was made -> how that is known; others -> why not.

    Names are those of `model.condition.CONDITIONS`. What differs is a factor, and in neither.
    """
    excluded, reasons = _undeclared(session, result, history)
    reasons["unkept"] = "nobody knows which there were where the lock was made"
    if session.policy.run.network:
        reasons["network"] = "stages may use it, and nobody knows what it answered"
    if record is None:
        why = "no run record fits this lock"
    elif not record.saw(result.stage.address):
        why = "the run record was written after the fact"
    else:
        return _by_watched(session, record, excluded, reasons)
    for name in (*_FIELDS, "variables", "packages", "ignored-files"):
        reasons.setdefault(name, why)
    return excluded, reasons


_FIELDS: Mapping[str, str] = {
    "python": "python",
    "timezone": "timezone",
    "locale": "locale",
    "umask": "umask",
    "user": "user",
    "filesystem": "filesystem",
    "cpu-features": "cpu_features",
    "threads": "threads",
}
"""Condition -> the field of `Environment` that says it."""


def _by_watched(
    session: Session, record: RunRecord, excluded: dict[str, str], reasons: dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    before, after = record.environment, session.described
    if before.described == "1":
        reasons |= dict.fromkeys(_FIELDS, "the run record does not say")
    for name, field in _FIELDS.items():
        old, new = getattr(before, field), getattr(after, field)
        if old is None or new is None:
            reasons.setdefault(name, "the run record does not say")
        elif old == new and name not in reasons:
            excluded[name] = _RECORDED
        else:
            reasons.setdefault(name, "another one than in the run that was watched")
    more = sorted({*before.packages} - {*after.packages})
    if dict(before.packages) == dict(after.packages):
        excluded["packages"] = _RECORDED
    elif more:
        reasons["packages"] = f"{len(more)} that were installed then are not here"
    else:
        reasons["packages"] = "others than in the run that was watched"
    if "variables" not in reasons:
        # Of those that the policy names, one that differs is a factor by itself.
        reasons["variables"] = "of those that pass-env does not name, a record says nothing"
    if record.undeclared_reads is None:
        reasons["ignored-files"] = "what the run read could not be seen"
    elif record.undeclared_reads:
        reasons["ignored-files"] = f"{record.undeclared_reads[0]} was read and is not in the commit"
    else:
        excluded["ignored-files"] = "none was read in the run that was watched"
    return excluded, reasons


def _undeclared(
    session: Session, result: Result, history: LockHistory
) -> tuple[dict[str, str], dict[str, str]]:
    assert result.execution is not None
    name = "undeclared-files"
    if not result.execution.reads_known:
        return {}, {name: "this file system does not tell what is read"}
    read = [path for path in result.execution.undeclared_inputs if session.tracked(path)]
    hidden = {*session.curtain.out_of_sight} & {*session.hidden_from(result.stage)}
    if hidden:
        return {}, {name: f"stages do not find {min(hidden)} here, and may have where it was made"}
    if not read:
        return {name: "none is read"}, {}
    if history.introduced is None:
        return {}, {name: f"{read[0]} is read, and the history does not tell what it was"}
    since = history.introduced
    same = all(
        session.git.blob(since, session.git_path(path)) == session.blob(path) for path in read
    )
    if same:
        return {name: "those that are read are as in the commit that brought the lock entry"}, {}
    return {}, {name: f"{read[0]} is read and may have been another"}
