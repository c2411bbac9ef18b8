"""`lockproof record`: write down how the lock came to be."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockproof.steps.watched import Ran


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Write a run record beside the pipeline: digest of the lock, parameters, metrics and\n"
        "the environment that made them. Run it after 'dvc repro' and commit both. The same\n"
        "goes to MLflow: a server where one is configured, else sqlite in .lockproof/.\n\n"
        "'lockproof record -- dvc repro' runs the command and records what its stages really ran\n"
        "in; without a command the record says that it was written after the fact. The exit code\n"
        "is the command's: where it fails, or runs no stage, nothing is recorded. A record of a\n"
        "watched run stays one while its lock stands."
    )
    parser.add_argument(
        "command", nargs="*", metavar="COMMAND", help="a command to run and watch, after '--'"
    )
    parser.add_argument("--name", default="pipeline", help="name of the record (default: pipeline)")
    parser.add_argument(
        "--no-mlflow",
        dest="mlflow",
        action="store_false",
        help="write the record only; a run that it names already stays named",
    )


def run(args: argparse.Namespace) -> int:
    """Record, and say where."""
    import anyio

    from lockproof.adapters.plugins import require_dvc
    from lockproof.cli.progress import progress
    from lockproof.steps.gather import gather
    from lockproof.steps.record import check_name, open_tracking, record
    from lockproof.steps.watched import with_watched

    check_name(args.name)
    require_dvc("record")
    ran = None
    if args.command:
        code, ran = _watch(args)
        if ran is None:
            return code
    with progress(verbose=args.verbose) as shown:
        gathered = anyio.run(gather, args.directory, args.name, shown)
        if ran is not None:
            gathered = anyio.run(with_watched, gathered, ran, shown.say)
        tracking = open_tracking(gathered.policy, gathered.root) if args.mlflow else None
        directory = gathered.root / gathered.policy.record.directory
        done = record(gathered.facts, directory, tracking)
    print(f"{done.path} {'written' if done.written else 'says this already'}")
    if done.run:
        state = "reused" if done.run.reused else "logged"
        print(f"MLflow run {done.run.run_id} {state} in {done.run.tracking_uri}")
    return 0


def _watch(args: argparse.Namespace) -> "tuple[int, Ran | None]":
    """Run the command; its exit code, and what ran where that is to be recorded."""
    from lockproof.adapters.environment.watch import run_watched
    from lockproof.adapters.scratch import work_folder
    from lockproof.steps.watched import look_out, ran_here

    with work_folder() as scratch:
        folder = scratch.path / "watch"
        folder.mkdir()
        trace = look_out(args.directory)
        done = run_watched(args.command, args.directory, folder)
    if done.exit_code:
        print("lockproof: the command failed: nothing is recorded", file=sys.stderr)
        return done.exit_code, None
    ran = ran_here(args.directory, done.sightings, trace)
    if not ran.stages:
        print("lockproof: the command ran no stage: nothing is recorded", file=sys.stderr)
        return 0, None
    return 0, ran
