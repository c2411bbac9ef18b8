"""What a revision changes against its base, as far as locks and metrics files say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lockproof.model.base import canonical_json
from lockproof.model.changes import (
    Changes,
    DataChange,
    FolderChange,
    MetricChange,
    ParamChange,
    StageChange,
)
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Out, Pipeline, Stage, flat
from lockproof.model.run import plain

_EXAMPLES = 5
_Change = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Side:
    """One of the two revisions."""

    pipeline: Pipeline
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Metrics file -> dotted key -> value, of the files that Git has."""
    unknown: tuple[str, ...] = ()
    """What could not be read of this revision and why."""


def changes_between(
    base: str,
    before: Side,
    after: Side,
    better: Mapping[tuple[str, str], Literal["higher", "lower"]] | None = None,
) -> Changes:
    """Everything that is not the same.

    Args:
        base: the commit of `before`.
        before: the base.
        after: the revision.
        better: (metrics file, key) -> which way is better, where the policy says so.
    """
    return Changes(
        base=base,
        metrics=tuple(_metrics(before.metrics, after.metrics, better or {})),
        params=tuple(_params(_values(before.pipeline), _values(after.pipeline))),
        data=tuple(_data(_outs(before.pipeline), _outs(after.pipeline))),
        stages=tuple(_stages(before.pipeline, after.pipeline)),
        unknown=tuple(dict.fromkeys((*before.unknown, *after.unknown))),
    )


def folder_change(before: Mapping[str, str], after: Mapping[str, str]) -> FolderChange:
    """What changed between two listings: path in the directory -> digest."""
    added = sorted(after.keys() - before.keys())
    removed = sorted(before.keys() - after.keys())
    changed = sorted(path for path in before.keys() & after.keys() if before[path] != after[path])
    signs = [("+", added), ("-", removed), ("~", changed)]
    shown = [f"{sign} {path}" for sign, paths in signs for path in paths[:_EXAMPLES]]
    return FolderChange(
        added=len(added), removed=len(removed), changed=len(changed), examples=tuple(shown)
    )


def _metrics(
    before: Mapping[str, Mapping[str, float]],
    after: Mapping[str, Mapping[str, float]],
    better: Mapping[tuple[str, str], Literal["higher", "lower"]],
) -> Iterator[MetricChange]:
    for path in sorted({*before, *after}):
        old, new = before.get(path, {}), after.get(path, {})
        for key in dict.fromkeys((*new, *old)):
            one, other = old.get(key), new.get(key)
            if one != other and not (one != one and other != other):  # NaN is NaN here.
                yield MetricChange(
                    path=path, key=key, base=one, current=other, better=better.get((path, key))
                )


def _values(pipeline: Pipeline) -> dict[tuple[str, str], Any]:
    # Those of the files, which a change may have without its lock.
    return {
        (params.path, key): plain(value)
        for stage in pipeline.stages
        for params in stage.params
        for key, value in flat(params.current or params.locked or {}).items()
    }


def _params(
    before: Mapping[tuple[str, str], Any], after: Mapping[tuple[str, str], Any]
) -> Iterator[ParamChange]:
    for path, key in sorted({*before, *after}):
        place = (path, key)
        how = _how(place in before, place in after)
        # As text, since 1 and True and 1.0 are equal in Python and not in a lock.
        if how == "changed" and canonical_json(before[place]) == canonical_json(after[place]):
            continue
        yield ParamChange(
            path=path, key=key, base=before.get(place), current=after.get(place), change=how
        )


def _outs(pipeline: Pipeline) -> dict[str, Out]:
    return {out.path: out for stage in pipeline.stages for out in stage.outs if out.cached}


def _data(before: Mapping[str, Out], after: Mapping[str, Out]) -> Iterator[DataChange]:
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old and new and (old.locked, old.stored) == (new.locked, new.stored):
            continue
        yield DataChange(
            path=path,
            change=_how(old is not None, new is not None),
            base=old.locked if old else None,
            current=new.locked if new else None,
            base_bytes=old.size if old else None,
            current_bytes=new.size if new else None,
            base_files=_files(old),
            current_files=_files(new),
        )


def _stages(before: Pipeline, after: Pipeline) -> Iterator[StageChange]:
    for address in (*after.by_address, *(before.by_address.keys() - after.by_address.keys())):
        old, new = before.by_address.get(address), after.by_address.get(address)
        if (new or old) is None or (new or old).kind != "stage":  # type: ignore[union-attr]
            continue
        commands = [stage.command if stage else () for stage in (old, new)]
        if commands[0] == commands[1]:
            commands = [(), ()]
        inputs = tuple(_inputs(_deps(old), _deps(new))) if old and new else ()
        how = _how(old is not None, new is not None)
        if how != "changed" or commands[0] or commands[1] or inputs:
            yield StageChange(
                address=address, change=how, base=commands[0], current=commands[1], inputs=inputs
            )


def _deps(stage: Stage) -> dict[str, Digest | None]:
    return {dep.path: dep.locked for dep in stage.deps}


def _inputs(
    before: Mapping[str, Digest | None], after: Mapping[str, Digest | None]
) -> Iterator[str]:
    for path in sorted({*before, *after}):
        if path not in before or path not in after:
            yield f"{'+' if path in after else '-'} {path}"
        elif before[path] != after[path]:
            yield f"~ {path}"


def _files(out: Out | None) -> int | None:
    if out is None or out.locked is None:
        return None
    return out.nfiles if out.locked.is_dir else 1


def _how(before: bool, after: bool) -> _Change:
    if before and after:
        return "changed"
    return "added" if after else "removed"
