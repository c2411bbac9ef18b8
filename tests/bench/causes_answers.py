"""What lockproof says of repositories whose truth is known, as a page of `docs/`.

`make causes-answers` takes some minutes. The right answers are those of
`tests/integration/answers.py`; `dvc status` is asked in the same place. With ARGS=--changed only
those repositories are asked about whose right answer the page does not have yet.
"""

import datetime
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from dvc import __version__ as dvc_version

from lockproof.adapters.files import write_whole
from tests.integration.answer_case import Case, Grade, ask, build
from tests.integration.answers import CASES
from tests.integration.answers_trouble import index
from tests.integration.pipelines import Project

from .gate_answers import ask as ask_dvc

LONGEST = 100
"""Characters that are shown of what DVC says."""
INTRODUCTION = """\
# Causes beside the truth

Written by `make causes-answers` (`tests/bench/causes_answers.py`) on {date} with DVC {version}; do
not edit. Each line is a repository, made by Git and DVC, and what was done to it. Its right answer
was written by hand before lockproof was asked (`tests/integration/answers.py`), and
`tests/integration/test_answers.py` demands it.

**Right** means: the verdict is right, every true cause is named, none that is untrue is said to be
likely or proven, and no word says that somebody altered an output of a repository where nobody did.
Between slashes is a pattern that the words have to hold. `dvc status` runs in the same folder; it
executes nothing, so it can say what changed and not whether the lock is true. With ARGS=--changed
only lines with another right answer than before are asked again; the others are of an earlier run.

{counts}

"""
HEAD = ("repository", "what was done", "right answer", "lockproof", "", "`dvc status`")


def status(project: Project) -> str:
    """What `dvc status` says, on one line."""
    said = "; ".join(ask_dvc(project, "dvc status").lines)
    if said == "Data and pipelines are up to date.":
        return "**silent**"
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


def row(case: Case, base: Path) -> list[str]:
    """The cells of the line of one case."""
    print(f"{case.name}: {case.done}", file=sys.stderr)
    project = build(case, base)
    said = status(project)
    judged = ask(case, project)
    told = "; ".join([judged.said, *judged.faults] if judged.faults else [judged.said])
    grade = judged.grade.value
    shown = grade if judged.grade is Grade.RIGHT else f"**{grade}**"
    return [case.name, case.done, str(case.answer), told, shown, said]


def line(cells: Iterable[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(c.replace('|', chr(92) + '|') for c in cells)} |"


def rows_of(text: str) -> dict[tuple[str, ...], list[str]]:
    """What a page has: repository, what was done and right answer -> the cells of its line."""
    lines = [x for x in text.splitlines() if x.startswith("| ")][2:]
    found = [re.split(r" (?<!\\)\| ", x.removeprefix("| ").removesuffix(" |")) for x in lines]
    every = [[cell.replace("\\|", "|") for cell in cells] for cells in found]
    return {tuple(cells[:3]): cells for cells in every}


def page(base: Path, known: Mapping[tuple[str, ...], list[str]]) -> str:
    """The whole page; `base` is an empty folder for the repositories, `known` lines to keep."""
    rows = []
    with index(base):
        for number, case in enumerate(CASES):
            folder = base / str(number)
            folder.mkdir()
            kept = known.get((case.name, case.done, str(case.answer)))
            rows.append(kept or row(case, folder))
    count = Counter(cells[4].strip("*") for cells in rows)
    counts = f"Of {len(rows)}: " + ", ".join(f"{count[g.value]} {g.value}" for g in Grade) + "."
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [line(HEAD), line(["---"] * len(HEAD)), *(line(cells) for cells in rows)]
    text = INTRODUCTION.format(date=today, version=dvc_version, counts=counts)
    return text + "\n".join(lines) + "\n"


if __name__ == "__main__":
    *options, target = sys.argv[1:]
    place = Path(target)
    known = rows_of(place.read_text("utf-8")) if "--changed" in options else {}
    with tempfile.TemporaryDirectory() as made:
        os.environ["LOCKPROOF_CACHE_DIR"] = str(Path(made, "cache"))
        Path(made, "cases").mkdir()
        write_whole(place, page(Path(made, "cases"), known))
