"""`lockproof lineage`: which model version came from which commit and data."""

import argparse
import sys
from pathlib import Path

_FORMATS = ("text", "json", "html")
_SUFFIXES = {".txt": "text", ".json": "json", ".html": "html", ".htm": "html"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Say of every version in MLflow's registry which commit and data it came from, and\n"
        "whether that holds against this clone. The exit code is 1 where a version that an alias\n"
        "or a --served file names is not proved; with --from, where the data led to any version.\n"
        "Nothing is written and no data is downloaded."
    )
    parser.add_argument(
        "model", nargs="?", metavar="NAME", help="a registered model (default: all of them)"
    )
    parser.add_argument(
        "--from",
        dest="data",
        metavar="DIGEST",
        help="which versions a data set led to: its md5 in a .dvc file or dvc.lock, or at least its"
        " first eight digits; of a file in a folder, the folder's",
    )
    parser.add_argument(
        "--served",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a manifest or kustomization that names versions to serve; may be repeated",
    )
    parser.add_argument(
        "--format", choices=_FORMATS, default="text", help="what goes to standard output"
    )
    parser.add_argument(
        "--output",
        type=_file,
        action="append",
        default=[],
        metavar="FILE",
        help="also write it to FILE, in the format of its suffix (.txt, .json, .html); may be"
        " repeated",
    )


def _file(text: str) -> Path:
    if Path(text).suffix.lower() not in _SUFFIXES:
        raise argparse.ArgumentTypeError(f"{text!r} must end in one of {', '.join(_SUFFIXES)}")
    return Path(text)


def run(args: argparse.Namespace) -> int:
    """Print the lineage; the exit code is that of its verdict."""
    from lockproof.adapters.files import write_whole
    from lockproof.render import lineage as shown
    from lockproof.steps.lineage import Request, lineage

    found = lineage(Request(args.directory, args.model, args.data, tuple(args.served)))
    writers = {
        "text": shown.lineage_text,
        "json": shown.lineage_json,
        "html": shown.lineage_html,
    }
    for path in args.output:
        write_whole(path, writers[_SUFFIXES[path.suffix.lower()]](found))
    sys.stdout.write(writers[args.format](found))
    return found.verdict.exit_code
