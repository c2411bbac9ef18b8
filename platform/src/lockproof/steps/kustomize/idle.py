"""Patches that change nothing: kustomize builds, and says nothing of them."""

import re
from collections.abc import Mapping
from typing import Any

from lockproof.model.manifest import Place, mapping

from .source import Outline, Source, Trouble

_FIELDS = ("group", "kind", "name", "namespace")
_PLAIN = re.compile(r"[A-Za-z0-9-]*")
"""A name by itself; what a pattern matches is for kustomize to say."""


def idle_patches(outline: Outline) -> tuple[list[Trouble], set[Place]]:
    """Every patch whose target names what nothing has, and the places of those that fit.

    Of selectors by label and of patterns nothing is said.
    """
    if outline.not_checked:
        return [], set()  # What was left out may be what is meant.
    met: dict[Place, bool] = {}
    for layer in outline.layers:  # One that is included twice is there twice.
        inside = [source for source in outline.sources if layer in source.layers]
        for entry, at in layer.patches():
            target = mapping(entry.get("target"))
            if target:
                place = layer.place(*at)
                fits = any(_may_mean(target, source) for source in inside)
                met[place] = met.get(place, False) or fits
    text = "the patch's target matches nothing"
    idle = [Trouble(place, text, idle=True) for place, fits in met.items() if not fits]
    return idle, {place for place, fits in met.items() if fits}


def _may_mean(target: Mapping[str, Any], source: Source) -> bool:
    stated: dict[str, list[str]] = {
        "group": [source.group],
        "kind": [source.kind],
        "name": source.names,
        "namespace": [name or "default" for name in source.namespaces],
    }
    return all(_fits(target.get(key), stated[key]) for key in _FIELDS)


def _fits(pattern: Any, names: list[str]) -> bool:
    if not pattern:
        return True
    text = str(pattern).removeprefix("^").removesuffix("$")
    return text in names or not _PLAIN.fullmatch(text)
