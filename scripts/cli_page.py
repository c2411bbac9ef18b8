"""Write docs/reference/cli.md from the parser, or with --check say whether it is in step.

From the parser and not from `--help`, whose layout differs between Python versions.
"""

import argparse
import difflib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from lockproof.cli.main import VERBS, build_parser

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"


def page() -> str:
    parser = build_parser(list(VERBS))
    lines = [
        "# The command line",
        "",
        "<!-- Made from the parser by `make docs`: do not edit. -->",
        "",
        parser.description or "",
        "",
        "```text",
        "lockproof [options] COMMAND [options]",
        "```",
        "",
        *options(parser._actions),
    ]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                lines += section("##", f"lockproof {name}", command)
    if parser.epilog:
        heading, _, codes = parser.epilog.strip().partition("\n")
        lines += ["", f"## {heading.rstrip(':').capitalize()}", "", "```text", codes, "```"]
    return "\n".join(lines) + "\n"


def section(heading: str, name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    yield from ("", f"{heading} {name}", "", *prose(command.description), "")
    yield from options(command._actions)
    if command.epilog:
        yield from ("", "```text", command.epilog.strip(), "```")
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner, each in action.choices.items():
                yield from section(f"{heading}#", f"{name} {inner}", each)


def prose(text: str | None) -> list[str]:
    return [line.rstrip() for line in (text or "").strip().splitlines()]


def options(actions: Iterable[argparse.Action]) -> Iterator[str]:
    yield from ("| Option | Meaning |", "| --- | --- |")
    for action in actions:
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        meaning = (action.help or "").replace("|", "\\|") or "one of those named"
        yield f"| {spelling(action)} | {meaning} |"


def spelling(action: argparse.Action) -> str:
    value = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    if not action.option_strings:
        return f"`{value}`".replace("|", "\\|")
    tail = "" if action.nargs == 0 else f" {value}"
    return ", ".join(f"`{name}{tail}`" for name in action.option_strings).replace("|", "\\|")


def main() -> int:
    wanted = page()
    if "--check" not in sys.argv[1:]:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(wanted, "utf-8")
        return 0
    found = PAGE.read_text("utf-8") if PAGE.exists() else ""
    difference = difflib.unified_diff(
        found.splitlines(), wanted.splitlines(), "docs/reference/cli.md", "the parser", lineterm=""
    )
    print(*difference, sep="\n")
    if found != wanted:
        print("docs/reference/cli.md is not in step with the command line: run 'make docs'")
    return found != wanted


if __name__ == "__main__":
    sys.exit(main())
