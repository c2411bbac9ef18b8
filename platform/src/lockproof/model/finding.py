"""A finding: one thing that is wrong, where, and what to do about it."""

from enum import StrEnum
from typing import Literal, Self

from .base import Frozen, sha256_of, unchecked

HELP_ROOT = "https://github.com/lockproof/lockproof/blob/main/docs/rules"


def help_address(rule: str) -> str:
    """The address of the page that explains a rule."""
    return f"{HELP_ROOT}/{rule}.md"


class Severity(StrEnum):
    """An `error` fails the report; a `warning` and a `note` do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(Frozen):
    """One finding of one rule about one subject."""

    rule: str
    """Stable id such as `LP203`."""
    severity: Severity
    message: str
    """What is wrong and what to do, in one line."""
    subject: str
    """The path, stage, object or resource it is about."""
    path: str | None = None
    """File to open, POSIX, relative to the Git root."""
    line: int | None = None
    """Line in `path`, from 1."""
    fingerprint: str
    """Stable over runs and over edits elsewhere: 16 hex digits."""
    seen: str | None = None
    """Names what was seen of the subject, such as a digest or a value: 16 hex digits. The baseline
    lets a finding pass only while that is the same."""
    passed_by: Literal["waiver", "baseline"] | None = None
    """What lets it pass, as a note, where a waiver or the baseline does."""
    help: str

    @classmethod
    def of(
        cls,
        rule: str,
        severity: Severity,
        subject: str,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        seen: object = None,
    ) -> Self:
        """Make a finding; its fingerprint is that of rule, subject and path.

        `seen` is any JSON value.
        """
        return unchecked(cls)(
            rule=rule,
            severity=severity,
            message=message,
            subject=subject,
            path=path,
            line=line,
            fingerprint=sha256_of([rule, subject, path])[:16],
            seen=None if seen is None else sha256_of(seen)[:16],
            help=help_address(rule),
        )


class Shared(Finding):
    """A finding whose cause others may have as well; a report has one for all of them.

    Policy and baseline weigh each for itself.
    """

    cause: str
    """The subject of the common one, such as a remote."""
    item: str
    """What this one is about: an output, a stage."""
    noun: str
    """What such items are called, in the plural."""
    words: str
    """What the common message says of them, and what to do."""
