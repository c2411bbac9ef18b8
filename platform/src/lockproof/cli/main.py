"""Entry point: finds the verb, runs it, and maps every ending to an exit code.

Nothing heavy is imported here: `lockproof --help` and shell completion must be quick.
"""

import argparse
import atexit
import errno
import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from threading import Event
from types import ModuleType

from lockproof import __version__
from lockproof.cli.common import add_common
from lockproof.errors import ExitCode, LockproofError

VERBS = {
    "init": "write policy and CI files into a DVC repository",
    "reproduce": "make every locked output of a commit again and compare",
    "lint": "check manifests before they are applied",
    "record": "write down how the lock came to be, and log the run to MLflow",
    "gate": "check what a commit claims before it is merged",
    "attest": "sign what a reproduction proved of the models",
    "verify": "check the signed proof of a model, and its bytes",
    "register": "make the MLflow model version of a proved commit, once",
    "promote": "let the desired state in Git name a registered model version",
    "lineage": "say which model version came from which commit and data",
    "affected": "name the stages that changed, and the GPUs they ask for",
    "provision": "bring a cluster to what Git declares, and keep it there",
    "canary": "decide about a canary by its metrics, however often one looks",
    "explain": "print the page of a rule: what it means and how to fix it",
    "merge-lock": "merge two versions of dvc.lock, stage by stage",
    "completion": "print the completion script of a shell",
}

_TERMINATED = Event()
"""Set once SIGTERM came: what it raises can be lost, and end as another exception."""

_EPILOG = """exit codes:
  0  passed            4  an outside service does not answer
  1  failed            5  inconclusive: nothing, or not everything, could be proved
  2  usage or configuration
  3  a bug in lockproof
"""


def build_parser(verbs: Sequence[str], first: str | None = None) -> argparse.ArgumentParser:
    """The parser; only the named verbs get their arguments, the others just their line.

    Where the first word of a command is a verb, no other is needed: they take a tenth of the start.
    """
    parser = argparse.ArgumentParser(
        prog="lockproof",
        description="Prove that what a Git commit claims about its data, code and models is true.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lockproof {__version__}")
    add_common(parser, Path())
    commands = parser.add_subparsers(dest="verb", metavar="COMMAND", title="commands")
    for name, summary in VERBS.items():
        if first in VERBS and name != first:
            continue
        named = name in verbs
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            add_help=named,
        )
        if named:
            add_common(command, argparse.SUPPRESS)
            import_module(_module(name)).configure(command)
    return parser


def _module(verb: str) -> str:
    return f"lockproof.cli.{verb.replace('-', '_')}"


_ONE_LOOK = frozenset({"gate", "affected", "lint"})
"""What reads once and ends, so that what it might leave behind cannot grow."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code; see `lockproof.errors.ExitCode`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        _be_quick(next(iter(words), None))
    # A CI system cancels with SIGTERM: what Ctrl-C puts away is put away then, too.
    _TERMINATED.clear()
    signal.signal(signal.SIGTERM, _terminate)
    verbose = "-v" in words or "--verbose" in words
    try:
        code = _run(words)
        sys.stdout.flush()  # Here, where a closed pipe or a full disk can still be told.
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.INTERRUPTED
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return _explain(error, verbose=verbose)


def _be_quick(verb: str | None) -> None:
    """Set up a process that runs one command and ends."""
    # What a command reads lives until it ends: looking for garbage in it finds none, then least.
    gc.set_threshold(2_000_000 if verb in _ONE_LOOK else 200_000, 20, 20)
    atexit.register(gc.freeze)
    # None may change what a value is, and looking for some in every installed package takes time.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Nor is what looks for them imported. Where pydantic keeps it elsewhere, it only takes longer.
    loader = ModuleType("pydantic.plugin._loader")
    loader.__dict__["get_plugins"] = tuple
    sys.modules[loader.__name__] = loader


def _terminate(*_: object) -> None:
    _TERMINATED.set()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # As in the background of a script.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


def _run(words: Sequence[str]) -> int:
    parser = build_parser([word for word in words if word in VERBS], next(iter(words), None))
    try:
        args = parser.parse_args(words)
    except SystemExit:
        sys.stdout.flush()  # After --help and --version.
        raise
    if args.verb is None:
        parser.print_help()
        return ExitCode.USAGE
    verb = import_module(_module(args.verb))
    if _TERMINATED.is_set():  # What loads modules may have dropped its exception.
        raise KeyboardInterrupt
    return int(verb.run(args))


def _explain(error: BaseException, *, verbose: bool) -> int:
    leaves = list(_leaves(error))
    if _TERMINATED.is_set() or any(map(_is_interrupted, leaves)):
        return _say("interrupted", ExitCode.INTERRUPTED)
    if len(leaves) == 1 and isinstance(leaves[0], OSError) and not leaves[0].filename:
        # Standard output, or a disk that is full.
        return _say(f"cannot write: {leaves[0].strerror}", ExitCode.USAGE)
    known = [leaf for leaf in leaves if isinstance(leaf, LockproofError)]
    full = [leaf for leaf in leaves if isinstance(leaf, OSError) and leaf.errno in _NO_ROOM]
    if full and len(full) + len(known) == len(leaves):
        what = f"cannot write {full[0].filename}: {full[0].strerror}: make room on its disk"
        return _say(what, ExitCode.USAGE)
    if known and len(known) == len(leaves):
        return _say(str(known[0]), known[0].exit_code)
    if verbose:
        import traceback

        traceback.print_exception(error)
    what = " ".join(f"{type(leaves[0]).__name__}: {leaves[0]}".split())
    return _say(f"a bug in lockproof, please report it ({what}); -v shows where", ExitCode.BUG)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _is_interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C is what led to an exception: Python wraps it where a class is being made."""
    seen: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if isinstance(each, KeyboardInterrupt):
            return True
        if each is not None and each not in seen:
            seen.append(each)
            left += (each.__cause__, each.__context__)
    return False


def _say(message: str, code: ExitCode) -> ExitCode:
    from .plain_progress import visible

    print(f"lockproof: {visible(message)}", file=sys.stderr)
    return code
