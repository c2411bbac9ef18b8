"""`lockproof canary serve`: look for who asks over HTTP."""

import argparse
from pathlib import Path

from .source import access_of, add_access_options

_LOOKS = 64


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this action."""
    parser.description = (
        "Answer GET /v1/verdict?checks=NAME&canary=HASH&stable=HASH with the verdict as JSON, for\n"
        "the web provider of an Argo AnalysisTemplate. HASH is the pod-template hash which $hash\n"
        "stands for in the checks. The canary begins with its first request, or with &since=TIME.\n"
        "What cannot be told, such as without Prometheus, is inconclusive. GET /healthz is for\n"
        "probes. POST /v1/flagger/HOOK answers Flagger's webhooks confirm-promotion,\n"
        "confirm-traffic-increase and rollout with 200 where the canary passed, and rollback\n"
        "where it failed, with 409 else. It promotes nothing, and asks nobody who is asking."
    )
    parser.add_argument(
        "--checks",
        type=Path,
        required=True,
        action="append",
        metavar="FILE",
        help="what canaries are held to; may be repeated",
    )
    parser.add_argument("--prometheus", required=True, metavar="URL", help="ask this server")
    add_access_options(parser)
    parser.add_argument(
        "--listen",
        type=_address,
        default=("127.0.0.1", 8080),
        metavar="HOST:PORT",
        help="where (default: 127.0.0.1:8080)",
    )
    parser.add_argument(
        "--looks",
        type=_count,
        default=4,
        metavar="N",
        help="at once; for one more the answer is 503 (default: 4)",
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise argparse.ArgumentTypeError("write HOST:PORT, such as 0.0.0.0:8080 or [::]:8080")
    return host, int(port)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _LOOKS):
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {_LOOKS}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C, which is how it is to end."""
    from lockproof.cli.plain_progress import PlainProgress
    from lockproof.errors import ExitCode
    from lockproof.steps.canary.serve import Serving, server_of

    host, port = args.listen
    serving = Serving(
        directory=args.directory,
        checks=tuple(args.checks),
        access=access_of(args),
        host=host,
        port=port,
        looks=args.looks,
    )
    try:
        with server_of(serving, PlainProgress()) as server:
            server.serve_forever()
    except KeyboardInterrupt:
        pass
    return ExitCode.PASSED
