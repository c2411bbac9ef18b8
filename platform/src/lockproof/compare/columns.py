"""Arrow arrays, compared value by value: flat and dictionary-encoded ones, lists, structures."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .display import counted, shown, visible
from .elements import compare_elements, element_text
from .interface import Unreadable, foreign
from .tally import ABSENT, NOT_A_NUMBER, Tally

Where = Callable[[int], str]
types = pa.types


def family(kind: Any) -> object:
    """Equal for the types that are compared with each other."""
    if isinstance(kind, pa.BaseExtensionType):
        return family(kind.storage_type)
    if types.is_dictionary(kind):
        return family(kind.value_type)
    if _is_text(kind):
        return "text"
    if _is_bytes(kind):
        return "bytes"
    if types.is_integer(kind):
        return "integer" if types.is_signed_integer(kind) else "unsigned integer"
    if types.is_floating(kind):
        return "float"
    if types.is_decimal(kind):
        return "decimal"
    if _is_list(kind):
        return "list", family(kind.value_type)
    if types.is_map(kind):
        return "map", family(kind.key_type), family(kind.item_type)
    if types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return "structure", frozenset((field.name, family(field.type)) for field in fields)
    return str(kind)


def compare_column(field: str, locked: Any, observed: Any, where: Where, tally: Tally) -> None:
    """Enter two Arrow arrays of equal length and `family` into `tally`.

    Raises:
        Unreadable: values of a type that pyarrow cannot compare.
    """
    with foreign(f"column {visible(field)}"):
        a, b = _storage(locked), _storage(observed)
        a_valid, b_valid = _valid(a), _valid(b)
        both = a_valid & b_valid
        if not both.all():
            _count_absent(a, b, a_valid, b_valid, where, tally)
            kept = np.flatnonzero(both)
            mask = pa.array(both)
            a, b = a.filter(mask), b.filter(mask)
            where = _through(where, kept)
    if not len(a):
        return
    with foreign(f"column {visible(field)}"):
        _choose(a.type)(field, a, b, where, tally)


def _through(where: Where, kept: Any) -> Where:
    return lambda i: where(int(kept[i]))


def _choose(kind: Any) -> Callable[[str, Any, Any, Where, Tally], None]:
    if types.is_struct(kind):
        return _structures
    if _is_list(kind):
        return _lists
    if types.is_map(kind):
        return _maps
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return _flat
    if types.is_dictionary(kind) or _is_text(kind) or _is_bytes(kind):
        return _texts
    return _decimals if types.is_decimal(kind) else _others


def _storage(array: Any) -> Any:
    while isinstance(array, pa.ExtensionArray):
        array = array.storage
    if types.is_dictionary(array.type):
        value = array.type.value_type
        if not (_is_text(value) or _is_bytes(value)):
            return _storage(array.dictionary_decode())
    return array


def _valid(array: Any) -> Any:
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)


def _count_absent(a: Any, b: Any, a_valid: Any, b_valid: Any, where: Where, tally: Tally) -> None:
    one = np.flatnonzero(a_valid ^ b_valid)
    tally.add(int((~(a_valid | b_valid)).sum()) + len(one), len(one), len(one))
    if len(one) and tally.outranks(True, NOT_A_NUMBER):
        i = int(one[0])
        ours = _text_of(a, i) if a_valid[i] else ABSENT
        theirs = _text_of(b, i) if b_valid[i] else ABSENT
        tally.keep(True, NOT_A_NUMBER, where(i), ours, theirs)


def _unequal(rows: Any, a: Any, b: Any, where: Where, tally: Tally) -> None:
    """Count the rows of two arrays that differ and are not numbers."""
    tally.add(len(a), len(rows), len(rows))
    if len(rows) and tally.outranks(True, NOT_A_NUMBER):
        i = int(rows[0])
        tally.keep(True, NOT_A_NUMBER, where(i), _text_of(a, i), _text_of(b, i))


def _flat(field: str, a: Any, b: Any, where: Where, tally: Tally) -> None:
    left, right = (x.to_numpy(zero_copy_only=False) for x in (a, b))
    compare_elements(field, left, right, where, tally)


def _texts(field: str, a: Any, b: Any, where: Where, tally: Tally) -> None:
    (ours, i), (theirs, j) = _encoded(a), _encoded(b)
    # A hostile dictionary may hold a value twice: the first of its kind stands for all.
    first = _positions(ours, ours)[i]
    other = _positions(theirs, ours)[j]
    _unequal(np.flatnonzero(first != other), a, b, where, tally)


def _encoded(array: Any) -> tuple[Any, Any]:
    if not types.is_dictionary(array.type):
        array = array.dictionary_encode()
    return array.dictionary.cast(pa.large_binary()), array.indices.to_numpy()


def _positions(values: Any, among: Any) -> Any:
    return pc.index_in(values, value_set=among).fill_null(-1).to_numpy()


def _lists(field: str, a: Any, b: Any, where: Where, tally: Tally) -> None:
    ours, theirs = (pc.list_value_length(x).to_numpy(zero_copy_only=False) for x in (a, b))
    same = ours == theirs
    rows = np.flatnonzero(~same)
    if len(rows):
        tally.add(len(rows), len(rows), len(rows))
        i = int(rows[0])
        if tally.outranks(True, NOT_A_NUMBER):
            before, after = (counted(int(x[i]), "item") for x in (ours, theirs))
            tally.keep(True, NOT_A_NUMBER, where(i), before, after)
        a, b = a.filter(pa.array(same)), b.filter(pa.array(same))
        where, ours = _through(where, np.flatnonzero(same)), ours[same]
    ends = np.cumsum(ours)

    def item(index: int) -> str:
        row = int(np.searchsorted(ends, index, side="right"))
        return f"{where(row)}[{index - int(ends[row]) + int(ours[row])}]"

    compare_column(field, pc.list_flatten(a), pc.list_flatten(b), item, tally)


def _maps(field: str, a: Any, b: Any, where: Where, tally: Tally) -> None:
    def entries(kind: Any) -> Any:
        return pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))

    _lists(field, a.cast(entries(a.type)), b.cast(entries(b.type)), where, tally)


def _structures(field: str, a: Any, b: Any, where: Where, tally: Tally) -> None:
    names = [a.type.field(i).name for i in range(a.type.num_fields)]
    if len(set(names)) < max(a.type.num_fields, b.type.num_fields):
        raise Unreadable("a structure with two fields of one name")
    for name in names:

        def below(row: int, name: str = name) -> str:
            return f"{where(row)}.{name}"

        compare_column(f"{field}.{name}", a.field(name), b.field(name), below, tally)


def _decimals(field: str, a: Any, b: Any, where: Where, tally: Tally) -> None:
    for i in range(len(a)):
        tally.leaf(field, where(i), a[i].as_py(), b[i].as_py())


def _others(field: str, a: Any, b: Any, where: Where, tally: Tally) -> None:
    rows = np.flatnonzero(pc.not_equal(a, b).to_numpy(zero_copy_only=False))
    _unequal(rows, a, b, where, tally)


def _text_of(array: Any, index: int) -> str:
    value = array[index]
    kind = value.type
    if types.is_dictionary(kind):
        kind = kind.value_type
        value = array.dictionary[array.indices[index].as_py()]
    if _is_text(kind):
        return shown(value.cast(pa.large_binary()).as_py().decode("utf-8", "surrogateescape"))
    if _is_bytes(kind):
        return shown(value.as_py())
    if types.is_floating(kind):
        return element_text(array.slice(index, 1).to_numpy(zero_copy_only=False), 0)
    try:
        return visible(str(value.cast(pa.string()).as_py()))
    except (pa.ArrowException, ValueError, OverflowError, UnicodeDecodeError):
        return f"a value of type {visible(str(kind))}"


def _is_text(kind: Any) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_bytes(kind: Any) -> bool:
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def _is_list(kind: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))
