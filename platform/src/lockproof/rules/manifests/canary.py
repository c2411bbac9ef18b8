"""Canaries that can fail: limits, both conditions, guards, steps that reach everybody."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, dig, items, mapping, sequence

from .shape import at_place

_PROVIDERS_OF_VECTORS = ("prometheus",)
_EMPTY = re.compile(r"\blen\s*\(\s*result\s*\)|\bdefault\s*\(\s*result|\bresult\s*(?:==|!=)\s*nil")
_NAN = re.compile(r"\bisNaN\s*\(|\bdefault\s*\(")


def canary_findings(manifest: Manifest) -> Iterator[Finding]:
    """All that is wrong with a canary or with the analysis that judges one."""
    if manifest.group == "argoproj.io":
        if manifest.kind in ("AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"):
            for at, metric in items(manifest.spec.get("metrics"), ("spec", "metrics")):
                yield from _metric(manifest, at, metric)
        elif manifest.kind == "Rollout":
            yield from _steps(manifest)
    elif (manifest.group, manifest.kind) == ("flagger.app", "Canary"):
        yield from _flagger(manifest)


def is_canary(manifest: Manifest) -> bool:
    """Whether `canary_findings` looks at it."""
    kinds = ("AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun", "Rollout")
    own = manifest.group == "argoproj.io" and manifest.kind in kinds
    return own or (manifest.group, manifest.kind) == ("flagger.app", "Canary")


def _number(value: Any) -> int | None:
    """A count, which Argo takes as a number or as text; None where an argument fills it in."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    counted = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20
    return int(value) if counted else None


def _metric(manifest: Manifest, at: At, metric: Mapping[str, Any]) -> Iterator[Finding]:
    name = metric.get("name", "?")
    yield from _limits(manifest, at, metric)
    provider = mapping(metric.get("provider"))
    if "job" in provider:
        return  # It succeeds or fails by its exit code.
    for field in ("successCondition", "failureCondition"):
        condition = metric.get(field)
        if not isinstance(condition, str) or not condition.strip():
            yield at_place(
                "LP632",
                manifest,
                at,
                f"the metric {name} has no {field}: without it what is not the one is the other,"
                " and nothing is ever inconclusive",
                subject=f"{manifest.label} {name} {field}",
            )
            continue
        if not any(kind in provider for kind in _PROVIDERS_OF_VECTORS):
            continue
        missing = []
        if not _EMPTY.search(condition):
            missing.append("an empty vector (len(result) > 0)")
        if not _NAN.search(condition):
            missing.append("NaN (!isNaN(result[0]))")
        if missing:
            yield at_place(
                "LP633",
                manifest,
                (*at, field),
                f"the {field} of {name} does not guard against {' and '.join(missing)}",
                subject=f"{manifest.label} {name} {field}",
            )


def _limits(manifest: Manifest, at: At, metric: Mapping[str, Any]) -> Iterator[Finding]:
    count = _number(metric.get("count", 1 if "interval" not in metric else None))
    if count is None:
        return
    for field in ("failureLimit", "inconclusiveLimit"):
        limit = _number(metric.get(field))
        if limit is not None and limit >= count:
            yield at_place(
                "LP631",
                manifest,
                (*at, field),
                f"{field} {limit} is not below count {count}: with it every measurement may be"
                f" bad and the analysis is still successful; use at most {count - 1}",
                subject=f"{manifest.label} {metric.get('name', '?')} {field}",
            )


def _steps(manifest: Manifest) -> Iterator[Finding]:
    canary = dig(manifest.spec, "strategy", "canary")
    if not isinstance(canary, Mapping):
        return
    at: At = ("spec", "strategy", "canary")
    steps = sequence(canary.get("steps"))
    weights = [
        (n, weight)
        for n, step in enumerate(steps)
        if (weight := _number(mapping(step).get("setWeight"))) is not None
    ]
    where = (*at, "steps", weights[-1][0], "setWeight") if weights else (*at, "steps")
    if not weights or weights[-1][1] != 100:
        last = f"at {weights[-1][1]}" if weights else "without a weight"
        yield at_place(
            "LP634",
            manifest,
            where,
            f"its steps end {last}: end with setWeight: 100, so that the last step that is judged"
            " is the one that serves everybody",
            subject=f"{manifest.label} steps",
        )
    for (_, before), (n, after) in pairwise(weights):
        if after < before:
            yield at_place(
                "LP634",
                manifest,
                (*at, "steps", n, "setWeight"),
                f"its weight goes down from {before} to {after}: let the steps rise",
            )
    judged = isinstance(canary.get("analysis"), Mapping) or any(
        isinstance(step, Mapping) and ("analysis" in step or "experiment" in step) for step in steps
    )
    if not judged:
        yield at_place(
            "LP635",
            manifest,
            at,
            "nothing judges the canary: add an analysis to its steps",
            subject=f"{manifest.label} analysis",
        )


def _flagger(manifest: Manifest) -> Iterator[Finding]:
    analysis = mapping(manifest.spec.get("analysis"))
    at: At = ("spec", "analysis")
    if manifest.spec.get("skipAnalysis") is True:
        yield at_place(
            "LP635",
            manifest,
            ("spec", "skipAnalysis"),
            "its analysis is skipped: remove skipAnalysis",
            subject=f"{manifest.label} skipAnalysis",
        )
    if not (analysis.get("metrics") or analysis.get("webhooks")):
        yield at_place(
            "LP635",
            manifest,
            at,
            "nothing judges the canary: add metrics to its analysis",
            subject=f"{manifest.label} analysis",
        )
    for where, metric in items(analysis.get("metrics"), (*at, "metrics")):
        bounds = mapping(metric.get("thresholdRange"))
        if not bounds and "threshold" not in metric:
            yield at_place(
                "LP632",
                manifest,
                where,
                f"the metric {metric.get('name', '?')} has no thresholdRange: every value is good",
                subject=f"{manifest.label} {metric.get('name', '?')} thresholdRange",
            )
