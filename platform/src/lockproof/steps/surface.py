"""What of the machine the commands of a pipeline find, and what keeps them to it."""

from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from lockproof.adapters.environment.build import PipelineEnvironment
from lockproof.adapters.environment.folders import editable_into, folders_of, imported_from
from lockproof.adapters.environment.identity import UnlistedError, state_of
from lockproof.adapters.environment.variables import stage_variables
from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.adapters.sandbox.disposable import is_disposable
from lockproof.adapters.sandbox.isolation import OFF, Isolation, Level
from lockproof.adapters.sandbox.view import View, readable, system_view
from lockproof.config import Policy
from lockproof.errors import ConfigError
from lockproof.steps.progress import Progress

CHECKOUT, HOME, TMP = Path("/workspace"), Path("/home/stage"), Path("/tmp")  # noqa: S108
"""As an isolated stage sees them, on every machine."""


@dataclass(frozen=True)
class Surface:
    """What all stages of a reproduction have in common."""

    isolation: Isolation
    view: View
    """The system, the environment and what the policy names, for reading only."""
    clone: Path | None = None
    """Where the user's clone lies, if an environment may lead there: stages find their checkout."""


async def isolation_for(policy: Policy) -> Isolation:
    """What keeps code of a commit apart from the machine here.

    What is required is a root of their own for stages. A container that is made for the run is one
    already, and Landlock closes what lockproof itself has in there.

    Raises:
        ConfigError: the policy demands what cannot be had here.
    """
    asked = policy.run.isolation
    if asked == "off":
        return OFF
    isolation = await find_isolation()
    enough = isolation.level.own_root or (isolation.level is Level.LANDLOCK and is_disposable())
    if asked == "required" and not enough:
        raise ConfigError(
            "run.isolation is required and cannot be had here"
            f" ({'; '.join(isolation.refusals) or 'not Linux'}): allow user namespaces, in a"
            " container by its seccomp and AppArmor profiles, on Ubuntu by 'sysctl"
            " kernel.apparmor_restrict_unprivileged_userns=0'; docs/guides/ci.md says more"
        )
    return isolation


async def make_surface(
    policy: Policy, environment: PipelineEnvironment, clone: Path, isolation: Isolation
) -> Surface:
    """Find out what stages have to find of the machine.

    Args:
        policy: the policy.
        environment: where stage commands find their programs.
        clone: the Git root of the user's clone, which no stage sees.
        isolation: what keeps stages apart from it.

    Raises:
        ConfigError: the environment imports packages from the clone and nothing can lead them to
            the checkout instead.
    """
    variables = stage_variables(
        policy.run, path=environment.search_path(), home=HOME, tmp=TMP, extra={}
    )
    shown = await folders_of(environment, variables, policy.run.visible, clone)
    loose = environment.kind in ("interpreter", "unpinned")
    if loose and not isolation.level.own_root:
        name = editable_into(shown, clone)
        if name:
            raise ConfigError(
                f"the environment imports from the work tree ({name}), so stages would run what"
                " is not committed: install that package without -e, or have bubblewrap"
            )
    view = system_view(network=policy.run.network).showing(readable(_outside(shown)))
    return Surface(isolation, view, clone if loose else None)


def not_found(surface: Surface, environment: PipelineEnvironment, clone: Path) -> Iterator[str]:
    """What to say of folders that an environment imports from and stages do not find."""
    shown = [Path(mount.source) for mount in surface.view.mounts if mount.kind == "read"]
    if surface.isolation.level is Level.NONE:
        return
    for place, name in imported_from(environment).items():
        if not any(place.is_relative_to(folder) for folder in (*shown, clone)):
            yield (
                f"stages do not find {place}, which {name} of the environment imports from: if"
                " they need it, name it in run.visible"
            )


@dataclass(frozen=True)
class Seen:
    """The state of what stages can read of the machine, as digests (`identity.state_of`)."""

    system: str
    own: str
    """The environment and what else is not the system's."""


async def known_state(look: Awaitable[str | None], progress: Progress) -> list[str]:
    """A state, if it can be known; else a line says why verdicts are neither kept nor reused."""
    try:
        state = await look
    except UnlistedError as error:
        progress.say(f"no verdict is kept or reused: {error}, so a stage may read there unseen")
        return []
    return [state] if state is not None else []


async def look_at_system() -> str:
    """Take down the state of the system's own folders, which are the longest to look at."""
    system = [m.source for m in system_view(network=False).mounts if m.kind == "read"]
    return await anyio.to_thread.run_sync(state_of, system)


async def look_at_own(surface: Surface) -> str | None:
    """Take down the state of all else that stages can read; None where they can read anything."""
    if not surface.isolation.level.own_root:
        return None
    return await anyio.to_thread.run_sync(state_of, own_places(surface.view))


def own_places(view: View) -> list[str]:
    """What a view shows beside the system, for reading."""
    system = {mount.source for mount in system_view(network=False).mounts}
    return [m.source for m in view.mounts if m.kind == "read" and m.source not in system]


def _outside(shown: Iterable[Path]) -> list[Path]:
    """Without what the system's own folders hold already."""
    system = system_view(network=False).mounts
    held = [mount.target for mount in system if mount.kind == "read"]
    return [p for p in shown if not any(p.is_relative_to(target) for target in held)]
