"""Where runs are written down."""

from typing import Annotated, Literal

from lockproof.model.fields import Asked

from .base import Name, Section

Server = Annotated[
    str, Asked(pattern=r"^https?://[A-Za-z0-9.:_-]+$|^https?://\[[0-9A-Fa-f:.]+\](:[0-9]+)?$")
]
"""Scheme, host and port of a URL: nothing behind them, and no login."""


def _is_below(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError("name a folder below the DVC root")
    return value


class RecordPolicy(Section):
    """Where run records live."""

    directory: Annotated[Name, Asked(after=_is_below)] = "experiments"
    """The folder of run records, relative to the DVC root."""
    mlflow: Literal["reachable", "required", "off"] = "reachable"
    """Whether `lockproof gate` compares a record with its run in MLflow: where a tracking server is
    configured and answers, always (else it ends with exit code 4), or never."""


class MlflowPolicy(Section):
    """Where runs are logged."""

    tracking_uri: Name | None = None
    """Default: $MLFLOW_TRACKING_URI, else sqlite in `.lockproof/` below the DVC root."""
    experiment: Name = "lockproof"
    artifact_servers: tuple[Server, ...] = ()
    """Servers beside the tracking server that its login may be sent to, since runs have their files
    there: scheme, host and port, such as `https://artifacts.example`."""

    @property
    def is_file(self) -> bool:
        """Whether `tracking-uri` names a file or a folder, and no server."""
        scheme, colon, _ = (self.tracking_uri or "server:").strip().lower().partition(":")
        return not colon or scheme.partition("+")[0] in ("sqlite", "file")
