"""What a run of a stage finds around it, beside its inputs: the same for every run unless varied.

A judged run and an experiment differ in nothing that is named here but what the experiment varies.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lockproof.adapters.sandbox.isolation import Guise
from lockproof.steps.surface import CHECKOUT, HOME


@dataclass(frozen=True)
class Account:
    """Whom a stage takes itself for; only with a root of its own."""

    uid: int
    gid: int
    name: str


def own_account() -> Account:
    """Whom a stage takes itself for where nothing is varied."""
    uid = os.geteuid()
    return Account(uid, os.getegid(), "stage" if uid else "root")


@dataclass(frozen=True)
class Disorder:
    """Entries of the checkout's folders in another order than a folder of this machine has them."""

    other_than: Path
    """The Git root of a checkout that holds the same."""


@dataclass(frozen=True)
class World:
    """Everything around a run that can be set here; the default is what judged runs have."""

    seed: int = 1
    """Of Python's hashes, where the policy passes none on. A drawn one would decide verdicts."""
    variables: Mapping[str, str | None] = field(default_factory=dict)
    """These win over the stage's own; None: not set."""
    checkout: Path = CHECKOUT
    """Where the stage finds the Git root; only with a root of its own."""
    home: Path = HOME
    """As for `checkout`; without a root of its own only another path than the default counts."""
    account: Account | None = None
    guise: Guise = field(default_factory=Guise)
    folder: Path | None = None
    """Where the checkout is laid out on this machine; None: anywhere in the work folder."""
    disorder: Disorder | None = None
    declared_only: bool = False
    """Whether only tracked files that the stage declares are there."""
    patience: float | None = None
    """Seconds after which it is given up, if before the policy's limit."""
    cut: bool = False
    """Whether the network is off although the policy has it on."""

    def but(self, **changes: object) -> "World":
        """This world with some things set otherwise; variables and guise are added to."""
        variables = changes.pop("variables", None)
        guise = changes.pop("guise", None)
        if isinstance(variables, Mapping):
            changes["variables"] = {**self.variables, **variables}
        if isinstance(guise, Mapping):
            changes["guise"] = replace(self.guise, **guise)
        return replace(self, **changes)  # type: ignore[arg-type]


USUAL = World()
"""What judged runs have."""
