"""The objects of a cluster as a person sees them: what changes, field by field, and what waits."""

from collections.abc import Iterator

from lockproof.model.provisioned import ObjectReport
from lockproof.model.report import Report
from lockproof.render import words
from lockproof.render.foreign import brief
from lockproof.render.terminal import Grid, Screen, Text

_MARKS = {
    "create": ("+", "green"),
    "change": ("~", "yellow"),
    "remove": ("-", "red"),
    "release": ("-", "yellow"),
    "keep": ("=", "cyan"),
    "missing": ("!", "bold red"),
    "refuse": ("!", "bold red"),
    "wait": ("?", "dim"),
}
_FIELDS = 40
_VALUE = 120


def write_objects(screen: Screen, report: Report) -> None:
    """Write the objects that change, go, stay or wait, and how to reach the platform."""
    shown = [
        one for one in report.host.objects if one.action != "none" or one.left or _is_waiting(one)
    ]
    if shown:
        screen.write()
        screen.write(Text("Objects", style="bold underline"))
    for one in shown:
        mark, style = _MARKS.get(one.action, (" ", ""))
        line = Text().append(f"{mark} ", style=style).append(brief(one.name, 200))
        # Why something stays is a finding, further down.
        note = "" if one.action == "keep" else one.reason
        if note:
            line.append(f"  {brief(note, 300)}", style="dim")
        screen.write(line)
        for text in _fields(one):
            screen.write(text, 4)
    if report.host.platform:
        screen.write()
        screen.write(Text("Reach", style="bold underline"))
        grid = Grid((None, None))
        for name, address in report.host.platform.items():
            grid.add(Text(name, style="dim"), brief(address, 300))
        screen.write(grid)


def _is_waiting(one: ObjectReport) -> bool:
    return one.state not in (None, "ready")


def _fields(one: ObjectReport) -> Iterator[Text]:
    for field, manager in one.left.items():
        yield Text(f"{brief(field, 200)}: left to {brief(manager, 200)}", style="dim")
    if one.action not in ("change", "refuse"):
        return  # A new object is all new: Git shows it.
    for change in one.changes[:_FIELDS]:
        text = Text().append(f"{brief(change.field, 200)}: ", style="dim")
        if change.before is not None:
            text.append(brief(change.before, _VALUE), style="red")
        text.append(" -> ", style="dim")
        text.append(
            "absent" if change.after is None else brief(change.after, _VALUE), style="green"
        )
        yield text
    if len(one.changes) > _FIELDS:
        more = words.count(len(one.changes) - _FIELDS, "more field")
        yield Text(f"and {more}; the JSON report has them", style="dim")
