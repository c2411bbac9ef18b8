"""The options of the verbs that talk to a cluster."""

import argparse
from pathlib import Path


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """`--context` and `--kubeconfig`."""
    parser.add_argument("--context", metavar="NAME", help="a context of the kubeconfig")
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="the kubeconfig (default: $KUBECONFIG, else ~/.kube/config)",
    )


def chosen_kubeconfig(args: argparse.Namespace) -> Path | None:
    """The kubeconfig that was named."""
    return args.kubeconfig.absolute() if args.kubeconfig else None
