"""Metrics as rows: each says of what it is, where that is not plain."""

from collections.abc import Iterator
from typing import NamedTuple

from lockproof.model.report import MetricValue, Report
from lockproof.render import words
from lockproof.render.foreign import brief

_NAMES = 3
_NAME_LIMIT = 80


class MetricRow(NamedTuple):
    """One metric beside its locked value."""

    path: str
    key: str
    of: str
    """What it is of, such as `of the locked model.pkl`; empty where nothing above it changed."""
    locked: float | None
    observed: float | None

    @property
    def texts(self) -> tuple[str, str, str]:
        """Locked, observed, and by how much it changed."""
        return (
            *words.numbers_apart(self.locked, self.observed),
            words.change(self.locked, self.observed),
        )


def metric_rows(values: tuple[MetricValue, ...]) -> Iterator[MetricRow]:
    """Each metric, and once more as made from inputs that came out differently."""
    for value in values:
        path, key, locked = value.path, value.key, value.locked
        names = ", ".join(brief(name, _NAME_LIMIT) for name in value.upstream[:_NAMES])
        if len(value.upstream) > _NAMES:
            names += f" and {len(value.upstream) - _NAMES:,} more"
        of = f"of the locked {names}" if names else ""
        yield MetricRow(path, key, of, locked, value.observed)
        if value.followed is not None:
            yield MetricRow(path, key, f"of {names} as made here", locked, value.followed)


def moved_metrics(report: Report) -> list[MetricRow]:
    """Those of stages with inputs that came out differently, for where there is little room."""
    return [row for row in metric_rows(report.host.metrics) if row.of]
