"""What earlier commits say of a stage: its former lock entries and former files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from lockproof.adapters.dvc.project import Hasher, parse_lock
from lockproof.adapters.git.lfs import FETCH
from lockproof.adapters.git.partial import BRING, lacks
from lockproof.adapters.git.worktree import is_cut_off
from lockproof.adapters.scratch import remove
from lockproof.errors import UsageError
from lockproof.model.base import canonical_json
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Dep, Stage, overlap

from .result import Result
from .session import Session, raw_path

_DEPTH = 50
_UNKNOWN = "so what it was for the lock is not known"
_SHALLOW = f"this clone is shallow, {_UNKNOWN}: git fetch --unshallow"
_PARTIAL = f"this clone was made with --filter, {_UNKNOWN}: {BRING}"


@dataclass(frozen=True)
class LockHistory:
    """How a stage's lock entry came to be."""

    introduced: str | None
    """The commit that brought the entry as it is now."""
    previous: Mapping[str, Any] | None
    """The entry before that; None where it is the first."""
    cut_off: str = ""
    """Why the history ends before it tells, and what brings the rest; empty where it tells."""

    def relocked_outputs(self, stage: Stage) -> dict[str, str]:
        """Outputs whose digest alone changed in `introduced` -> the digest before.

        Command, dependencies and parameters stayed the same: DVC by itself would not have run the
        stage again. Somebody who runs it by force where other things are otherwise does.
        """
        if self.previous is None:
            return {}
        before = self.previous
        inputs = {raw_path(stage, d.path): _value(d.locked) for d in stage.deps}
        params = {raw_path(stage, p.path): dict(p.locked or {}) for p in stage.params}
        same = (
            _commands(before.get("cmd")) == stage.locked_command
            and _digests(before.get("deps")) == inputs
            and canonical_json(before.get("params") or {}) == canonical_json(params)
        )
        if not same:
            return {}
        old = _digests(before.get("outs"))
        return {
            out.path: old[raw_path(stage, out.path)] or ""
            for out in stage.outs
            if old.get(raw_path(stage, out.path)) not in (None, _value(out.locked))
        }


def lock_history(session: Session, stage: Stage) -> LockHistory:
    """Walk back to the commit that brought the stage's present lock entry."""
    lock_path = str(PurePosixPath(stage.file).with_suffix(".lock"))
    if not stage.file.endswith((".yaml", ".yml")):
        lock_path = stage.file
    name = stage.address.rpartition(":")[2]
    now = None
    introduced = None
    full = session.git_path(lock_path)
    commits = _commits(session, full)
    if commits is None:
        return LockHistory(None, None, cut_off=_PARTIAL)
    for commit in commits:
        if lacks(session.git, commit, full):
            return LockHistory(None, None, cut_off=_PARTIAL)
        entry = _entry(session.git.read(commit, full), name)
        now = entry if introduced is None else now
        if introduced is not None and entry != now:
            return LockHistory(introduced, entry)
        introduced = commit
        if is_cut_off(session.git, commit):
            return LockHistory(None, None, cut_off=_SHALLOW)
    return LockHistory(introduced, None)


def _commits(session: Session, path: str) -> list[str] | None:
    """Those that changed a path from the Git root, newest first; None where a clone lacks them."""
    try:
        return list(session.git.history(session.commit, path, _DEPTH))
    except UsageError:
        if session.git.is_partial:  # Made with a filter for folders, too.
            return None
        raise


def relocked(session: Session, result: Result, history: LockHistory) -> dict[str, str]:
    """Outputs that are now made as they were locked before a commit changed only that."""
    assert result.execution is not None
    found = {}
    for path, old in history.relocked_outputs(result.stage).items():
        observed = result.execution.outs.get(path)
        if observed and observed.value == old and history.introduced:
            found[path] = (
                f"{session.git.subject(history.introduced)} changed only this digest in the lock;"
                f" the digest before, {old[:8]}, is what the stage makes here: by hand, or by a run"
                " where something that nobody recorded was otherwise"
            )
    return found


@dataclass(frozen=True)
class Earlier:
    """Where a dependency in Git had the content that the lock names."""

    commit: str | None
    unknown: str = ""
    """Why nobody can tell of some commit; empty where all that were looked at are here."""


def earlier_version(session: Session, dep: Dep, near: str | None) -> Earlier:
    """Look for a commit at which a Git-tracked dependency had its locked digest."""
    if dep.locked is None:
        return Earlier(None)
    path, unknown = session.git_path(dep.path), in_submodule(session, dep.path)
    for commit in _candidates(session, path, near):
        if lacks(session.git, commit, path):
            unknown = unknown or lacking(commit, {path: BRING})
            continue
        folder = session.fresh("version")
        try:
            absent = session.git.check_out_path(commit, path, folder)
            found = Hasher(folder / session.prefix).digest(dep.path, dep.algorithm)
        finally:
            remove(folder)
        if absent:
            unknown = unknown or lacking(commit, absent)
        elif found == dep.locked:
            return Earlier(commit)
    if _commits(session, path) is None:
        unknown = unknown or lacking(session.commit, {path: BRING})
    return Earlier(None, unknown)


def in_submodule(session: Session, path: str) -> str:
    """Why earlier content of a path is not known where a submodule has it; empty elsewhere."""
    full = session.git_path(path)
    tops = (top for top, oid in session.tree.items() if oid.startswith("commit:"))
    top = next((top for top in tops if overlap(top, full)), None)
    return f"the submodule {top} has it, whose earlier commits are not looked at" if top else ""


def lost_content(session: Session, commit: str, path: str) -> str:
    """Why what a commit has at a path cannot be put back; empty where it is all here."""
    if lacks(session.git, commit, session.git_path(path)):
        return lacking(commit, {session.git_path(path): BRING})
    folder = session.fresh("version")
    try:
        absent = session.git.check_out_path(commit, session.git_path(path), folder)
    finally:
        remove(folder)
    return in_submodule(session, path) or (lacking(commit, absent) if absent else "")


def lacking(commit: str, absent: Mapping[str, str]) -> str:
    """What to do where this clone lacks content of an earlier commit (`GitRepository.restore`)."""
    path, way = next(iter(absent.items()))
    bring = f"{way} origin {commit[:12]}" if way == FETCH else way
    return f"what {path} was in {commit[:12]} is not in this clone: {bring}"


def _candidates(session: Session, path: str, near: str | None) -> Iterator[str]:
    if near:
        yield near
    for commit in _commits(session, path) or ():
        yield commit
        parent = session.git.parent(commit)
        if parent:
            yield parent


def _entry(content: bytes | None, name: str) -> Mapping[str, Any] | None:
    if content is None:
        return None
    document = parse_lock(content)
    stages = document.get("stages", document) if isinstance(document, dict) else {}
    entry = stages.get(name) if isinstance(stages, dict) else None
    return entry if isinstance(entry, dict) else None


def _digests(items: object) -> dict[str, str | None]:
    if not isinstance(items, list):
        return {}
    return {
        str(item["path"]): item.get("md5") or item.get("etag") or item.get("checksum")
        for item in items
        if isinstance(item, dict) and "path" in item
    }


def _commands(cmd: object) -> tuple[str, ...]:
    parts = cmd if isinstance(cmd, list) else str(cmd or "").splitlines()
    return tuple(str(part) for part in parts if str(part).strip())


def _value(digest: Digest | None) -> str | None:
    return digest.value if digest else None
