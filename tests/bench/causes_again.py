"""Whether what is another each time gets one answer each time: the same question, many times.

`make causes-again` asks 60 times about each repository (ARGS='TIMES WORDS' for another number, and
for those alone whose names hold the words); it takes an hour. An answer is the verdict with all
causes, their summaries and the rules; what shows them may differ, such as the time of a run.
"""

import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lockproof.model.verdict import Verdict
from lockproof.steps.reproduce.conditions.clock import library
from tests.integration.answer_case import Case, build, surrounded
from tests.integration.answers import CASES
from tests.integration.answers_conditions import python, shell
from tests.integration.pipelines import Project, prove

INCONCLUSIVE = Verdict.INCONCLUSIVE
TIMES = 60
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
    project: Project
    said: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def ask(self) -> None:
        """Once more."""
        started = time.monotonic()
        text = answer(self.project, self.case)
        self.seconds.append(time.monotonic() - started)
        self.said[text] += 1
        if len(self.said) > 1 and self.said[text] == 1:
            print(f"ANOTHER ANSWER, {self.name}: {text}", flush=True)

    @property
    def name(self) -> str:
        """Both names of the case."""
        return f"{self.case.name}: {self.case.done}"

    def __str__(self) -> str:
        """Each answer with how often it was given."""
        count, median = len(self.said), statistics.median(self.seconds)
        title = f"{self.name}: {count} answer{'s' * (count != 1)}, {median:.1f} s each"
        return "\n".join([title, *(f"  {n}: {text}" for text, n in self.said.most_common())])


def main(times: int, words: str) -> int:
    """Ask about all in turn, and print what was said; 1 where one repository has two answers."""
    with tempfile.TemporaryDirectory() as made:
        os.environ["LOCKPROOF_CACHE_DIR"] = str(Path(made, "cache"))
        every = []
        for number, case in enumerate(cases()):
            if words in f"{case.name}: {case.done}":
                base = Path(made, str(number))
                base.mkdir()
                every.append(Asked(case, build(case, base)))
        for turn in range(1, times + 1):
            for each in every:
                each.ask()
            print(f"asked {turn} of {times} times", flush=True)
            if turn in (1, times) or turn % 10 == 0:
                print(*every, sep="\n", flush=True)
    return int(any(len(each.said) > 1 for each in every))


if __name__ == "__main__":
    argv = sys.argv[1:]
    sys.exit(main(int(argv[0]) if argv else TIMES, " ".join(argv[1:])))
