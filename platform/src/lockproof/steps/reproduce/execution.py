"""One stage, run once: lay out its inputs, run its command under limits, see what it did."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lockproof.adapters.dvc.odd import OddError
from lockproof.adapters.dvc.project import write_params
from lockproof.adapters.dvc.unkept import unkept
from lockproof.adapters.environment.build import PipelineEnvironment
from lockproof.adapters.environment.variables import stage_variables
from lockproof.adapters.files import UMASK
from lockproof.adapters.patience import in_thread, patience
from lockproof.adapters.sandbox.run import Completed, run_commands
from lockproof.adapters.sandbox.trace import Trace, Traced
from lockproof.errors import UsageError
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Dep, Stage, inside

from .curtain import drawn
from .limits import limits_of
from .order import disarrange
from .place import lead_home, prepare_place, unseen
from .session import Session, Workspace
from .undeclared import undeclared_reads, undeclared_writes
from .world import USUAL, World


@dataclass(frozen=True)
class Input:
    """Where the content of an input comes from: an object, or a path that holds it."""

    digest: Digest | None
    file: Path | None = None
    below: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setup:
    """What a stage is run with. An experiment is a setup with one thing put back."""

    command: tuple[str, ...]
    inputs: Mapping[str, Input]
    """Path below the DVC root -> what to lay out there."""
    present: Mapping[str, Digest | None] = field(default_factory=dict)
    """Digests of inputs that stand in the workspace already."""
    restored: Mapping[str, str] = field(default_factory=dict)
    """Path below the DVC root -> commit to take it from."""
    params: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Parameter file -> dotted key -> value to set."""
    environment: PipelineEnvironment | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    make_folders: bool = True
    """Whether the folders of outputs are made first, as they are when a stage runs alone."""
    world: World = USUAL
    """What is around the run; experiments that put something back leave it as it is."""

    def put_back(self, **changes: object) -> "Setup":
        """The same setup with some mappings extended or values replaced."""
        merged = {
            key: {**getattr(self, key), **value} if isinstance(value, Mapping) else value
            for key, value in changes.items()
        }
        return replace(self, **merged)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Execution:
    """What was seen of one run."""

    completed: Completed
    given: Mapping[str, Digest | None]
    """Dependency -> digest of what the command was given."""
    outs: Mapping[str, Digest | None]
    rewritten: Mapping[str, tuple[Digest | None, Digest | None]]
    """Dependency -> its digest before and after, where the command changed it."""
    undeclared_inputs: tuple[str, ...]
    undeclared_outputs: tuple[str, ...]
    reads_known: bool
    """Whether `undeclared_inputs` are all that there are."""
    log: Path
    seconds: Mapping[str, float]
    odd: Mapping[str, str] = field(default_factory=dict)
    """Output -> why it cannot be hashed, such as a pipe."""
    root: str = ""
    """The DVC root as the command saw it."""
    home: str = ""
    """Its `HOME`, which was empty."""
    disarranged: int = 0
    """How many folders listed their entries in another order, where that was asked for."""
    unkept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Output -> what is in it that no object of DVC's holds, such as empty folders."""

    @property
    def succeeded(self) -> bool:
        """Whether the command ended by itself with exit code 0, and left what can be read."""
        return self.completed.exit_code == 0 and not self.completed.timed_out and not self.odd


class InputMissingError(UsageError):
    """An input of a stage cannot be laid out; the message is its path."""


async def execute(
    session: Session,
    stage: Stage,
    setup: Setup,
    workspace: Workspace,
    label: str = "",
    aside: Sequence[str] = (),
) -> Execution:
    """Run a stage in a workspace.

    `aside` are further paths, from the DVC root, that the stage does not find.

    Raises:
        InputMissingError: an input is neither in Git nor in the object store.
        UsageError: the disk is full, or a file cannot be read.
    """
    clock = time.monotonic()
    absent = unseen(session.surface, stage)
    if absent:
        session.progress.say(f"{stage.address}: {absent[0]} is not named in run.visible")
        raise InputMissingError(absent[0])
    before = await in_thread(_lay_out, session, stage, setup, workspace)
    log = session.log_path(stage, label)
    environment = setup.environment or session.environment
    world = setup.world
    place = prepare_place(session.surface_of(environment), stage, workspace.folder, world)
    root = Path(os.path.normpath(place.checkout / session.prefix))
    variables = stage_variables(
        session.policy.run,
        path=environment.search_path(),
        home=place.home,
        tmp=place.tmp,
        extra={"DVC_ROOT": str(root), "DVC_STAGE": stage.address, **setup.variables},
    )
    variables = _varied(variables, world)
    name = stage.address + (f" ({label})" if label else "")
    session.progress.show(name, "")
    hidden = session.curtain.hidden(stage, declared_only=world.declared_only)
    disarranged = 0
    with drawn(workspace.folder, (*hidden, *map(session.git_path, aside))):
        (workspace.root / stage.wdir).mkdir(parents=True, exist_ok=True)
        # A sibling stage's output, or a file that is not declared, may be what makes the folder.
        if setup.make_folders or world.declared_only or session.curtain.declared_only:
            for out in stage.outs:
                if not out.external:
                    (workspace.root / out.path).parent.mkdir(parents=True, exist_ok=True)
        if world.disorder:
            places = (workspace.folder, world.disorder.other_than)
            disarranged = await in_thread(disarrange, *places)
        trace = await in_thread(Trace, workspace.root)
        laid_out = time.monotonic()
        completed = await run_commands(
            setup.command,
            cwd=Path(os.path.normpath(root / stage.wdir)),
            env=variables,
            shell=session.shell,
            log=log,
            limits=limits_of(session.policy.run, world),
            held=session.held,
            on_output=lambda line: session.progress.show(name, line),
            isolated=place.isolated,
        )
        ran = time.monotonic()
        traced = await in_thread(trace.stop)
    session.progress.end(name)
    if completed.refusal:
        raise UsageError(f"{stage.address} could not be isolated: {completed.refusal}")
    await in_thread(place.clear)
    made = [session.git_path(out.path) for out in stage.outs if not out.external]
    await in_thread(lead_home, workspace.folder, place.checkout, made)
    # Reading what is left has as much time again.
    outs, odd = await in_thread(_hash_outs, stage, workspace, seconds=session.policy.run.timeout)
    rewritten = await in_thread(_rewritten, stage, workspace, before, traced)
    whole = [path for path, digest in outs.items() if digest]
    return Execution(
        completed=completed,
        given=before,
        outs=outs,
        rewritten=rewritten,
        undeclared_inputs=undeclared_reads(stage, traced),
        undeclared_outputs=undeclared_writes(stage, traced),
        reads_known=traced.reads_known,
        log=log,
        odd=odd,
        root=str(root),
        home=str(place.home),
        disarranged=disarranged,
        unkept=await in_thread(_unkept, workspace, whole),
        seconds={
            "prepare": laid_out - clock,
            "run": ran - laid_out,
            "compare": time.monotonic() - ran,
        },
    )


def _varied(variables: Mapping[str, str], world: World) -> dict[str, str]:
    """The variables of a stage as the world has them."""
    found: dict[str, str | None] = {"PYTHONHASHSEED": str(world.seed), **variables}
    if world.account:
        found |= {"USER": world.account.name, "LOGNAME": world.account.name}
    found.update(world.variables)
    return {name: value for name, value in found.items() if value is not None}


def _lay_out(
    session: Session, stage: Stage, setup: Setup, workspace: Workspace
) -> dict[str, Digest | None]:
    """Put everything in place; returns the digest of each dependency."""
    root = workspace.root
    for path in (*setup.restored, *setup.inputs, *setup.params, *(o.path for o in stage.outs)):
        _refuse_escape(workspace, path)
    for path, commit in setup.restored.items():
        _delete(root / path)
        session.git.restore(commit, session.git_path(path), workspace.folder)
    for path, given in setup.inputs.items():
        _place(session, path, given, root / path)
        wanted = given.digest if given.file else None
        if wanted and workspace.hasher.digest(path, wanted.algorithm) != wanted:
            raise InputMissingError(path)  # A later stage has changed it since.
    for dep in stage.deps:
        if dep.executable and dep.path in setup.inputs and (root / dep.path).is_file():
            os.chmod(root / dep.path, 0o777 & ~UMASK)
    for path, values in setup.params.items():
        write_params(root / path, values)
    for out in stage.outs:
        if out.external:
            continue
        if not out.persist:
            _delete(root / out.path)
    known = {**setup.present, **{path: given.digest for path, given in setup.inputs.items()}}
    return {
        dep.path: _given(workspace, dep, known.get(dep.path))
        for dep in stage.deps
        if not dep.external or os.path.isabs(dep.path)
    }


def _given(workspace: Workspace, dep: Dep, known: Digest | None) -> Digest | None:
    """What a dependency is given as, by the kind of digest that it is locked with."""
    comparable = known is None or not dep.has_md5 or known.algorithm == dep.algorithm
    return known if known and comparable else _digest(workspace, dep.path, dep.algorithm)


def _refuse_escape(workspace: Workspace, path: str) -> None:
    """A tracked symbolic link must not lead what is written or deleted out of the checkout."""
    if os.path.isabs(path) or "://" in path:
        return  # An external output, which is never touched.
    parent = (workspace.root / path).parent.resolve()
    if not parent.is_relative_to(workspace.folder.resolve()):
        raise UsageError(f"{path} leads out of the repository through a symbolic link: remove it")


def _place(session: Session, path: str, given: Input, target: Path) -> None:
    if given.file is not None:
        _delete(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if given.file.is_dir():
            shutil.copytree(given.file, target, symlinks=True, copy_function=_copied)
        elif given.file.exists():
            shutil.copy(given.file, target)  # With its mode.
        else:
            raise InputMissingError(path)
    elif given.digest is None or not session.store.copy(given.digest, path, target, given.below):
        raise InputMissingError(path)


def _copied(source: str, target: str) -> None:
    patience().check()
    shutil.copy2(source, target)


def _delete(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _hash_outs(
    stage: Stage, workspace: Workspace
) -> tuple[dict[str, Digest | None], dict[str, str]]:
    """The digests of outputs, and why some have none although something is there."""
    found: dict[str, Digest | None] = {}
    odd: dict[str, str] = {}
    within = workspace.folder.resolve()
    for out in stage.outs:
        if out.external:
            continue
        found[out.path] = None
        try:
            found[out.path] = workspace.hasher.digest(out.path, out.algorithm, within=within)
        except OddError as error:
            odd[out.path] = str(error)
    return found, odd


def _unkept(workspace: Workspace, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {path: found for path in paths if (found := unkept(workspace.root / path, path))}


def _digest(workspace: Workspace, path: str, algorithm: str) -> Digest | None:
    """The digest of a dependency; None also where it is nothing that has one."""
    try:
        return workspace.hasher.digest(path, algorithm)
    except OddError:
        return None


def _rewritten(
    stage: Stage, workspace: Workspace, before: Mapping[str, Digest | None], traced: Traced
) -> dict[str, tuple[Digest | None, Digest | None]]:
    changed = {}
    for dep in stage.deps:
        if dep.path not in before:
            continue
        touched = any(inside(path, dep.path) for path in traced.written)
        gone = not (workspace.root / dep.path).exists()
        if not touched and not gone:
            continue
        old = before[dep.path]
        after = _digest(workspace, dep.path, old.algorithm if old else "md5")
        if after != old and not any(inside(out.path, dep.path) for out in stage.outs):
            changed[dep.path] = (old, after)
    return changed
