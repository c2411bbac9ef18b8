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
    reuse: bool = True
    log_mlflow: bool = False
