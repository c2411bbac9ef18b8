"""`lockproof explain`: a rule's page."""

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument("rule", nargs="?", metavar="RULE", help="id of a rule, such as LP701")
    parser.add_argument(
        "--list",
        dest="every",
        action="store_true",
        help="list all rules with their default severity",
    )


def run(args: argparse.Namespace) -> int:
    """Print the page, or the list."""
    from importlib.resources import files

    from lockproof.errors import UsageError
    from lockproof.model.finding import help_address
    from lockproof.rules.catalog import RULES

    if args.every == (args.rule is not None):
        raise UsageError("name one rule, such as 'lockproof explain LP701', or use --list")
    if args.every:
        for rule in RULES.values():
            print(f"{rule.id}  {rule.severity.value:<7}  {rule.title}")
        return 0
    rule = args.rule.upper()
    if rule not in RULES:
        raise UsageError(_unknown(args.rule, list(RULES)))
    # docs/rules, which the package has as a symbolic link and the wheel as files.
    page = files("lockproof.rules") / "pages" / f"{rule}.md"
    print(f"{page.read_text('utf-8')}\n{help_address(rule)}")
    return 0


def _unknown(rule: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(rule.upper()[:40], known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else "'--list' lists those there are"
    return f"no rule {rule[:40]!r}: {hint}"
