"""`lockproof gate`: block a merge unless data, code and models are versioned."""

import argparse
import os
from pathlib import Path

from lockproof.cli.plain_progress import visible
from lockproof.cli.reports import add_report_options, deliver
from lockproof.cli.revision import add_revision


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Check what a revision claims about its data, code and models: its lock, its remotes and\n"
        "what Git holds. No code of the repository is run and no data is downloaded."
    )
    add_revision(parser, None)
    parser.add_argument(
        "--pr",
        action="store_true",
        help="take policy, waivers, baseline and remotes from the base, and say what the revision"
        " changes of them",
    )
    parser.add_argument(
        "--base",
        metavar="REV",
        help="what to merge into (default with --pr: the target branch that the CI system names,"
        " else origin's default)",
    )
    parser.add_argument(
        "--policy",
        type=Path,
        metavar="FILE",
        help="a policy from outside the repository, in place of its lockproof.toml",
    )
    parser.add_argument(
        "--staged",
        action="store_true",
        help="check the index, as the next commit would have it, by what the clone holds: remotes"
        " and servers are not asked, manifests and secrets only where something changes",
    )
    parser.add_argument(
        "--pushed",
        action="store_true",
        help="check what pre-commit says is about to be pushed, else HEAD",
    )
    parser.add_argument(
        "--baseline",
        action="store_true",
        help="write today's findings to the baseline, so that only new ones count; commit it",
    )
    parser.add_argument(
        "--deep", action="store_true", help="read and hash every object of the remotes"
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="the JSON report of 'lockproof reproduce' for this commit, from the CI job's artifact",
    )
    parser.add_argument(
        "--proof",
        type=Path,
        metavar="FILE",
        help="a signed proof in place of a report, as 'lockproof attest --bundle' writes it"
        " (default: those beside the data, where the policy has [[trust]])",
    )
    add_report_options(parser, "table; with --staged and --pushed: short")


def run(args: argparse.Namespace) -> int:
    """Check, print the report, and return the verdict's exit code."""
    import sys

    from lockproof.cli.progress import progress
    from lockproof.errors import ExitCode, UsageError
    from lockproof.steps.gate import Request, gate

    hook = args.staged or args.pushed
    if args.staged and args.revision:
        raise UsageError("--staged checks the index: leave REV out")
    if args.pushed and (args.staged or args.revision):
        raise UsageError("--pushed checks what is pushed: leave REV and --staged out")
    if args.staged and args.deep:
        raise UsageError("--deep reads remotes, which --staged does not ask: leave one out")
    if args.baseline and args.pr:
        raise UsageError("--baseline records what is there already: leave --pr out")
    if args.report and args.proof:
        raise UsageError("--proof stands in place of --report: leave one out")
    request = Request(
        directory=args.directory,
        revision=args.revision or _pushed(args) or "HEAD",
        staged=args.staged,
        pull_request=args.pr,
        base=args.base,
        policy=args.policy,
        deep=args.deep,
        report=args.report,
        proof=args.proof,
        write_baseline=args.baseline,
    )
    if args.format is None and hook:
        args.format = "short"
    with progress(quiet=args.format == "short" and not args.verbose) as shown:
        gated = gate(request, shown)
    deliver(gated.report, args)
    for line in gated.unavailable:
        print(f"lockproof: {visible(line)}", file=sys.stderr)
    code = gated.report.verdict.exit_code
    # What is proved wrong stays wrong; anything else waits for the service.
    return ExitCode.UNAVAILABLE if gated.unavailable and code != ExitCode.FAILED else code


def _pushed(args: argparse.Namespace) -> str | None:
    """The commit that pre-commit names to the hooks of a push; None where there is none."""
    return os.environ.get("PRE_COMMIT_TO_REF") if args.pushed else None
