"""What the formulas are computed with: single numbers, or arrays that hold one for each canary."""

from collections.abc import Callable
from typing import Any, Protocol


class Numbers(Protocol):
    """What arithmetic has no sign for: the module `floats`, or `arrays`."""

    def sqrt(self, x: Any, /) -> Any:
        """The square root."""

    def log1p(self, x: Any, /) -> Any:
        """log(1 + x)."""

    def exp(self, x: Any, /) -> Any:
        """e to the power of x."""

    def expm1(self, x: Any, /) -> Any:
        """exp(x) - 1."""

    def lgamma(self, x: Any, /) -> Any:
        """The logarithm of the gamma function."""

    def xlogy(self, x: Any, y: Any, /) -> Any:
        """x log(y); 0 where x is 0, whatever y is, and minus infinity where only y is."""

    def minimum(self, x: Any, y: Any, /) -> Any:
        """The smaller of the two."""

    def maximum(self, x: Any, y: Any, /) -> Any:
        """The larger of the two."""

    def where(self, which: Any, x: Any, y: Any, /) -> Any:
        """`x` where `which` holds, else `y`."""

    def some(self, which: Any, /) -> bool:
        """Whether it holds for any."""

    def among(self, which: Any, find: Callable[..., Any], /, *columns: Any) -> Any:
        """What `find` gives of the columns where `which` holds; NaN elsewhere, at no cost."""
