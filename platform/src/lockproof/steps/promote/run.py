"""The course of a promotion: find the version, hold it against Git, edit, commit, say so."""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lockproof.adapters.dvc.root import find_root
from lockproof.adapters.files import write_whole
from lockproof.adapters.git.commit import commit_files, path_in
from lockproof.adapters.git.forms import forms_of
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.adapters.git.worktree import is_changed, kept_as
from lockproof.adapters.hashing import plain_sha256
from lockproof.adapters.mlflow.registry import Registry
from lockproof.adapters.scratch import work_folder
from lockproof.config import FILE_NAME, Policy, load_policy
from lockproof.errors import ExitCode, LockproofError, UsageError
from lockproof.model.registration import (
    REVERTED,
    ModelVersion,
    Wanted,
)
from lockproof.render.promotion import commit_message, pull_request_body
from lockproof.steps.gate.interface import Request as GateRequest
from lockproof.steps.gate.run import open_scene
from lockproof.steps.gate.weigh import revoked_commit
from lockproof.steps.progress import Progress
from lockproof.steps.proofs.today import policy_of, refusal_of
from lockproof.steps.registered import version_named
from lockproof.steps.standing import Standing

from .request import Promoted, Request
from .state import State, commit_reader, work_tree_reader


class NotPromotedError(LockproofError):
    """The version is none that may be served."""

    exit_code = ExitCode.FAILED


@dataclass(frozen=True)
class _Scene:
    request: Request
    version: ModelVersion
    registry: Registry
    git: GitRepository
    """The repository of the desired state, which need not be the model's own."""
    path: str
    standing: Standing
    """Of the model's own repository."""
    progress: Progress

    @cached_property
    def policy(self) -> Policy:
        """By which versions may be served; looked up once, for all of them."""
        opened, _ = open_scene(GateRequest(self.request.directory), self.progress)
        found = policy_of(opened, self.progress)
        if not found.trust and any(rule.commit is None for rule in found.revoked):
            self.progress.say(
                f"[[revoked]] of {FILE_NAME} names keys, proofs or the SHA-256 of outputs: without"
                " [[trust]] no proof says whose those are, so they are not looked at"
            )
        return found


def promote(request: Request, progress: Progress) -> Promoted:
    """Let the desired state name a version, or the one before it.

    Where the policy has `[[trust]]`, the version needs a signed proof.

    Raises:
        NotPromotedError: what the version says of itself does not hold.
        UsageError, ConfigError: the version, the file or the repository is not usable.
        UnavailableError: the registry does not answer.
    """
    if request.commit and request.branch is not None:
        raise UsageError("--branch commits on a new branch: leave --commit out")
    if request.revert is not None and not request.revert.strip():
        raise UsageError("--revert takes the reason, which the version then says")
    scene = _opened(request, progress)
    if request.revert is not None:
        return _revert(scene)
    problem = _problem(scene, scene.version)
    if problem is not None:
        raise NotPromotedError(
            f"{scene.version.uri} is not promoted: {problem}; register a proved commit with"
            " 'lockproof register', and promote that version"
        )
    return _deliver(scene, _state(scene), _wanted(scene.version), None)


def _opened(request: Request, progress: Progress) -> _Scene:
    own = GitRepository.discover(request.directory.absolute())
    root = find_root(Path(os.path.realpath(request.directory)), own.root)
    registry = Registry.open(load_policy(root / FILE_NAME).mlflow, root)
    file = request.to if request.to.is_absolute() else request.directory / request.to
    if not os.path.isdir(file.parent):
        raise UsageError(f"there is no folder {file.parent}: name a manifest with --to")
    git = GitRepository.discover(file.parent.absolute())
    version = version_named(request.version, registry)
    path = path_in(git, file)
    return _Scene(request, version, registry, git, path, Standing(own), progress)


def _problem(scene: _Scene, version: ModelVersion) -> str | None:
    """Why a version may not be served; None where it may."""
    problems = (*scene.standing.problems(version), *_copied(scene, version))
    if problems:
        return problems[0]
    git, commit = scene.standing.git, version.commit or ""
    revoked = revoked_commit(scene.policy, commit, lambda each: git.blob(each, ""))
    if revoked is not None or not scene.policy.trust:
        return revoked
    folder = scene.standing.git.root / (version.said("root") or ".")
    return refusal_of(version, folder, scene.progress)


def _copied(scene: _Scene, version: ModelVersion) -> tuple[str, ...]:
    """Whether somebody made a version that says the same as an earlier one."""
    if version.key is None:
        return ()
    with scene.registry.session() as session:
        first = next(iter(session.versions(version.name, version.key)), version)
    if first.number == version.number:
        return ()
    return (f"it says the same as version {first.number}, and 'register' makes no second one",)


def _wanted(version: ModelVersion) -> Wanted:
    digest = version.served_digest
    if digest is None:
        raise NotPromotedError(f"{version.uri} is not promoted: {_unserved(version)}")
    return Wanted(version.uri, digest, version.source)


def _unserved(version: ModelVersion) -> str:
    outputs = sorted(version.digests("outputs") or {})
    if len(outputs) < 2:
        return (
            "no MD5 names the one file or folder of it, by which who serves it could check it: it"
            " is locked as DVC 2 did, or its tags were edited"
        )
    named = ", ".join(outputs[:3]) + (", …" if outputs[3:] else "")
    return (
        f"it has {len(outputs)} outputs ({named}), and who serves it checks and keeps one file or"
        " folder: let the stage write what is served into one folder, or name in paths of [[model]]"
        f" the one output that is ({FILE_NAME}), and register it again"
    )


def _state(scene: _Scene) -> State:
    """The state that is edited: HEAD's where it is to be committed, else the work tree's."""
    git, request = scene.git, scene.request
    committed = request.commit or request.branch is not None
    read = commit_reader(git, git.resolve("HEAD")) if committed else work_tree_reader(git)
    return State(read, scene.path, scene.version.name)


def _deliver(scene: _Scene, state: State, wanted: Wanted, why: str | None) -> Promoted:
    request, git = scene.request, scene.git
    before = tuple(dict.fromkeys(w.uri for w in state.named()))
    files = state.with_wanted(wanted)
    message = commit_message(scene.version, before, wanted.uri, why)
    body = pull_request_body(scene.version, before, wanted, why)
    branch = commit = None
    if request.commit:
        _refuse_edits(scene, files)
    if request.branch is None:
        for path, content in files.items():  # The patch before the kustomization that names it.
            write_whole(git.root / path, content)
    if files and (request.commit or request.branch is not None):
        with work_folder() as scratch:
            index = scratch.path / "index"
            branch, commit = commit_files(git, files, message, request.branch, index)
    names = tuple(sorted(files))
    return Promoted(scene.version, before, wanted.uri, names, branch, commit, message, body)


def _refuse_edits(scene: _Scene, files: Mapping[str, bytes]) -> None:
    """Refuse files that the user has edited; what a killed run wrote is as it would be now."""
    if scene.git.branch() is None:
        raise UsageError("HEAD is detached, so no branch has the commit: name one with --branch")
    git, read = scene.git, work_tree_reader(scene.git)
    head = Snapshot(git, git.resolve("HEAD"))
    for path, content in files.items():
        found = read(path)
        if found == content:
            continue
        if is_changed(git, path):
            raise UsageError(f"{path} has changes of yours: commit or stash them first")
        # Git's index can be told to call any file unchanged, and names none that is ignored.
        if found is None and not os.path.lexists(git.root / path):
            continue
        if path not in head.entries:
            raise UsageError(f"{path} is here, and Git ignores it: move it away first")
        if found is not None and _is_as_in(head, path, found):
            continue
        if found is not None and kept_as(git, path, found) == head.entries[path].oid:
            raise UsageError(
                f"{path} is not as Git keeps it, though Git sees no change in it, as a filter or"
                " line ends make it: whether edits of yours are in it is not known, and --commit"
                " would replace them: use --branch NAME in its place, which leaves the file alone"
            )
        # Of two such options Git heeds the first.
        flags = ("--no-assume-unchanged", "--no-skip-worktree")
        look = " && ".join(f"git update-index {flag} {shlex.quote(path)}" for flag in flags)
        raise UsageError(
            f"{path} has changes of yours that Git was told not to look at: '{look}', then"
            " commit or stash them"
        )


def _is_as_in(head: Snapshot, path: str, found: bytes) -> bool:
    """Whether a file is as some checkout has it."""
    if found == head.read(path):
        return True
    forms = forms_of(head, [path]).get(path, ())
    return plain_sha256([found]) in forms


def _revert(scene: _Scene) -> Promoted:
    """Name what was named before the version and may still be, and say on the version why."""
    state = _state(scene)
    own, why = scene.version.uri, scene.request.revert or ""
    named = state.named()
    if not named:
        raise UsageError(f"{scene.path} names no version of {scene.version.name}")
    # The state's own comes first: in the work tree it may be of an earlier run, not committed.
    states = (state, *_history(scene, state))
    earlier = [wanted for each in states for wanted in each.named() if wanted.uri]
    target = named[0]
    if any(wanted.uri == own for wanted in named):
        target = _one_before(scene, earlier)
    elif all(wanted.uri != own for wanted in earlier):
        raise UsageError(f"{scene.path} names {target.uri}, and never named {own}")
    done = _deliver(scene, state, target, why)
    said = f"{why} ({scene.path})"
    if scene.version.tags.get(REVERTED) != said:
        with scene.registry.session() as session:
            session.set_tag(scene.version, REVERTED, said)
    return done


def _one_before(scene: _Scene, earlier: Sequence[Wanted]) -> Wanted:
    """The last that was named, not taken back and may be served: not what was revoked since.

    Args:
        scene: with the version that is taken back.
        earlier: what was named, newest first, from now on.
    """
    stack: list[Wanted] = []
    taken: set[str] = set()
    for wanted in reversed(earlier):
        known = [each.uri for each in stack]
        if wanted.uri in known:  # Who went back to it took back what had followed.
            index = known.index(wanted.uri)
            taken.update(known[index + 1 :])
            del stack[index:]
        stack.append(wanted)
    left = [wanted for wanted in reversed(stack) if wanted.uri != scene.version.uri]
    if not left:
        raise UsageError(
            f"the history of {scene.path} names no other version of {scene.version.name} that was"
            " not taken back: promote one that is to be served (a shallow clone may lack it: git"
            " fetch --unshallow)"
        )
    problems = []
    for wanted in left:
        # What was taken back in this history, and is in it after that, was promoted again.
        problem = _why_not(scene, wanted, again=wanted.uri in taken)
        if problem is None:
            return wanted
        problems.append(f"{wanted.uri}: {problem}")
        scene.progress.say(f"not gone back to {problems[-1]}")
    raise NotPromotedError(
        f"of what {scene.path} named before, nothing may be served any more ({problems[0]}):"
        " promote one that may"
    )


def _why_not(scene: _Scene, wanted: Wanted, *, again: bool) -> str | None:
    """Why what was named once may not be named again; None where it may.

    Args:
        scene: with the registry.
        wanted: what was named.
        again: whether it was named again after it had been taken back.
    """
    try:
        version = version_named(wanted.uri, scene.registry)
        why, here, _ = version.tags.get(REVERTED, "").rpartition(f" ({scene.path})")
        if here and not again:
            return f"it was taken back, on another branch or without a commit: {why}"
        problem = _problem(scene, version)
        if problem is None and wanted.digest not in ("", _wanted(version).digest):
            return f"{scene.path} named it with another digest than it has"
    except (UsageError, NotPromotedError) as error:
        return str(error)
    return problem


def _history(scene: _Scene, state: State) -> Iterator[State]:
    """The state as HEAD has it, and as it was before each change of its file, newest first."""
    git = scene.git
    head = git.resolve("HEAD")
    path = state.patch if state.is_patched else scene.path
    changes = git.history(head, path, first_parent=True)
    commits = [head, *(git.parent(commit) for commit in changes)]
    for commit in dict.fromkeys(commits):
        if commit is not None and git.blob(commit, scene.path) is not None:
            yield State(commit_reader(git, commit), scene.path, scene.version.name)
