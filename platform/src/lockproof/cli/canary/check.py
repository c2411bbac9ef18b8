"""`lockproof canary check`: look once."""

import argparse

from lockproof.cli.reports import add_report_options, deliver

from .source import add_checks_option, add_source_options, request_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this action."""
    add_checks_option(parser)
    add_source_options(parser)
    add_report_options(parser)


def run(args: argparse.Namespace) -> int:
    """Look once, print the report, and return the verdict's exit code."""
    from lockproof.cli.plain_progress import PlainProgress
    from lockproof.steps.canary import check

    report = check(request_of(args), PlainProgress())
    deliver(report, args)
    return report.verdict.exit_code
