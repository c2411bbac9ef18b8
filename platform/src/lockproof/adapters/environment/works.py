"""Runs the programs that make an environment, and bounds those that may run code of packages."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.sandbox.job import Limits
from lockproof.adapters.sandbox.quota import FREE, Quota
from lockproof.adapters.sandbox.run import Completed, run_programs
from lockproof.errors import ConfigError

from .installers import Recipe
from .installing import Installing, Pulse
from .workshop import Workshop

Programs = Sequence[Sequence[str | Path]]

PATIENCE = 4 * 3600.0
"""Seconds that set-up code may take: large packages compile for hours."""
QUOTA = Quota(processes=4096, clinging=2)


@dataclass(frozen=True)
class Works:
    """Runs the programs for one environment, and tells how they get on."""

    recipe: Recipe
    lock: int
    """Held until the last program has ended."""
    log: Path
    cwd: Path
    folder: Path
    """Where the environment is made."""
    pulse: Pulse
    patience: float = PATIENCE
    """Seconds, for programs that run code of packages."""
    quota: Quota = QUOTA
    """What those may have of the machine."""

    async def run(
        self,
        where: Workshop,
        programs: Programs,
        *,
        network: bool = True,
        timeout: float | None = None,
        installs: bool = False,
        doing: str = "looking for packages",
    ) -> bool:
        """Whether all of these programs succeeded, within `timeout` seconds; `doing` tells of them.

        Raises:
            ConfigError: they could not be kept apart; code of packages took too much.
        """
        if installs:
            doing = "asking the package index"
        packages = len(self.recipe.names) if network else 0
        told = Installing(self.log, packages, self.pulse, self.folder, doing)
        outlet = where.outlet if network else None
        with outlet.served() if outlet else nullcontext():
            ended = await run_programs(
                [outlet.opener, *programs] if outlet else programs,
                cwd=self.cwd,
                env=where.env,
                log=self.log,
                limits=Limits(
                    timeout=self.patience if where.runs_code else timeout,
                    network=network and outlet is None,
                    quota=self.quota if where.runs_code else FREE,
                ),
                on_output=told,
                held=[self.lock],
                isolated=where.isolated,
            )
        if ended.refusal:
            raise ConfigError(f"{self.recipe.name} could not be built apart: {ended.refusal}")
        if where.runs_code and (excess := self._excess(ended)):
            raise ConfigError(
                f"cannot build the environment of {self.recipe.name}: code of a package {excess}:"
                f" publish a wheel of it, or commit one and name its path (see {self.log})"
            )
        if installs and ended.exit_code == 0:
            told.done()
        return ended.exit_code == 0

    def _excess(self, ended: Completed) -> str:
        if ended.timed_out:
            return f"did not end within {self.patience / 3600:.2g} h"
        if ended.over:
            return f"had {ended.over[1]} processes at one time, where {self.quota.processes} may be"
        return ""
