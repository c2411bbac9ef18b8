"""Errors that a user can act on, and the exit codes they map to.

A failed verdict is a value, never an exception: an exception means that there is no verdict.
"""

from enum import IntEnum

from lockproof.installed import how_to_add


class ExitCode(IntEnum):
    """What the process returns; part of the contract with CI systems."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    BUG = 3
    UNAVAILABLE = 4
    INCONCLUSIVE = 5
    INTERRUPTED = 130


def unreadable(error: Exception) -> str:
    """What a parser's exception says, in words that help whoever wrote the text."""
    if isinstance(error, RecursionError | MemoryError):
        return "nested too deeply"
    if "integer string conversion" in str(error):  # Python advises to change the program.
        return "a number of more than 4300 digits: make it shorter"
    return " ".join(str(error).split())[:300] or type(error).__name__


class LockproofError(Exception):
    """An error whose message is one line that says what to do."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str) -> None:
        """Keep `message` to one line, whatever a foreign exception put into it."""
        super().__init__(" ".join(message.split()))


class UsageError(LockproofError):
    """The command line, the repository or a configuration file is not usable as it is."""

    exit_code = ExitCode.USAGE


def explained(error: BaseException) -> LockproofError | None:
    """The first of an error, or of a group of them, that says what to do.

    None where one among them is none of ours: a bug, or an interruption.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error if isinstance(error, LockproofError) else None
    found = [explained(each) for each in error.exceptions]
    return found[0] if all(found) else None


class ConfigError(UsageError):
    """`lockproof.toml`, the DVC configuration or a pipeline file does not say what it must."""


class UnavailableError(LockproofError):
    """A service outside this machine (remote storage, MLflow, package index) did not answer."""

    exit_code = ExitCode.UNAVAILABLE


class MissingExtraError(UsageError):
    """An optional dependency is needed and not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        """Name the extra that brings what `purpose` needs, and how it is added."""
        super().__init__(f"{purpose} needs the extra {extra!r}: {how_to_add(extra)}")
