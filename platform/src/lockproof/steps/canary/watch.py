"""Look at a canary again after each interval, until there is a decision or the horizon is over."""

import time
from collections.abc import Callable
from dataclasses import replace

from lockproof.errors import UnavailableError, UsageError
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.parse.canary_checks import LARGEST, read_canary_checks
from lockproof.steps.progress import Progress

from .request import Request
from .run import check, read

_SHORTEST = 1.0
"""Seconds between two looks."""
_MOST_AWAY = 10
"""Looks in a row that Prometheus may fail to answer."""


def watch(
    request: Request,
    progress: Progress,
    seen: Callable[[Report], None],
    now: Callable[[], float] = time.time,
    wait: Callable[[float], None] = time.sleep,
) -> Report:
    """The report of the look that decided, or of the last one within the horizon.

    Values change only when an interval ends, so there is one look for each. One that Prometheus
    does not answer is made again with the next.

    Args:
        request: of Prometheus, without `until`.
        progress: hears of looks that were not answered.
        seen: hears of each look.
        now: Unix seconds.
        wait: takes seconds.

    Raises:
        UsageError: an option does not fit, or the file of checks became another.
        ConfigError: as `check` says.
        UnavailableError: Prometheus did not answer ten looks in a row, or the last one.
    """
    if request.access is None or request.since is None:
        raise UsageError("watch asks --prometheus; of --samples there is one look: canary check")
    if request.until is not None:
        raise UsageError("watch looks at what there is: leave --until out, or use canary check")
    content = read(request.directory, request.checks, LARGEST)
    spec = read_canary_checks(content, str(request.checks)).spec
    away = 0
    while True:
        # As `check` does by itself: the last interval may not have been scraped yet.
        until = int(now()) - spec.interval
        ended = max(0, until - request.since) // spec.interval
        over = ended >= spec.intervals
        if read(request.directory, request.checks, LARGEST) != content:
            raise UsageError(
                f"{request.checks} became another while its canary was watched: the stated chances"
                " hold for one file; begin anew with --since"
            )
        try:
            report = check(replace(request, until=until), progress)
        except UnavailableError as error:
            away += 1
            if over or away >= _MOST_AWAY:
                raise
            progress.say(f"{error}; looking again after the next interval")
        else:
            away = 0
            seen(report)
            if over or report.verdict is not Verdict.INCONCLUSIVE:
                return report
        following = request.since + (ended + 2) * spec.interval
        wait(max(_SHORTEST, following - now()))
