"""How a reproduction is done, and what is close enough."""

from fnmatch import fnmatchcase
from typing import Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from lockproof.model.comparison import Tolerance
from lockproof.model.environment import Environment

from .base import Acceptance, Bound, Section


class ReproducePolicy(Section):
    """Defaults of `lockproof reproduce` and what may pass without proof."""

    mode: Literal["isolated", "chain"] | None = None
    jobs: StrictInt | None = Field(default=None, ge=1)
    runs: StrictInt = Field(default=1, ge=1, le=10)
    frozen: Acceptance = "inconclusive"
    unaffected: Acceptance = "inconclusive"
    nondeterministic: Acceptance = "inconclusive"
    not_comparable: Acceptance = "inconclusive"
    explain: StrictBool = True
    """Whether differing stages are run again to find the cause."""
    experiments: StrictInt = Field(default=28, ge=0)
    """How many such runs one stage may take."""


class ToleranceRule(Section):
    """Outputs that are compared by value, and how close is close enough."""

    paths: tuple[str, ...] = Field(min_length=1)
    fields: tuple[str, ...] = ("*",)
    """Globs on dotted keys, column names or array names; the first rule that matches wins."""
    hardware: str | None = Field(default=None, min_length=1)
    """A glob on the name of each GPU that stages see, as `nvidia-smi` gives it; where they see
    none, on `cpu` and on the CPU's model name. Default: any hardware."""
    rtol: Bound = 0.0
    atol: Bound = 0.0

    @model_validator(mode="after")
    def _allows_something(self) -> Self:
        if self.rtol == 0 and self.atol == 0:
            raise ValueError("state rtol, atol or both; without a tolerance leave the rule out")
        return self

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

    paths: tuple[str, ...] = Field(min_length=1)
    by: tuple[str, ...] = Field(min_length=1)
    reason: str = Field(min_length=1)
