"""What a stage may take of the machine, as the policy has it and as a report says it."""

from lockproof.adapters.sandbox.job import Limits
from lockproof.adapters.sandbox.quota import Quota
from lockproof.adapters.sandbox.run import Completed
from lockproof.config import RunPolicy
from lockproof.model.amount import size

from .world import World

_SET = ("processes", "memory", "disk")


def limits_of(policy: RunPolicy, world: World) -> Limits:
    """What one run of a stage has."""
    times = [t for t in (policy.timeout, world.patience) if t is not None]
    return Limits(
        timeout=min(times, default=None),
        network=policy.network and not world.cut,
        quota=Quota(policy.processes, policy.memory or 0, policy.disk or 0),
    )


def bounds(policy: RunPolicy, completed: Completed) -> dict[str, str]:
    """Each limit of `[run]` that is set, and what it is; or that nothing could hold it here."""
    found = {name: _amount(name, getattr(policy, name) or 0) for name in _SET}
    if policy.timeout:
        found["timeout"] = f"{policy.timeout:g} s"
    for name in completed.unheld:
        found[name] += ", not held: that takes Linux and its /proc"
    return {name: found[name] for name in sorted(found) if found[name]}


def excess(policy: RunPolicy, completed: Completed) -> str | None:
    """`memory: 336 MiB at one time where 256 MiB are allowed`; None where there was none."""
    if completed.over is None:
        return None
    name, used = completed.over
    allowed = getattr(policy, name)
    most, had = _amount(name, allowed), _amount(name, used)
    if had == most:
        return f"{name}: at one time {_amount(name, used - allowed)} more than the {most} allowed"
    return f"{name}: {had} at one time where {most} are allowed"


def _amount(name: str, value: int) -> str:
    if name == "processes" or not value:
        return f"{value}" if value else ""
    return size(value, 1024)
