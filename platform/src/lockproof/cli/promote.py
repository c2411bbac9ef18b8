"""`lockproof promote`: let the desired state in Git name a registered version."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .plain_progress import visible

if TYPE_CHECKING:
    from lockproof.steps.promote import Promoted


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Edit the file of a desired state so that it names a version that 'lockproof register'\n"
        "made: MODEL_URI and MODEL_DIGEST of a Rollout or any manifest, the storageUri of a\n"
        "KServe InferenceService, or a kustomization, which then patches what it includes. Every\n"
        "other byte stays. A version whose tags do not hold against Git is refused, and where the\n"
        "policy has [[trust]], one without a signed proof. The body of a pull request goes to\n"
        "standard output."
    )
    parser.add_argument("version", metavar="VERSION", help="MODEL@ALIAS, or models:/MODEL/NUMBER")
    parser.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="FILE",
        help="the manifest or kustomization, in this repository or another one",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--commit", action="store_true", help="commit the edit on the branch that is checked out"
    )
    where.add_argument(
        "--branch",
        metavar="NAME",
        help="commit the edit on a new branch, and leave the work tree as it is",
    )
    parser.add_argument(
        "--revert",
        metavar="WHY",
        help="name the version that the file named before this one, by its history; WHY is said on"
        " the model version",
    )


def run(args: argparse.Namespace) -> int:
    """Promote, and say what came of it."""
    from lockproof.cli.progress import progress
    from lockproof.steps.promote import Request, promote

    request = Request(
        directory=args.directory,
        version=args.version,
        to=args.to,
        commit=args.commit,
        branch=args.branch,
        revert=args.revert,
    )
    with progress(verbose=args.verbose) as shown:
        done = promote(request, shown)
    print(visible(_line(done, args.to)), file=sys.stderr)
    sys.stdout.write(done.body)
    return 0


def _line(done: "Promoted", to: Path) -> str:
    if done.commit:
        return f"{to} names {done.after}: commit {done.commit[:12]} on branch {done.branch}"
    if not done.files:
        return f"{to} names {done.after} already"
    return f"{to} names {done.after}: commit {', '.join(done.files)}"
