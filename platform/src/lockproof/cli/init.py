"""`lockproof init`: bring the platform into a DVC repository."""

import argparse
import difflib
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lockproof.cli.reports import in_colour
from lockproof.errors import UsageError
from lockproof.installed import how_to_add

if TYPE_CHECKING:
    from lockproof.steps.init import Change, Plan

_CHOICES = (
    "ci",
    "branch",
    "runner",
    "module",
    "engine",
    "gpu_engine",
    "tool_image",
    "install",
    "gate_install",
    "bin",
    "gpu_runner",
    "isolation",
    "nightly",
)
_NIGHTLY = "17 3 * * *"
"""Not at a full hour, when CI systems have the most to do."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Write a policy, the files of a CI system and what they need into a DVC repository. All\n"
        "that would be written is shown first, as a diff, and asked about. Files of your own are\n"
        "added to, never replaced; run again, it changes nothing. Without options it takes those\n"
        "that the CI files which are there were made by."
    )
    parser.add_argument(
        "--ci",
        choices=("github", "gitlab"),
        action="append",
        help="the CI system; may be repeated (default: by where 'origin' is)",
    )
    parser.add_argument(
        "--branch",
        metavar="NAME",
        help="the branch that pull requests are for (default: origin's, else main)",
    )
    parser.add_argument(
        "--runner",
        choices=("dagger", "host"),
        help="dagger: CI calls the Dagger module, which runs each step in a pinned container;"
        " host: it calls lockproof itself (default: host; dagger where the policy names an image)",
    )
    parser.add_argument(
        "--module", metavar="REF", help="the Dagger module (default: lockproof's, of this commit)"
    )
    parser.add_argument(
        "--engine",
        metavar="ADDRESS",
        help="a shared Dagger engine, such as tcp://dagger.dagger:1234 (default: one per job)",
    )
    parser.add_argument(
        "--gpu-engine",
        metavar="ADDRESS",
        help="a shared Dagger engine for stages that ask for a GPU (default: --engine, else one on"
        " the runner with a GPU)",
    )
    parser.add_argument(
        "--tool-image",
        metavar="IMAGE",
        help="lockproof's own image by digest, as 'dagger call publish' prints it, for Dagger to"
        " run (default: each engine builds it once)",
    )
    parser.add_argument(
        "--install",
        metavar="COMMAND",
        help="what a CI job runs to get lockproof (default: pip, the commit that runs here, into"
        " .lockproof/venv)",
    )
    parser.add_argument(
        "--gate-install",
        metavar="COMMAND",
        help="the same for jobs that read no data, for which lockproof without DVC is enough"
        " (default: as --install)",
    )
    parser.add_argument(
        "--bin",
        metavar="DIR",
        help="the folder that lockproof is in after that (default: .lockproof/venv/bin)",
    )
    parser.add_argument(
        "--gpu-runner",
        metavar="LABELS",
        help="the labels or tags of runners with a GPU, with commas (default: self-hosted,gpu)",
    )
    parser.add_argument(
        "--isolation",
        choices=("required", "preferred"),
        help="required: CI runs no stage that cannot be kept apart from the runner; preferred: it"
        " does, and says so (default: required)",
    )
    parser.add_argument(
        "--nightly",
        metavar="CRON",
        nargs="?",
        const=_NIGHTLY,
        help="CI also proves the default branch anew every night, or when the five fields of CRON"
        f" say, in UTC (default: never; without CRON: '{_NIGHTLY}')",
    )
    parser.add_argument("--yes", action="store_true", help="write without asking")
    parser.add_argument(
        "--force", action="store_true", help="also replace CI files that differ, without asking"
    )


def run(args: argparse.Namespace) -> int:
    """Show, ask, write."""
    from lockproof.adapters.file_sets import write_all
    from lockproof.config import FILE_NAME
    from lockproof.steps.init import GPU_RUNNER, Choices, plan

    args = _as_before(args)
    planned = plan(
        args.directory,
        Choices(
            systems=tuple(dict.fromkeys(args.ci)) if args.ci else None,
            branch=args.branch,
            runner=args.runner,
            module=args.module or "",
            engine=args.engine or "",
            gpu_engine=args.gpu_engine or "",
            tool_image=args.tool_image or "",
            install=args.install,
            gate_install=args.gate_install,
            bin=args.bin,
            gpu_runner=tuple(args.gpu_runner.split(",")) if args.gpu_runner else GPU_RUNNER,
            isolation=args.isolation,
            nightly=args.nightly,
        ),
    )
    if not planned.systems:
        print(
            "lockproof: no CI files, since no CI system is known: --ci names one", file=sys.stderr
        )
    if not planned.changes:
        print(f"nothing to write: {_list(planned.kept)} stay as they are")
        return 0
    for change in planned.changes:
        lines = _diff(change)
        sys.stdout.writelines(map(_coloured, lines) if in_colour() else lines)
    sys.stdout.flush()
    agreed = list(_agreed(planned, args))
    write_all({planned.top / change.path: change.after for change in agreed})
    for change in agreed:
        print(f"{change.path} {'written' if change.kind == 'new' else change.kind}")
    for remark in planned.remarks:
        print(f"lockproof: {remark}", file=sys.stderr)
    if planned.lacks:
        print(
            "lockproof: the hooks need more than is here; into the environment of lockproof:"
            f" {how_to_add(','.join(planned.lacks))}",
            file=sys.stderr,
        )
    if any(change.path.endswith(FILE_NAME) for change in planned.changes):
        print(f"lockproof: next: {_next(planned, agreed, args.directory)}", file=sys.stderr)
    return 0


def _next(planned: "Plan", agreed: list["Change"], directory: Path) -> str:
    """What to do now: HEAD does not have the new policy yet, so the index is what to judge."""
    here = os.path.realpath(directory)
    top = os.path.realpath(planned.top)
    names = [os.path.relpath(os.path.join(top, change.path), here) for change in agreed]
    where = "" if here == os.path.realpath(".") else f"in {directory}: "
    return (
        f"{where}'git add {shlex.join(names)}', then see what 'lockproof gate --staged' says (with"
        " '--baseline' it keeps what is there as known), commit, and 'pre-commit install -t"
        " pre-commit -t pre-push' for the hooks: pre-commit comes with 'pip install pre-commit' or"
        " 'apt-get install pre-commit'"
    )


def _as_before(args: argparse.Namespace) -> argparse.Namespace:
    """The arguments; without a choice among them, with those that the CI files were made by.

    Raises:
        UsageError: the files do not say it, or not the same.
    """
    from lockproof.steps.init import earlier

    if any(getattr(args, name) is not None for name in _CHOICES):
        return args
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
    configure(parser)
    systems: list[str] = []
    found = {}
    for path, words in earlier(args.directory).items():
        try:
            made, unknown = parser.parse_known_args(words)
        except argparse.ArgumentError as error:
            raise UsageError(f"{path} does not say how it was made: {error}") from error
        if unknown:
            raise UsageError(f"{path} was not made by this version of lockproof: name --ci")
        systems += made.ci or ()
        made.ci = None
        found[path] = {name: getattr(made, name) for name in _CHOICES}
    choices = list(found.values())
    if any(each != choices[0] for each in choices):
        raise UsageError(f"{_list(tuple(found))} were made by different options: name --ci")
    both = {**vars(args), **(choices[0] if choices else {}), "ci": systems or None}
    return argparse.Namespace(**both)


def _diff(change: "Change") -> Iterator[str]:
    for line in difflib.unified_diff(
        change.before.splitlines(keepends=True),
        change.after.splitlines(keepends=True),
        "/dev/null" if change.kind == "new" else f"a/{change.path}",
        f"b/{change.path}",
    ):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _coloured(line: str) -> str:
    """A line of a diff as `git diff` shows it on a terminal."""
    kinds = (("---", "1"), ("+++", "1"), ("@@", "36"), ("-", "31"), ("+", "32"))
    code = next((code for start, code in kinds if line.startswith(start)), None)
    text = line.removesuffix("\n")
    return f"\x1b[{code}m{text}\x1b[0m\n" if code else line


def _agreed(planned: "Plan", args: argparse.Namespace) -> list["Change"]:
    """The changes to make.

    Raises:
        UsageError: nobody can be asked, or the answer is no.
    """
    additions = [change for change in planned.changes if change.kind != "replaced"]
    replaced = [change for change in planned.changes if change.kind == "replaced"]
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    if replaced and not args.force and not asks:
        names = _list(tuple(change.path for change in replaced))
        raise UsageError(f"{names} differ from what this would write: --force replaces them")
    if additions and not (args.yes or args.force) and not asks:
        raise UsageError("nothing is written without a yes: say it here, or with --yes")
    agreed = [change for change in replaced if args.force or _ask(f"replace {change.path}?")]
    if additions and not (args.yes or args.force):
        names = _list(tuple(change.path for change in additions))
        if not _ask(f"write {names}?"):
            raise UsageError("nothing was written")
    return [*additions, *agreed]


def _ask(question: str) -> bool:
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
