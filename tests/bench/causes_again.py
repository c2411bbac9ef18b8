"""Whether what is another each time gets one answer each time: the same question, many times.

`make causes-again` asks 60 times about each repository and writes docs/causes-again.md; it takes an
hour. ARGS='--times N', ARGS='--only WORDS' (only those whose names hold the words; then no page is
written), ARGS='--keep FOLDER': repositories and answers are kept there after each, and a run that
was ended goes on with them. An answer is the verdict with all causes, their summaries and the
rules; what shows them may differ, such as the time of a run.
"""

import argparse
import datetime
import json
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lockproof.adapters.files import write_whole
from lockproof.model.verdict import Verdict
from lockproof.steps.reproduce.conditions.clock import library
from tests.integration.answer_case import Case, build, surrounded
from tests.integration.answers import CASES
from tests.integration.answers_conditions import python, shell
from tests.integration.pipelines import Project, prove

from .causes_answers import line

INCONCLUSIVE = Verdict.INCONCLUSIVE
TIMES = 60
INTRODUCTION = """\
# One answer each time

Written by `make causes-again` (`tests/bench/causes_again.py`) on {date}; do not edit. Each line is
a repository of one stage whose output is another each time that it runs, or hangs on something that
changes by itself. It was made once and asked about so many times, in turn with all the others. An
answer is the verdict of the commit and of each output, every cause with its certainty and words,
and the rules. Whether it is right is in [causes beside the truth](causes-beside-truth.md).

{counts}

"""
HEAD = ("repository", "what was done", "times asked", "answers", "what was said")
TWO = "open('out.txt', 'w').write(' '.join({'alpha', 'beta'}))\n"
TEMPORARY = "import tempfile\nopen('out.txt', 'w').write(tempfile.mkdtemp())\n"
ADDRESS = "open('out.txt', 'w').write(repr(object()))\n"
MEASURED = """\
import time
start = time.perf_counter()
sum(range(100000))
open("out.txt", "w").write(repr(time.perf_counter() - start))
"""
RACE = """\
import random, threading, time
done = []
def work(number):
    time.sleep(random.random() / 50)
    done.append(number)
threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
[t.start() for t in threads]
[t.join() for t in threads]
open("out.txt", "w").write(repr(done))
"""
ARCHIVE = """\
import tarfile
with tarfile.open("out.tar", "w") as archive:
    archive.add("make.py")
"""
OWN_ARCHIVE = """\
import pathlib, shutil, tarfile
pathlib.Path("made").mkdir()
pathlib.Path("made/a").write_text("a")
with tarfile.open("out.tar", "w") as archive:
    archive.add("made")
shutil.rmtree("made")
"""
DATABASE = """\
import sqlite3
with sqlite3.connect("out.db") as db:
    db.execute("create table t (at text default current_timestamp, n int)")
    db.execute("insert into t (n) values (1)")
"""


def code(text: str, out: str = "out.txt") -> Callable[[Path], Project]:
    """A repository of one stage that runs this program."""
    return lambda base: python(base, text, out)


def command(text: str) -> Callable[[Path], Project]:
    """A repository of one stage that runs this command."""
    return lambda base: shell(base, text)


def earlier(text: str) -> Callable[[Path], Project]:
    """The same, locked two days and an hour ago."""

    def made(base: Path) -> Project:
        with pytest.MonkeyPatch.context() as patch:
            clock = {"LD_PRELOAD": str(library()), "FAKETIME": "-176461", "NO_FAKE_STAT": "1"}
            surrounded(patch, clock if library() else {})
            return shell(base, text)

    return made


def _case(
    name: str, builds: Callable[[Path], Project], done: str = "nothing", **author: str
) -> Case:
    return Case(name, done, builds, CASES[0].answer, author=author)


MORE = (
    # Seeds whose orders differ: a lock with either has to be judged the same each time.
    *(_case("set of two", code(TWO), f"seed {n}", PYTHONHASHSEED=str(n)) for n in (0, 1)),
    _case("name of a temporary folder", code(TEMPORARY)),
    _case("address of an object", code(ADDRESS)),
    _case("measured seconds", code(MEASURED)),
    _case("order in which threads end", code(RACE)),
    _case("process id", command("echo $$ > out.txt")),
    _case("number of a file", command("ls -i dvc.yaml > out.txt")),
    _case("time of an input", command("stat -c %Y dvc.yaml > out.txt")),
    _case("archive of an input", code(ARCHIVE, "out.tar")),
    _case("archive of what it made", code(OWN_ARCHIVE, "out.tar")),
    _case("SQLite database with times", code(DATABASE, "out.db")),
    _case("minute", earlier("date +%H:%M > out.txt")),
    _case("day", earlier("date +%F > out.txt")),
    _case("order of find", command('find . -name "*.y*ml" > out.txt')),
)
"""Beside those of `answers.py` that are another each time."""


def cases() -> Iterable[Case]:
    """Everything whose answer could hang on the run in which it was asked."""
    places = ("order of os.listdir", "sum in as many parts as threads")
    again = (c for c in CASES if c.name in places or "nondeterminism" in str(c.answer))
    return (*(c for c in again if c.name in places or c.answer.verdict is INCONCLUSIVE), *MORE)


def answer(project: Project, case: Case) -> str:
    """What is said, less what shows it."""
    with pytest.MonkeyPatch.context() as patch:
        surrounded(patch, case.here)
        report = prove(project, **case.request)
    outputs = [f"{o.path} {o.verdict}" for s in report.stages for o in s.outputs]
    causes = [
        f"{c.certainty} {c.kind} ({c.condition}) {c.subject}: {c.summary}"
        for s in report.stages
        for c in s.causes
    ]
    rules = sorted({f.rule for f in report.findings})
    return "; ".join([report.verdict.value, *outputs, *causes, *rules])


@dataclass
class Asked:
    """A repository, and what was said of it so far."""

    case: Case
    folder: Path
    """Where its repository lies, and `said.json` with the answers."""
    said: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    project: Project | None = None

    def __post_init__(self) -> None:
        """Take up what an earlier run left."""
        known = self.folder / "said.json"
        if known.exists():
            kept = json.loads(known.read_text("utf-8"))
            self.said, self.seconds = Counter(kept["said"]), kept["seconds"]
            self.project = Project(*map(Path, kept["project"]))

    def ask(self) -> None:
        """Once more; the first time in a repository that is made now."""
        if self.project is None:
            # What was left by a run that was ended while it made one is in another folder.
            base = Path(tempfile.mkdtemp(dir=self.folder.parent, prefix=f"{self.folder.name}-"))
            self.project = build(self.case, base)
            self.folder.mkdir(exist_ok=True)
        started = time.monotonic()
        text = answer(self.project, self.case)
        self.seconds.append(round(time.monotonic() - started, 2))
        self.said[text] += 1
        if len(self.said) > 1 and self.said[text] == 1:
            print(f"ANOTHER ANSWER, {self.name}: {text}", flush=True)
        places = [str(self.project.root), str(self.project.remote)]
        kept = {"project": places, "said": self.said, "seconds": self.seconds}
        write_whole(self.folder / "said.json", json.dumps(kept, indent=1))

    @property
    def name(self) -> str:
        """Both names of the case."""
        return f"{self.case.name}: {self.case.done}"

    def __str__(self) -> str:
        """Each answer with how often it was given."""
        count, median = len(self.said), statistics.median(self.seconds)
        title = f"{self.name}: {count} answer{'s' * (count != 1)}, {median:.1f} s each"
        return "\n".join([title, *(f"  {n}: {text}" for text, n in self.said.most_common())])

    @property
    def cells(self) -> list[str]:
        """Its line of the page."""
        said = " **and** ".join(f"{text} ({n} times)" for text, n in self.said.most_common())
        said = said if len(self.said) > 1 else next(iter(self.said))
        return [self.case.name, self.case.done, str(self.said.total()), str(len(self.said)), said]


def asked_so_far(place: Path, words: str = "") -> list[Asked]:
    """The repositories whose names hold the words, and what was said of them."""
    every = []
    for case in cases():
        name = f"{case.name}: {case.done}"
        if words in name:
            every.append(Asked(case, place / re.sub("[^a-z0-9]+", "-", name.lower())))
    return every


def ask_until(place: Path, name: str, times: int) -> None:
    """Ask about one repository until it was asked about so many times."""
    (one,) = (each for each in asked_so_far(place) if each.name == name)
    while one.said.total() < times:
        one.ask()


def page(every: Iterable[Asked]) -> str:
    """All that was said, as a page of `docs/`."""
    rows = [each.cells for each in every]
    one = sum(cells[3] == "1" for cells in rows)
    today = datetime.datetime.now(datetime.UTC).date()
    least = min(int(cells[2]) for cells in rows)
    counts = (
        f"{len(rows)} repositories, asked {least} times each at the least: {one} had one answer."
    )
    text = INTRODUCTION.format(date=today, counts=counts)
    table = [line(HEAD), line(["---"] * len(HEAD)), *map(line, rows)]
    return text + "\n".join(table) + "\n"


def main(times: int, words: str, jobs: int, keep: Path | None, target: Path) -> int:
    """Ask about all in turn, and print what was said; 1 where one repository has two answers."""
    # A shim of pyenv starts thirty programs before Python, for each run of a stage.
    os.environ["PATH"] = os.pathsep.join([f"{sys.base_prefix}/bin", os.environ["PATH"]])
    with ExitStack() as stack:
        place = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["LOCKPROOF_CACHE_DIR"] = str(place / "cache")
        place.mkdir(exist_ok=True)
        names = [each.name for each in asked_so_far(place, words)]
        # Most of the time a run waits for another moment than that of the last one.
        pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
        stack.enter_context(pool)
        for turn in dict.fromkeys((1, *range(10, times, 10), times)):
            for done in [pool.submit(ask_until, place, name, min(turn, times)) for name in names]:
                done.result()
            print(f"asked {turn} of {times} times", flush=True)
        every = asked_so_far(place, words)
        print(*every, sep="\n", flush=True)
    if not words:
        write_whole(target, page(every))
    return int(any(len(each.said) > 1 for each in every))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--only", default="", metavar="WORDS")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("page", type=Path)
    asked = parser.parse_args()
    keep = asked.keep and asked.keep.resolve()
    sys.exit(main(asked.times, asked.only, asked.jobs, keep, asked.page))
