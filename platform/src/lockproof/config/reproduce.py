"""How a reproduction is done, and what is close enough."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from lockproof.model.comparison import Tolerance
from lockproof.model.environment import Environment
from lockproof.model.fields import Asked

from .base import Acceptance, Bound, Section, Strict


class ReproducePolicy(Section):
    """Defaults of `lockproof reproduce` and what may pass without proof."""

    mode: Literal["isolated", "chain"] | None = None
    jobs: Annotated[int, Asked(strict=True, ge=1)] | None = None
    runs: Annotated[int, Asked(strict=True, ge=1, le=10)] = 1
    frozen: Acceptance = "inconclusive"
    unaffected: Acceptance = "inconclusive"
    nondeterministic: Acceptance = "inconclusive"
    not_comparable: Acceptance = "inconclusive"
    explain: Strict = True
    """Whether differing stages are run again to find the cause."""
    experiments: Annotated[int, Asked(strict=True, ge=0)] = 28
    """How many such runs one stage may take."""


class ToleranceRule(Section):
    """Outputs that are compared by value, and how close is close enough."""

    paths: Annotated[tuple[str, ...], Asked(min_length=1)]
    fields: tuple[str, ...] = ("*",)
    """Globs on dotted keys, column names or array names; the first rule that matches wins."""
    hardware: Annotated[str, Asked(min_length=1)] | None = None
    """A glob on the name of each GPU that stages see, as `nvidia-smi` gives it; where they see
    none, on `cpu` and on the CPU's model name. Default: any hardware."""
    rtol: Bound = 0.0
    atol: Bound = 0.0

    def hold_together(self) -> None:
        """Hold what fields say against each other."""
        if self.rtol == 0 and self.atol == 0:
            raise ValueError("state rtol, atol or both; without a tolerance leave the rule out")

    def is_for(self, here: Environment | None) -> bool | None:
        """Whether it is for what stages see here; None: that is not known.

        With several GPUs it has to be for each of them.
        """
        if self.hardware is None:
            return True
        if here is None or here.gpus is None:
            return None
        if here.gpus:
            return all(fnmatchcase(name, self.hardware) for name in here.gpus)
        named = ("cpu", here.cpu)
        return any(fnmatchcase(name, self.hardware) for name in named if name)

    @property
    def tolerance(self) -> Tolerance:
        """The numbers alone."""
        return Tolerance(rtol=self.rtol, atol=self.atol)


class JudgedBy(Section):
    """Outputs whose bytes cannot be promised and that others of the same stage stand for."""

    paths: Annotated[tuple[str, ...], Asked(min_length=1)]
    by: Annotated[tuple[str, ...], Asked(min_length=1)]
    reason: Annotated[str, Asked(min_length=1)]
