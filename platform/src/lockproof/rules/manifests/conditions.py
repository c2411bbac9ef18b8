"""Conditions of metrics that do not work, that nothing meets, or that a missing value meets."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, sequence

from .answers import Conditions, Outcome, Shape, try_answers
from .expr import Refused, Unsupported, condition, parse
from .expr.evaluation import UNKNOWN, Failed
from .expr.syntax import Node
from .promql import Emptiness
from .shape import at_place

FIELDS = ("successCondition", "failureCondition")
TAG = re.compile(r"\{\{([^{}]*)\}\}")
"""What Argo fills in before it reads a metric."""
_STAND_INS = ("0.5", "1", "x")
_ERROR_LIMIT = 4
"""How many errors in a row an analysis bears, unless it says otherwise."""


def condition_findings(
    manifest: Manifest, at: At, metric: Mapping[str, Any], shape: Shape | None, *, empty: Emptiness
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


def _read(texts: Mapping[str, str], values: Mapping[str, str], stand_in: str) -> Conditions:
    found: dict[str, Node] = {}
    for field, text in texts.items():
        try:
            found[field] = parse(TAG.sub(lambda m: values.get(m[1].strip(), stand_in), text))
        except (Refused, Unsupported) as error:
            raise _AtField(field, error) from None
    return Conditions(found.get(FIELDS[0]), found.get(FIELDS[1]))


def _fits(texts: Mapping[str, str], read: Conditions, shape: Shape | None) -> None:
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
    read: Conditions,
    shape: Shape | None,
    name: str,
    *,
    empty: Emptiness,
) -> tuple[list[Finding], list[str]]:
    """What the rollout would do for every answer that is tried."""
    try:
        tried = try_answers(read, shape, empty)
    except Refused as error:
        return [], [f"{name}: its conditions fit some answers only: {error}"]
    except Unsupported as error:
        return [], [f"{name}: its conditions use what is not known here: {error}"]
    told, outcomes = metric.get("name", "?"), tried.outcomes
    if outcomes == {"error"}:
        return [_every_error(manifest, at, metric, name)], []
    found = list(_special(manifest, at, metric, tried.special, name, tried.needed))
    if None not in outcomes and not {"failed", "successful"} <= outcomes and not tried.decided:
        missing = "fail" if "failed" not in outcomes else "succeed"
        shows = f"which none of {tried.size} answers shows"
        return found, [f"{name}: whether it can {missing}, {shows}"]
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
