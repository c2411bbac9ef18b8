"""What was seen of an Argo Rollout, and what was done to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .base import Frozen


class RolloutSeen(Frozen):
    """The rollout whose canary was judged."""

    namespace: str
    """Where it is."""
    name: str
    """Its name there."""
    canary: str
    """The pod-template hash of the version that is tried."""
    stable: str
    """The pod-template hash of the version that runs."""
    experiment: str = ""
    """The Argo Experiment whose pods were compared instead; empty where none runs."""
    arms: tuple[str, str] | None = None
    """With an experiment: the hashes of its canary and its baseline."""
    phase: str
    """As Argo has it: `Progressing`, `Paused`, `Degraded` or `Healthy`."""
    message: str = ""
    """What its controller says of that."""
    step: int | None = None
    """Index of the step that it is at; null where it has none."""
    steps: int = 0
    """How many it has."""
    plan: tuple[str, ...] = ()
    """What each step does, in words: `weight 25 %`, `pause`."""
    analyses: Mapping[str, str] = {}
    """Analysis run of the canary -> its phase."""
    done: str = ""
    """What `--act` did, or why it did nothing, or why `watch` ended; else empty."""


@dataclass(frozen=True)
class RolloutState:
    """A rollout with a canary going on, as it was read at one moment."""

    uid: str
    version: str
    """Its resourceVersion: a change that names it is refused once there is a newer one."""
    canary: str
    stable: str
    phase: str
    began: int
    """Unix seconds at which this canary began, or its experiment did."""
    experiment: str = ""
    """The Experiment at which it is; empty where it is at none."""
    arms: tuple[str, str] | None = None
    """Of the experiment: the hashes of its canary and its baseline."""
    message: str = ""
    step: int | None = None
    steps: int = 0
    plan: tuple[str, ...] = ()
    """What each step does, in words."""
    aborted: bool = False
    promoted: bool = False
    """Whether all that is left of its steps is being skipped."""
    held: bool = False
    """Whether a person, or `--act pause`, paused it."""
    waits: bool = False
    """Whether it is at a pause that ends only when somebody promotes."""
    paused: int = 0
    """Unix seconds at which the pause of its step began; 0 where it does not say."""
    doubted: bool = False
    """Whether it is paused because an analysis or an experiment was inconclusive."""
    analyses: Mapping[str, str] = field(default_factory=dict)
    """Analysis run of the canary -> its phase."""
