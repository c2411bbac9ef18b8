"""The options that name an Argo Rollout, or the pods of both versions."""

import argparse
import re
from typing import TYPE_CHECKING

from lockproof.cli.cluster import add_cluster_options, chosen_kubeconfig

from .source import FIRST

if TYPE_CHECKING:
    from lockproof.steps.canary import Named

_NAME = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_ACTS = ("promote", "promote-full", "abort", "pause")


def add_rollout_options(parser: argparse.ArgumentParser, *, act: bool = True) -> None:
    """`--rollout`, `--hashes`, `--act` (only with `act`) and those of a cluster."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--rollout",
        type=_rollout,
        metavar="NAMESPACE/NAME",
        help="ask the cluster which pods are the canary's and when it began; $hash in the matchers"
        " of both arms stands for their pod-template hashes",
    )
    which.add_argument(
        "--hashes",
        type=_hashes,
        metavar="CANARY,STABLE",
        help="what $hash stands for, where no cluster is asked",
    )
    if act:
        parser.add_argument(
            "--act",
            choices=_ACTS,
            metavar="WHAT",
            help="with --rollout. promote: passed ends the pause that the rollout waits at, failed"
            " aborts; promote-full: passed skips all its steps, failed aborts; abort: failed"
            " aborts; pause: failed pauses. Inconclusive does nothing",
        )
    else:
        parser.set_defaults(act=None)
    add_cluster_options(parser)


def _rollout(text: str) -> tuple[str, str]:
    namespace, slash, name = text.partition("/")
    if not slash or not re.fullmatch(_NAME, namespace) or not re.fullmatch(_NAME, name):
        raise argparse.ArgumentTypeError("write NAMESPACE/NAME, such as serving/digits")
    return namespace, name


def _hashes(text: str) -> tuple[str, str]:
    canary, comma, stable = text.partition(",")
    if not comma or not canary or not stable or "," in stable:
        raise argparse.ArgumentTypeError("write two pod-template hashes, CANARY,STABLE")
    return canary, stable


def named_of(args: argparse.Namespace) -> "Named | None":
    """The rollout that the options name; None where they name none.

    Raises:
        UsageError: they do not fit together.
    """
    from lockproof.errors import UsageError
    from lockproof.steps.canary import Act, Named

    if args.samples is not None and (args.rollout or args.hashes):
        raise UsageError("--rollout and --hashes are for --prometheus: samples have no pods")
    if args.rollout is None:
        for name in ("act", "context", "kubeconfig"):
            if getattr(args, name) is not None:
                raise UsageError(f"--{name} goes with --rollout NAMESPACE/NAME")
        return None
    if args.since == FIRST:
        raise UsageError("--rollout knows when its canary began: leave out --since first")
    if args.act is not None and args.until is not None:
        raise UsageError("--act is for what there is now: leave out --until")
    namespace, name = args.rollout
    return Named(
        namespace=namespace,
        name=name,
        act=None if args.act is None else Act(args.act),
        kubeconfig=chosen_kubeconfig(args),
        context=args.context,
    )
