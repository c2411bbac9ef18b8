"""`lockproof affected`: what a change makes `lockproof reproduce` run."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from lockproof.model.inert import inert_json

from .plain_progress import visible
from .revision import add_revision

if TYPE_CHECKING:
    from lockproof.steps.affected import Affected


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Name the stages that 'lockproof reproduce' has to run to prove a change, and the GPUs\n"
        "that they ask for ('meta: {gpu: 1}' in dvc.yaml): those that differ from BASE where the\n"
        "policy accepts that ('unaffected' in [reproduce]), else all. A CI job chooses a runner\n"
        "by it. Nothing of the pipeline is executed."
    )
    add_revision(parser)
    parser.add_argument(
        "--since", metavar="BASE", help="only stages that changed since this commit (default: all)"
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "env"),
        default="text",
        help="env: LOCKPROOF_STAGES, LOCKPROOF_GPUS and LOCKPROOF_SINCE as lines for $GITHUB_OUTPUT"
        " or a file of variables, and the text to standard error (default: text)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the stages."""
    from lockproof.steps.affected import affected

    found = affected(args.directory, args.revision, args.since)
    for line in found.unsure:
        print(visible(line), file=sys.stderr)
    if args.format == "env":
        print(_text(found), file=sys.stderr)
    print({"text": _text, "json": _json, "env": _env}[args.format](found))
    return 0


def _text(found: "Affected") -> str:
    what = f"since {found.since[:12]}" if found.since else "in all"
    what += f", {found.why_all}" if found.why_all else ""
    lines = [f"{len(found.stages)} {'stage' if len(found.stages) == 1 else 'stages'} {what}"]
    lines += [
        f"  {visible(s.address)}" + (f"  ({s.gpus} GPU)" if s.gpus else "") for s in found.stages
    ]
    return "\n".join(lines)


def _json(found: "Affected") -> str:
    stages = [{"address": s.address, "gpus": s.gpus} for s in found.stages]
    content = {"commit": found.commit, "since": found.since, "gpus": found.gpus, "stages": stages}
    return inert_json(json.dumps(content, indent=2))


def _env(found: "Affected") -> str:
    """Numbers and a commit only: names come from the pull request, and may hold anything."""
    return (
        f"LOCKPROOF_STAGES={len(found.stages)}\n"
        f"LOCKPROOF_GPUS={found.gpus}\n"
        f"LOCKPROOF_SINCE={found.since or ''}"
    )
