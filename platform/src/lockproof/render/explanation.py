"""What a file of checks means, as text."""

from collections.abc import Iterator

from lockproof.model.explanation import Expected, Explanation
from lockproof.render.words import duration, number


def explanation_text(found: Explanation) -> str:
    """A paragraph for each measure."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Explanation) -> Iterator[str]:
    horizon = duration(found.intervals * found.interval)
    yield (
        f"{found.checks}: of canaries that are no worse at most"
        f" {number(100 * found.false_abort, 3)} of 100 are failed, and of those that are worse by"
        f" what matters {number(100 * found.false_promote, 3)} passed, however often one looks."
    )
    yield (
        "It passes where every measure does at one look, fails where one does, and is inconclusive"
        f" where {horizon} bring neither."
    )
    yield (
        "By the method intervals this is not held for canaries that are bad for several intervals"
        " on end, and seldom: `lockproof canary simulate --fault` says how many of these pass."
    )
    for each in found.measures:
        yield f"\n{each.name}: {each.what}"
        yield f"  fails   where {each.fails}"
        yield f"  passes  where {each.passes}"
        yield f"  takes   {each.needs}"
        canary, stable = (number(value) for value in found.requests)
        yield (
            f"  expect  with {canary} requests of the canary in an interval and {stable} of"
            f" stable, where {number(each.level)} is good:"
        )
        for one in each.expected:
            yield f"          {_who(one)}: {_when(one, found)}"


def _who(one: Expected) -> str:
    if not one.times:
        return "as good"
    sign = "+" if one.worse > 0 else "-"
    return f"{sign}{number(abs(one.worse), 3)}, {number(one.times)} x what matters"


def _when(one: Expected, found: Explanation) -> str:
    for look, what in ((one.failed, "failed"), (one.passed, "passed")):
        if look is not None:
            return f"{what} after {duration(look * found.interval)}, {look:,} intervals"
    return "undecided when the horizon is over"
