"""Arguments of analyses: what rollouts give, and what metrics use."""

from collections.abc import Iterator, Mapping
from typing import Any

from lockproof.model.manifest import At, Manifest, dig, items, mapping, sequence

from .conditions import TAG
from .targets import ANALYSES, Target, templates


def _analyses(manifest: Manifest) -> Iterator[tuple[At, Any]]:
    for name in ("canary", "blueGreen"):
        strategy = mapping(dig(manifest.spec, "strategy", name))
        at: At = ("spec", "strategy", name)
        yield from (((*at, field), strategy.get(field)) for field in ANALYSES)
        for where, step in items(strategy.get("steps"), (*at, "steps")):
            yield (*where, "analysis"), step.get("analysis")


def arguments(manifest: Manifest) -> Iterator[tuple[Target, set[str]]]:
    """The templates of each analysis of a rollout, and the arguments that it gives."""
    for where, analysis in _analyses(manifest):
        given = {
            str(argument.get("name"))
            for argument in sequence(dig(analysis, "args"))
            if isinstance(argument, Mapping)
        }
        for target in templates(analysis, where):
            yield target, given


def together(manifest: Manifest) -> Iterator[tuple[At, set[tuple[str, str]]]]:
    """Kind and name of the templates of each analysis, which share their arguments."""
    for where, analysis in _analyses(manifest):
        yield where, {(target.kind, target.name) for target in templates(analysis, where)}


def used_arguments(value: Any) -> Iterator[str]:
    """The names of the arguments that a metric uses, wherever it does."""
    if isinstance(value, str):
        for match in TAG.finditer(value):
            name = match[1].strip()
            if name.startswith("args."):
                yield name.removeprefix("args.")
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from used_arguments(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from used_arguments(inner)
