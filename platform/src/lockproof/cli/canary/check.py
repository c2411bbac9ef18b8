"""`lockproof canary check`: look once."""

import argparse

from lockproof.cli.reports import add_report_options, deliver

from .rollout import add_rollout_options, named_of
from .source import add_checks_option, add_source_options, request_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this action."""
    add_checks_option(parser)
    add_source_options(parser)
    add_rollout_options(parser)
    add_report_options(parser)


def run(args: argparse.Namespace) -> int:
    """Look once, print the report, and return the verdict's exit code."""
    from lockproof.cli.plain_progress import PlainProgress
    from lockproof.steps.canary import check, check_rollout

    named, progress = named_of(args), PlainProgress()
    request = request_of(args)
    report = check(request, progress) if named is None else check_rollout(request, named, progress)
    deliver(report, args)
    return report.verdict.exit_code
