"""Where the figures of a canary come from: a Prometheus server, or a file of samples."""

import time
from collections.abc import Mapping

from lockproof.adapters.prometheus.client import Prometheus
from lockproof.adapters.prometheus.series import Line
from lockproof.errors import ConfigError
from lockproof.model.canary import SKEW
from lockproof.model.canary_checks import Drift
from lockproof.parse.canary_checks import CanarySamples, Samples, as_text

from .frequencies import any_of, counted, of_samples
from .interface import Column, Counts, Figures, Look

_OF_REQUESTS = ("total", "count", "counts", "buckets")


class PrometheusSource:
    """Asks a server."""

    def __init__(self, server: Prometheus) -> None:
        """`server` is asked."""
        self.name, self._server = server.name, server

    def figures(self, measure: str, parts: Mapping[str, str], arm: str, look: Look) -> Figures:
        """As `Source` says."""
        columns: dict[str, Column] = {}
        for part, query in parts.items():
            lines: list[Line] = []
            if look.count:
                first = look.since + look.interval
                lines = self._server.query_range(query, first, look.until, look.interval)
            if len(lines) > 1:
                raise ConfigError(
                    f"{measure}: the query for {part} gives {len(lines)} series, must give one:"
                    " put sum() around it"
                )
            if lines and lines[0].histograms:
                raise ConfigError(
                    f"{measure}: the query for {part} gives native histograms: ask for one number,"
                    " such as histogram_count() of it, or make it the histogram of a drift"
                )
            columns[part] = _column(lines[0], look) if lines else [None] * look.count
        return Figures(queries=dict(parts), columns=columns)

    def frequencies(self, drift: Drift, parts: Mapping[str, str], arm: str, look: Look) -> Counts:
        """As `Source` says."""
        (query,) = parts.values()
        lines: list[Line] = []
        if look.count:
            first = look.since + look.interval
            lines = self._server.query_range(query, first, look.until, look.interval)
        return counted(drift, query, lines, look)

    def apart(self, measure: str, parts: Mapping[str, str], look: Look) -> None:
        """As `Source` says; asked of the requests alone."""
        if not look.count:
            return
        query = next(parts[part] for part in _OF_REQUESTS if part in parts)
        first = look.since + look.interval
        try:
            lines = self._server.query_range(query, first, look.until, look.interval)
        except ConfigError as error:
            raise ConfigError(
                f"{measure}: spec.arms: matchers of the canary and of stable must go together with"
                f" a comma between them: {error}"
            ) from error
        if any(any_of(line) for line in lines):
            raise ConfigError(
                f"{measure}: spec.arms: there are requests that are the canary's and the stable"
                " version's at once: write matchers that no series fits both of"
            )


def _column(line: Line, look: Look) -> Column:
    ends = (look.since + look.interval * (index + 1) for index in range(look.count))
    return [line.values.get(end) for end in ends]


class SamplesSource:
    """Reads what a file holds."""

    def __init__(self, samples: CanarySamples, name: str) -> None:
        """`name` is what the user calls the file."""
        self.name, self._samples = name, samples

    def length(self) -> int:
        """How many intervals it has.

        Raises:
            ConfigError: its columns are not equally long.
        """
        found = {
            len(column)
            for arms in self._samples.measures.values()
            for samples in arms.values()
            for column in (
                samples.events, samples.total, samples.sum, samples.count,
                *(samples.classes or {}).values(), *(samples.buckets or {}).values(),
            )
            if column is not None
        }  # fmt: skip
        if len(found) > 1:
            raise ConfigError(
                f"{self.name}: columns of {min(found)} and of {max(found)} intervals: all must have"
                " as many, with null where there is nothing"
            )
        return found.pop() if found else 0

    def figures(self, measure: str, parts: Mapping[str, str], arm: str, look: Look) -> Figures:
        """As `Source` says; the queries are not asked, so none is reported."""
        self._past(look)
        samples = self._of(measure, arm)
        columns: dict[str, Column] = {}
        for part in parts:
            found = getattr(samples, part, None)
            if found is None:
                raise ConfigError(f"{self.name}: measures.{measure}.{arm}.{part} is missing")
            columns[part] = found[: look.count]
        return Figures(columns=columns)

    def frequencies(self, drift: Drift, parts: Mapping[str, str], arm: str, look: Look) -> Counts:
        """As `Source` says; the query is not asked, so none is reported."""
        self._past(look)
        part = "classes" if drift.classes else "buckets"
        found = getattr(self._of(drift.name, arm), part, None)
        if found is None:
            raise ConfigError(f"{self.name}: measures.{drift.name}.{arm}.{part} is missing")
        return of_samples(drift, found, look, self.name)

    def _of(self, measure: str, arm: str) -> Samples | None:
        arms = self._samples.measures.get(measure, {})
        return next((found for name, found in arms.items() if name == arm), None)

    def _past(self, look: Look) -> None:
        if look.until > time.time() + SKEW:
            raise ConfigError(
                f"{self.name}: since and the intervals reach to {as_text(look.until)}, which is"
                " still to come: since is when the first interval began"
            )

    def apart(self, measure: str, parts: Mapping[str, str], look: Look) -> None:
        """Nothing is known of where its figures come from."""
