"""Metrics against thresholds, and against those of the base revision."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import normpath
from typing import Literal

from lockproof.model.finding import Finding

from .catalog import finding

Metrics = Mapping[str, Mapping[str, float]]
"""Metrics file, relative to the DVC root -> dotted key -> value."""


@dataclass(frozen=True)
class Demand:
    """What the policy demands of some metrics."""

    path: str
    """A glob on metrics files, relative to the DVC root."""
    key: str = "*"
    """A glob on dotted keys."""
    min: float | None = None
    max: float | None = None
    direction: Literal["higher", "lower"] | None = None
    """Which way is better; None means that the base has no say."""
    atol: float = 0.0
    rtol: float = 0.0
    """A metric may be worse than at the base by `atol + rtol * |base|`."""

    def applies(self, path: str, key: str) -> bool:
        """Whether it is about this metric."""
        return fnmatchcase(path, self.path) and fnmatchcase(key, self.key)

    @property
    def name(self) -> str:
        """`metrics.json accuracy`, as findings show it."""
        return f"{self.path} {self.key}"


def value_findings(metrics: Metrics, root: str = ".") -> Iterator[Finding]:
    """Metrics that are no finite numbers, and files without any.

    `root` is the DVC root, relative to the Git root, here and below.
    """
    for path, values in sorted(metrics.items()):
        if not values:
            yield finding(
                "LP501",
                path,
                f"{path} has no metric in it: let its stage write some",
                path=_at(root, path),
            )
        for key, value in values.items():
            if not math.isfinite(value):
                yield finding(
                    "LP502",
                    f"{path} {key}",
                    f"{key} in {path} is {value}, which compares with nothing: find out why, and"
                    " run the stage again",
                    path=_at(root, path),
                )


def demand_findings(
    demand: Demand,
    metrics: Metrics,
    base: Metrics | None,
    root: str = ".",
    *,
    partial: bool = False,
) -> Iterator[Finding]:
    """What a demand of the policy finds.

    Args:
        demand: what is demanded.
        metrics: those of the revision.
        base: those of the base revision; None where there is none to compare with.
        root: see `value_findings`.
        partial: whether files could not be read, so that what is not found may yet be there.
    """
    found = False
    for path, values in sorted(metrics.items()):
        for key, value in values.items():
            if demand.applies(path, key):
                found = True
                yield from _thresholds(demand, path, key, value, root)
                before = (base or {}).get(path, {}).get(key)
                if before is not None:
                    yield from _regression(demand, path, key, (before, value), root)
    if partial:
        return
    if not found:
        yield finding(
            "LP501",
            demand.name,
            f"no metric matches [[metric]] path = {demand.path!r}, key = {demand.key!r}: let a"
            " stage write it to a metrics file in Git (cache: false), or correct lockproof.toml",
        )
        return
    for path, values in sorted((base or {}).items()):
        for key in values:
            if demand.applies(path, key) and key not in metrics.get(path, {}):
                yield finding(
                    "LP501",
                    f"{path} {key}",
                    f"{key} in {path} is there at the base and not any more: let the stage write"
                    " it, or take it out of the base first",
                    path=_at(root, path),
                )


def unreadable_metrics(path: str, reason: str, root: str = ".") -> Finding:
    """The finding where a metrics file cannot be read."""
    return finding(
        "LP505",
        path,
        f"{reason}: let its stage write JSON, YAML or TOML with numbers, and run it again",
        path=_at(root, path),
    )


def _thresholds(demand: Demand, path: str, key: str, value: float, root: str) -> Iterator[Finding]:
    # Neither comparison holds for NaN, which has a finding of its own.
    for word, limit, outside in (
        ("at least", demand.min, demand.min is not None and value < demand.min),
        ("at most", demand.max, demand.max is not None and value > demand.max),
    ):
        if outside:
            yield finding(
                "LP503",
                f"{path} {key}",
                f"{key} in {path} is {value:g}, and must be {word} {limit:g}: improve it, or"
                " change [[metric]] at the base",
                path=_at(root, path),
                seen=value,
            )


def _regression(
    demand: Demand, path: str, key: str, values: tuple[float, float], root: str
) -> Iterator[Finding]:
    before, value = values
    if demand.direction is None or not (math.isfinite(before) and math.isfinite(value)):
        return
    worse = before - value if demand.direction == "higher" else value - before
    allowed = demand.atol + demand.rtol * abs(before)
    if worse > allowed:
        yield finding(
            "LP504",
            f"{path} {key}",
            f"{key} in {path} went from {before:g} to {value:g}, worse by {worse:.3g}, and may be"
            f" worse by {allowed:.3g} at most: improve it, or allow more in [[metric]] at the base",
            path=_at(root, path),
            seen=value,
        )


def _at(root: str, path: str) -> str:
    return normpath(f"{root}/{path}")
