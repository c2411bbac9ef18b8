"""`lockproof provision`: bring a cluster to what Git declares, and keep it there."""

import argparse
from pathlib import Path

from lockproof.cli.cluster import add_cluster_options, chosen_kubeconfig
from lockproof.cli.reports import add_report_options, deliver

ACTIONS = ("up", "status", "names", "down")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Apply a kustomize overlay to a cluster, on the server's side and in the order in which\n"
        "things need each other, and wait until all of it is ready. A dry run shows what would\n"
        "change, and nothing is written where something would be refused. What fails later holds\n"
        "back what needs it, and nothing else; run it again, also after a kill: it goes on.\n"
        "'status' compares and changes nothing; 'names' writes what the cloud named into a file\n"
        "by which another cluster takes it over; 'down' removes what was made.\n"
        "What holds data is never removed without --allow-data-loss."
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=ACTIONS,
        default="up",
        metavar="ACTION",
        help="up (the default), status, names or down",
    )
    parser.add_argument(
        "--overlay",
        metavar="NAME",
        help="the overlay, such as local or aws (default: the policy's)",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and end")
    parser.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="wait until what was applied is ready, or what was removed is gone (default: yes)",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="TIME",
        help="for all waiting together, such as 90s or 15m (default: the policy's, else 15m)",
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="remove what an earlier run made and nothing declares any more",
    )
    parser.add_argument(
        "--allow-data-loss",
        action="store_true",
        help="let --prune and down remove buckets, volumes and databases",
    )
    parser.add_argument(
        "--force-conflicts",
        action="store_true",
        help="take fields that another manager has set to other values",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FILE",
        help="where names writes: a kustomize component that the next cluster's overlay includes",
    )
    add_cluster_options(parser)
    add_report_options(parser)


def _seconds(text: str) -> float:
    from pydantic import TypeAdapter, ValidationError

    from lockproof.config import Seconds
    from lockproof.model.checked import stated

    try:
        return float(TypeAdapter(stated(Seconds)).validate_python(text))
    except ValidationError as error:
        raise argparse.ArgumentTypeError("write a duration such as '90s', '30m' or '2h'") from error


def run(args: argparse.Namespace) -> int:
    """Provision, print the report, and return the verdict's exit code."""
    from lockproof.adapters.scratch import run_folder
    from lockproof.cli.progress import watch
    from lockproof.errors import UsageError
    from lockproof.steps.provision import Request, down, names, provision, status

    reads = args.action in ("status", "names")
    if reads and (args.prune or args.allow_data_loss or args.dry_run):
        raise UsageError(
            f"{args.action} changes nothing in the cluster:"
            " it takes no --dry-run, --prune, --allow-data-loss"
        )
    if (args.action == "names") != (args.to is not None):
        raise UsageError("names writes what it finds to a file, and nothing else does: --to FILE")
    if args.allow_data_loss and args.action == "up" and not args.prune:
        raise UsageError("--allow-data-loss goes with --prune or down: nothing else removes")
    request = Request(
        directory=args.directory,
        overlay=args.overlay,
        dry_run=args.dry_run,
        wait=args.wait,
        timeout=args.timeout,
        prune=args.prune,
        allow_data_loss=args.allow_data_loss,
        force_conflicts=args.force_conflicts,
        to=args.to,
        context=args.context,
        kubeconfig=chosen_kubeconfig(args),
    )
    step = {"up": provision, "status": status, "names": names, "down": down}[args.action]
    with watch() as shown:
        report = step(request, shown)
    deliver(report, args, run_folder("provision"))
    return report.verdict.exit_code
