"""The course of a look at a canary, from the file of checks to a report."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from lockproof import __version__
from lockproof.adapters.prometheus.client import Prometheus
from lockproof.errors import ConfigError, UsageError
from lockproof.model.canary import CanarySeen, Measured
from lockproof.model.canary_checks import Drift, Guard, Measure, Spec
from lockproof.model.check import Check
from lockproof.model.finding import Finding
from lockproof.model.report import Host, Report, Subject
from lockproof.model.verdict import Verdict, worst
from lockproof.parse.canary_checks import (
    LARGEST,
    LARGEST_SAMPLES,
    as_text,
    both,
    fill,
    instant,
    queries_of,
    read_canary_checks,
    read_canary_samples,
    with_hashes,
)
from lockproof.render.canary import summary
from lockproof.render.words import count
from lockproof.rules.catalog import finding
from lockproof.steps.clock import Clock
from lockproof.steps.progress import Progress, during

from .drift import Reference, judge_drift
from .first import OlderError, began
from .interface import Look, Source
from .judge import LATEST, NO_EVENT, RARE, errors_of, errors_of_drifts, judge
from .request import Request
from .sources import PrometheusSource, SamplesSource


def check(request: Request, progress: Progress) -> Report:
    """Look at a canary once.

    Nothing is written, and only Prometheus is asked. A look changes nothing for later ones: all
    of them together have the error rates that the file states.

    Raises:
        UsageError: a file is not there, or an option does not fit.
        ConfigError: a file does not say what it must, or Prometheus refuses a query.
        UnavailableError: Prometheus does not answer.
    """
    clock = Clock()
    content = read(request.directory, request.checks, LARGEST)
    checks = read_canary_checks(content, str(request.checks))
    spec = checks.spec
    if request.samples is None:
        spec = with_hashes(spec, request.hashes, str(request.checks))
    references = _references(request, spec, progress)
    source, look = _source(request, spec)
    looked = _Looked(source, look, spec, progress)

    def ended(index: int) -> str:
        return as_text(look.since + look.interval * (index + 1))

    measures = []
    for measure, errors in zip(spec.measures, errors_of(spec), strict=True):
        ask = partial(source.figures, measure.name)
        figures = looked.arms(measure, ask, isinstance(measure, Guard))
        judged = judge(measure, errors, spec, figures, look.count, ended)
        measures.append(_of_now(judged, look, request))
    for drift, errors in zip(spec.drifts, errors_of_drifts(spec), strict=True):
        known = references.get(drift.name)
        counts = looked.arms(drift, partial(source.frequencies, drift), known is not None)
        judged = judge_drift(drift, errors, spec, counts, known, look.count, ended)
        measures.append(_of_now(judged, look, request))
    findings = tuple(_findings(measures))
    whole = CanarySeen(
        checks=checks.metadata.name,
        digest=hashlib.sha256(content).hexdigest(),
        source=source.name,
        since=as_text(look.since),
        until=as_text(look.until),
        interval=look.interval,
        false_abort=spec.false_abort,
        false_promote=spec.false_promote,
        measures=tuple(measures),
    )
    return Report(
        tool=f"lockproof {__version__}",
        step="canary",
        subject=Subject(commit=None, lock_digest=None),
        verdict=worst(measured.verdict for measured in measures),
        checks=tuple(_check(measured) for measured in measures),
        findings=findings,
        host=Host(canary=whole),
        timing=clock.timing(),
    )


def _references(request: Request, spec: Spec, progress: Progress) -> Mapping[str, Reference]:
    named = [drift.name for drift in spec.drifts if drift.reference is not None]
    if not named:
        return {}
    if request.trained is None:
        raise ConfigError(
            f"{request.checks}: {named[0]} has a reference, and there is no repository to read it"
            " from: look with 'lockproof canary check' in a clone"
        )
    return request.trained(spec, request.directory, progress)


_Seen = TypeVar("_Seen")


@dataclass(frozen=True)
class _Looked:
    """Asks a source about both arms."""

    source: Source
    look: Look
    spec: Spec
    progress: Progress

    def arms(
        self,
        measure: Measure | Drift,
        ask: Callable[[Mapping[str, str], str, Look], _Seen],
        alone: bool,
    ) -> tuple[_Seen, _Seen | None]:
        """What is seen of the canary, and of stable unless the canary is judged alone."""
        arms = self.spec.arms
        with during(self.progress, measure.name, "asking for canary"):
            canary = ask(self._filled(measure, arms.canary), "canary", self.look)
        if alone:
            return canary, None
        with during(self.progress, measure.name, "asking for stable"):
            stable = ask(self._filled(measure, arms.stable), "stable", self.look)
        with during(self.progress, measure.name, "asking whether the two are apart"):
            matchers = both(arms.canary, arms.stable)
            self.source.apart(measure.name, self._filled(measure, matchers), self.look)
        return canary, stable

    def _filled(self, measure: Measure | Drift, matchers: str) -> dict[str, str]:
        queries = queries_of(measure.kind).items()
        return {part: fill(query, matchers, self.spec.interval) for part, query in queries}


def _source(request: Request, spec: Spec) -> tuple[Source, Look]:
    if request.samples is not None:
        name = str(request.samples)
        samples = read_canary_samples(
            read(request.directory, request.samples, LARGEST_SAMPLES), name
        )
        if samples.interval != spec.interval:
            raise ConfigError(
                f"{name}: intervals of {samples.interval} s, but {request.checks} has"
                f" {spec.interval} s"
            )
        try:
            since = instant(samples.since)
        except ValueError as error:
            raise ConfigError(f"{name}: since {error}") from None
        strange = sorted(samples.measures.keys() - {measure.name for measure in spec.all})
        if strange:
            raise ConfigError(
                f"{name}: measures.{strange[0][:80]}: {request.checks} has no such measure"
            )
        found = SamplesSource(samples, name)
        return found, _within(since, found.length(), spec)
    if request.access is None:
        raise UsageError("say where the figures come from: --prometheus or --samples")
    now = int(time.time())
    until = now if request.until is None else request.until
    if request.until is None:
        until -= spec.interval  # The last one may not have been scraped yet.
    elif request.until > now:
        raise UsageError("--until lies in the future: leave it out to look at what there is")
    server = Prometheus(request.access)
    if request.since is None:
        since = min(now, _first(server, spec, until, request.not_before))
    else:
        since = request.since
    if since > now:
        raise UsageError("--since lies in the future: say when the canary began")
    ended = max(0, until - since) // spec.interval
    return PrometheusSource(server), _within(since, ended, spec)


def _first(server: Prometheus, spec: Spec, until: int, floor: int | None) -> int:
    """When the canary had its first request, from `floor` on; intervals begin at multiples."""
    if floor is None:
        return began(server, spec, until)
    whole = -(-floor // spec.interval) * spec.interval
    try:
        return max(whole, began(server, spec, until))
    except OlderError:
        return whole


def _within(since: int, ended: int, spec: Spec) -> Look:
    inside = min(ended, spec.intervals)
    return Look(since, spec.interval, inside, ended - inside)


def _of_now(measured: Measured, look: Look, request: Request) -> Measured:
    """Not passed where the horizon ended so long ago that nothing tells how the canary is now."""
    if measured.verdict is not Verdict.PASSED or look.later < LATEST:
        return measured
    anew = "a later --since" if request.samples is None else "samples that begin later"
    reason = (
        f"what was seen is good, but the horizon ended at {as_text(look.until)}, and the"
        f" {count(look.later, 'interval')} after it are not read: begin anew with {anew}"
    )
    return measured.model_copy(update={"verdict": Verdict.INCONCLUSIVE, "reason": reason})


def read(directory: Path, path: Path, largest: int) -> bytes:
    """The content of a file, or a byte more than `largest` of it.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with (directory / path).open("rb") as file:
            return file.read(largest + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def _check(measured: Measured) -> Check:
    left = [measured.reason] if measured.verdict is Verdict.INCONCLUSIVE else []
    if measured.verdict is Verdict.PASSED:
        left += [words for words in (NO_EVENT, RARE) if words in measured.reason]
    left += [f"{count(times, 'interval')}: {why}" for why, times in measured.gaps.items()]
    return Check(
        name=measured.name,
        verdict=measured.verdict,
        checked=measured.intervals,
        unit="interval",
        summary=summary(measured),
        not_checked=tuple(left),
    )


def _findings(measures: list[Measured]) -> Iterator[Finding]:
    for measured in measures:
        if measured.verdict is Verdict.FAILED:
            rule = "LP751" if measured.stable else "LP752"
            yield finding(
                rule,
                measured.name,
                f"{measured.reason}: {summary(measured)}; take it back, and read its logs from"
                f" before {measured.decided}",
                seen=measured.decided,
            )
