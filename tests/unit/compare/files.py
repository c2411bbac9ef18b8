"""Files of every type that is compared by value, and the comparison of two of them."""

import csv
import io
import json
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from lockproof.compare.content import Comparison, compare_content
from lockproof.config import ToleranceRule
from lockproof.model.verdict import OutputVerdict

IDENTICAL = OutputVerdict.IDENTICAL
WITHIN = OutputVerdict.WITHIN_TOLERANCE
DIFFERENT = OutputVerdict.DIFFERENT
NOT_COMPARABLE = OutputVerdict.NOT_COMPARABLE

BETTER_TO_WORSE = (IDENTICAL, WITHIN, NOT_COMPARABLE, DIFFERENT)

Writer = Callable[[Sequence[float], bool], bytes]


def rule(rtol: float = 0.0, atol: float = 0.0, fields: tuple[str, ...] = ("*",)) -> ToleranceRule:
    return ToleranceRule(paths=("*",), fields=fields, rtol=rtol, atol=atol)


LOOSE = rule(rtol=1e-6)


def compare(name: str, locked: bytes, observed: bytes, *rules: ToleranceRule) -> Comparison:
    with tempfile.TemporaryDirectory() as folder:
        # As in a cache: the name of the content says nothing of its type.
        a, b = Path(folder, "0a1b"), Path(folder, "2c3d")
        a.write_bytes(locked)
        b.write_bytes(observed)
        return compare_content(name, a, b, rules)


def summaries(found: Comparison) -> list[str]:
    return [difference.summary for difference in found.differences]


def _json(values: Sequence[float], other: bool) -> bytes:
    return json.dumps({"score": list(values)}, indent=2 if other else None).encode()


def _yaml(values: Sequence[float], other: bool) -> bytes:
    return yaml.safe_dump({"score": list(values)}, default_flow_style=other).encode()


def _toml(values: Sequence[float], other: bool) -> bytes:
    space = "\n" if other else ""
    return f"score = [{', '.join(map(repr, values))}{space}]\n".encode()


def _delimited(delimiter: str) -> Writer:
    def write(values: Sequence[float], other: bool) -> bytes:
        text = io.StringIO()
        rows = csv.writer(text, delimiter=delimiter, lineterminator="\r\n" if other else "\n")
        rows.writerow(["id", "score"])
        rows.writerows([f"r{i}", repr(value)] for i, value in enumerate(values))
        return text.getvalue().encode()

    return write


def _npy(values: Sequence[float], other: bool) -> bytes:
    return npy(np.array(values, dtype=">f8" if other else "<f8"))


def _npz(values: Sequence[float], other: bool) -> bytes:
    return npz(compressed=other, score=np.array(values, dtype=np.float64))


def _parquet(values: Sequence[float], other: bool) -> bytes:
    table = pa.table({"score": pa.array(values, pa.float64())})
    return parquet(table, row_group_size=2, compression="none" if other else "snappy")


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz(*, compressed: bool = False, **arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def parquet(table: pa.Table, **options: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


WRITERS: dict[str, Writer] = {
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".toml": _toml,
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".npy": _npy,
    ".npz": _npz,
    ".parquet": _parquet,
}
"""Suffix -> writer of one column `score`; the flag gives other bytes for equal values."""


def is_close(locked: float, observed: float, rtol: float, atol: float) -> bool:
    """What agreement means, from numpy's documentation of `isclose`."""
    if math.isnan(locked) or math.isnan(observed):
        return math.isnan(locked) and math.isnan(observed)
    with np.errstate(all="ignore"):
        return bool(np.isclose(observed, locked, rtol=rtol, atol=atol))
