"""What a revision changes, on a terminal."""

from lockproof.model.report import Report
from lockproof.render import words
from lockproof.render.changes import Row, Rows, change_rows, nothing_changed
from lockproof.render.foreign import brief
from lockproof.render.terminal import Grid, Screen, Text, cells

_MOST = 30
_NOTES = 6
_LIMIT = 160
_TONES = {"better": "green", "worse": "bold red", "": ""}


def write_changes(screen: Screen, report: Report) -> None:
    """Write metrics, data and parameters that are not as at the base."""
    if report.changes is None:
        return
    screen.write()
    title = Text("Changes", style="bold underline")
    base = brief(report.changes.base[:12], 12)
    screen.write(title.append(f" against {base}", ""))
    nothing = nothing_changed(report)
    if nothing:
        screen.write(Text(nothing, style="dim"))
    for rows in change_rows(report):
        screen.write(_grid(rows, screen.width))
        if len(rows.rows) > _MOST:
            more = words.count(len(rows.rows) - _MOST, f"more {rows.noun}")
            screen.write(Text(f"and {more}; the HTML report has them", style="dim"))
    for line in report.changes.unknown[:_MOST]:
        screen.write(Text(f"not compared: {brief(line, 400)}", style="dim"))


def _grid(rows: Rows, width: int) -> Grid:
    shown = rows.rows[:_MOST]
    title = rows.title.lower() + (f" in {brief(rows.file, _LIMIT)}" if rows.file else "")
    longest = max(cells(_name(rows, row)) for row in shown)
    grid = Grid((min(max(longest, cells(title)), max(width // 2, 14)), None, None))
    grid.add(Text(title, style="dim"), Text("base -> now", style="dim"))
    for row in shown:
        values = f"{brief(row.before, _LIMIT)} -> {brief(row.after, _LIMIT)}"
        change = Text(row.change, style=_TONES[row.tone])
        if row.tone:
            change.append(f" {row.tone}")
        grid.add(_name(rows, row), values, change)
        for note in row.notes[:_NOTES]:
            grid.add(Text(f"  {brief(note, _LIMIT)}", style="dim"))
    return grid


def _name(rows: Rows, row: Row) -> str:
    return " ".join(brief(part, _LIMIT) for part in rows.name_of(row))
