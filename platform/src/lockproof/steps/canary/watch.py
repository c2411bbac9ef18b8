"""Look at a canary again after each interval, until there is a decision or the horizon is over."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from lockproof.errors import UnavailableError, UsageError
from lockproof.model.canary_checks import Spec
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.parse.canary_checks import LARGEST, instant, read_canary_checks
from lockproof.steps.progress import Progress

from .drift import Reference
from .request import Request, Trained
from .rollout import Followed, Named
from .run import check, read

_SHORTEST = 1.0
"""Seconds between two looks."""
_MOST_AWAY = 10
"""Looks in a row that Prometheus, or the cluster, may fail to answer."""


class _Watched(Protocol):
    """What is looked at again and again."""

    def look(self, until: int) -> Report:
        """A look at what there was then, in Unix seconds."""
        ...

    @property
    def ended(self) -> bool:
        """Whether there is no more to look at."""
        ...


@dataclass(frozen=True)
class _Arms:
    """Those that the request names."""

    request: Request
    progress: Progress
    ended: bool = False

    def look(self, until: int) -> Report:
        return check(replace(self.request, until=until), self.progress)


def watch(
    request: Request,
    progress: Progress,
    seen: Callable[[Report], None],
    now: Callable[[], float] = time.time,
    wait: Callable[[float], None] = time.sleep,
    named: Named | None = None,
) -> Report:
    """The report of the look that decided, or of the last one within the horizon.

    Values change only when an interval ends, so there is one look for each. One that Prometheus
    or the cluster does not answer is made again with the next. A canary without a request is
    waited for as long as the horizon. Training data are read once: all looks hold it to the same.

    Args:
        request: of Prometheus, without `until`.
        progress: hears of looks that were not answered.
        seen: hears of each look.
        now: Unix seconds.
        wait: takes seconds.
        named: the rollout whose canary it is; when that is aborted, or has another canary or none,
            the watch ends, inconclusive unless the canary failed.

    Raises:
        UsageError: an option does not fit, or the file of checks became another; or as
            `check_rollout` says of the first look.
        ConfigError: as `check` says.
        UnavailableError: no answer to ten looks in a row, or to the last one.
    """
    if request.access is None:
        raise UsageError("watch asks --prometheus; of --samples there is one look: canary check")
    if request.until is not None:
        raise UsageError("watch looks at what there is: leave --until out, or use canary check")
    content = read(request.directory, request.checks, LARGEST)
    spec = read_canary_checks(content, str(request.checks)).spec
    request = replace(request, trained=_once(request.trained))
    watched: _Watched = _Arms(request, progress)
    if named is not None:
        watched = Followed(request, named, progress, now)
    began, since, away = now(), request.since, 0
    while True:
        # As `check` does by itself: the last interval may not have been scraped yet.
        until = int(now()) - spec.interval
        if read(request.directory, request.checks, LARGEST) != content:
            raise UsageError(
                f"{request.checks} became another while its canary was watched: the stated chances"
                " hold for one file; begin anew with --since"
            )
        try:
            report = watched.look(until)
        except UnavailableError as error:
            away += 1
            if away >= _MOST_AWAY or (
                since is not None and _ended(since, until, spec) >= spec.intervals
            ):
                raise
            progress.say(f"{error}; looking again after the next interval")
        else:
            away = 0
            assert report.host.canary is not None
            since = instant(report.host.canary.since)
            seen(report)
            # Without a request there is none that the horizon is counted from.
            idle = since + spec.interval > until and now() - began > spec.horizon + spec.interval
            over = idle or _ended(since, until, spec) >= spec.intervals
            if over or watched.ended or report.verdict is not Verdict.INCONCLUSIVE:
                return report
        beginning = until if since is None else since
        following = beginning + (_ended(beginning, until, spec) + 2) * spec.interval
        wait(max(_SHORTEST, following - now()))


def _once(trained: Trained | None) -> Trained | None:
    """The same, which remembers what it read.

    Another commit may be checked out meanwhile, and the stated chances hold for one reference.
    """
    if trained is None:
        return None
    known: list[Mapping[str, Reference]] = []

    def read_once(spec: Spec, directory: Path, progress: Progress) -> Mapping[str, Reference]:
        if not known:
            known.append(trained(spec, directory, progress))
        return known[0]

    return read_once


def _ended(since: int, until: int, spec: Spec) -> int:
    """How many intervals."""
    return max(0, until - since) // spec.interval
