"""`lockproof canary watch`: look again until there is a decision."""

import argparse
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from lockproof.cli.reports import add_report_options, deliver
from lockproof.model.verdict import Verdict

from .rollout import add_rollout_options, named_of
from .source import add_checks_option, add_source_options, request_of

if TYPE_CHECKING:
    from lockproof.model.report import Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this action."""
    parser.description = (
        "Look at a canary after each interval, until it is passed or failed, or the horizon is\n"
        "over; then print the report and end as `check` does. On a terminal the figures stand\n"
        "still and change; elsewhere each look is a line. Nothing is promoted or aborted. The\n"
        "canary of a rollout is watched while it is the same: once it is aborted, promoted or\n"
        "another one, the watch ends, and is inconclusive unless the canary failed."
    )
    add_checks_option(parser)
    add_source_options(parser)
    add_rollout_options(parser, act=False)
    parser.add_argument(
        "--argo-job",
        metavar="NAME",
        help="exit with 0 or 1 as the Job of this name has to, for Argo Rollouts to come to all"
        " three outcomes by several: docs/guides/canary.md; also where nothing can be told",
    )
    add_report_options(parser)


def run(args: argparse.Namespace) -> int:
    """Watch, print the last report, and return its verdict's exit code."""
    if args.argo_job is None:
        return _watched(args).exit_code
    from lockproof.cli.plain_progress import visible
    from lockproof.errors import LockproofError
    from lockproof.steps.canary.argo_job import exit_code, turn_of

    turn = turn_of(args.argo_job)
    try:
        verdict = _watched(args)
    except LockproofError as error:
        # Neither a failure of the canary's nor a reason to begin this Job anew.
        print(f"lockproof: inconclusive: {visible(str(error))}", file=sys.stderr)
        verdict = Verdict.INCONCLUSIVE
    return exit_code(turn, verdict)


def _watched(args: argparse.Namespace) -> Verdict:
    from lockproof.cli.plain_progress import PlainProgress
    from lockproof.cli.progress import draws
    from lockproof.render.canary import look_line, look_table
    from lockproof.steps.canary import watch

    named, request, progress = named_of(args), request_of(args), PlainProgress()
    live = None
    if sys.stderr.isatty() and draws():
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        live = Live(console=Console(stderr=True), auto_refresh=False)

    def seen(report: "Report") -> None:
        assert report.host.canary is not None
        if live is None:
            progress.say(look_line(report.host.canary))
        else:
            table = look_table(report.host.canary, live.console.width, color=True)
            live.update(Text.from_ansi(table), refresh=True)

    with live or nullcontext():
        report = watch(request, progress, seen, named=named)
    deliver(report, args)
    return report.verdict
