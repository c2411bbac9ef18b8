"""How `lockproof gate` asks the remotes."""

from pydantic import Field, StrictBool, StrictInt

from .base import Acceptance, Name, Seconds, Section


class RemotePolicy(Section):
    """How `lockproof gate` asks remotes for what the lock claims."""

    also: tuple[Name, ...] = ()
    """Remotes that must hold every object as well, besides the one that an output names."""
    deep: StrictBool = False
    """Read and hash every object, as `--deep` does."""
    by_size: Acceptance = "accept"
    """What objects are worth of which only name and size could be compared, because the remote does
    not say their MD5: let them pass (the report says how many), or pass nothing."""
    jobs: StrictInt = Field(default=16, ge=1, le=256)
    """Requests at once."""
    timeout: Seconds = 30.0
    """How long to wait for a connection, or for the next bytes of an answer."""
    attempts: StrictInt = Field(default=5, ge=1, le=20)
    """How often a request is made before the remote counts as unavailable."""
    backoff: Seconds = 0.5
    """The longest wait before the second attempt; it doubles for each further one, up to 20 s."""
