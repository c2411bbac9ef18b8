"""Whether parameters are as the lock has them."""

from collections.abc import Mapping

from lockproof.model.pipeline import Params


def same_params(params: Params) -> bool:
    """Whether the lock has each of a stage's parameters of one file, as that has them now."""
    locked = params.locked
    if locked is None or not _same(locked, params.current):
        return False
    return all(key in locked for key in params.keys)


def changed(locked: Mapping[str, object], current: Mapping[str, object]) -> list[str]:
    """The names of the values in which two differ, or that only one of them has."""
    names = sorted({*locked, *current})
    return [k for k in names if not _same(locked.get(k, ...), current.get(k, ...))]


def _same(one: object, other: object) -> bool:
    """Whether code sees no difference: it tells 1 from 1.0 and from true, which are equal."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other and str(one) == str(other)  # 0.0 is -0.0.
