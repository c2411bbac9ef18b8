"""`lockproof canary simulate`: how often a file of checks would be wrong."""

import argparse
import sys
from pathlib import Path

from .source import add_checks_option
from .traffic import add_traffic_options, between

_FORMATS = ("table", "json", "html")
_MOVES = (
    "steady", "load-doubles", "share-raised", "together", "bursts", "bursts-of-4", "bursts-of-16",
    "rare-bursts",
)  # fmt: skip
"""As `stats.traffic` has them, which needs numpy."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this action."""
    parser.description = (
        "Hold made-up canaries to a file of checks, with a look after every interval: how many\n"
        "good ones are failed, how many bad ones are passed, and after how long. It decides by\n"
        "the code of `check`, asks no Prometheus, and is the same for the same seed. Exit code 1:\n"
        "wrong more often than the file states."
    )
    add_checks_option(parser)
    add_traffic_options(parser)
    parser.add_argument(
        "--moves",
        choices=_MOVES,
        metavar="HOW",
        default="steady",
        help=f"how what is measured moves: {', '.join(_MOVES)} (default: steady)",
    )
    parser.add_argument(
        "--fault",
        type=_fault,
        metavar="RATIO:LENGTH",
        help="what is worse comes in faults, such as 0.5:4: half of the requests for 4 intervals on"
        " average (default: it is a little worse all the time)",
    )
    parser.add_argument(
        "--times",
        type=between(0.1, 100),
        action="append",
        metavar="N",
        help="how much worse the bad ones are, in what matters; may be repeated (default: 1 and 2)",
    )
    parser.add_argument(
        "--canaries",
        type=_canaries,
        default=10_000,
        metavar="N",
        help="of each kind (default: 10000)",
    )
    parser.add_argument(
        "--seed", type=_seed, default=15, metavar="N", help="of the chance (default: 15)"
    )
    parser.add_argument(
        "--beside",
        action="store_true",
        help="also say what fixed thresholds, a z-test at every look and Kayenta's Mann-Whitney"
        " would fail",
    )
    parser.add_argument(
        "--format", choices=_FORMATS, default="table", help="of standard output (default: table)"
    )
    parser.add_argument(
        "--output",
        type=_file,
        action="append",
        default=[],
        metavar="FILE",
        help="also write it to FILE, by its suffix .json or .html; may be repeated",
    )


def _whole(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or not least <= int(text[:20]) <= most:
        raise argparse.ArgumentTypeError(f"must be from {least} to {most}")
    return int(text)


def _canaries(text: str) -> int:
    return _whole(text, 1, 1_000_000)


def _seed(text: str) -> int:
    return _whole(text, 0, 1 << 32)


def _fault(text: str) -> tuple[float, int]:
    ratio, colon, length = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError("must be a ratio and a number, such as 0.5:4")
    return between(0.001, 1)(ratio), _whole(length, 1, 10_000)


def _file(text: str) -> Path:
    if Path(text).suffix not in (".json", ".html"):
        raise argparse.ArgumentTypeError("must end in .json or .html")
    return Path(text)


def run(args: argparse.Namespace) -> int:
    """Simulate, print what came of it, and return 0, or 1 where it is wrong too often."""
    from lockproof.adapters.files import write_whole
    from lockproof.cli.plain_progress import PlainProgress
    from lockproof.cli.reports import in_colour, table_width
    from lockproof.errors import ExitCode
    from lockproof.render.simulation import simulation_html, simulation_json, simulation_table
    from lockproof.steps.canary import SimulateRequest, simulate

    with PlainProgress() as progress:
        found = simulate(
            SimulateRequest(
                directory=args.directory,
                checks=args.checks,
                canaries=args.canaries,
                seed=args.seed,
                requests=args.requests,
                levels=dict(args.level),
                spread=args.spread,
                moves=args.moves,
                fault=args.fault,
                times=tuple(dict.fromkeys(args.times or (1.0, 2.0))),
                beside=args.beside,
            ),
            progress,
        )
    written = {".json": simulation_json, ".html": simulation_html}
    for path in args.output:
        write_whole(path, written[path.suffix](found))
    if args.format == "table":
        text = simulation_table(found, table_width(), color=in_colour())
    else:
        text = written[f".{args.format}"](found)
    sys.stdout.write(text)
    return ExitCode.PASSED if found.held else ExitCode.FAILED
