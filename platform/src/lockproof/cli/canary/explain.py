"""`lockproof canary explain`: what a file of checks means."""

import argparse
import sys

from .source import add_checks_option
from .traffic import add_traffic_options


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this action."""
    parser.description = (
        "Say in words what a file of checks means: when each measure fails a canary and when it\n"
        "lets it pass, how surely, what that takes, and how long a canary without luck would wait\n"
        "on even traffic. It asks no Prometheus. What chance does to it, `simulate` says."
    )
    add_checks_option(parser)
    add_traffic_options(parser)
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="(default: text)"
    )


def run(args: argparse.Namespace) -> int:
    """Print what it means."""
    from lockproof.render.explanation import explanation_text
    from lockproof.steps.canary import SimulateRequest, explain

    found = explain(
        SimulateRequest(
            directory=args.directory,
            checks=args.checks,
            requests=args.requests,
            levels=dict(args.level),
            spread=args.spread,
        )
    )
    if args.format == "json":
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
    else:
        sys.stdout.write(explanation_text(found))
    return 0
