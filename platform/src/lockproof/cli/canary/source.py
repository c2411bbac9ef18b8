"""The options that say what a canary is held to, and where its figures come from."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockproof.adapters.prometheus.client import Access
    from lockproof.steps.canary import Request


FIRST = "first"
"""Instead of a time: that of the canary's first request."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_OURS = ("authorization", "content-length", "content-type", "host", "transfer-encoding")
"""Headers that have an option of their own, or say how a question is sent."""


def add_checks_option(parser: argparse.ArgumentParser) -> None:
    """`--checks`."""
    parser.add_argument(
        "--checks", type=Path, required=True, metavar="FILE", help="what it is held to"
    )


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """`--prometheus` and all that goes with it, and `--samples`."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--prometheus", metavar="URL", help="ask this server")
    source.add_argument(
        "--samples", type=Path, metavar="FILE", help="read the figures from a JSON file"
    )
    parser.add_argument(
        "--since",
        type=_beginning,
        metavar="TIME",
        help="when the canary began, the same at every look, such as 2026-11-29T12:00:00Z or Unix"
        " seconds; 'first': with its first request; with --prometheus",
    )
    parser.add_argument(
        "--until",
        type=_instant,
        metavar="TIME",
        help="look at what there was then (default: now, less one interval)",
    )
    add_access_options(parser)


def add_access_options(parser: argparse.ArgumentParser) -> None:
    """How the server is asked: credentials, certificates, patience."""
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="the bearer token")
    parser.add_argument("--user", metavar="NAME", help="for basic authentication")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="the password of --user")
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="the certificates that the server's is checked by"
    )
    parser.add_argument(
        "--header",
        type=_header,
        action="append",
        metavar="NAME=FILE",
        help="a header whose value is in the file, such as Mimir's X-Scope-OrgID=tenant.txt; may be"
        " repeated",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=30.0,
        metavar="SECONDS",
        help="for each answer of Prometheus (default: 30)",
    )


def _beginning(text: str) -> int | str:
    return FIRST if text == FIRST else _instant(text)


def _instant(text: str) -> int:
    from lockproof.parse.canary_checks import instant

    try:
        return instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _header(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not path or not _NAME.fullmatch(name):
        raise argparse.ArgumentTypeError("must be NAME=FILE, such as X-Scope-OrgID=tenant.txt")
    if name.lower() in _OURS:
        raise argparse.ArgumentTypeError(f"{name} is not for this option")
    return name, Path(path)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError("must be a number of seconds up to 3600")
    return value


def access_of(args: argparse.Namespace) -> "Access":
    """The server of `--prometheus`, and how it is asked."""
    from lockproof.adapters.prometheus.client import Access

    return Access(
        url=args.prometheus,
        token=args.token_file,
        user=args.user,
        password=args.password_file,
        ca=args.ca,
        headers=tuple(args.header or ()),
        timeout=args.timeout,
    )


def request_of(args: argparse.Namespace) -> "Request":
    """What the options of both kinds ask for.

    Raises:
        UsageError: they do not fit together.
    """
    from lockproof.errors import UsageError
    from lockproof.steps.canary import Request
    from lockproof.steps.trained import trained

    access = None
    if args.prometheus is not None:
        access = access_of(args)
        if args.since is None and getattr(args, "rollout", None) is None:
            raise UsageError(
                "say when the canary began: --since, which must be the same at every look"
            )
    else:
        names = ("since", "until", "token_file", "user", "password_file", "ca", "header")
        given = [name for name in names if getattr(args, name) is not None]
        if given:
            option = f"--{given[0].replace('_', '-')}"
            raise UsageError(f"{option} is for --prometheus; the samples say it themselves")
    return Request(
        directory=args.directory,
        checks=args.checks,
        samples=args.samples,
        access=access,
        since=None if args.since == FIRST else args.since,
        until=args.until,
        hashes=getattr(args, "hashes", None),
        trained=trained,
    )
