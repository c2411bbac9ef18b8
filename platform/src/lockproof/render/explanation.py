"""What a file of checks means, as text."""

from collections.abc import Iterator

from lockproof.model.explanation import Expected, Explanation
from lockproof.render.words import count, duration, number

_SUPPOSES = {
    "intervals": "not held for canaries that are bad for several intervals on end, and seldom"
    " (`lockproof canary simulate --fault` says how many of these pass); nor where errors come in"
    " bursts of many intervals (of good ones 10 of 100 were failed at bursts of sixteen that hit"
    " one version alone: `--moves`); nor for a mean over few requests whose values differ by orders"
    " of magnitude.",
    "bounded": "held for any bursts, as long as no interval of a good canary is expected to be"
    " worse, given those before.",
    "requests": "held only where each request fails or not whatever the others do, with the same"
    " chance all the time. Real traffic is seldom so: on bursts it is wrong far more often, and the"
    " more so the more often one looks (`lockproof canary simulate --moves` says how often).",
}
"""What each method's chances hang on: docs/guides/canary.md, docs/canary-beside-others.md."""


def explanation_text(found: Explanation) -> str:
    """A paragraph for each measure."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Explanation) -> Iterator[str]:
    horizon = duration(found.intervals * found.interval)
    yield (
        f"{found.checks}: of canaries that are no worse than stable, and beyond no limit of a guard"
        f" or a reference, at most {number(100 * found.false_abort, 3)} of 100 are failed, and of"
        f" those that are worse by what matters {number(100 * found.false_promote, 3)} passed,"
        " however often"
        " one looks, where the traffic is as the method supposes:"
    )
    for method in dict.fromkeys(each.method for each in found.measures):
        yield f"  {method:<10}{_SUPPOSES[method]}"
    if any(each.guard for each in found.measures):
        yield (
            "A guard, or a drift with a reference, knows no stable version: where what runs is"
            " beyond its limit, a canary that is no worse is failed too."
        )
    yield (
        "It passes where every measure does at one look, fails where one does, and is inconclusive"
        f" where {horizon} bring neither."
    )
    for each in found.measures:
        yield f"\n{each.name}: {each.what}"
        yield f"  fails   where {each.fails}"
        yield f"  passes  where {each.passes}"
        yield f"  takes   {each.needs}"
        canary, stable = (number(value) for value in found.requests)
        beside = "" if each.guard else f" and {stable} of stable"
        yield (
            f"  expect  with {canary} requests of the canary in an interval{beside}, where"
            f" {number(each.level)} is good:"
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
            return f"{what} after {duration(look * found.interval)}, {count(look, 'interval')}"
    return "undecided when the horizon is over"
