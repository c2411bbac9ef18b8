"""A rollout with what it names: its templates, and the routes that its traffic takes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, dig, items, mapping, sequence

from .canary import analyses
from .rollouts import seconds
from .shape import at_place
from .targets import templates, virtual_services

Named = Mapping[tuple[str, str], Sequence[Manifest]]
"""Manifests by kind and name."""


def by_name(manifests: Iterable[Manifest]) -> Named:
    """Those that a rollout can name."""
    found: dict[tuple[str, str], list[Manifest]] = {}
    for manifest in manifests:
        found.setdefault((manifest.kind, manifest.name), []).append(manifest)
    return found


def parts_findings(manifest: Manifest, manifests: Named) -> Iterator[Finding]:
    """What is wrong with a rollout beside the objects that it names.

    Args:
        manifest: the rollout.
        manifests: all there are; what several declare under one name is not looked at.
    """
    canary = dig(manifest.spec, "strategy", "canary")
    if not isinstance(canary, Mapping):
        return
    at: At = ("spec", "strategy", "canary")
    yield from _measured_late(manifest, at, canary, manifests)
    yield from _measured_for_ever(manifest, at, canary, manifests)
    yield from _routes(manifest, at, canary, manifests)
    yield from _meshed(manifest, canary, manifests)


def _named(
    manifest: Manifest, kind: str, name: str, manifests: Named, namespace: str | None = None
) -> Manifest | None:
    namespace = manifest.namespace if namespace is None else namespace
    found = [
        one
        for one in manifests.get((kind, name), ())
        if (kind.startswith("Cluster") or one.namespace == namespace)
    ]
    return found[0] if len(found) == 1 else None


def _metrics(
    manifest: Manifest, at: At, analysis: Mapping[str, Any], manifests: Named
) -> list[Mapping[str, Any]] | None:
    """The metrics of an analysis; None where one of its templates is not known."""
    found: list[Mapping[str, Any]] = []
    for target in templates(analysis, at):
        template = _named(manifest, target.kind, target.name, manifests)
        if template is None or "templates" in template.spec:
            return None
        found += [metric for _, metric in items(template.spec.get("metrics"), ())]
    return found


def _measured_late(
    manifest: Manifest, at: At, canary: Mapping[str, Any], manifests: Named
) -> Iterator[Finding]:
    """A background analysis whose first measurement comes when the steps are over."""
    analysis = canary.get("analysis")
    if not isinstance(analysis, Mapping):
        return
    where = (*at, "analysis")
    steps = sequence(canary.get("steps"))
    start = analysis.get("startingStep", 0)
    lasts = _lasts(steps[start:] if isinstance(start, int) else [])
    metrics = _metrics(manifest, where, analysis, manifests)
    if lasts is None or not metrics or not steps:
        return
    delays = [seconds(metric.get("initialDelay", 0)) for metric in metrics]
    if all(delay is not None and delay >= lasts > 0 for delay in delays):
        text = (
            f"its steps take {lasts:.0f} s, and no metric is measured before: an analysis that is"
            " stopped without a measurement is successful; shorten initialDelay, or pause longer"
        )
        yield at_place("LP635", manifest, where, text, subject=f"{manifest.label} analysis")


def _lasts(steps: Sequence[Any]) -> float | None:
    """Seconds that steps take; None where one waits for something else than time."""
    total = 0.0
    for step in steps:
        if not isinstance(step, Mapping) or {"analysis", "experiment", "plugin"} & set(step):
            return None
        if "pause" in step:
            pause = seconds(mapping(step["pause"]).get("duration"))
            if pause is None:
                return None
            total += pause
    return total


def _measured_for_ever(
    manifest: Manifest, at: At, canary: Mapping[str, Any], manifests: Named
) -> Iterator[Finding]:
    for where, analysis in analyses(canary, at):
        if where == (*at, "analysis"):
            continue  # In the background it ends with the steps.
        for metric in _metrics(manifest, where, analysis, manifests) or ():
            endless = "interval" in metric and "count" not in metric
            if endless and not metric.get("consecutiveSuccessLimit"):
                text = (
                    f"Argo Rollouts refuses it: the metric {metric.get('name')} is measured without"
                    " end, and the step waits for it: state count"
                )
                yield at_place("LP662", manifest, where, text)


def _routes(
    manifest: Manifest, at: At, canary: Mapping[str, Any], manifests: Named
) -> Iterator[Finding]:
    """Ingresses that lead no traffic to the service that the router works on."""
    routing = mapping(canary.get("trafficRouting"))
    for name, one, several in (
        ("nginx", "stableIngress", "stableIngresses"),
        ("alb", "ingress", "ingresses"),
    ):
        router = mapping(routing.get(name))
        wanted = router.get("rootService") or canary.get("stableService")
        for ingress in (router.get(one), *sequence(router.get(several))):
            found = _named(manifest, "Ingress", str(ingress), manifests)
            if found is None or not wanted or wanted in _services(found):
                continue
            text = (
                f"Argo Rollouts refuses it: {found.label} leads no path to the service {wanted}:"
                " make it the backend of a path"
            )
            yield at_place("LP662", manifest, (*at, "trafficRouting", name), text)


def _services(ingress: Manifest) -> set[str]:
    paths = [
        path
        for _, rule in items(ingress.spec.get("rules"), ())
        for _, path in items(dig(rule, "http", "paths"), ())
    ]
    found = {str(dig(path, "backend", "service", "name")) for path in paths}
    return found | {str(dig(ingress.spec, "defaultBackend", "service", "name"))}


def _meshed(manifest: Manifest, canary: Mapping[str, Any], manifests: Named) -> Iterator[Finding]:
    """Routes of Istio that the controller shifts weights on, and that lack a side."""
    for where, stated, name, namespace in virtual_services(manifest):
        found = _named(manifest, "VirtualService", name, manifests, namespace)
        routes = [r for _, r in items(found.spec.get("http"), ())] if found else []
        if found is None or not routes:
            continue  # Routes of TCP and TLS are picked by port and host.
        for text in _lacking(stated, routes, canary):
            said = f"Argo Rollouts refuses it: {found.label} {text}"
            yield at_place("LP662", manifest, (*where, "name"), said)


def _lacking(
    stated: Mapping[str, Any],
    routes: Sequence[Mapping[str, Any]],
    canary: Mapping[str, Any],
) -> Iterator[str]:
    """What the HTTP routes of a VirtualService lack (`ValidateHTTPRoutes` of Argo Rollouts)."""
    names = [str(name) for name in sequence(stated.get("routes"))]
    known = {str(route.get("name") or ""): route for route in reversed(routes)}
    routing = mapping(canary.get("trafficRouting"))
    managed = {str(one.get("name")) for _, one in items(routing.get("managedRoutes"), ())}
    if not names and len([r for r in routes if r.get("name") not in managed]) > 1:
        yield "has several routes: name those that the rollout shifts in routes"
        return
    if not names:
        names = [str(routes[0].get("name") or "")] if len(routes) == 1 else [""]
    rule = mapping(dig(routing, "istio", "destinationRule"))
    for name in names:
        if name not in known:
            if name:
                yield f"has no route {name}"
            continue
        route = [mapping(one.get("destination")) for _, one in items(known[name].get("route"), ())]
        if rule:
            there = {str(one.get("subset")) for one in route}
            wanted = (rule.get("stableSubsetName"), rule.get("canarySubsetName"))
        else:
            there = {str(one.get("host", "")).partition(".")[0] for one in route}
            wanted = (canary.get("stableService"), canary.get("canaryService"))
        for one in wanted:
            if one and str(one) not in there:
                what = "subset" if rule else "service"
                yield f"leads its route {name or 'without a name'} not to the {what} {one}"
