"""Which stages are run. What runs them is not imported here: `affected` only names them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from lockproof.config import Policy, ToleranceRule
from lockproof.errors import UsageError
from lockproof.model.pipeline import Out, Pipeline, Stage


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


def stated(policy: Policy, out: Out) -> tuple[ToleranceRule, ...]:
    """The tolerance rules for an output on any hardware, those for files in a folder included."""
    return policy.tolerances_for(out.path, folder=bool(out.locked and out.locked.is_dir))
