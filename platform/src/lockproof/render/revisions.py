"""What reproducing several revisions came to, as a table and as JSON."""

from collections.abc import Iterator

from lockproof.errors import ExitCode
from lockproof.model.revisions import Revision, Revisions
from lockproof.render.foreign import brief
from lockproof.render.words import count, duration

_NAME, _TEXT = 40, 400
_WORDS = {
    ExitCode.PASSED: "PASSED",
    ExitCode.FAILED: "FAILED",
    ExitCode.INCONCLUSIVE: "INCONCLUSIVE",
}


def revisions_json(found: Revisions) -> str:
    """All of it."""
    return found.model_dump_json(indent=2) + "\n"


def revisions_table(found: Revisions) -> str:
    """A line for each revision, what there is no verdict for, and the verdict on all."""
    rows = [("revision", "commit", "verdict", "stages", "")]
    rows += [_row(each) for each in found.revisions]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)).rstrip()
        for row in rows
    ]
    lines += _errors(found)
    return "".join(f"{line}\n" for line in (*lines, "", _sentence(found)))


def _row(each: Revision) -> tuple[str, str, str, str, str]:
    stages = ", ".join(f"{number:,} {kind}" for kind, number in sorted(each.stages.items()))
    names = " ".join(brief(name, _NAME) for name in each.names[:3])
    seconds = "" if each.seconds is None else duration(each.seconds)
    verdict = each.verdict.value if each.verdict else "no verdict"
    return names, each.commit[:12], verdict, stages, seconds


def _errors(found: Revisions) -> Iterator[str]:
    for each in found.revisions:
        if each.error:
            yield f"{brief(each.names[0], _NAME)}: {brief(each.error, _TEXT)}"


def _sentence(found: Revisions) -> str:
    kinds: dict[str, int] = {}
    for each in found.revisions:
        kind = each.verdict.value if each.verdict else "without a verdict"
        kinds[kind] = kinds.get(kind, 0) + 1
    told = ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
    word = _WORDS.get(ExitCode(found.exit_code), "NOT REPRODUCED")
    return f"{word}: {count(len(found.revisions), 'revision')}: {told}"
