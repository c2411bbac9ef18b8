"""Causes that need no experiment: the log, the outputs or the run record show them."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lockproof.adapters.git.worktree import ignored, is_ignored
from lockproof.compare.causes import Finding
from lockproof.compare.contents import from_windows, only_paths_differ, split_listing
from lockproof.compare.hints import absent_files, below_home, cut_network, words_like_paths
from lockproof.errors import LockproofError
from lockproof.model.cause import Cause, CauseKind, Certainty
from lockproof.model.pipeline import Out, Stage, inside
from lockproof.model.record import RunRecord
from lockproof.model.verdict import Verdict

from .judge import locked_content
from .result import Result
from .session import Session

_TAIL = 1 << 16
_TEXT = 64 << 20
_CODE = 1 << 18
_MOST_CODE = 50
_MOST_NAMED = 5
_TRACK = "track it with 'dvc add' or Git, and declare it as a dependency"
_TRACK_HOME = "keep it in the repository, or 'dvc add' it, and declare it as a dependency"


def directly_seen(
    session: Session, result: Result, record: RunRecord | None
) -> tuple[Finding, ...]:
    """Name what the run itself shows to be the cause.

    Raises:
        UnavailableError: a remote does not answer.
    """
    assert result.execution is not None
    if not result.execution.succeeded:
        return tuple(_of_failure(session, result))
    found: list[Finding] = []
    for out in result.stage.outs:
        verdict = result.verdicts.get(out.path)
        if verdict is None or verdict.verdict is Verdict.PASSED or out.external or not out.locked:
            continue
        found += _of_output(session, result, out)
    if record is not None and record.saw(result.stage.address):
        found += _of_record(session, record)
    told = {cause.subject for cause, _ in found}
    found += (f for f in _of_words(session, result) if f[0].subject not in told)
    return tuple(found)


def _of_failure(session: Session, result: Result) -> Iterator[Finding]:
    execution = result.execution
    assert execution is not None
    log = _log(execution.log)
    cut = cut_network(log)
    if cut and execution.completed.network.startswith("off"):
        yield _found(
            CauseKind.NETWORK,
            result.stage.address,
            Certainty.LIKELY,
            "the command needs the network, which is off: fetch what it takes from there beforehand"
            " and 'dvc add' it, or set network = true in [run]",
            f"it failed with: {cut[:200]}",
        )
    told = set()
    for path, said in absent_files(log):
        path = os.path.normpath(path.replace("~", execution.home, 1))
        name, summary = _wanting(session, result, path)
        if name and name not in told:
            told.add(name)
            line = f"the command failed for want of it: {said[:200]}"
            yield _found(CauseKind.UNDECLARED_INPUT, name, Certainty.LIKELY, summary, line)


def _wanting(session: Session, result: Result, path: str) -> tuple[str | None, str]:
    """How people call a file that the command did not find, and what to do about it."""
    assert result.execution is not None
    home = result.execution.home
    if home and inside(path, home) and path != home:
        return f"~/{PurePosixPath(path).relative_to(home)}", (
            f"the command reads it below HOME, which nobody else has: {_TRACK_HOME}"
        )
    name = _below(session, result, path)
    why = "it is not in the commit"
    if name and is_ignored(session.git, session.git_path(name)):
        why = "Git ignores it"
    return name, (f"the command reads it, and {why}: {_TRACK}")


def _below(session: Session, result: Result, path: str) -> str | None:
    """A path of the checkout that neither the commit nor any stage has; None: another one."""
    execution = result.execution
    assert execution is not None
    if not os.path.isabs(path):
        path = os.path.normpath(f"{execution.root}/{result.stage.wdir}/{path}")
    if not inside(path, execution.root) or path == execution.root:
        return None
    name = PurePosixPath(path).relative_to(execution.root).as_posix()
    made = (out.path for stage in session.pipeline.stages for out in stage.outs)
    known = (*made, *(dep.path for dep in result.stage.deps))
    if session.tracked(name) or any(inside(name, path) or inside(path, name) for path in known):
        return None
    return name


def _of_output(session: Session, result: Result, out: Out) -> Iterator[Finding]:
    assert out.locked is not None
    if result.workspace is None or result.judgements[0].observed.get(out.path) is None:
        return
    made = result.workspace.root / out.path
    if out.locked.is_dir:
        yield from _of_folder(session, result, out)
        return
    if not made.is_file() or made.stat().st_size > _TEXT:
        return
    content = made.read_bytes()
    if from_windows(content, out.locked):
        yield _windows(out.path, "with CRLF for LF, what the stage makes has the locked digest")
    assert result.execution is not None
    root = os.fsencode(result.execution.root)
    if root in content and len(root) > 2:
        yield from _of_path(session, result, out, content, root)


def _of_path(
    session: Session, result: Result, out: Out, content: bytes, root: bytes
) -> Iterator[Finding]:
    summary = (
        "the place of the checkout is written into it: write paths relative to the repository's top"
    )
    kind = CauseKind.CONDITION
    before = None
    try:
        locked = locked_content(session, result.stage, out)
        before = locked.read_bytes() if locked and locked.stat().st_size <= _TEXT else None
    except (LockproofError, OSError):
        pass
    if before is not None:
        old = only_paths_differ(content, before, root)
        if old is not None:
            line = f"the lock's content has {old} where this one has {os.fsdecode(root)}"
            yield _found(kind, out.path, Certainty.PROVEN, summary, line, "path")
        return
    line = f"what was made holds {os.fsdecode(root)}"
    yield _found(kind, out.path, Certainty.POSSIBLE, summary, line, "path")


def _of_folder(session: Session, result: Result, out: Out) -> Iterator[Finding]:
    assert out.locked is not None
    assert result.workspace is not None
    try:
        if locked_content(session, result.stage, out) is None:
            return
        children = session.store.listing(out.locked)
    except LockproofError:
        return
    made = result.workspace.hasher.tree(out.path, out.algorithm)[1]
    parts = split_listing({name: child.value for name, child in children.items()}, made)
    if parts.byte_code and not parts.others:
        yield _found(
            CauseKind.BYTE_CODE,
            out.path,
            Certainty.PROVEN,
            "what Python compiled is part of it, and is another each time: set"
            " PYTHONDONTWRITEBYTECODE=1 in the command, or leave __pycache__ out by .dvcignore",
            f"all else in it is as locked; different: {parts.byte_code[0]}",
        )
    elif parts.only_locked and parts.others == parts.only_locked:
        yield _found(
            CauseKind.STATE,
            f"{out.path}/{parts.only_locked[0]}",
            Certainty.LIKELY,
            "it is in the locked folder and the stage does not make it: it was left there by an"
            f" earlier run, or put there; 'dvc repro -f -s {shlex.quote(result.stage.address)}'"
            " makes the folder anew",
            f"all {len(made):,} files that the stage makes are as locked;"
            f" {len(parts.only_locked):,} more are in the lock",
        )
    elif parts.changed == parts.others and all(
        from_windows(_read(result.workspace.root / out.path / name), children[name])
        for name in parts.changed
    ):
        yield _windows(out.path, f"with CRLF for LF, {parts.changed[0]} has the locked digest")


def _of_words(session: Session, result: Result) -> Iterator[Finding]:
    """What the command and its code name, and no commit holds: whether they read it is not seen."""
    execution, stage = result.execution, result.stage
    assert execution is not None
    line = "what was in it where the lock was made, if it was there, is not known here"
    code = list(_code(session, stage))
    for name in below_home([*stage.command, *code])[:_MOST_NAMED]:
        yield _found(
            CauseKind.UNDECLARED_INPUT,
            f"~/{name}",
            Certainty.POSSIBLE,
            f"it is named, and lies below HOME, which is empty here: {_TRACK_HOME}",
            line,
        )
    words = (_below(session, result, word) for word in words_like_paths(stage.command, code))
    names = [n for n in dict.fromkeys(words) if n and n not in execution.undeclared_outputs]
    for name in ignored(session.git, session.prefix, names)[:_MOST_NAMED]:
        yield _found(
            CauseKind.UNDECLARED_INPUT,
            name,
            Certainty.POSSIBLE,
            f"it is named, and Git ignores it: {_TRACK}",
            line,
        )


def _code(session: Session, stage: Stage) -> Iterator[str]:
    """The text of the files in Git that a stage declares, as far as there are not many."""
    for dep in stage.deps[:_MOST_CODE]:
        content = session.git.read(session.commit, session.git_path(dep.path))
        if content and len(content) <= _CODE and b"\0" not in content:
            yield content.decode("utf-8", "replace")


def _of_record(session: Session, record: RunRecord) -> Iterator[Finding]:
    for path in record.undeclared_reads or ():
        if not session.tracked(path):
            yield _found(
                CauseKind.UNDECLARED_INPUT,
                path,
                Certainty.POSSIBLE,
                "it was read or replaced where the lock was made, and is not in the commit:"
                f" {_TRACK}",
                f"run record {record.name} saw it; what it said is not known here",
            )


def _windows(path: str, line: str) -> Finding:
    return _found(
        CauseKind.LINE_ENDINGS,
        path,
        Certainty.PROVEN,
        "the lock was made where text files end their lines as on Windows: write them with"
        " newline='\\n'",
        line,
    )


def _found(
    kind: CauseKind,
    subject: str,
    certainty: Certainty,
    summary: str,
    line: str,
    condition: str | None = None,
) -> Finding:
    cause = Cause(
        kind=kind, subject=subject, certainty=certainty, summary=summary, condition=condition
    )
    return cause, ((line, None),)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= _TEXT else b""
    except OSError:
        return b""


def _log(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
