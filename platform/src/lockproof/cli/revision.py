"""The argument REV that verbs about a commit share."""

import argparse


def add_revision(parser: argparse.ArgumentParser, default: str | None = "HEAD") -> None:
    """`REV`; with the default None the verb itself takes HEAD where it is left out."""
    parser.add_argument(
        "revision",
        nargs="?",
        default=default,
        metavar="REV",
        help="commit, branch or tag (default: HEAD)",
    )
