"""Checks of a canary whose horizon is over before the rollout asks about it for the last time."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lockproof.adapters.git.tree import Tree
from lockproof.errors import ConfigError
from lockproof.model.canary_checks import CanaryChecks
from lockproof.model.finding import Finding
from lockproof.model.manifest import Manifest, dig, items, mapping, sequence
from lockproof.parse.canary_checks import read_canary_checks
from lockproof.parse.yaml_document import ParseError, nearest_line
from lockproof.rules.catalog import finding

from .found import Found

_PAUSE = re.compile(r"([0-9]{1,9})([smh]?)")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_TEMPLATES = ("AnalysisTemplate", "ClusterAnalysisTemplate")


def horizon_findings(tree: Tree, found: Found, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Where a Rollout's timed pauses alone outlast the checks that its analysis asks for.

    What is told is what the manifests name: an analysis that asks `canary serve` by its `web`
    provider, and pauses that have an end.
    """
    checks: dict[str, tuple[str, CanaryChecks]] = {}
    for path in found.checks:
        try:
            read = read_canary_checks(tree.read(path) or b"", path)
        except (ConfigError, ParseError):
            continue  # It has a finding of its own.
        checks[read.metadata.name] = path, read
    asking = {
        (one.kind, one.name): names
        for one in manifests
        if one.group == "argoproj.io" and one.kind in _TEMPLATES
        if (names := _asked(one, checks))
    }
    told: set[tuple[str, str]] = set()
    for rollout in manifests:
        if (rollout.group, rollout.kind) != ("argoproj.io", "Rollout"):
            continue
        for name, seconds in _waited(rollout, asking):
            path, read = checks[name]
            if seconds <= read.spec.horizon or (name, rollout.label) in told:
                continue
            told.add((name, rollout.label))
            text = (
                f"{path}: {rollout.label} has paused for {seconds:,} s before it asks about these"
                f" checks for the last time, and after their horizon of {read.spec.horizon:,} s"
                " nothing is passed: make horizon longer, or the pauses shorter"
            )
            line = nearest_line(found.documents[path][0], ["spec", "horizon"])
            yield finding("LP636", f"{path} {rollout.label}", text, path=path, line=line)


def _asked(template: Manifest, known: Mapping[str, object]) -> set[str]:
    """Names of the checks that a template's metrics ask `canary serve` about."""
    found = set()
    for _, metric in items(template.spec.get("metrics"), ()):
        url = dig(metric, "provider", "web", "url")
        if not isinstance(url, str) or "/v1/verdict?" not in url:
            continue
        try:
            asked = parse_qs(urlsplit(url).query, keep_blank_values=True)
        except ValueError:
            continue
        if "since" in asked:
            continue  # When its time begins is not known here.
        named = asked.get("checks", [])
        found |= set(named or (known if len(known) == 1 else ())) & set(known)
    return found


def _waited(
    rollout: Manifest, asking: Mapping[tuple[str, str], set[str]]
) -> Iterator[tuple[str, int]]:
    """Names of checks, and how long timed pauses last before each is asked about in a step.

    Those before the first weight do not count: the canary begins with its first request.
    """
    canary = mapping(dig(rollout.spec, "strategy", "canary"))
    seconds, served = 0, False
    for step in sequence(canary.get("steps")):
        weight = dig(step, "setWeight")
        served = served or (isinstance(weight, int) and weight > 0)
        seconds += _seconds(dig(step, "pause", "duration")) if served else 0
        for _, one in items(dig(step, "analysis", "templates"), ()):
            kind = _TEMPLATES[1 if one.get("clusterScope") is True else 0]
            for name in asking.get((kind, str(one.get("templateName"))), ()):
                yield name, seconds
    for _, one in items(dig(canary, "analysis", "templates"), ()):
        kind = _TEMPLATES[1 if one.get("clusterScope") is True else 0]
        for name in asking.get((kind, str(one.get("templateName"))), ()):
            yield name, seconds  # In the background, up to the end of the last step.


def _seconds(duration: Any) -> int:
    """Of a pause; 0 where it has no end, or none that is known."""
    if isinstance(duration, bool):
        return 0
    match = _PAUSE.fullmatch(str(duration))
    return int(match[1]) * _UNITS[match[2]] if match else 0
