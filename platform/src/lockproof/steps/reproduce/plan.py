"""What to run: which stages, and from which inputs."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lockproof.adapters.dvc.objects import Need
from lockproof.config import Policy
from lockproof.errors import UsageError
from lockproof.model.pipeline import Out, Pipeline, Stage, inside, overlap

from .curtain import declared_paths
from .execution import Input
from .judge import stated
from .place import links_below
from .session import Session


@dataclass(frozen=True)
class Selection:
    """Which stages are looked at."""

    reported: tuple[Stage, ...]
    """In pipeline order."""
    unaffected: frozenset[str]
    """Addresses left out because nothing about them changed since the base."""


def choose_mode(policy: Policy, pipeline: Pipeline) -> str:
    """`chain` where a tolerance is involved (small differences add up), else `isolated`."""
    if policy.reproduce.mode:
        return policy.reproduce.mode
    outs = [out for stage in pipeline.stages if stage.kind == "stage" for out in stage.outs]
    loose = any(stated(policy, o) or policy.judges_of(o.path) for o in outs)
    return "chain" if loose else "isolated"


def select(
    pipeline: Pipeline, wanted: Sequence[str], mode: str, affected: frozenset[str] | None
) -> Selection:
    """The stages to report on.

    In chain mode the stages that a wanted one needs are run, so they are reported as well.

    Raises:
        UsageError: the pipeline has no stage, or a wanted one is not in it.
    """
    stages = [stage for stage in pipeline.stages if stage.kind == "stage"]
    if not stages:
        raise UsageError("there is no pipeline stage here: no dvc.yaml declares one")
    chosen: set[str] = set()
    for name in wanted:
        found = {s.address for s in stages if name in _names(s.address)}
        if not found:
            raise UsageError(
                f"no stage {name!r}; there are: {', '.join(s.address for s in stages)}"
            )
        chosen |= found
    scope = chosen or {s.address for s in stages}
    run = scope if affected is None else scope & affected
    needed = pipeline.ancestors(run) if mode == "chain" else set()
    shown = scope | needed
    reported = tuple(s for s in stages if s.address in shown)
    return Selection(reported, frozenset(scope - run - needed))


def _names(address: str) -> set[str]:
    """What a stage may be called: with or without its file, with or without its matrix part.

    With `=` before it, an address means that one stage alone.
    """
    short = address.rpartition(":")[2]
    names = {name for full in (address, short) for name in (full, full.partition("@")[0])}
    return {*names, f"={address}"}


def isolated_inputs(session: Session, stage: Stage) -> tuple[dict[str, Input], list[Need]]:
    """A stage's locked inputs: what to lay out, and what must be fetched for it."""
    inputs: dict[str, Input] = {}
    needs: list[Need] = []
    for producer, out in session.pipeline.inputs(stage):
        if out.external or not out.cached:
            continue
        below = needed_part(stage, out)
        inputs[out.path] = Input(out.locked, below=below)
        if out.locked:
            needs.append(Need(out, producer, below))
    return inputs, needs


def needed_part(stage: Stage, out: Out) -> tuple[str, ...]:
    """The paths inside a directory output that a stage depends on; empty means all of it."""
    if any(inside(out.path, dep.path) for dep in stage.deps):
        return ()
    return tuple(dep.path for dep in stage.deps if inside(dep.path, out.path))


def missing_inputs(session: Session, stage: Stage) -> tuple[str, ...]:
    """Dependencies that no commit, `.dvc` file or stage provides.

    Raises:
        UsageError: the stage can read of a submodule, or of Git LFS, what is not in this clone.
    """
    if session.absent:
        _refuse_absent(session, stage)
    provided = [out for _, out in session.pipeline.inputs(stage)]
    return tuple(
        dep.path
        for dep in stage.deps
        if not dep.external
        and not _is_whole(session, dep.path)
        and not any(overlap(out.path, dep.path) and (out.cached or out.locked) for out in provided)
    )


def _is_whole(session: Session, path: str) -> bool:
    return (session.project.root / path).exists() and not session.siblings.is_part(path)


def _refuse_absent(session: Session, stage: Stage) -> None:
    """Whatever it made of a pointer or an empty folder would say nothing of the commit."""
    hidden = session.hidden_from(stage)
    declared = [session.git_path(path) for path in declared_paths(stage)]
    declared += _dependencies(session, stage)
    for path, way in session.absent.items():
        needs = any(overlap(path, at) for at in declared)
        if not needs and any(inside(path, at) for at in hidden):
            continue
        or_hide = f", or, if no stage reads it, add {_entry(session, path)!r} to [run] hidden"
        raise UsageError(
            f"{stage.address} {'needs' if needs else 'finds'} {path}, whose content this clone"
            f" does not give: run {way!r}{'' if needs else or_hide}"
        )


def _entry(session: Session, path: str) -> str:
    """The file or submodule of this commit that is or holds a path."""
    parts = path.split("/")
    heads = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return next((head for head in heads if head in session.files), path)


def _dependencies(session: Session, stage: Stage) -> Iterator[str]:
    """Where dependencies, and the links in them, really are, from the Git root."""
    root = os.path.realpath(session.project.root)
    top = os.path.normpath(os.path.join(root, os.path.relpath(".", session.prefix or ".")))
    for dep in (dep for dep in stage.deps if not os.path.isabs(dep.path)):
        real = os.path.realpath(os.path.join(root, dep.path))
        for place in (real, *links_below(real)):
            yield os.path.relpath(os.path.realpath(place), top)


def affected_stages(
    old: Pipeline,
    new: Pipeline,
    changed: Callable[[str], bool],
    whole: Iterable[str],
) -> frozenset[str]:
    """Stages whose definition, lock entry, parameters or dependencies differ.

    Args:
        old: the pipeline at the base.
        new: the pipeline under proof.
        changed: whether Git holds something else at a path than at the base.
        whole: files (policy, environment lock) whose change affects every stage.
    """
    stages = [stage for stage in new.stages if stage.kind == "stage"]
    if any(changed(path) for path in whole):
        return frozenset(s.address for s in stages)
    return frozenset(
        stage.address
        for stage in stages
        if (old is not new and _differs(old, new, stage))
        or any(changed(dep.path) for dep in stage.deps)
        or any(changed(out.path) for out in stage.outs if not out.cached)
    )


def _differs(old: Pipeline, new: Pipeline, stage: Stage) -> bool:
    before = old.by_address.get(stage.address)
    if before is None or not _same(before, stage):
        return True
    return _given(old, before) != _given(new, stage)


def _same(old: Stage, new: Stage) -> bool:
    """Whether two stages differ at most in the lines of the lock where they stand."""
    return old == new or _without_lines(old) == _without_lines(new)


def _without_lines(stage: Stage) -> Stage:
    deps = tuple(replace(dep, line=None) for dep in stage.deps)
    outs = tuple(replace(out, line=None) for out in stage.outs)
    return replace(stage, deps=deps, outs=outs)


def _given(pipeline: Pipeline, stage: Stage) -> dict[str, str]:
    return {out.path: str(out.locked) for _, out in pipeline.inputs(stage)}
