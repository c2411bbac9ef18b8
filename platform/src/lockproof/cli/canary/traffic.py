"""The options that say what is supposed of traffic that nobody has seen yet."""

import argparse
from collections.abc import Callable


def add_traffic_options(parser: argparse.ArgumentParser) -> None:
    """`--requests`, `--level` and `--spread`."""
    parser.add_argument(
        "--requests",
        type=_two,
        default=(100.0, 300.0),
        metavar="CANARY,STABLE",
        help="in an interval, on average (default: 100,300)",
    )
    parser.add_argument(
        "--level",
        type=_level,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what the stable version has of a measure (default: of a ratio 0.01, or 0.99 where"
        " lower is worse); may be repeated",
    )
    parser.add_argument(
        "--spread",
        type=between(0.01, 10),
        default=1.0,
        metavar="TIMES",
        help="of a mean: the standard deviation of one request, in means (default: 1)",
    )


def between(least: float, most: float) -> Callable[[str], float]:
    """What reads a number from `least` to `most`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be a number from {least:g} to {most:g}")
        return value

    return read


def _two(text: str) -> tuple[float, float]:
    read = between(0.01, 1e6)
    first, comma, second = text.partition(",")
    if not comma:
        raise argparse.ArgumentTypeError("must be two numbers with a comma, such as 100,300")
    return read(first), read(second)


def _level(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("must be NAME=VALUE, such as errors=0.02")
    return name, between(0, 1e12)(value)
