"""Compare one output, a file or a folder, with what the lock promises."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from lockproof.config import ToleranceRule, matches_any
from lockproof.errors import MissingExtraError
from lockproof.model.comparison import Difference
from lockproof.model.verdict import OutputVerdict

from .bounds import CHUNK_BYTES, MAX_CHILDREN_REPORTED
from .delimited import DelimitedReader
from .display import counted, visible
from .folder import Child, children, is_file
from .interface import Comparison, Reader, Unreadable
from .tally import Fields, Tally, untiring

__all__ = ["READERS", "Comparison", "compare_content"]

GoOn = Callable[[], object]


@contextmanager
def _extra(purpose: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("numpy", "pyarrow"):
            raise
        raise MissingExtraError("compare", purpose) from error


def _csv() -> Reader:
    return DelimitedReader("CSV", ",")


def _tsv() -> Reader:
    return DelimitedReader("TSV", "\t")


def _json() -> Reader:
    from .json_file import json_reader

    return json_reader()


def _toml() -> Reader:
    from .toml_file import toml_reader

    return toml_reader()


def _yaml() -> Reader:
    from .yaml_file import yaml_reader

    return yaml_reader()


def _npy() -> Reader:
    with _extra("comparing NPY files by value"):
        from .arrays import NpyReader
    return NpyReader()


def _npz() -> Reader:
    with _extra("comparing NPZ files by value"):
        from .arrays import NpzReader
    return NpzReader()


def _parquet() -> Reader:
    with _extra("comparing Parquet files by value"):
        from .parquet import ParquetReader
    return ParquetReader()


READERS: Mapping[str, Callable[[], Reader]] = {
    ".csv": _csv,
    ".json": _json,
    ".npy": _npy,
    ".npz": _npz,
    ".parquet": _parquet,
    ".toml": _toml,
    ".tsv": _tsv,
    ".yaml": _yaml,
    ".yml": _yaml,
}
"""Suffix -> what makes its reader; libraries are imported only when one is made."""


def compare_content(
    name: str,
    locked: Path,
    observed: Path,
    rules: Sequence[ToleranceRule],
    go_on: GoOn = untiring,
) -> Comparison:
    """Compare an output with the locked one, whatever either of them holds.

    A file is compared by bytes and, where these differ, by value as its suffix tells. A folder
    is compared file by file, each by the rules whose globs match it or the folder.

    Args:
        name: POSIX path of the output, which the rules are matched against; the suffix of
            the file is read from it.
        locked: the locked content, wherever it is kept.
        observed: the content that the stage made.
        rules: the policy's rules, in the order in which they are written; those that do not
            match are left out of account. Where none is left, differing bytes are
            `DIFFERENT`, and what differs is still described as far as the type is known.
        go_on: called now and then; what it raises, no `Exception`, ends the comparison.

    Raises:
        MissingExtraError: a rule asks for a comparison that needs numpy or pyarrow.
    """
    name = name.rstrip("/")
    if locked.is_dir() and observed.is_dir():
        return _compare_folders(name, locked, observed, rules, go_on)
    if locked.is_dir() or observed.is_dir():
        what = "a folder became a file" if locked.is_dir() else "a file became a folder"
        return _comparison(OutputVerdict.DIFFERENT, what)
    chosen = [rule for rule in rules if matches_any(name, rule.paths)]
    return _compare_files(name, locked, observed, chosen, go_on)


def _comparison(verdict: OutputVerdict, summary: str) -> Comparison:
    return Comparison(verdict=verdict, differences=(Difference(summary=summary),))


def _compare_files(
    name: str,
    locked: Path,
    observed: Path,
    rules: Sequence[ToleranceRule],
    go_on: GoOn,
    *,
    describe: bool = True,
) -> Comparison:
    if not is_file(locked):
        return _comparison(OutputVerdict.NOT_COMPARABLE, "the locked content is no regular file")
    if not is_file(observed):
        return _comparison(OutputVerdict.DIFFERENT, "a file became none, or no regular one")
    try:
        offset = _first_difference(locked, observed, go_on)
        if offset is None:
            return Comparison(verdict=OutputVerdict.IDENTICAL)
        sizes = f"{locked.stat().st_size}, {observed.stat().st_size}"
    except OSError as error:
        reason = f"cannot read it: {error.strerror or error}"
        return _comparison(OutputVerdict.NOT_COMPARABLE, visible(reason))
    by_bytes = f"bytes differ from offset {offset}; sizes {sizes}"
    if not rules and not describe:
        return _comparison(OutputVerdict.DIFFERENT, by_bytes)
    return _compare_values(name, locked, observed, Tally(Fields(rules), go_on), by_bytes)


def _compare_values(
    name: str, locked: Path, observed: Path, tally: Tally, by_bytes: str
) -> Comparison:
    """Compare by value two files whose bytes differ."""
    reason = ""
    try:
        _reader_for(name).compare(locked, observed, tally)
        if not tally.checked and not tally.different:
            reason = "there are no values in it to compare"
    except Unreadable as error:
        reason = visible(str(error))
    except MissingExtraError as error:
        if tally.fields:
            raise
        reason = str(error)
    covered = bool(tally.fields) and not tally.different
    if not reason:
        verdict = OutputVerdict.WITHIN_TOLERANCE if covered else OutputVerdict.DIFFERENT
        return Comparison(verdict=verdict, differences=tally.differences(by_bytes))
    if tally.different:
        rest = Difference(summary=f"the rest was not compared: {reason}")
        found = (*tally.differences(by_bytes), rest)
        return Comparison(verdict=OutputVerdict.DIFFERENT, differences=found)
    if covered:
        return _comparison(OutputVerdict.NOT_COMPARABLE, f"{reason}; {by_bytes}")
    return _comparison(OutputVerdict.DIFFERENT, by_bytes)


def _reader_for(name: str) -> Reader:
    suffix = PurePosixPath(name).suffix.lower()
    make = READERS.get(suffix)
    if make is None:
        kind = f"{visible(suffix)} files" if suffix else "files without a suffix"
        raise Unreadable(f"{kind} are not compared by value (only {', '.join(READERS)})")
    return make()


def _first_difference(locked: Path, observed: Path, go_on: GoOn) -> int | None:
    """The offset of the first byte that differs, or where the shorter file ends."""
    start = 0
    with locked.open("rb", buffering=0) as left, observed.open("rb", buffering=0) as right:
        while True:
            go_on()
            a, b = left.read(CHUNK_BYTES), right.read(CHUNK_BYTES)
            if a != b:
                return start + _common(a, b)
            if not a:
                return None
            start += len(a)


def _common(a: bytes, b: bytes) -> int:
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


_WORST_FIRST = (
    OutputVerdict.DIFFERENT,
    OutputVerdict.NOT_COMPARABLE,
    OutputVerdict.WITHIN_TOLERANCE,
)


class _Findings:
    """What was found in the children of a folder, a bounded number of them in full."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(_WORST_FIRST, 0)
        self._kept: dict[OutputVerdict, list[Difference]] = {v: [] for v in _WORST_FIRST}

    def full(self, verdict: OutputVerdict) -> bool:
        """Whether no more children with this verdict are described one by one."""
        return self._counts[verdict] >= MAX_CHILDREN_REPORTED

    def add(self, child: str, found: Comparison) -> None:
        """Enter a child that is not identical."""
        if not self.full(found.verdict):
            self._kept[found.verdict] += [
                d.model_copy(update={"summary": f"{visible(child)}: {d.summary}"})
                for d in found.differences
            ]
        self._counts[found.verdict] += 1

    def comparison(self, broken: str) -> Comparison:
        """The whole folder; `broken` says why the rest of it could not be looked at."""
        found: list[Difference] = []
        for verdict in _WORST_FIRST:
            found += self._kept[verdict]
            more = self._counts[verdict] - MAX_CHILDREN_REPORTED
            if more > 0:
                found.append(Difference(summary=f"{counted(more, 'more file')}: {verdict.value}"))
        verdicts = [v for v in _WORST_FIRST if self._counts[v]]
        if broken:
            found.append(Difference(summary=broken))
            verdicts.append(OutputVerdict.NOT_COMPARABLE)
        worst = min(verdicts, key=_WORST_FIRST.index, default=OutputVerdict.IDENTICAL)
        return Comparison(verdict=worst, differences=tuple(found))


def _compare_folders(
    name: str, locked: Path, observed: Path, rules: Sequence[ToleranceRule], go_on: GoOn
) -> Comparison:
    findings = _Findings()
    broken = ""
    try:
        for child in children(locked, observed):
            describe = not findings.full(_WORST_FIRST[0])
            found = _compare_child(name, child, rules, go_on, describe=describe)
            if found.verdict is not OutputVerdict.IDENTICAL:
                findings.add(child.path, found)
    except Unreadable as error:
        broken = visible(str(error))
    return findings.comparison(broken)


def _compare_child(
    name: str, child: Child, rules: Sequence[ToleranceRule], go_on: GoOn, *, describe: bool
) -> Comparison:
    if child.locked is None:
        return _comparison(OutputVerdict.DIFFERENT, "new")
    if child.observed is None:
        return _comparison(OutputVerdict.DIFFERENT, "missing")
    path = f"{name}/{child.path}"
    chosen = [r for r in rules if matches_any(path, r.paths) or matches_any(name, r.paths)]
    return _compare_files(path, child.locked, child.observed, chosen, go_on, describe=describe)
