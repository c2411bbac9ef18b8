"""Canaries that can fail: limits, both conditions, steps that are judged."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, dig, items, mapping, sequence

from .conditions import FIELDS, condition_findings
from .patterns import matches
from .promql import answer_of, emptiness_of
from .rollouts import metric_findings, rollout_findings
from .schema import dotted
from .shape import at_place


def canary_findings(manifest: Manifest) -> tuple[list[Finding], list[str]]:
    """All that is wrong with a canary or the analysis that judges one, and what is not known."""
    if manifest.group == "argoproj.io":
        if manifest.kind == "Rollout":
            return [*rollout_findings(manifest), *_steps(manifest)], []
        return _analysis(manifest)
    return list(_flagger(manifest)), []


def _analysis(manifest: Manifest) -> tuple[list[Finding], list[str]]:
    found = list(_dry_runs(manifest, ("spec",), manifest.spec))
    skipped: list[str] = []
    metrics = list(items(manifest.spec.get("metrics"), ("spec", "metrics")))
    for at, metric in metrics:
        found += metric_findings(manifest, at, metric, [other for _, other in metrics])
        found += _limits(manifest, at, metric)
        provider = mapping(metric.get("provider"))
        if "job" in provider:
            continue  # It succeeds or fails by its exit code.
        found += _missing(manifest, at, metric)
        shape, empty = None, emptiness_of("")
        if "prometheus" in provider:
            query = dig(provider, "prometheus", "query")
            if isinstance(query, str):
                shape, empty = answer_of(query), emptiness_of(query)
            if isinstance(dig(provider, "prometheus", "rangeQuery"), Mapping):
                shape = "vector"
        more, unknown = condition_findings(manifest, at, metric, shape, empty=empty)
        found += more
        skipped += unknown
    return found, skipped


def _dry_runs(manifest: Manifest, at: At, holder: Mapping[str, Any]) -> Iterator[Finding]:
    """Metrics that are measured and do not count: if that are all, nothing judges."""
    names = [str(metric.get("name")) for _, metric in items(holder.get("metrics"), ())]
    names = names or ["a", "Another_1"]  # Those of a rollout stand in its templates.
    patterns = [str(entry.get("metricName")) for _, entry in items(holder.get("dryRun"), ())]
    if patterns and all(any(matches(name, one) for one in patterns) for name in names):
        yield at_place(
            "LP631",
            manifest,
            (*at, "dryRun"),
            "every metric is a dry run, and whatever they say the analysis is successful: name in"
            " dryRun only what must not count",
            subject=f"{manifest.label} {dotted((*at, 'dryRun'))}",
        )


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


def _missing(manifest: Manifest, at: At, metric: Mapping[str, Any]) -> Iterator[Finding]:
    name = metric.get("name", "?")
    for field in FIELDS:
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


def _limits(manifest: Manifest, at: At, metric: Mapping[str, Any]) -> Iterator[Finding]:
    name = metric.get("name", "?")
    if (_number(metric.get("consecutiveSuccessLimit")) or 0) > 0:
        return  # What is not successful often enough is not successful in the end.
    if str(metric.get("failureLimit")) == "-1":
        yield at_place(
            "LP631",
            manifest,
            (*at, "failureLimit"),
            f"failureLimit -1 lets any number of measurements of {name} fail: use one from 0 up",
            subject=f"{manifest.label} {name} failureLimit",
        )
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
                subject=f"{manifest.label} {name} {field}",
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
    for (_, before), (n, after) in pairwise(weights):
        if after < before <= 100:
            yield at_place(
                "LP634",
                manifest,
                (*at, "steps", n, "setWeight"),
                f"its weight goes down from {before} to {after}: let the steps rise",
            )
    yield from _judged(manifest, at, canary, steps)


def _judged(
    manifest: Manifest, at: At, canary: Mapping[str, Any], steps: list[Any]
) -> Iterator[Finding]:
    """Whether anything judges the canary while it serves a part."""
    subject = f"{manifest.label} analysis"
    background = canary.get("analysis")
    judging = [
        n
        for n, step in enumerate(steps)
        if isinstance(step, Mapping) and ("analysis" in step or "experiment" in step)
    ]
    for where, analysis in analyses(canary, at):
        yield from _dry_runs(manifest, where, analysis)
    if isinstance(background, Mapping):
        start = _number(background.get("startingStep")) or 0
        if not start or start < len(steps):
            return
        text = (
            f"its analysis starts at step {start}, and there are {len(steps)}, counted from 0: it"
            " never runs; lower startingStep"
        )
        if not judging:
            where = (*at, "analysis", "startingStep")
            yield at_place("LP635", manifest, where, text, subject=subject)
            return
    if not judging:
        text = "nothing judges the canary: add an analysis to its steps"
        yield at_place("LP635", manifest, at, text, subject=subject)
        return
    whole = [n for n, step in enumerate(steps) if _number(mapping(step).get("setWeight")) == 100]
    if whole and whole[0] < judging[0]:
        text = "it is judged only once it serves everybody: move the analysis before setWeight: 100"
        yield at_place("LP635", manifest, (*at, "steps", judging[0]), text, subject=subject)


def analyses(canary: Mapping[str, Any], at: At) -> Iterator[tuple[At, Mapping[str, Any]]]:
    """The analyses of a canary: that in the background, and those of its steps."""
    if isinstance(canary.get("analysis"), Mapping):
        yield (*at, "analysis"), canary["analysis"]
    for where, step in items(canary.get("steps"), (*at, "steps")):
        if isinstance(step.get("analysis"), Mapping):
            yield (*where, "analysis"), step["analysis"]


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
