"""What a step that runs no stage looked at: one family of checks, and what it left out."""

from typing import Annotated

from .base import Made
from .fields import Asked
from .verdict import Verdict


class Check(Made):
    """One family of checks, such as the locks or the remote."""

    name: str
    """The family: `lock`, `remote`, `schema`, …"""
    verdict: Verdict
    """The worst of its findings; `inconclusive` where nothing, or not enough, was looked at."""
    checked: int = 0
    """How many things were looked at."""
    unit: Annotated[str, Asked(pattern=r"^[a-z][a-z -]*$")] = "item"
    """What those things are, in the singular."""
    summary: str = ""
    """One line for people, such as `verified by ETag: 912, by size alone: 3`."""
    demanded: bool = True
    """False: neither the policy nor the repository asks anything of this family, so that it has
    no say in the verdict unless it fails."""
    not_checked: tuple[str, ...] = ()
    """What was left out and why, one line each; never counted as proof."""
