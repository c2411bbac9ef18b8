"""`lockproof canary record`: say on a model version how its canary ended, and sign that."""

import argparse
import sys
from pathlib import Path

from lockproof.cli.signers import add_signer_options


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this action."""
    parser.description = (
        "Write the verdict of a report of 'lockproof canary check' onto the model version that\n"
        "the canary served, in MLflow; with --key or --signer also into a signed statement beside\n"
        "the data, which 'lockproof verify' shows. A version tells of the look that ends last,\n"
        "and of two that end at the same time of the worse: run again, or with an earlier report,\n"
        "this changes nothing. Which version was served is what you say. The exit code is 0\n"
        "whatever the verdict."
    )
    parser.add_argument(
        "--report",
        type=Path,
        required=True,
        metavar="FILE",
        help="the JSON report of 'lockproof canary check'",
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="VERSION",
        help="the version that the canary served: models:/MODEL/NUMBER, or MODEL@ALIAS",
    )
    add_signer_options(parser, required=False)
    parser.add_argument(
        "--push",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep the signed statement in the default DVC remote (default: yes)",
    )
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE", help="write the signed statement to FILE as well"
    )


def run(args: argparse.Namespace) -> int:
    """Write it down, and say what came of it."""
    from lockproof.adapters.signing.registry import open_sealer
    from lockproof.cli.plain_progress import visible
    from lockproof.cli.progress import progress
    from lockproof.errors import UsageError
    from lockproof.steps.proofs.canary import RecordRequest, record

    signs = args.key is not None or args.signer is not None
    if not signs and args.bundle is not None:
        raise UsageError("--bundle is for the signed statement: say who signs, --key or --signer")
    if signs and not (args.push or args.bundle):
        raise UsageError("--no-push keeps the statement nowhere: add --bundle FILE")
    request = RecordRequest(
        directory=args.directory,
        report=args.report,
        version=args.model,
        sealer=open_sealer(args.key, args.signer, args.public_key) if signs else None,
        push=args.push,
        bundle=args.bundle,
    )
    with progress(verbose=args.verbose) as shown:
        done = record(request, shown)
    end = done.end
    said = f"{end.verdict}, {end.since} to {end.until}"
    if done.stays:
        line = f"{done.version.uri} tells of {done.stays}, which stays: {said}"
    else:
        line = f"{done.version.uri} {'says' if done.written else 'says already'}: {said}"
    print(visible(line))
    if done.stays and signs:
        print("lockproof: nothing was signed", file=sys.stderr)
    if end.statement and not done.stays:
        print(f"statement {end.statement}")
    for place in done.kept:
        print(visible(place))
    return 0
