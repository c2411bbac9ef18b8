"""The frequencies of training data, from a file that the pipeline wrote and the lock names."""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockproof.errors import ConfigError
from lockproof.model.canary_checks import OTHER, Drift, Spec

from .canary.drift import Reference
from .canary.frequencies import called
from .progress import Progress, during

if TYPE_CHECKING:
    from lockproof.model.pipeline import Out
    from lockproof.steps.gate.interface import Scene


def trained(spec: Spec, directory: Path, progress: Progress) -> dict[str, Reference]:
    """Name of a drift -> what its training data say, of those that name some.

    Raises:
        UsageError: there is no Git repository.
        ConfigError: the commit's lock does not name the file, it cannot be had as the lock names
            it, or it is not the table that it must be.
        UnavailableError: its remote does not answer.
    """
    drifts = [drift for drift in spec.drifts if drift.reference is not None]
    if not drifts:
        return {}
    from lockproof.steps.gate.interface import Request
    from lockproof.steps.gate.run import open_scene

    scene, _ = open_scene(Request(directory=directory), progress)
    if scene.reading.problems:
        raise ConfigError(scene.reading.problems[0].message)
    found = {}
    for drift in drifts:
        assert drift.reference is not None
        with during(progress, drift.name, f"reading {drift.reference.file}"):
            found[drift.name] = _read(drift, drift.reference.file, _Locked(scene, directory))
    return found


@dataclass(frozen=True)
class _Locked:
    """Files as the lock of the commit names them."""

    scene: "Scene"
    directory: Path

    def out(self, file: str) -> "Out":
        wanted = (self.directory.absolute() / file).resolve()
        for stage in self.scene.pipeline.stages:
            for out in stage.outs:
                if not out.external and (self.scene.root / out.path).resolve() == wanted:
                    if out.locked is not None and not out.locked.is_dir:
                        return out
                    raise ConfigError(f"{file} is no file that the lock names: run 'dvc repro'")
        raise ConfigError(
            f"{file} is no output of the pipeline, nor tracked by DVC, in the commit that is"
            " checked out: name one"
        )


def _read(drift: Drift, file: str, locked: _Locked) -> Reference:
    from lockproof.adapters.scratch import temporary_folder
    from lockproof.steps.outputs import Outputs
    from lockproof.steps.proofs.content import read_output

    out = locked.out(file)
    assert out.locked is not None
    here = locked.directory / file
    said = f"{file} as the lock names it ({out.locked.value})"
    if here.is_file() and read_output(here, out.locked) is not None:
        return Reference(_shares(drift, here), said)
    with temporary_folder() as folder:
        there = folder / "reference.csv"
        Outputs(locked.scene).bring(out, there)
        return Reference(_shares(drift, there), said)


def _shares(drift: Drift, path: Path) -> dict[str, float]:
    """Class, or bound -> which part of the rows has it, or is above it."""
    assert drift.reference is not None
    where = f"{drift.name}: {drift.reference.file}"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _of_values(
                drift, _column(csv.reader(file), drift.reference.column, where), where
            )
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{where} is no CSV file: {error}") from error


def _column(rows: Iterator[list[str]], column: str, where: str) -> Iterator[str]:
    head = next(rows, [])
    if head.count(column) != 1:
        told = ", ".join(head)[:200]
        raise ConfigError(f"{where} has not one column {column!r}: there are {told or 'none'}")
    at = head.index(column)
    for row in rows:
        if not row:
            continue
        if len(row) != len(head):
            raise ConfigError(f"{where}: a row has {len(row)} fields, the first line {len(head)}")
        yield row[at]


def _of_values(drift: Drift, values: Iterable[str], where: str) -> dict[str, float]:
    if drift.classes is not None:
        counts: Counter[str] = Counter()
        for value in values:
            counts[value if value in drift.classes.values else OTHER] += 1
        if not counts or set(counts) == {OTHER}:
            raise ConfigError(f"{where} has none of the classes that are named")
        return {key: counts[key] / counts.total() for key in (*drift.classes.values, OTHER)}
    assert drift.histogram is not None
    above, many = dict.fromkeys(drift.histogram.bounds, 0), 0
    for value in values:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            raise ConfigError(f"{where}: {value[:80]!r} is no number")
        many += 1
        for bound in above:
            above[bound] += number > bound
    if not many:
        raise ConfigError(f"{where} has no rows")
    return {called(bound): each / many for bound, each in above.items()}
