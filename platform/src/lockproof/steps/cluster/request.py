"""What was asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Engine = Literal["kubernetes", "argo"]


@dataclass(frozen=True)
class Request:
    """The arguments of `lockproof reproduce --on`; None means: as the policy says."""

    directory: Path
    on: Engine = "kubernetes"
    revision: str | None = None
    """None: HEAD, or that of the run that is attached to."""
    revisions: tuple[str, ...] = ()
    """Several, in place of that one: all of them in one run."""
    stages: tuple[str, ...] = ()
    mode: str | None = None
    jobs: int | None = None
    runs: int | None = None
    since: str | None = None
    base: str | None = None
    """Whose policy says which image, Secrets and account pods get, and which remotes they ask."""
    detach: bool = False
    kubeconfig: Path | None = None
    context: str | None = None
