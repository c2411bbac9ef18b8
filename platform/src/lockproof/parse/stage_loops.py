"""The stages that a `foreach` or a `matrix` of a `dvc.yaml` stands for."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from lockproof.model.pipeline import MOST_STAGES

from .template import Context, TemplateError, as_text, check_expressions


def expand(name: str, definition: Mapping[str, Any], context: Context) -> Iterator[tuple[str, Any]]:
    """The stages that one entry of `stages` stands for: name and the values of its loop.

    Yields:
        The stage's name and what `item` and `key` are for it; None where there is no loop.

    Raises:
        TemplateError: what it loops over is no list or mapping, or is too much.
    """
    if "matrix" in definition:
        yield from _matrix(name, context.resolve(definition["matrix"]))
    elif "foreach" in definition:
        data = definition["foreach"]
        check_expressions(data)
        yield from _foreach(name, context.resolve(data))
    else:
        yield name, None


def _foreach(name: str, items: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(items, Sequence | Mapping) and len(items) > MOST_STAGES:
        raise TemplateError(f"a foreach of more than {MOST_STAGES} stages: use fewer")
    if isinstance(items, Mapping):
        for key, value in items.items():
            yield f"{name}@{as_text(key)}", {"item": value, "key": as_text(key)}
        return
    if not isinstance(items, Sequence) or isinstance(items, str):
        raise TemplateError("foreach needs a list or a mapping")
    composite = any(isinstance(value, list | dict) for value in items)
    found = {as_text(i) if composite else as_text(v): v for i, v in enumerate(items)}
    for key, value in found.items():
        yield f"{name}@{key}", {"item": value}


def _matrix(name: str, axes: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(axes, Mapping):
        raise TemplateError("matrix needs a mapping")
    count = 1
    for values in axes.values():
        if not isinstance(values, list):
            raise TemplateError("matrix needs lists")
        count *= len(values)
        if count > MOST_STAGES:
            raise TemplateError(f"a matrix of more than {MOST_STAGES} stages: use fewer")
    found = {}
    for combination in product(*(enumerate(values) for values in axes.values())):
        item = {axis: value for axis, (_, value) in zip(axes, combination, strict=True)}
        parts = [
            f"{axis}{index}" if isinstance(value, list | dict) else as_text(value)
            for axis, (index, value) in zip(axes, combination, strict=True)
        ]
        found["-".join(parts)] = item
    for key, item in found.items():
        yield f"{name}@{key}", {"item": item, "key": key}
