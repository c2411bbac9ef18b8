"""What a metric's conditions make of the answers that its query may give.

Argo Rollouts evaluates both conditions on every measurement: an error in either is an error, a true
failure condition a failure, then a true success condition a success; what is neither is
inconclusive, and where one condition is missing it is the opposite of the other.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any, Literal, NamedTuple

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, sequence

from .expr import Refused, Unsupported, condition, parse
from .expr.evaluation import UNKNOWN, Failed
from .expr.plain import constants, is_plain
from .expr.syntax import Node
from .promql import Emptiness
from .shape import at_place

Outcome = Literal["successful", "failed", "inconclusive", "error"]
FIELDS = ("successCondition", "failureCondition")
TAG = re.compile(r"\{\{([^{}]*)\}\}")
"""What Argo fills in before it reads a metric."""
_STAND_INS = ("0.5", "1", "x")
_USUAL = (0.0, 0.5, 1.0, -1.0, 100.0, 1e9, -1e9, math.inf, -math.inf)
_MOST_PROBES = 60
_LONGEST_ANSWER = 20
"""Values of a vector, as far as conditions name a number of them."""
_ERROR_LIMIT = 4
"""How many errors in a row an analysis bears, unless it says otherwise."""


class _Read(NamedTuple):
    """Both conditions of a metric, as trees."""

    success: Node | None
    failure: Node | None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Those that there are."""
        return tuple(node for node in self if node is not None)

    @property
    def constants(self) -> list[float]:
        """What results are held against, in order."""
        return sorted({number for node in self.nodes for number in constants(node)})

    def outcome(self, result: Any) -> Outcome | None:
        """What a measurement is; None where that depends on a result that is not known.

        Raises:
            Refused, Unsupported: as `condition`.
        """
        try:
            success = None if self.success is None else condition(self.success, result)
            failure = None if self.failure is None else condition(self.failure, result)
        except Failed:
            return "error"
        if self.success is None and self.failure is None:
            return "successful"
        if self.success is None:
            success = None if failure is None else not failure
        elif self.failure is None:
            failure = None if success is None else not success
        if failure is True:
            return "failed"
        if failure is None:
            return None
        if success is None:
            return None
        return "successful" if success else "inconclusive"


def condition_findings(
    manifest: Manifest, at: At, metric: Mapping[str, Any], shape: str | None, *, empty: Emptiness
) -> tuple[list[Finding], list[str]]:
    """What is wrong with a metric's conditions, and what could not be found out.

    Args:
        manifest: what holds the metric.
        at: where the metric stands in it.
        metric: the metric.
        shape: `vector` or `scalar` for what a Prometheus query gives; None where that is not known.
        empty: what an empty answer says.
    """
    name = f"{manifest.label} {metric.get('name', '?')}"
    texts = {field: metric[field] for field in FIELDS if _is_stated(metric.get(field))}
    if not texts:
        return [], []
    values = _arguments(manifest)
    problem: tuple[str, Exception] | None = None
    filled = any(TAG.search(text) for text in texts.values())
    for stand_in in _STAND_INS:
        try:
            read = _read(texts, values, stand_in)
            _fits(texts, read, shape)
        except _AtField as error:
            problem = problem or (error.field, error.reason)
            if not filled:
                break
        else:
            return _weighed(manifest, at, metric, read, shape, name, empty=empty)
    assert problem is not None
    field, reason = problem
    unknown = filled and not all(tag in values for tag in _tags(texts.values()))
    if isinstance(reason, Unsupported) or unknown:
        why = "depends on arguments" if unknown else f"uses what is not known here: {reason}"
        return [], [f"{name}: the {field} {why}"]
    text = (
        f"the {field} of {metric.get('name', '?')} does not work: {reason}. Every measurement is an"
        f" error. {_aborts(metric)}"
    )
    return [at_place("LP661", manifest, (*at, field), text, subject=f"{name} {field}")], []


def _is_stated(text: Any) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _arguments(manifest: Manifest) -> dict[str, str]:
    """The tags that have a value here."""
    return {
        f"args.{argument.get('name')}": str(argument["value"])
        for argument in sequence(manifest.spec.get("args"))
        if isinstance(argument, Mapping) and isinstance(argument.get("value"), str)
    }


def _tags(texts: Any) -> Iterator[str]:
    for text in texts:
        for match in TAG.finditer(text):
            yield match[1].strip()


class _AtField(Exception):
    def __init__(self, field: str, reason: Exception) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def _read(texts: Mapping[str, str], values: Mapping[str, str], stand_in: str) -> _Read:
    found: dict[str, Node] = {}
    for field, text in texts.items():
        try:
            found[field] = parse(TAG.sub(lambda m: values.get(m[1].strip(), stand_in), text))
        except (Refused, Unsupported) as error:
            raise _AtField(field, error) from None
    return _Read(found.get(FIELDS[0]), found.get(FIELDS[1]))


def _fits(texts: Mapping[str, str], read: _Read, shape: str | None) -> None:
    """See that the conditions work on what the query gives."""
    result: Any = UNKNOWN if shape is None else [0.5] if shape == "vector" else 0.5
    for field in texts:
        node = read.success if field == FIELDS[0] else read.failure
        assert node is not None
        try:
            condition(node, result)
        except (Refused, Unsupported) as error:
            raise _AtField(field, error) from None
        except Failed:
            pass


def _weighed(
    manifest: Manifest,
    at: At,
    metric: Mapping[str, Any],
    read: _Read,
    shape: str | None,
    name: str,
    *,
    empty: Emptiness,
) -> tuple[list[Finding], list[str]]:
    """What the rollout would do for every answer that is tried."""
    probes: list[Any] = []
    try:
        if shape is None:
            outcomes = {read.outcome(UNKNOWN)}
            special: list[tuple[str, Outcome | None]] = []
        else:
            wrap = (lambda v: [v]) if shape == "vector" else (lambda v: v)
            probes = _probes(read, shape)
            outcomes = {read.outcome(probe) for probe in probes}
            special = []
            if shape == "vector" and empty != "never":
                nothing = read.outcome([])
                outcomes.add(nothing)
                if empty == "missed":
                    special.append(("an empty answer", nothing))
            if read.outcome(wrap(0.5)) != "error":  # Else what it lacks is another value.
                special.append(("NaN, as 0/0 without traffic,", read.outcome(wrap(math.nan))))
    except Refused as error:
        return [], [f"{name}: its conditions fit some answers only: {error}"]
    except Unsupported as error:
        return [], [f"{name}: its conditions use what is not known here: {error}"]
    told = metric.get("name", "?")
    outcomes |= {outcome for _, outcome in special}
    if outcomes == {"error"}:
        return [_every_error(manifest, at, metric, name)], []
    needed = _needed(read) if shape == "vector" else 1
    found = list(_special(manifest, at, metric, special, name, needed))
    if None not in outcomes and not {"failed", "successful"} <= outcomes and not _decided(read):
        missing = "fail" if "failed" not in outcomes else "succeed"
        tried = len(probes) + len(special)
        return found, [f"{name}: whether it can {missing}, which none of {tried} answers shows"]
    if None not in outcomes and "failed" not in outcomes:
        text = f"no answer makes {told} fail: a bad version passes; correct its conditions"
        where = FIELDS[1] if read.failure is not None else FIELDS[0]
        subject = f"{name} conditions"
        found.append(at_place("LP631", manifest, (*at, where), text, subject=subject))
    elif None not in outcomes and "successful" not in outcomes:
        text = (
            f"no answer makes {told} succeed: no version is ever promoted; correct its conditions"
        )
        where = FIELDS[0] if read.success is not None else FIELDS[1]
        subject = f"{name} conditions"
        found.append(at_place("LP661", manifest, (*at, where), text, subject=subject))
    return found, []


def _decided(read: _Read) -> bool:
    """Whether what was tried is all that there is to try."""
    try:
        if read.outcome(UNKNOWN) is not None:
            return True
    except (Refused, Unsupported):
        return False
    numbers = read.constants
    few = 4 * len(numbers) + len(_USUAL) <= _MOST_PROBES
    return few and is_plain(read.nodes, _LONGEST_ANSWER)


def _every_error(manifest: Manifest, at: At, metric: Mapping[str, Any], name: str) -> Finding:
    """A condition that reads, and fails to be evaluated whatever the query answers."""
    field = FIELDS[0] if _is_stated(metric.get(FIELDS[0])) else FIELDS[1]
    text = (
        f"the conditions of {metric.get('name', '?')} do not work: on every answer that was tried"
        f" they end in an error{_default(metric)}. {_aborts(metric)}"
    )
    return at_place("LP661", manifest, (*at, field), text, subject=f"{name} {field}")


def _default(metric: Mapping[str, Any]) -> str:
    if any("default(" in str(metric.get(field)) for field in FIELDS):
        return " (default() gives the whole result of a query, not an item of it)"
    return ""


def _aborts(metric: Mapping[str, Any]) -> str:
    limit = metric.get("consecutiveErrorLimit", _ERROR_LIMIT)
    return f"More than {limit} in a row abort the rollout"


def _special(
    manifest: Manifest,
    at: At,
    metric: Mapping[str, Any],
    special: Sequence[tuple[str, Outcome | None]],
    name: str,
    needed: int,
) -> Iterator[Finding]:
    told = metric.get("name", "?")
    for what, outcome in special:
        if outcome == "successful":
            text = f"{what} counts as a success of {told}: what was never measured is promoted"
        elif outcome == "error":
            text = f"{what} is an error of {told}. {_aborts(metric)}"
        else:
            continue  # A failure or inconclusive: both keep it from traffic.
        guard = f"len(result) > {needed - 1}" if "empty" in what else "!isNaN(result[0])"
        field = FIELDS[0] if FIELDS[0] in metric else FIELDS[1]
        yield at_place(
            "LP633",
            manifest,
            (*at, field),
            f"{text}: guard both conditions with {guard} && …",
            subject=f"{name} {what.split()[0]} {what.split()[1]}".rstrip(","),
        )


def _needed(read: _Read) -> int:
    """How many values an answer must have, so that no condition ends in an error; at least one."""
    counts = range(1, _LONGEST_ANSWER + 1)
    return next((n for n in counts if read.outcome([0.5] * n) != "error"), 1)


def _probes(read: _Read, shape: str) -> list[Any]:
    """Answers to try: around every number that the conditions name, the usual ones, and chance."""
    values, sizes = dict.fromkeys(_USUAL), {1, 2, 3}
    numbers = read.constants
    values |= dict.fromkeys((low + high) / 2 for low, high in pairwise(numbers))
    for number in numbers:
        step = max(abs(number) * 0.1, 0.01)
        values |= dict.fromkeys((number, number - step, number + step))
        if 0 <= number <= _LONGEST_ANSWER and number == int(number):
            sizes |= {max(1, int(number) + more) for more in (-1, 0, 1)}
    chance = Random(0)  # noqa: S311 - the same answers at every run
    chosen = list(values)[:_MOST_PROBES]
    chosen += [10 ** chance.uniform(-4, 6) for _ in range(20)]
    if shape == "scalar":
        return list(chosen)
    found: list[Any] = [[value] * size for size in sorted(sizes) for value in chosen]
    for size in sorted(sizes - {1}):
        found += [chance.choices(chosen, k=size) for _ in range(60)]
    return found
