"""What `lockproof lint` is asked for, and how it tells of its progress."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lockproof.model.lint_family import LintFamily


class Progress(Protocol):
    """Where steps are told."""

    def say(self, text: str) -> None:
        """Tell of a step."""
        ...


@dataclass(frozen=True)
class Request:
    """The command line's wishes; what is None or empty the policy decides."""

    directory: Path
    """Where the command was started; paths are relative to it."""
    paths: tuple[str, ...] = ()
    kubernetes_version: str | None = None
    schema_locations: tuple[str, ...] = ()
    cluster: bool = False
    """Take the schemas from a cluster, and ask it about every manifest."""
    kubeconfig: Path | None = None
    """None: `$KUBECONFIG`, else `~/.kube/config`."""
    context: str | None = None
    """None: the kubeconfig's current one."""
    only: tuple[LintFamily, ...] = ()
    """The families to look at; empty: all that the policy leaves on."""
