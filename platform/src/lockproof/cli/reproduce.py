"""`lockproof reproduce`: make every locked output of a commit again and compare."""

import argparse
from pathlib import Path

from lockproof.cli.reports import add_report_options, deliver
from lockproof.cli.revision import add_revision


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Check a commit out, run its pipeline's stages and compare every output with the one\n"
        "that dvc.lock names. Differences are traced to their causes. Neither the work tree, nor\n"
        "the DVC cache, nor a remote is written to."
    )
    add_revision(parser)
    parser.add_argument(
        "--stage",
        action="append",
        default=[],
        metavar="NAME",
        help="only this stage; may be repeated; a matrix name means all of it",
    )
    parser.add_argument(
        "--mode",
        choices=("isolated", "chain"),
        help="isolated: each stage from its locked inputs; chain: all of them from root data"
        " (default: the policy's, else chain where it states a tolerance)",
    )
    parser.add_argument(
        "--jobs",
        type=_positive,
        metavar="N",
        help="stages side by side in isolated mode (default: one per CPU)",
    )
    parser.add_argument(
        "--runs",
        type=_positive,
        metavar="N",
        help="run each stage N times to see whether it varies (default: 1)",
    )
    parser.add_argument(
        "--since", metavar="BASE", help="only stages that changed since this commit"
    )
    parser.add_argument(
        "--base",
        metavar="REV",
        help="ask the remotes that this commit defines, not those of REV's own .dvc/config"
        " (default: --since's, in CI the target branch's, else your work tree's)",
    )
    parser.add_argument(
        "--isolation",
        choices=("required", "preferred"),
        help="required: run no stage that cannot be kept apart from the machine. The strictest of"
        " this, the policy's word and the base's counts",
    )
    parser.add_argument(
        "--no-reuse",
        dest="reuse",
        action="store_false",
        help="run stages also where an earlier verdict stands",
    )
    parser.add_argument(
        "--vary",
        nargs="?",
        const="all",
        metavar="all|NAME,...",
        help="also run each stage with other conditions, such as timezone, and show what depends"
        " on which (default: all of them); about 11 runs a stage",
    )
    parser.add_argument("--log-mlflow", action="store_true", help="log the run to MLflow")
    add_report_options(parser)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError("must be from 1 to 1000")
    return number


def run(args: argparse.Namespace) -> int:
    """Reproduce, print the report, and return the verdict's exit code."""
    import anyio

    from lockproof.cli.progress import progress
    from lockproof.model.report import Report
    from lockproof.steps.reproduce import Request, reproduce
    from lockproof.steps.reproduce.conditions import parse_names

    request = Request(
        directory=args.directory,
        revision=args.revision,
        stages=tuple(args.stage),
        mode=args.mode,
        jobs=args.jobs,
        runs=args.runs,
        since=args.since,
        base=args.base,
        isolation=args.isolation,
        reuse=args.reuse,
        log_mlflow=args.log_mlflow,
        vary=parse_names(args.vary) if args.vary is not None else (),
    )
    reports: list[Report] = []

    async def main() -> None:
        # Not this task's result: Python writes that out as text, all of it, when the task ends.
        reports.append(await reproduce(request, shown))

    with progress(verbose=args.verbose) as shown:
        anyio.run(main)
    report = reports[0]
    deliver(report, args, Path(report.host.paths["logs"]).parent)
    return report.verdict.exit_code
