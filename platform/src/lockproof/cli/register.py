"""`lockproof register`: the model version of a proved commit, exactly once."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .plain_progress import visible
from .revision import add_revision

if TYPE_CHECKING:
    from lockproof.steps.register import Registered


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Make the MLflow model version of a commit that a signed proof, or a report of 'lockproof\n"
        "reproduce', proves. Exactly once: run again, or by several jobs at the same time, it\n"
        "finds the version that is there. What the model is and how MLflow loads it says\n"
        "[[model]] in lockproof.toml; nothing of it is loaded or unpickled. An alias moves only\n"
        "to a later commit."
    )
    add_revision(parser)
    parser.add_argument(
        "--model", required=True, metavar="NAME", help="which [[model]] of lockproof.toml"
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="the JSON report of 'lockproof reproduce' for this commit, from the CI job's artifact"
        " (default: a proof by 'lockproof attest', beside the data or in Git notes)",
    )
    parser.add_argument("--bundle", type=Path, metavar="FILE", help="the signed proof")
    parser.add_argument(
        "--base", metavar="REV", help="take the policy from REV (default: from the commit itself)"
    )
    parser.add_argument(
        "--alias", metavar="ALIAS", help="then move ALIAS to the version, such as 'candidate'"
    )
    parser.add_argument(
        "--rollback",
        metavar="WHY",
        help="move the alias wherever it is, also to an earlier commit; WHY is said on the versions"
        " that it leaves",
    )


def run(args: argparse.Namespace) -> int:
    """Register, and say what came of it."""
    from lockproof.cli.progress import progress
    from lockproof.steps.register import Request, register

    request = Request(
        directory=args.directory,
        model=args.model,
        report=args.report,
        bundle=args.bundle,
        revision=args.revision,
        base=args.base,
        alias=args.alias,
        rollback=args.rollback,
    )
    with progress(verbose=args.verbose) as shown:
        done = register(request, shown)
    print("\n".join(map(visible, _lines(done))))
    return 0


def _lines(done: "Registered") -> list[str]:
    version, proof = done.version, done.registration.proof
    state = "registered" if done.made else "is there already"
    lines = [
        f"{version.name} version {version.number} {state}: commit {proof.commit[:12]},"
        f" {proof.verdict.value} ({version.uri} in {done.where})"
    ]
    moved = done.moved
    if moved is None:
        return lines
    before = f" (before: version {moved.before.number})" if moved.before else ""
    if moved.at.number != version.number:
        commit = (moved.at.commit or "")[:12]
        lines.append(
            f"{moved.alias} stays at version {moved.at.number}, of the later commit {commit}"
        )
    elif moved.before and moved.before.number == version.number:
        lines.append(f"{moved.alias} is at version {version.number} already")
    else:
        lines.append(f"{moved.alias} moved to version {version.number}{before}")
    return lines
