"""`lockproof record`: write down how the lock came to be."""

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Write a run record beside the pipeline: digest of the lock, parameters, metrics and\n"
        "the environment that made them. Run it after 'dvc repro' and commit both. The same\n"
        "goes to MLflow: a server where one is configured, else sqlite in .lockproof/."
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

    from lockproof.cli.progress import progress
    from lockproof.steps.gather import gather
    from lockproof.steps.record import check_name, open_tracking, record

    check_name(args.name)
    with progress() as shown:
        gathered = anyio.run(gather, args.directory, args.name, shown.say)
        tracking = open_tracking(gathered.policy, gathered.root) if args.mlflow else None
        directory = gathered.root / gathered.policy.record.directory
        done = record(gathered.facts, directory, tracking)
    print(f"{done.path} {'written' if done.written else 'says this already'}")
    if done.run:
        state = "reused" if done.run.reused else "logged"
        print(f"MLflow run {done.run.run_id} {state} in {done.run.tracking_uri}")
    return 0
