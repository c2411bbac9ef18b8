"""Rollouts and analyses that their controller refuses, though every field is one.

What is refused is the validation that Argo Rollouts documents with each field, and does when it
looks at an object (https://argo-rollouts.readthedocs.io/en/stable/features/specification/).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, dig, items, mapping
from lockproof.rules.formats import duration

from .shape import at_place

_STEPS = (
    "setWeight", "pause", "experiment", "analysis", "setCanaryScale", "setHeaderRoute",
    "setMirrorRoute", "plugin", "replicaProgressThreshold",
)  # fmt: skip
_ONE_OF = ("setWeight", "pause", "experiment", "analysis")
_NEED_SERVICES = ("alb", "smi", "apisix", "ambassador", "nginx", "appMesh", "traefik")


def _refused(manifest: Manifest, at: At, text: str) -> Finding:
    return at_place("LP662", manifest, at, f"Argo Rollouts refuses it: {text}")


def rollout_findings(manifest: Manifest) -> Iterator[Finding]:
    """What the controller has against a rollout."""
    strategy = mapping(manifest.spec.get("strategy"))
    at: At = ("spec", "strategy")
    stated = [name for name in ("canary", "blueGreen") if isinstance(strategy.get(name), Mapping)]
    if len(stated) != 1:
        text = "its strategy is canary or blueGreen: state one of them"
        yield _refused(manifest, at, text)
        return
    patient = manifest.spec.get("progressDeadlineSeconds", 600)
    ready = manifest.spec.get("minReadySeconds", 0)
    if isinstance(patient, int) and isinstance(ready, int) and patient <= ready:
        text = f"progressDeadlineSeconds {patient} must be above minReadySeconds {ready}"
        yield _refused(manifest, ("spec",), text)
    if stated == ["blueGreen"]:
        blue = strategy["blueGreen"]
        if blue.get("activeService") == blue.get("previewService"):
            text = "activeService and previewService must be two services"
            yield _refused(manifest, (*at, "blueGreen"), text)
        return
    yield from _canary(manifest, (*at, "canary"), strategy["canary"])


def _canary(manifest: Manifest, at: At, canary: Mapping[str, Any]) -> Iterator[Finding]:
    services = [canary.get(name) for name in ("stableService", "canaryService")]
    if services[0] and services[0] == services[1]:
        text = f"stableService and canaryService are both {services[0]}: they must be two services"
        yield _refused(manifest, (*at, "canaryService"), text)
    if all(_is_nothing(canary.get(n, d)) for n, d in (("maxSurge", 1), ("maxUnavailable", 1))):
        yield _refused(
            manifest, at, "maxSurge and maxUnavailable are both 0: no pod can be replaced"
        )
    routing = canary.get("trafficRouting")
    routes = mapping(routing)
    if not isinstance(routing, Mapping):
        for name in ("scaleDownDelaySeconds", "dynamicStableScale"):
            if canary.get(name):
                yield _refused(manifest, (*at, name), f"{name} needs trafficRouting")
    elif not all(services) and "pingPong" not in canary:
        plain = "istio" in routes and not dig(routes, "istio", "destinationRule")
        if plain or any(name in routes for name in _NEED_SERVICES):
            text = "trafficRouting needs both stableService and canaryService"
            yield _refused(manifest, (*at, "trafficRouting"), text)
    most = routes.get("maxTrafficWeight", 100)
    for where, step in items(canary.get("steps"), (*at, "steps")):
        yield from _step(manifest, where, step, routes, most if isinstance(most, int) else 100)


def _step(
    manifest: Manifest, at: At, step: Mapping[str, Any], routes: Mapping[str, Any], most: int
) -> Iterator[Finding]:
    if not any(step.get(name) is not None for name in _STEPS):
        yield _refused(manifest, at, f"a step must be one of {', '.join(_STEPS[:4])}")
    several = [name for name in _ONE_OF if step.get(name) is not None]
    if len(several) > 1:
        text = f"a step is one thing, and this one has {' and '.join(several)}: make them two"
        yield _refused(manifest, at, text)
    weight = step.get("setWeight")
    if isinstance(weight, int) and not isinstance(weight, bool) and not 0 <= weight <= most:
        text = f"setWeight {weight} is not from 0 to {most}"
        yield _refused(manifest, (*at, "setWeight"), text)
    pause = dig(step, "pause", "duration")
    if pause is not None and seconds(pause) is None:
        text = f"{pause!r} is no duration: write 30s, 5m or 1h"
        yield _refused(manifest, (*at, "pause", "duration"), text)
    if step.get("setCanaryScale") is not None and not routes:
        text = "setCanaryScale needs trafficRouting"
        yield _refused(manifest, (*at, "setCanaryScale"), text)
    managed = {route.get("name") for _, route in items(routes.get("managedRoutes"), ())}
    for name in ("setHeaderRoute", "setMirrorRoute"):
        route = mapping(step.get(name)).get("name")
        if name in step and route not in managed:
            text = f"the route {route} of {name} is not among trafficRouting.managedRoutes"
            yield _refused(manifest, (*at, name), text)


def _is_nothing(value: Any) -> bool:
    return value in (0, "0", "0%") and value is not False


def seconds(value: Any) -> float | None:
    """Seconds of a duration as Argo has them: `30`, `30s`, `5m`; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return float(value) if value >= 0 else None
    text = value if isinstance(value, str) else ""
    if text.isascii() and text.isdecimal():
        return float(text)
    found = duration(text)
    return found if found is not None and found >= 0 else None


def metric_findings(
    manifest: Manifest, at: At, metric: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """What the controller has against a metric, among those of its analysis."""
    name = metric.get("name")
    named = [other for other in metrics if other.get("name") == name]
    if named and metric is not named[0]:
        yield _refused(manifest, (*at, "name"), f"two metrics are called {name}")
    provider = mapping(metric.get("provider"))
    count = len(mapping(provider.get("plugin")))
    count += sum(kind != "plugin" and stated is not None for kind, stated in provider.items())
    if count != 1:
        text = f"the metric {name} has {count or 'no'} providers: it needs one"
        yield _refused(manifest, (*at, "provider"), text)
    for field in ("interval", "initialDelay"):
        stated = metric.get(field)
        if isinstance(stated, str) and "{{" not in stated and seconds(stated) is None:
            text = f"{stated!r} is no duration: write 30s, 5m or 1h"
            yield _refused(manifest, (*at, field), text)
    times = _count(metric.get("count"))
    if times > 1 and not metric.get("interval"):
        text = f"the metric {name} is measured {times} times: state its interval"
        yield _refused(manifest, (*at, "count"), text)
    failures, successes = (
        _count(metric.get(field)) for field in ("failureLimit", "consecutiveSuccessLimit")
    )
    if times and failures >= 0 and successes > 0 and times < failures + successes:
        text = f"count {times} is below failureLimit and consecutiveSuccessLimit together"
        yield _refused(manifest, (*at, "count"), text)


def _count(value: Any) -> int:
    """A number that Argo takes as text, too; 0 where it is not known here."""
    if isinstance(value, str):
        digits = value.removeprefix("-")
        return int(value) if digits.isascii() and digits.isdecimal() and len(digits) < 12 else 0
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
