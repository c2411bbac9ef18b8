"""What a revision changes, as the tables of a pull-request comment."""

from collections.abc import Iterator

from lockproof.model.report import Report
from lockproof.render.changes import Row, Rows, change_rows, nothing_changed
from lockproof.render.markdown_text import code, prose

_OPEN_ROWS = 15
"""Longer tables are folded, so that a comment stays readable."""
_NOTES = 8
_SIGNS = {"better": " 🟢", "worse": " 🔴", "": ""}


def change_blocks(report: Report, limit: int, characters: int) -> Iterator[list[str]]:
    """Blocks of lines: at most `limit` rows a table, `characters` for a name or value."""
    if report.changes is None:
        return
    yield [f"### Changes against {code(report.changes.base[:12], 12)}"]
    nothing = nothing_changed(report)
    if nothing:
        yield [nothing]
    for rows in change_rows(report):
        table = list(_table(rows, limit, characters))
        title = f"{rows.title} ({len(rows.rows):,})"
        if len(rows.rows) > _OPEN_ROWS:
            yield [f"<details><summary>{title}</summary>"]
            yield table
            yield ["</details>"]
        else:
            yield table
        more = len(rows.rows) - limit
        yield [f"and {more:,} more"] if more > 0 else []
    yield [f"- not compared: {prose(line, characters)}" for line in report.changes.unknown[:limit]]


def _table(rows: Rows, limit: int, characters: int) -> Iterator[str]:
    figures = "---:" if rows.noun == "metric" else "---"
    noun = rows.noun.capitalize()
    noun += f" in {code(rows.file, characters)}" if rows.file else ""
    yield f"| {noun} | Base | Now | Change |"
    yield f"|---|{figures}|{figures}|---|"
    for row in rows.rows[:limit]:
        name = " ".join(code(part, characters) for part in rows.name_of(row))
        cells = [name, *_values(row, rows, characters), _change(row, characters)]
        yield f"| {' | '.join(cells)} |"


def _values(row: Row, rows: Rows, characters: int) -> list[str]:
    values = (row.before, row.after)
    return [code(each, characters) if rows.is_foreign(each) else each for each in values]


def _change(row: Row, characters: int) -> str:
    word = f" {row.tone}" if row.tone else ""
    lines = [f"{row.change}{word}{_SIGNS[row.tone]}"]
    lines += [code(note, characters) for note in row.notes[:_NOTES]]
    return "<br>".join(lines)
