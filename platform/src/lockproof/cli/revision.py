"""The argument REV that verbs about a commit share."""

import argparse

_HELP = "commit, branch or tag (default: HEAD)"


def add_revision(parser: argparse.ArgumentParser, default: str | None = "HEAD") -> None:
    """`REV`; with the default None the verb itself takes HEAD where it is left out."""
    parser.add_argument(
        "revision",
        nargs="?",
        default=default,
        metavar="REV",
        help=_HELP,
    )


def add_revisions(parser: argparse.ArgumentParser) -> None:
    """`REV ...` for a verb that takes several; an empty list where none is named."""
    parser.add_argument(
        "revisions",
        nargs="*",
        metavar="REV",
        help=f"{_HELP}; of several each has a report of its own",
    )
