"""`lockproof merge-lock`: merge two versions of a `dvc.lock` or `.dvc` file."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockproof.steps.merge_lock import Merge


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Merge dvc.lock stage by stage. An entry is taken whole from the side that changed it; a\n"
        "stage that both sides changed, or that reads what the other side made, is named and\n"
        "left in conflict: no side proved it. --install makes it the merge driver of this clone;\n"
        "with one FILE it merges what Git has left in conflict."
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="the file in conflict, or what Git gives a merge driver: %%O %%A %%B %%P",
    )
    parser.add_argument(
        "--install",
        action="store_true",
        help="write .gitattributes and this clone's Git configuration, and show what was written",
    )
    parser.add_argument(
        "--unlock",
        action="store_true",
        help="take the stages that must be run again out of the lock, so that 'dvc repro' runs"
        " them",
    )


def run(args: argparse.Namespace) -> int:
    """Merge, or install."""
    from lockproof.errors import UsageError

    if args.install and not args.files and not args.unlock:
        return _install(args.directory)
    if args.install or len(args.files) not in (1, 4) or (args.unlock and len(args.files) != 1):
        raise UsageError("give --install, a FILE in conflict, or the four files of a merge driver")
    from lockproof.steps.merge_lock import drive, resolve

    paths = [args.directory / name for name in args.files]
    if len(paths) == 1:
        merge = resolve(paths[0], unlock=args.unlock)
        return _say(merge, args.files[0], unlocked=args.unlock)
    base, ours, theirs, _ = paths
    return _say(drive(base, ours, theirs, args.files[3]), args.files[3])


def _install(directory: Path) -> int:
    from lockproof.adapters.git.merge_driver import install
    from lockproof.adapters.git.repository import GitRepository

    for setting in install(GitRepository.discover(directory.absolute())):
        state = "" if setting.changed else "  (was so already)"
        separator = " = " if setting.file.endswith("config") else " "
        print(f"{setting.file}: {setting.key}{separator}{setting.value}{state}")
    print("commit .gitattributes; everyone runs this once in their own clone")
    return 0


def _say(merge: "Merge", name: str, *, unlocked: bool = False) -> int:
    from lockproof.render.foreign import brief
    from lockproof.render.words import count

    shown = brief(name, 160)
    if merge.is_clean:
        print(f"{shown}: merged, with {count(merge.taken, 'stage')} of theirs")
        return 0
    lines = [f"{shown}: {brief(text, 300)}" for text in merge.conflicts]
    if merge.conflicts and name.endswith(".dvc"):
        lines.append(
            f"  choose one with 'git checkout --ours {shown}' or --theirs, or get both, put them"
            " together and 'dvc add' the result"
        )
    if merge.reruns:
        lines.append(f"{shown}: {count(len(merge.reruns), 'stage')} must be run again:")
        lines += [f"  {brief(r.stage, 80)}: {brief(r.reason, 300)}" for r in merge.reruns]
        lines.append(_next_step(merge, shown, unlocked=unlocked))
    print("\n".join(lines), file=sys.stderr)
    return 0 if unlocked else 1


def _next_step(merge: "Merge", name: str, *, unlocked: bool) -> str:
    if unlocked:
        return f"they are out of the lock: run 'dvc repro' beside it, then 'git add {name}'"
    if merge.clean is None:
        return "settle the rest of the conflict first"
    return f"then: lockproof merge-lock --unlock {name}, 'dvc repro' beside it, 'git add {name}'"
