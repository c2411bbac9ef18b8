"""What was asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """The arguments of `lockproof reproduce`; None means: as the policy says."""

    directory: Path
    revision: str = "HEAD"
    stages: tuple[str, ...] = ()
    mode: str | None = None
    jobs: int | None = None
    runs: int | None = None
    since: str | None = None
    base: str | None = None
    """Whose remotes are asked; default: `since`, in CI the target branch, else the work tree's."""
    isolation: str | None = None
    """What is asked for beside the policy's word and the base's: the strictest counts."""
    reuse: bool = True
    log_mlflow: bool = False
    vary: tuple[str, ...] = ()
    """Conditions to vary one by one (`conditions.NAMES`)."""
    apart: bool = False
    """Whether findings of one cause are left apart, for who puts several reports together."""
