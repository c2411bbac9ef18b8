"""Where a stage is declared and locked, and in what its lock entry differs from what it names."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from .entries import Place
from .lock_file import LockEntry


class StageLines(NamedTuple):
    """Where a stage is declared and locked, and what the lock says that `dvc.yaml` does not."""

    declared: int | None
    locked: int | None
    other_command: bool = False
    """Whether the command is written otherwise than in the lock: a text of two lines is one script,
    a list of two texts is two."""
    unlocked: tuple[str, ...] = ()
    """Dependencies, outputs and parameter files that the lock's entry lacks; POSIX, below the DVC
    root."""
    stale: tuple[str, ...] = ()
    """Those that only the lock has, and `KEY of FILE` for each such parameter."""


def stage_lines(
    entry: LockEntry | None,
    line: int,
    at: Callable[[str], Place],
    deps: Collection[str],
    outs: Collection[str],
    params: Mapping[str, Collection[str]],
    *,
    other_command: bool,
) -> StageLines:
    """What is declared, as the stage names it; of a parameter file no key means all of it."""
    if entry is None:
        return StageLines(line, None)
    values: Mapping[str, Mapping[str, Any]] = entry.value.get("params") or {}
    if (  # Which is known faster than what differs.
        entry.deps.keys() == set(deps)
        and entry.outs.keys() == set(outs)
        and values.keys() == params.keys()
        and not any(keys and values[path].keys() - set(keys) for path, keys in params.items())
    ):
        return StageLines(line, entry.line, other_command)
    pairs = ((deps, entry.deps), (outs, entry.outs), (params, values))
    unlocked = [path for ours, theirs in pairs for path in ours if path not in theirs]
    stale = [path for ours, theirs in pairs for path in theirs if path not in ours]
    keys_of = [
        (key, path)
        for path, keys in params.items()
        for key in (values.get(path, ()) if keys else ())
        if key not in keys
    ]
    return StageLines(
        line,
        entry.line,
        other_command,
        unlocked=tuple([at(path).path for path in unlocked]),
        stale=(
            *[at(path).path for path in stale],
            *[f"{key} of {at(path).path}" for key, path in keys_of],
        ),
    )
