"""`lockproof completion`: a completion script for bash, zsh, fish or tcsh."""

import argparse
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish", "tcsh"))
    parser.epilog = (
        'bash: eval "$(lockproof completion bash)"; zsh, after compinit: eval "$(lockproof'
        ' completion zsh)";\nfish: lockproof completion fish | source'
    )


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    from lockproof.cli.main import VERBS, build_parser

    parser = build_parser(list(VERBS))
    if args.shell == "fish":
        from lockproof.cli.fish import fish_script

        sys.stdout.write(fish_script(parser))
        return 0
    import shtab

    print(shtab.complete(parser, shell=args.shell))
    return 0
