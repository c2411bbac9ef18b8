"""From which inputs a stage is run."""

import os
from collections.abc import Iterator

from lockproof.adapters.dvc.objects import Need
from lockproof.errors import UsageError
from lockproof.model.pipeline import Out, Stage, inside, overlap

from .curtain import declared_paths
from .execution import Input
from .place import links_below
from .session import Session


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
