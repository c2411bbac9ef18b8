"""The options that every verb, and every action of one, takes."""

import argparse
from pathlib import Path


def add_common(parser: argparse.ArgumentParser, default: object) -> None:
    """`-C` and `-v`; the parser that is read last sets no default, or it would undo the others."""
    verbose = argparse.SUPPRESS if default is argparse.SUPPRESS else False
    parser.add_argument(
        "-C",
        dest="directory",
        type=Path,
        default=default,
        metavar="DIR",
        help="work as if started in DIR",
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        default=verbose,
        help="show more, and the traceback of a bug",
    )
