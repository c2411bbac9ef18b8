"""Why an output differs, and how sure that is."""

from enum import StrEnum

from .base import Frozen


class CauseKind(StrEnum):
    """The kinds of cause that lockproof tells apart."""

    CODE = "code"
    DATA = "data"
    COMMAND = "command"
    PARAMETER = "parameter"
    ENVIRONMENT = "environment"
    REWRITTEN_INPUT = "rewritten input"
    UNDECLARED_INPUT = "undeclared input"
    UNDECLARED_OUTPUT = "undeclared output"
    NONDETERMINISM = "nondeterminism"
    """The output is another in the next run on the same machine."""
    NETWORK = "network"
    """The command needs it and it was cut."""
    STATE = "kept state"
    """What an earlier run left is part of the result."""
    BYTE_CODE = "byte code"
    """What Python compiled lies in a folder that is an output."""
    LINE_ENDINGS = "line endings"
    """The lock is of the same text with those of Windows."""
    CONDITION = "condition"
    """The output depends on what no commit holds, such as the time zone or the user."""
    UNKNOWN = "unknown"


class Certainty(StrEnum):
    """How a cause was established."""

    PROVEN = "proven"
    """An experiment or a direct observation shows it."""
    LIKELY = "likely"
    """An experiment or what was seen points to it, and leaves room for another."""
    POSSIBLE = "possible"
    """It differs; whether it matters could not be tested here."""


class Cause(Frozen):
    """One cause of a stage's differing outputs."""

    kind: CauseKind
    subject: str
    """The file, parameter, package, … that it is about."""
    certainty: Certainty
    summary: str
    """One line that says what changed, the same on every machine."""
    condition: str | None = None
    """What an experiment varied to show it, such as `hash-seed`; None: it was shown otherwise."""
