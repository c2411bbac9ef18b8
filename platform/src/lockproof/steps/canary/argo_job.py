"""What a Job says to Argo Rollouts, whose Job metrics know no third outcome.

A measurement by a Job is Successful or Failed by its exit code, so one outcome takes several Jobs.
Argo numbers them in their names, `UID.METRIC.1` and so on. Looks that
passed succeed, those that failed fail, and inconclusive ones do both by turns, odd and even. With

    count: 4, consecutiveSuccessLimit: 2, failureLimit: 2

two successes in a row are Successful, three failures are Failed, and what is neither after four is
Inconclusive (`assessMetricStatus` in `analysis/analysis.go` of Argo Rollouts 1.8 and 1.9). Of two
in a row one has an even number, so nothing is Successful without a look that passed. A number that
is skipped, since the Job could not be made, ends a row of successes.
"""

import re

from lockproof.errors import ExitCode, UsageError
from lockproof.model.verdict import Verdict

_NAME = re.compile(r"[^.]+\.[^.]+\.([1-9][0-9]{0,5})")


def turn_of(job: str) -> int:
    """The number of the Job among those of its metric, from 1 on.

    Args:
        job: its name, as Argo Rollouts gives it.

    Raises:
        UsageError: it is no such name.
    """
    found = _NAME.fullmatch(job)
    if found is None:
        raise UsageError(
            f"{job[:80]!r} is no name that Argo Rollouts gives a Job of a metric, UID.METRIC.1: set"
            " --argo-job to the label job-name of its pod"
        )
    return int(found[1])


def exit_code(turn: int, verdict: Verdict) -> ExitCode:
    """What the Job with this number exits with, so that Argo comes to this verdict."""
    passed = verdict is Verdict.PASSED or (verdict is Verdict.INCONCLUSIVE and turn % 2 == 1)
    return ExitCode.PASSED if passed else ExitCode.FAILED
