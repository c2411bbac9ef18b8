"""The options and the endings that every reporting verb shares."""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lockproof.adapters.files import write_whole
from lockproof.errors import LockproofError
from lockproof.render.registry import FORMATS, format_for, format_named

if TYPE_CHECKING:
    from lockproof.model.report import Report

_SUFFIXES = ", ".join(known.suffixes[0] for known in FORMATS if known.suffixes)
_MIN_WIDTH, _MAX_WIDTH = 60, 140


def add_report_options(parser: argparse.ArgumentParser, usual: str = "table") -> None:
    """`--format` and `--output`; `usual` says what the format is by default."""
    parser.add_argument(
        "--format",
        choices=[known.name for known in FORMATS],
        help=f"what goes to standard output (default: {usual})",
    )
    parser.add_argument(
        "--output",
        type=_report_file,
        action="append",
        default=[],
        metavar="FILE",
        help=f"also write the report to FILE, in the format of its suffix ({_SUFFIXES});"
        " may be repeated",
    )


def in_colour() -> bool:
    """Whether standard output takes colours: a terminal, unless NO_COLOR says otherwise."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def table_width() -> int:
    """Columns that a table may take: the terminal's, within reason."""
    return min(max(shutil.get_terminal_size((100, 24)).columns, _MIN_WIDTH), _MAX_WIDTH)


def _report_file(text: str) -> Path:
    try:
        format_for(text)
    except LockproofError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return Path(text)


def leave(
    report: "Report", args: argparse.Namespace, folder: Path | None = None, mark: str = ""
) -> None:
    """Write the report's files alone.

    Args:
        report: the report.
        args: `--output`.
        folder: as for `deliver`.
        mark: put before the suffix of the files of `--output`, to tell several reports apart.

    Raises:
        UsageError: a file cannot be written.
    """
    left = (folder / "report.json", folder / "report.html") if folder else ()
    named = (path.with_stem(f"{path.stem}{mark}") if mark else path for path in args.output)
    for path in (*left, *named):
        write_whole(path, format_for(path).load()(report))


def deliver(report: "Report", args: argparse.Namespace, folder: Path | None = None) -> None:
    """Write the report's files, then print it.

    With a folder, outside the work tree, `report.json` and `report.html` are left there.

    Raises:
        UsageError: a file cannot be written.
    """
    leave(report, args, folder)
    name = args.format or "table"
    if name == "table":
        from lockproof.render.table import table

        text = table(report, table_width(), color=in_colour(), whole=args.verbose)
    elif name == "short":
        from lockproof.render.short import short

        text = short(report, whole=args.verbose)
    else:
        text = format_named(name).load()(report)
    sys.stdout.write(text)
    if folder:
        print(f"report: {folder / 'report.html'}", file=sys.stderr)
