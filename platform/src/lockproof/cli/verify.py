"""`lockproof verify`: check the signed proof of a model, and its bytes."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lockproof.cli.reports import add_report_options, deliver

if TYPE_CHECKING:
    from lockproof.adapters.hashing import Hashing


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Check signed proofs: the signature, whether the policy trusts who signed, the commit and\n"
        "its lock, the verdict, the age, what was revoked, and the bytes at hand. Nothing is run.\n"
        "With --bundle no server is asked, but MLflow for a model version."
    )
    parser.add_argument(
        "subject",
        nargs="?",
        default="HEAD",
        metavar="FILE|REV|VERSION",
        help="a model's file or folder; a revision: all models of it; or a model version, as"
        " MODEL@ALIAS or models:/MODEL/NUMBER (default: HEAD)",
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE",
        help="the proof (default: those beside the data, and in Git notes)",
    )
    parser.add_argument(
        "--pr",
        action="store_true",
        help="trust only the base with the policy, its keys and the remotes",
    )
    parser.add_argument(
        "--base", metavar="REV", help="the base (default: as 'lockproof gate' finds it)"
    )
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="take this policy, and the keys beside it"
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="bring models:/MODEL/NUMBER here, and leave of it what was proved, or nothing: what a"
        " serving pod does first; needs --digest and --policy, and no clone",
    )
    parser.add_argument(
        "--digest",
        metavar="DIGEST",
        help="of --to: what has to be in the version, as MODEL_DIGEST of the desired state has it",
    )
    add_report_options(parser)


def run(args: argparse.Namespace) -> int:
    """Verify, print the report and the lineage, and return the verdict's exit code."""
    if args.to is not None or args.digest is not None:
        return _bring(args)
    from lockproof.adapters.hashing import Hashing

    path = Path(os.path.abspath(Path(args.directory, args.subject)))
    if not os.path.isfile(path):  # Unlike `Path.is_file`, of any text: a name may be too long.
        return _verify(args, None)
    # Begun before all that has to be loaded to look at what is proved of it.
    with Hashing(path, "a model's file or folder") as hashing:
        return _verify(args, hashing)


def _verify(args: argparse.Namespace, hashing: "Hashing | None") -> int:
    from lockproof.cli.progress import progress
    from lockproof.render.canary_end import statement_line
    from lockproof.steps.proofs import VerifyRequest, verify

    as_table = args.format in (None, "table")
    if as_table:
        import lockproof.render.table  # noqa: F401 - for `deliver`, while the file is hashed
    request = VerifyRequest(
        directory=args.directory,
        subject=args.subject,
        bundle=args.bundle,
        pull_request=args.pr,
        base=args.base,
        policy=args.policy,
        hashing=hashing,
    )
    with progress(verbose=args.verbose) as shown:
        verified = verify(request, shown)
    if as_table:
        for lineage in verified.report.host.lineages:
            sys.stdout.write(lineage + "\n")
        if verified.canary is not None:
            predicate, sealed = verified.canary
            sys.stdout.write(statement_line(predicate, sealed.digest) + "\n\n")
    deliver(verified.report, args)
    return verified.report.verdict.exit_code


def _bring(args: argparse.Namespace) -> int:
    from lockproof.cli.progress import progress
    from lockproof.errors import UsageError
    from lockproof.steps.proofs import BringRequest, bring

    if args.to is None or args.digest is None or args.policy is None:
        raise UsageError("--to and --digest go together, and with --policy: there is no clone")
    if args.pr or args.base is not None:
        raise UsageError("--to looks at no commit: leave --pr and --base out")
    folder = Path(args.directory)
    request = BringRequest(
        uri=args.subject,
        digest=args.digest,
        to=folder / args.to,
        policy=args.policy,
        bundle=args.bundle,
    )
    with progress(verbose=args.verbose) as shown:
        report = bring(request, shown)
    if args.format in (None, "table"):
        for lineage in report.host.lineages:
            sys.stdout.write(lineage + "\n")
    deliver(report, args)
    return report.verdict.exit_code
