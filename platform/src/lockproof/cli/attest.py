"""`lockproof attest`: sign what a reproduction proved."""

import argparse
import sys
from pathlib import Path

from .revision import add_revision
from .signers import add_signer_options


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Sign what a passed report of 'lockproof reproduce' proves of each [[model]] of the\n"
        "policy, and keep the proof beside the data, where 'gate' and 'verify' find it.\n"
        "A report that the gate would not take is not signed."
    )
    add_revision(parser)
    parser.add_argument(
        "--report",
        type=Path,
        required=True,
        metavar="FILE",
        help="the JSON report of 'lockproof reproduce' for this commit",
    )
    add_signer_options(parser, required=True)
    parser.add_argument(
        "--push",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep the proof in the default DVC remote (default: yes)",
    )
    parser.add_argument(
        "--notes", action="store_true", help="keep it in Git notes, refs/notes/lockproof, as well"
    )
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE", help="write it to FILE as well, a bundle a line"
    )
    parser.add_argument(
        "--oms",
        type=Path,
        metavar="DIR",
        help="also sign each model that is a folder for 'model_signing verify'; takes an ECDSA key",
    )


def run(args: argparse.Namespace) -> int:
    """Sign, say where the proof is, and return the exit code."""
    from lockproof.adapters.signing.registry import open_sealer
    from lockproof.cli.plain_progress import visible
    from lockproof.cli.progress import progress
    from lockproof.errors import ExitCode, UsageError
    from lockproof.steps.proofs import AttestRequest, attest

    if not (args.push or args.notes or args.bundle):
        raise UsageError("--no-push keeps the proof nowhere: add --bundle FILE or --notes")
    sealer = open_sealer(args.key, args.signer, args.public_key)
    request = AttestRequest(
        directory=args.directory,
        report=args.report,
        sealer=sealer,
        revision=args.revision,
        push=args.push,
        notes=args.notes,
        bundle=args.bundle,
        oms=args.oms,
        key=args.key,
    )
    with progress(verbose=args.verbose) as shown:
        done = attest(request, shown)
    for why in done.refused:
        print(f"lockproof: not signed: {visible(why)}", file=sys.stderr)
    if done.refused:
        return ExitCode.FAILED
    for model, digest in done.proofs.items():
        print(f"proof {digest} of {visible(model)}")
    print(f"signed by {visible(sealer.name)}, fingerprint {sealer.fingerprint}")
    for line in done.kept:
        print(visible(line))
    return ExitCode.PASSED
