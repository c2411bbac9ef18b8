"""Find every respect in which what ran differs from what the lock and the record describe.

Each difference comes with a change to the setup that puts it back, where that can be done here.
"""

from collections.abc import Mapping

from lockproof.adapters.dvc.objects import Need
from lockproof.adapters.files import write_whole
from lockproof.adapters.git.paths import blob_in
from lockproof.compare.causes import Factor
from lockproof.compare.contents import from_windows
from lockproof.errors import LockproofError, UnavailableError
from lockproof.model.cause import CauseKind
from lockproof.model.line_ends import in_windows_form
from lockproof.model.pipeline import Dep, Out, Params, Stage, flat, overlap
from lockproof.parse.params import read_params

from .change import Change, PutBack, give
from .execution import Input, Setup
from .handed import handed
from .history import LockHistory, earlier_version, lost_content
from .result import Result
from .session import Session


def find_changes(
    session: Session, result: Result, history: LockHistory, others: Mapping[str, Result]
) -> list[Change]:
    """Every difference that could be a cause, in the order in which people would look.

    Raises:
        UnavailableError: a remote is needed and does not answer.
    """
    stage = result.stage
    changes = [*_command(stage), *_parameters(stage)]
    for dep in stage.deps:
        changes += _dependency(session, result, dep, history)
    changes += undeclared_keys(session, stage, history)
    changes += _undeclared(session, result, history)
    changes += handed(session, result, others)
    return changes


def _command(stage: Stage) -> list[Change]:
    locked = stage.locked_command
    if locked is None or locked == stage.command:
        return []
    old, new = "; ".join(locked), "; ".join(stage.command)
    factor = Factor(
        CauseKind.COMMAND,
        stage.address,
        "the command is not the one that the lock names",
        ((f"locked: {old}", None), (f"now: {new}", None)),
    )
    return [Change(factor, lambda setup: setup.put_back(command=locked))]


def _parameters(stage: Stage) -> list[Change]:
    return [change for params in stage.params for change in _file_parameters(params)]


def _file_parameters(params: Params) -> list[Change]:
    if params.locked is None:
        return []
    changes = []
    locked, current = flat(params.locked), flat(params.current)
    for key in sorted({*locked, *current}):
        if locked.get(key, ...) == current.get(key, ...):
            continue
        obstacle = None if key in locked else "the lock does not have it"
        old = locked.get(key)
        factor = Factor(
            CauseKind.PARAMETER,
            key,
            f"{params.path}: {old!r} -> {current.get(key)!r}",
            obstacle=obstacle,
        )
        back = _set_parameter(params.path, key, old) if obstacle is None else None
        changes.append(Change(factor, back))
    return changes


def _set_parameter(path: str, key: str, value: object) -> PutBack:
    def put_back(setup: Setup) -> Setup:
        return setup.put_back(params={path: {**setup.params.get(path, {}), key: value}})

    return put_back


def _dependency(session: Session, result: Result, dep: Dep, history: LockHistory) -> list[Change]:
    assert result.execution is not None
    assert result.setup is not None
    given = result.execution.given.get(dep.path)
    if dep.locked is None or given is None or given == dep.locked:
        return []
    makers = [
        (maker, out)
        for maker, out in session.pipeline.inputs(result.stage)
        if overlap(out.path, dep.path)
    ]
    if not makers or not any(out.cached for _, out in makers):
        return [_code(session, dep, history, given_short=given.short)]
    maker, out = makers[0]
    exact = out.path == dep.path
    who = f"stage {maker.address}" if maker.kind == "stage" else maker.file
    summary = f"it is not the content that the lock names; it comes from {who}"
    evidence = ((f"locked {dep.locked.short}, given {given.short}", None),)
    obstacle, back = None, None
    if not exact:
        obstacle = "its parts have no objects of their own"
    else:
        old = Out(path=dep.path, locked=dep.locked, remote=out.remote)
        try:
            lost = session.store.fetch([Need(old, maker)])
        except UnavailableError as error:
            obstacle = str(error)
        else:
            if lost:
                obstacle = f"object {dep.locked.short} is {lost[0].problem}"
            else:
                given_input = {dep.path: Input(dep.locked)}
                back = lambda setup: setup.put_back(inputs=given_input)  # noqa: E731
    return [Change(Factor(CauseKind.DATA, dep.path, summary, evidence, obstacle), back)]


def _code(session: Session, dep: Dep, history: LockHistory, given_short: str) -> Change:
    assert dep.locked is not None
    summary = "its content is not the one that the lock names"
    lines: list[tuple[str, str | None]] = [
        (f"locked {dep.locked.short}, at this commit {given_short}", None)
    ]
    windows = _windows_form(session, dep)
    if windows is not None:
        factor = Factor(
            CauseKind.LINE_ENDINGS,
            dep.path,
            "the lock is of the same text with the line endings of Windows: have Git keep LF there,"
            " with '* text=auto eol=lf' in .gitattributes, and 'dvc repro'",
            tuple(lines),
        )
        return Change(factor, give({dep.path: windows}))
    earlier = earlier_version(session, dep, history.introduced)
    old = earlier.commit
    if old is None:
        factor = Factor(
            CauseKind.CODE, dep.path, summary, tuple(lines),
            earlier.unknown or "no commit in the history holds the locked content",
        )  # fmt: skip
        return Change(factor)
    path = session.git_path(dep.path)
    changed_by = next(session.git.history(session.commit, path, 1), None)
    if changed_by:
        lines.append((f"last changed by {session.git.subject(changed_by)}", None))
    lines.append(("what changed since", session.git.diff(old, session.commit, path)))
    factor = Factor(CauseKind.CODE, dep.path, summary, tuple(lines))
    return Change(factor, lambda setup: setup.put_back(restored={dep.path: old}))


def _windows_form(session: Session, dep: Dep) -> Input | None:
    """A dependency with CRLF for LF, where the lock is of that."""
    if dep.locked is None or dep.locked.is_dir:
        return None
    content = session.git.read(session.commit, session.git_path(dep.path)) or b""
    if not from_windows(content, dep.locked):
        return None
    file = session.fresh("windows")
    write_whole(file, in_windows_form(content) or b"")
    return Input(dep.locked, file=file)


def _undeclared(session: Session, result: Result, history: LockHistory) -> list[Change]:
    """Tracked files that the command reads undeclared and that changed since the lock."""
    assert result.execution is not None
    changes = []
    since, read = history.introduced, result.execution.undeclared_inputs
    tree = session.git.tree(since) if since and read else {}
    for path in read:
        name = session.git_path(path)
        if history.cut_off and session.tracked(path):
            factor = Factor(
                CauseKind.UNDECLARED_INPUT,
                path,
                "the command reads it and no dependency declares it",
                obstacle=history.cut_off,
            )
            changes.append(Change(factor))
            continue
        if since is None or not session.tracked(path):
            continue
        if blob_in(tree, name) in (None, session.blob(path)):
            continue
        obstacle = lost_content(session, since, path) or None
        lines: list[tuple[str, str | None]] = [
            (f"the lock entry is of {session.git.subject(since)}", None)
        ]
        if not obstacle:
            lines.append(("what changed since", session.git.diff(since, session.commit, name)))
        factor = Factor(
            CauseKind.UNDECLARED_INPUT,
            path,
            "the command reads it, no dependency declares it, and it changed since the lock:"
            " declare it as a dependency",
            tuple(lines),
            obstacle,
        )
        changes.append(Change(factor, None if obstacle else _restore(path, since)))
    return changes


def _restore(path: str, commit: str) -> PutBack:
    return lambda setup: setup.put_back(restored={path: commit})


def undeclared_keys(session: Session, stage: Stage, history: LockHistory) -> list[Change]:
    """Keys of a declared parameter file that the stage does not declare and that changed."""
    since = history.introduced
    changes: list[Change] = []
    for params in stage.params:
        if not params.keys or since is None or any(d.path == params.path for d in stage.deps):
            continue
        if session.git.blob(since, session.git_path(params.path)) == session.blob(params.path):
            continue
        if obstacle := lost_content(session, since, params.path):
            what = f"keys of {params.path} that no parameter declares may have changed"
            factor = Factor(CauseKind.UNDECLARED_INPUT, params.path, what, obstacle=obstacle)
            changes.append(Change(factor))
            continue
        before, now = (_keys(session, commit, params) for commit in (since, session.commit))
        names = sorted(n for n in {*before, *now} if before.get(n, ...) != now.get(n, ...))
        if not names:
            continue
        one = len(names) == 1
        shown = "; ".join(f"{n}: {before.get(n)!r} -> {now.get(n)!r}" for n in names[:5])
        factor = Factor(
            CauseKind.UNDECLARED_INPUT,
            f"{params.path}:{names[0]}" if one else f"{params.path}: {len(names)} keys",
            f"{'a key' if one else 'keys'} of {params.path} that no parameter declares changed:"
            f" declare {'it' if one else 'those that the command reads'} under params",
            ((shown, None), (f"the lock entry is of {session.git.subject(since)}", None)),
        )
        changes.append(Change(factor, _with_file(params, since)))
    return changes


def _keys(session: Session, commit: str, params: Params) -> dict[str, object]:
    """What a parameter file holds beside the declared keys; nothing where it cannot be read."""
    content = session.git.read(commit, session.git_path(params.path))
    try:
        values = read_params(content, params.path) if content is not None else None
    except LockproofError:
        return {}
    if not isinstance(values, dict):
        return {}
    named = flat(values)
    return {n: v for n, v in named.items() if not any(_is_key(n, key) for key in params.keys)}


def _is_key(name: str, key: str) -> bool:
    return name == key or name.startswith((f"{key}.", f"{key}["))


def _with_file(params: Params, commit: str) -> PutBack:
    def put_back(setup: Setup) -> Setup:
        values = {**flat(params.current), **setup.params.get(params.path, {})}
        return setup.put_back(restored={params.path: commit}, params={params.path: values})

    return put_back
