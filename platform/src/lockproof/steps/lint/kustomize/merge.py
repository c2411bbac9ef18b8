"""Patches: strategic merge as kustomize does it, and JSON 6902."""

from collections.abc import Callable
from typing import Any

from lockproof.model.schema import Reference, Table

from .marks import Map, Mark, Seq, copied, mark_of

Fields = tuple[Table, Reference] | None
"""Where a value's fields are described; None where merge keys are not known."""


class PatchError(Exception):
    """A patch does not fit what it is applied to; the text says how."""


def merge(target: Map, patch: Map, fields: Fields, refuse: Callable[[str], None]) -> Map | None:
    """Merge a patch into a mapping; None where it says that the mapping is to go.

    Lists that Kubernetes describes as maps are merged by their key, with new items first, others
    are replaced. `refuse` is told the name of a directive that is not understood.
    """
    directive = patch.get("$patch")
    if directive == "delete":
        return None
    if directive == "replace":
        kept: Map = copied(patch)
        del kept["$patch"]
        _tidy(kept)
        return kept
    for key, value in patch.items():
        if key.startswith("$"):
            if directive != "merge":
                refuse(key)
            continue
        mark = patch.marks.get(key)
        if value is None:
            target.pop(key, None)
            target.marks.pop(key, None)
            continue
        known = target.get(key)
        inner = _field(fields, key)
        if isinstance(known, Map) and isinstance(value, Map):
            merged = merge(known, value, inner, refuse)
            if merged is None:
                target.pop(key)
            elif merged is not known:
                target.put(key, merged, mark)
        elif isinstance(known, Seq) and isinstance(value, Seq):
            target.put(key, _merge_lists(known, value, inner, refuse), target.marks.get(key))
        elif not (isinstance(value, Map) and value.get("$patch") == "delete"):
            target.put(key, _tidy(copied(value)), mark)
    return target


def _tidy(value: Any) -> Any:
    """A value that is new: without directives and without nulls."""
    if isinstance(value, Map):
        for key in [k for k, v in value.items() if v is None or k.startswith("$")]:
            del value[key]
        for inner in value.values():
            _tidy(inner)
    elif isinstance(value, Seq):
        kept = [
            (item, mark)
            for item, mark in value.pairs()
            if not (isinstance(item, Map) and item.get("$patch") in ("delete", "replace"))
        ]
        value[:] = [_tidy(item) for item, _ in kept]
        value.marks = [mark for _, mark in kept]
    return value


def _field(fields: Fields, key: str) -> Fields:
    if fields is None:
        return None
    table, node = fields[0].find(fields[1])
    reference = node.get("properties", {}).get(key, node.get("values"))
    return None if reference is None else (table, reference)


def _merge_lists(known: Seq, patch: Seq, fields: Fields, refuse: Callable[[str], None]) -> Seq:
    table, node = fields[0].find(fields[1]) if fields else (None, {})
    key = node.get("merge")
    if any(isinstance(item, Map) and item.get("$patch") == "replace" for item in patch):
        return Seq(_tidy(copied(patch)).pairs())
    if key is None:
        return Seq(_tidy(copied(patch)).pairs())
    if not key or not all(isinstance(item, Map) for item in (*known, *patch)):
        return Seq([*patch.pairs(), *(pair for pair in known.pairs() if pair[0] not in patch)])
    item_fields = (table, node["items"]) if table and "items" in node else None
    keys = [key, *(name for name in node.get("keys", ()) if name != key)]
    rest = known.pairs()
    merged: list[tuple[Any, Mark | None]] = []
    for item, mark in patch.pairs():
        match = next((n for n, (other, _) in enumerate(rest) if _same(other, item, keys)), None)
        if match is None:
            if item.get("$patch") != "delete":
                merged.append((_tidy(copied(item)), mark))
            continue
        other, old = rest.pop(match)
        result = merge(other, item, item_fields, refuse)
        if result is not None:
            merged.append((result, old if result is other else mark))
    return Seq([*merged, *rest])


def _same(one: Map, other: Map, keys: list[str]) -> bool:
    if one.get(keys[0]) != other.get(keys[0]):
        return False
    return all(one[name] == other[name] for name in keys[1:] if name in one and name in other)


def apply_json_patch(target: Map, operations: Any) -> None:
    """Apply RFC 6902 operations in place.

    Raises:
        PatchError: an operation is malformed, or its path leads nowhere.
    """
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    for number, operation in enumerate(operations):
        if not isinstance(operation, Map) or not isinstance(operation.get("path"), str):
            raise PatchError(f"operation {number + 1} of the JSON patch has no path")
        mark = operation.marks.get("value") or mark_of(operations, number)
        _apply(target, operation, mark)


def _apply(target: Map, operation: Map, mark: Mark | None) -> None:
    name, path = operation.get("op"), operation["path"]
    if name == "add":
        _add(target, path, copied(_given(operation)), mark)
    elif name == "replace":
        _replace(target, path, copied(_given(operation)), mark)
    elif name == "remove":
        _remove(target, path)
    elif name == "test":
        if _read(target, path) != _given(operation):
            raise PatchError(f"the patch's test of {path} fails")
    elif name in ("move", "copy") and isinstance(operation.get("from"), str):
        value = _read(target, operation["from"])
        if name == "move":
            _remove(target, operation["from"])
        _add(target, path, copied(value), mark)
    else:
        raise PatchError(f"the patch has no operation {name!r}")


def _given(operation: Map) -> Any:
    if "value" not in operation:
        raise PatchError(f"{operation.get('op')} {operation['path']} has no value")
    return operation["value"]


def _steps(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise PatchError(f"the path {path} does not start with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _down(value: Any, step: str, path: str) -> Any:
    try:
        if isinstance(value, Seq):
            return value[_index(step, len(value), path)]
        return value[step]
    except (KeyError, IndexError, TypeError):
        raise PatchError(f"{path} leads nowhere: there is no '{step}'") from None


def _index(step: str, length: int, path: str) -> int:
    if step == "-":
        return length
    if not step.isascii() or not step.isdigit() or int(step) > length:
        raise PatchError(f"{path} leads nowhere: '{step}' is no position in a list of {length}")
    return int(step)


def _read(target: Any, path: str) -> Any:
    for step in _steps(path):
        target = _down(target, step, path)
    return target


def _holder(target: Any, path: str) -> tuple[Any, str]:
    *above, last = _steps(path) or [""]
    for step in above:
        target = _down(target, step, path)
    if not isinstance(target, Map | Seq) or not _steps(path):
        raise PatchError(f"{path or '(empty)'} leads nowhere")
    return target, last


def _add(target: Map, path: str, value: Any, mark: Mark | None) -> None:
    holder, last = _holder(target, path)
    if isinstance(holder, Map):
        holder.put(last, value, mark)
    else:
        index = _index(last, len(holder), path)
        holder.insert(index, value)
        holder.marks.insert(index, mark)


def _replace(target: Map, path: str, value: Any, mark: Mark | None) -> None:
    holder, last = _holder(target, path)
    _down(holder, last, path)
    if isinstance(holder, Map):
        holder.put(last, value, mark)
    else:
        index = _index(last, len(holder), path)
        holder[index], holder.marks[index] = value, mark


def _remove(target: Map, path: str) -> None:
    holder, last = _holder(target, path)
    _down(holder, last, path)
    if isinstance(holder, Map):
        del holder[last]
        holder.marks.pop(last, None)
    else:
        index = _index(last, len(holder), path)
        del holder[index], holder.marks[index]
