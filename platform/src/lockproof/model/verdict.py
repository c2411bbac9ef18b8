"""Verdicts and how they combine: the worst part decides, and nothing checked is not a pass."""

from collections.abc import Iterable
from enum import StrEnum

from lockproof.errors import ExitCode


class Verdict(StrEnum):
    """What was proved."""

    PASSED = "passed"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that ends with this verdict."""
        return _EXIT[self]


_EXIT = {
    Verdict.PASSED: ExitCode.PASSED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.FAILED: ExitCode.FAILED,
}
_ORDER = (Verdict.PASSED, Verdict.INCONCLUSIVE, Verdict.FAILED)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of its parts; `inconclusive` where there are none."""
    return max(verdicts, key=_ORDER.index, default=Verdict.INCONCLUSIVE)


class OutputVerdict(StrEnum):
    """How a reproduced output compares with the locked one."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    DIFFERENT = "different"
    MISSING = "missing"
    NOT_COMPARABLE = "not comparable"
    NONDETERMINISTIC = "nondeterministic"
    NOT_CHECKED = "not checked"

    @property
    def verdict(self) -> Verdict:
        """The verdict that an output contributes before any policy has its say."""
        if self in (OutputVerdict.IDENTICAL, OutputVerdict.WITHIN_TOLERANCE):
            return Verdict.PASSED
        if self in (OutputVerdict.DIFFERENT, OutputVerdict.MISSING):
            return Verdict.FAILED
        return Verdict.INCONCLUSIVE
