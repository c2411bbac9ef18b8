"""`lockproof reproduce` of several revisions: a report each, and what they come to."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .reports import leave

if TYPE_CHECKING:
    from lockproof.model.report import Report
    from lockproof.model.revisions import Revision, Revisions
    from lockproof.steps.revisions import Asked

_FORMATS = ("table", "json")


def refuse_what_is_for_one(args: argparse.Namespace) -> None:
    """Refuse options that make sense of one revision alone.

    Raises:
        UsageError: one of them was given.
    """
    from lockproof.errors import UsageError

    if args.on == "kubernetes":
        raise UsageError("several revisions go with --on argo, or without --on")
    if args.order:
        raise UsageError("--order is for one revision")
    if args.format not in (None, *_FORMATS):
        raise UsageError(
            f"of several revisions there is --format {' or '.join(_FORMATS)}; --output writes a"
            " file for each in any format"
        )


def run_several(args: argparse.Namespace, prove: "Callable[[str], Report]") -> int:
    """Reproduce one after the other, and return the worst exit code.

    Args:
        args: the command line.
        prove: reproduces a commit.
    """
    from lockproof.steps.revisions import asked_for, one_by_one

    def one(each: "Asked") -> "Revision":
        return left(args, prove(each.commit), each.names)

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    return told(args, one_by_one(asked_for(args.directory, args.revisions), one, say))


def tell_of(args: argparse.Namespace, reports: "tuple[Report, ...]") -> int:
    """Write the files of reports that came together, print the table, and return its code."""
    from lockproof.steps.revisions import asked_for, together

    called = {each.commit: each.names for each in asked_for(args.directory, args.revisions)}
    found = []
    for report in reports:
        commit = report.subject.commit or ""
        found.append(left(args, report, called.get(commit, (commit[:12],))))
    return told(args, together(found))


def left(args: argparse.Namespace, report: "Report", names: tuple[str, ...]) -> "Revision":
    """Write the files of one report; what it says."""
    from lockproof.model.revisions import reported

    folder = Path(report.host.paths["logs"]).parent
    leave(report, args, folder, f"-{(report.subject.commit or '')[:12]}")
    print(f"{names[0]}: {report.verdict.value}: {folder / 'report.html'}", file=sys.stderr)
    return reported(names, report, str(folder))


def told(args: argparse.Namespace, found: "Revisions") -> int:
    """Print what all came to; its exit code."""
    from lockproof.render.revisions import revisions_json, revisions_table

    sys.stdout.write(revisions_json(found) if args.format == "json" else revisions_table(found))
    return found.exit_code
