"""What a revision changes, on a terminal."""

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lockproof.model.report import Report
from lockproof.render import words
from lockproof.render.changes import Row, Rows, change_rows, nothing_changed
from lockproof.render.foreign import brief

_MOST = 30
_NOTES = 6
_LIMIT = 160
_TONES = {"better": "green", "worse": "bold red", "": "default"}


def write_changes(console: Console, report: Report) -> None:
    """Write metrics, data and parameters that are not as at the base."""
    if report.changes is None:
        return
    console.print()
    title = Text("Changes", style="bold underline")
    base = brief(report.changes.base[:12], 12)
    console.print(title.append(f" against {base}", style="default not bold not underline"))
    nothing = nothing_changed(report)
    if nothing:
        console.print(Text(nothing, style="dim"))
    for rows in change_rows(report):
        console.print(_grid(rows, console.width))
        if len(rows.rows) > _MOST:
            more = words.count(len(rows.rows) - _MOST, f"more {rows.noun}")
            console.print(Text(f"and {more}; the HTML report has them", style="dim"))
    for line in report.changes.unknown[:_MOST]:
        console.print(Text(f"not compared: {brief(line, 400)}", style="dim", overflow="fold"))


def _grid(rows: Rows, width: int) -> Table:
    shown = rows.rows[:_MOST]
    title = rows.title.lower() + (f" in {brief(rows.file, _LIMIT)}" if rows.file else "")
    longest = max(cell_len(_name(rows, row)) for row in shown)
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(width=min(max(longest, cell_len(title)), max(width // 2, 14)), overflow="fold")
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    grid.add_row(Text(title, style="dim"), Text("base -> now", style="dim"), Text())
    for row in shown:
        values = Text(f"{brief(row.before, _LIMIT)} -> ").append(brief(row.after, _LIMIT))
        change = Text(row.change, style=_TONES[row.tone])
        if row.tone:
            change.append(f" {row.tone}")
        grid.add_row(Text(_name(rows, row)), values, change)
        for note in row.notes[:_NOTES]:
            grid.add_row(Text(f"  {brief(note, _LIMIT)}", style="dim"), Text(), Text())
    return grid


def _name(rows: Rows, row: Row) -> str:
    return " ".join(brief(part, _LIMIT) for part in rows.name_of(row))
