"""`lockproof completion`: a completion script for bash, zsh or tcsh."""

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    parser.epilog = 'bash: eval "$(lockproof completion bash)"'


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from lockproof.cli.main import VERBS, build_parser

    print(shtab.complete(build_parser(list(VERBS)), shell=args.shell))
    return 0
