"""`lockproof canary`: decide about a canary, however often one looks.

Each action has a file of its own here, with `configure` and `run` as a verb has them.
"""

import argparse
from importlib import import_module
from types import ModuleType

from lockproof.cli.common import add_common

ACTIONS = {
    "check": "look once, and say passed, failed or inconclusive",
    "watch": "look after each interval, until there is a decision or the horizon is over",
    "explain": "say in words what a file of checks means, and how long a canary would wait",
    "simulate": "how often a file of checks would be wrong, and how long it would take",
    "record": "write how a canary ended onto the model version, and sign that",
    "serve": "look for who asks over HTTP, such as Argo Rollouts",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions, each with its arguments."""
    parser.description = (
        "Judge a canary by what Prometheus saw of it and of the stable version, interval by\n"
        "interval. The error rates that the file states hold for all looks together, so it may be\n"
        "asked as often as one likes. Nothing is promoted or aborted but by check --act."
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    for name, summary in ACTIONS.items():
        action = actions.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_common(action, argparse.SUPPRESS)
        _module(name).configure(action)


def run(args: argparse.Namespace) -> int:
    """Do what the action says, and return its exit code."""
    return int(_module(args.action).run(args))


def _module(action: str) -> ModuleType:
    return import_module(f"lockproof.cli.canary.{action}")
