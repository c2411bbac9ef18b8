"""Whether lockproof runs where everything is thrown away after this run: a container of its own."""

import os
from pathlib import Path

VARIABLE = "LOCKPROOF_DISPOSABLE"
"""`1` by whoever starts lockproof in a container that is made for this run: the Dagger module."""
_OF_GITLAB = "CI_DISPOSABLE_ENVIRONMENT"
"""`true` in jobs of every executor but those that work on the runner's own machine."""
_ENGINES = ("docker.sock", "containerd/containerd.sock", "podman/podman.sock", "crio/crio.sock")
_SOCKETS = tuple(Path("/run", name) for name in _ENGINES)


def is_disposable(sockets: tuple[Path, ...] = _SOCKETS) -> bool:
    """Whether the machine that programs find here is a container made for this run.

    Not by the word of anything in a repository, and not where a container engine can be asked:
    that one's socket leads out.
    """
    said = os.environ.get(VARIABLE) == "1" or os.environ.get(_OF_GITLAB) == "true"
    return said and not any(map(os.path.lexists, sockets))
