"""What `lockproof gate` looks at, how much each rule weighs, and what is let pass for a while."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from lockproof.model.fields import Asked

from .base import Name, Section, Strict

Family = Literal["lock", "remote", "git", "record", "metrics", "manifests", "reproduction"]
FAMILIES: tuple[Family, ...] = Family.__args__  # type: ignore[attr-defined]
RuleId = Annotated[str, Asked(pattern=r"^LP[0-9]{3}$")]


def _date(value: object) -> object:
    # TOML has dates of its own; a date and time would leave the time zone open.
    if isinstance(value, date) and type(value) is date:
        return value
    if isinstance(value, str):
        return date.fromisoformat(value)
    raise ValueError("write a date such as 2027-03-31")


class GatePolicy(Section):
    """What `lockproof gate` looks at."""

    off: tuple[Family, ...] = ()
    """Families that are not looked at; with all of them off nothing can pass."""
    reproduction: Literal["off", "required"] = "off"
    """`required`: nothing passes without a passed `reproduce` report for the same commit and lock,
    given by `--report`."""
    baseline: Name = "lockproof-baseline.json"
    """The file of the findings that were there when lockproof came, relative to the DVC root."""


class RulePolicy(Section):
    """One rule, other than its page has it; the table's name is the rule's id."""

    severity: Literal["error", "warning", "note"] | None = None
    """Only `error` fails the report. Default: as on the rule's page."""
    off: Strict = False
    """Drop what this rule finds."""
    paths: tuple[Name, ...] = ()
    """Globs: findings about other paths are dropped; empty means all paths."""


RulePolicies = Mapping[RuleId, RulePolicy]


class Waiver(Section):
    """A finding that is let pass until a date; it stays in the report, as a note."""

    rule: RuleId
    """The rule's id, such as `LP103`."""
    subject: Name
    """The finding's subject or path; a glob."""
    reason: Annotated[str, Asked(min_length=1)]
    """Why it may pass; the report shows it."""
    expires: Annotated[date, Asked(before=_date)]
    """The last day on which it holds, UTC."""
