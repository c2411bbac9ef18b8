"""How `lockproof gate` asks the remotes."""

from typing import Annotated

from lockproof.model.fields import Asked

from .base import Acceptance, Name, Seconds, Section, Strict


class RemotePolicy(Section):
    """How `lockproof gate` asks remotes for what the lock claims."""

    also: tuple[Name, ...] = ()
    """Remotes that must hold every object as well, besides the one that an output names."""
    deep: Strict = False
    """Read and hash every object, as `--deep` does."""
    by_size: Acceptance = "accept"
    """What objects are worth of which only name and size could be compared, because the remote does
    not say their MD5: let them pass (the report says how many), or pass nothing."""
    jobs: Annotated[int, Asked(strict=True, ge=1, le=256)] = 16
    """Requests at once."""
    timeout: Seconds = 30.0
    """How long to wait for a connection, or for the next bytes of an answer."""
    attempts: Annotated[int, Asked(strict=True, ge=1, le=20)] = 5
    """How often a request is made before the remote counts as unavailable."""
    backoff: Seconds = 0.5
    """The longest wait before the second attempt; it doubles for each further one, up to 20 s."""
