"""What a revision changes, as rows of text that the table, Markdown and HTML lay out."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from lockproof.model.amount import size
from lockproof.model.changes import Changes, DataChange, FolderChange, MetricChange, StageChange
from lockproof.model.report import Report
from lockproof.render import words

_VALUE_LIMIT = 200
MINUS = "\N{MINUS SIGN}"


class Row(NamedTuple):
    """One thing that changed; foreign text in it is not escaped."""

    name: str
    """The path."""
    key: str
    """The dotted key; empty for data."""
    before: str
    after: str
    change: str
    """By how much, in words or figures."""
    tone: str = ""
    """`better` or `worse`, where the policy says which is which."""
    notes: tuple[str, ...] = ()
    """Lines below it: files in a directory."""


class Rows(NamedTuple):
    """One kind of change."""

    title: str
    noun: str
    rows: tuple[Row, ...]

    def is_foreign(self, value: str) -> bool:
        """Whether a value is the repository's own text, and not a figure of ours."""
        return self.noun in ("parameter", "stage") and value not in ("absent", "-")

    @property
    def file(self) -> str:
        """The path that all rows share; empty where they do not, and for data."""
        paths = {row.name for row in self.rows if row.key}
        return paths.pop() if len(paths) == 1 and all(row.key for row in self.rows) else ""

    def name_of(self, row: Row) -> tuple[str, ...]:
        """What tells a row from the others: path, key or both."""
        if self.file:
            return (row.key,)
        return (row.name, row.key) if row.key else (row.name,)


def change_rows(report: Report) -> list[Rows]:
    """Metrics, data, parameters: those of them that changed."""
    changes = report.changes
    if changes is None:
        return []
    kinds = [
        Rows("Metrics", "metric", tuple(map(_metric, changes.metrics))),
        Rows("Data", "data set", tuple(_data(changes, report))),
        Rows("Parameters", "parameter", tuple(_params(changes))),
        Rows("Stages", "stage", tuple(map(_stage, changes.stages))),
    ]
    return [kind for kind in kinds if kind.rows]


def nothing_changed(report: Report) -> str | None:
    """The sentence for a report that compares and has nothing to show."""
    changes = report.changes
    if changes is None or not changes.is_empty:
        return None
    return "No metric, data, parameter or stage differs from the base."


def _metric(change: MetricChange) -> Row:
    before, after = words.numbers_apart(change.base, change.current)
    by = words.change(change.base, change.current)
    if change.base is None:
        by = "new"
    elif change.current is None:
        by = "gone"
    return Row(change.path, change.key, before, after, by.replace("-", MINUS), _tone(change))


def _tone(change: MetricChange) -> str:
    if change.better is None or change.base is None or change.current is None:
        return ""
    if change.current == change.base:
        return ""
    rose = change.current > change.base
    fell = change.current < change.base
    if not (rose or fell):
        return ""  # NaN
    return "better" if rose == (change.better == "higher") else "worse"


def _params(changes: Changes) -> Iterator[Row]:
    for change in changes.params:
        before = "absent" if change.change == "added" else _value(change.base)
        after = "absent" if change.change == "removed" else _value(change.current)
        yield Row(change.path, change.key, before, after, change.change)


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _VALUE_LIMIT else f"{text[:_VALUE_LIMIT]}…"


def _stage(change: StageChange) -> Row:
    commanded = bool(change.base or change.current)
    parts: list[str] = [change.change]
    if change.change == "changed":
        parts += ["its command"] * commanded + ["its inputs"] * bool(change.inputs)
    before, after = (" && ".join(each) or "-" for each in (change.base, change.current))
    return Row(change.address, "", before, after, ", ".join(parts), notes=change.inputs)


def _data(changes: Changes, report: Report) -> Iterator[Row]:
    for change in changes.data:
        folder = report.host.folders.get(change.path)
        yield Row(
            change.path,
            "",
            _content(change.base_bytes, change.base_files)
            if change.change != "added"
            else "absent",
            _content(change.current_bytes, change.current_files)
            if change.change != "removed"
            else "absent",
            _by(change, folder),
            notes=folder.examples if folder else (),
        )


def _content(size_: int | None, files: int | None) -> str:
    if files is None or files == 1:
        return size(size_)
    return f"{size(size_)} in {words.count(files, 'file')}"


def _by(change: DataChange, folder: FolderChange | None) -> str:
    parts: list[str] = [change.change]
    if change.change == "changed":
        parts += _bytes(change)
    if folder:
        counts = (("added", folder.added), ("removed", folder.removed), ("changed", folder.changed))
        shown = ", ".join(f"{number:,} {word}" for word, number in counts if number)
        parts.append(f"files: {shown}" if shown else "the same files")
    elif change.change == "changed":
        parts += _files(change)
    return ", ".join(parts)


def _bytes(change: DataChange) -> list[str]:
    if change.base_bytes is None or change.current_bytes is None:
        return []
    by = change.current_bytes - change.base_bytes
    return [f"{'+' if by > 0 else MINUS}{size(abs(by))}"] if by else ["same size"]


def _files(change: DataChange) -> list[str]:
    if change.base_files is None or change.current_files is None:
        return []
    by = change.current_files - change.base_files
    return [f"{'+' if by > 0 else MINUS}{words.count(abs(by), 'file')}"] if by else []
