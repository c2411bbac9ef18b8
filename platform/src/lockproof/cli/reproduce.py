"""`lockproof reproduce`: make every locked output of a commit again and compare."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lockproof.cli.cluster import add_cluster_options, chosen_kubeconfig
from lockproof.cli.reports import add_report_options, deliver
from lockproof.cli.revision import add_revisions

if TYPE_CHECKING:
    from lockproof.model.order import Order
    from lockproof.model.report import Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Check a commit out, run its pipeline's stages and compare every output with the one\n"
        "that dvc.lock names. Differences are traced to their causes. Neither the work tree, nor\n"
        "the DVC cache, nor a remote is written to."
    )
    add_revisions(parser)
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
    parser.add_argument(
        "--on",
        choices=("kubernetes", "argo"),
        help="run in a cluster, as [cluster] of the base's policy says: kubernetes for one Job,"
        " argo for a Workflow with a pod for each stage",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="with --on: print the manifests, and end"
    )
    parser.add_argument(
        "--detach", action="store_true", help="with --on: print the ID of the run, and end"
    )
    parser.add_argument(
        "--attach", metavar="ID", help="wait for a run that --on has begun, and report on it"
    )
    parser.add_argument(
        "--order",
        type=Path,
        metavar="FILE",
        help="what --on gives to its pods: which stages to run, and the key that the report is"
        " sealed with, which is all that is printed",
    )
    add_cluster_options(parser)
    add_report_options(parser)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError("must be from 1 to 1000")
    return number


def run(args: argparse.Namespace) -> int:
    """Reproduce, print the report, and return the verdict's exit code."""
    _refuse_what_does_not_go_together(args)
    if args.on or args.attach is not None:
        return _run_elsewhere(args)
    if len(args.revisions) > 1:
        from .several import run_several

        return run_several(args, lambda commit: _run_here(args, None, commit))
    order = _order(args.order) if args.order else None
    report = _run_here(args, order, next(iter(args.revisions), "HEAD"))
    if order:
        return _hand_in(report, order)
    deliver(report, args, Path(report.host.paths["logs"]).parent)
    return report.verdict.exit_code


def _run_here(args: argparse.Namespace, order: "Order | None", revision: str) -> "Report":
    import anyio

    from lockproof.cli.progress import progress
    from lockproof.model.report import Report
    from lockproof.steps.reproduce.conditions import parse_names
    from lockproof.steps.reproduce.request import Request
    from lockproof.steps.reproduce.run import reproduce

    request = Request(
        directory=args.directory,
        revision=revision,
        stages=tuple(f"={address}" for address in order.stages) if order else tuple(args.stage),
        mode=args.mode,
        jobs=args.jobs,
        runs=args.runs,
        since=args.since,
        base=args.base,
        isolation=args.isolation,
        reuse=args.reuse,
        log_mlflow=args.log_mlflow,
        vary=parse_names(args.vary) if args.vary is not None else (),
        apart=order is not None,
    )
    reports: list[Report] = []

    async def main() -> None:
        # Not this task's result: Python writes that out as text, all of it, when the task ends.
        reports.append(await reproduce(request, shown))

    with progress(verbose=args.verbose) as shown:
        anyio.run(main)
    return reports[0]


def _run_elsewhere(args: argparse.Namespace) -> int:
    from lockproof.cli.progress import watch
    from lockproof.errors import ExitCode
    from lockproof.steps.cluster import Request, attach, manifests, reproduce_on

    request = Request(
        directory=args.directory,
        on=args.on or "kubernetes",
        revision=next(iter(args.revisions), None),
        revisions=tuple(args.revisions[:-1] and args.revisions),
        stages=tuple(args.stage),
        mode=args.mode,
        jobs=args.jobs,
        runs=args.runs,
        since=args.since,
        base=args.base,
        detach=args.detach,
        kubeconfig=chosen_kubeconfig(args),
        context=args.context,
    )
    if args.dry_run:
        sys.stdout.write(manifests(request))
        return ExitCode.PASSED
    with watch() as shown:
        found = attach(request, args.attach, shown) if args.attach else reproduce_on(request, shown)
    if isinstance(found, str):
        print(found)
        return ExitCode.PASSED
    if len(args.revisions) > 1 or len(found) > 1:
        from .several import tell_of

        return tell_of(args, found)
    (report,) = found
    deliver(report, args, Path(report.host.paths["logs"]).parent)
    return report.verdict.exit_code


_NOT_IN_A_CLUSTER = ("log_mlflow", "vary", "isolation", "order")


def _refuse_what_does_not_go_together(args: argparse.Namespace) -> None:
    from lockproof.errors import UsageError

    elsewhere = args.on or args.attach is not None
    if args.attach is not None and not args.attach.strip():  # Such as an unset "$ID".
        raise UsageError("--attach names no run: give it the ID that --on has printed")
    # What leaves the path of an object would be asked of another one.
    if args.attach is not None and not re.fullmatch(r"[a-z0-9][-a-z0-9]{0,62}", args.attach):
        raise UsageError(f"{args.attach[:80]!r} is no ID of a run: give it what --on has printed")
    if args.on and args.attach:
        raise UsageError("--attach finds out itself what a run is on: leave --on out")
    for name in ("dry_run", "detach"):
        if getattr(args, name) and not args.on:
            raise UsageError(f"--{name.replace('_', '-')} goes with --on")
    if args.dry_run and args.detach:
        raise UsageError("--dry-run begins no run that --detach could leave")
    if len(args.revisions) > 1:
        from .several import refuse_what_is_for_one

        refuse_what_is_for_one(args)
    for name in _NOT_IN_A_CLUSTER:
        if elsewhere and getattr(args, name) not in (None, False):
            raise UsageError(f"--{name.replace('_', '-')} does not go with --on or --attach")


def _order(path: Path) -> "Order":
    from lockproof.adapters.files import read_named
    from lockproof.errors import UsageError
    from lockproof.model.order import BadOrderError, Order

    try:
        return Order.parse(read_named(path, "order", "what --on has put there"))
    except BadOrderError as error:
        raise UsageError(f"{path} is no order: {error}") from error


def _hand_in(report: "Report", order: "Order") -> int:
    """Print the report sealed, for whoever has the same order."""
    from lockproof.errors import UsageError
    from lockproof.model.order import BadOrderError, seal
    from lockproof.steps.cluster.gather import handed_in

    try:
        sys.stdout.write(seal(order, handed_in(report)))
    except BadOrderError as error:
        raise UsageError(f"{error}: use --on argo, or name some of the stages") from error
    print(f"verdict: {report.verdict.value}", file=sys.stderr)
    return report.verdict.exit_code
