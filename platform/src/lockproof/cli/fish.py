"""The completion script of fish, which shtab does not write."""

import argparse
from collections.abc import Iterator


def fish_script(parser: argparse.ArgumentParser) -> str:
    """What `fish` sources; every word is quoted as fish reads it."""
    return "".join(f"{line}\n" for line in _lines(parser))


def _lines(parser: argparse.ArgumentParser) -> Iterator[str]:
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    name = parser.prog
    yield f"complete -c {name} -f"
    yield from _options(parser, name, "__fish_use_subcommand")
    for each in commands._choices_actions:
        words = f"-a {_quoted(each.dest)} -d {_quoted(each.help or '')}"
        yield f"complete -c {name} -n __fish_use_subcommand {words}"
    for verb, command in commands.choices.items():
        yield from _verb(command, name, verb)


def _verb(command: argparse.ArgumentParser, name: str, verb: str) -> Iterator[str]:
    seen = f"__fish_seen_subcommand_from {verb}"
    yield from _options(command, name, seen)
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            inner = " ".join(action.choices)
            when = _quoted(f"{seen}; and not __fish_seen_subcommand_from {inner}")
            for each in action._choices_actions:
                words = f"-a {_quoted(each.dest)} -d {_quoted(each.help or '')}"
                yield f"complete -c {name} -n {when} {words}"
            for word, one in action.choices.items():
                yield from _options(one, name, f"{seen}; and __fish_seen_subcommand_from {word}")


def _options(parser: argparse.ArgumentParser, name: str, when: str) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        start = f"complete -c {name} -n {_quoted(when)}"
        choices = _quoted(" ".join(map(str, action.choices))) if action.choices else ""
        if not action.option_strings:
            yield f"{start} -a {choices}" if choices else f"{start} -F"
            continue
        flags = " ".join(
            f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
            for flag in action.option_strings
        )
        takes = "" if action.nargs == 0 else f" -x -a {choices}" if choices else " -r"
        yield f"{start} {flags}{takes} -d {_quoted(_help(action))}"


def _help(action: argparse.Action) -> str:
    return "" if action.help in (None, argparse.SUPPRESS) else str(action.help).replace("%%", "%")


def _quoted(text: str) -> str:
    """In fish, only a backslash and the quote itself mean something between single quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
