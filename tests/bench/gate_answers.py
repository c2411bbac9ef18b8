"""What DVC's own commands say to each mutation that the gate is held to, as a page of `docs/`.

`make gate-answers` takes about ten minutes. Each command gets a copy of its own, with work tree
and cache as whoever made the mutation has them: some commands need the data, and `dvc status -c`
deletes corrupted objects from a remote in a folder.
"""

import datetime
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc import __version__ as dvc_version

from lockproof.adapters.files import write_whole
from tests.integration import mutations_gate as table
from tests.integration.good_project import good_project, move_to
from tests.integration.mutations_gate import Mutation
from tests.integration.pipelines import BIN, Project, copy_of
from tests.integration.remotes import Bucket, Folder
from tests.integration.s3 import s3_server

COMMANDS = (
    "dvc status",
    "dvc status -c",
    "dvc data status --not-in-remote --granular",
    "dvc repro --dry --allow-missing",
)
SECTIONS = (
    ("The lock", table.LOCK),
    ("A remote in a folder", table.REMOTE),
    ("A remote on S3", table.ON_S3),
    ("What Git holds", tuple(m for m in table.GIT if m.rule in ("LP301", "LP308"))),
)
LONGEST = 100
"""Characters of an answer that are shown."""
INTRODUCTION = """\
# The gate beside DVC's own checks

Written by `make gate-answers` (`tests/bench/gate_answers.py`) on {date} with DVC {version}; do not
edit. Each line is one change of one good repository, of which none of these commands complains.
`lockproof gate` has to find each by one rule alone and end with exit code 1
(`tests/integration/test_gate_mutations.py`).

The commands run where the change was made, with all data in the work tree and the cache: there DVC
can say most. The gate uses neither; in a CI job's fresh clone DVC's commands say less. **silent**
means the same output and exit code as for the good repository; else what is new in the output is
shown. Mutations of images, secrets, run records, metrics, manifests and the policy are not here:
DVC does not set out to check those. What ends with exit code 0 blocks no merge, whatever it says.
"""


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    lines: tuple[str, ...]

    def shown(self, usual: "Answer") -> str:
        """Only what it does not say of the good repository as well."""
        if self == usual:
            return "**silent**"
        news = [line for line in self.lines if line not in usual.lines] or list(self.lines)
        text = "; ".join(news).replace("`", "'").replace("|", "\\|")
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        return f"exit {self.code}: `{text}`"


def ask(project: Project, command: str) -> Answer:
    """Run a command and read what it prints, without progress and paths of this machine."""
    program, *arguments = command.split()
    done = subprocess.run(
        [str(BIN / program), *arguments],
        cwd=project.root,
        env=project.environment() | {"NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    text = f"{done.stdout}\n{done.stderr}".replace(str(project.root.parent), "…")
    lines = (" ".join(line.split()) for line in re.split(r"[\r\n]", text))
    return Answer(done.returncode, tuple(line for line in lines if line and "%|" not in line))


def gate(project: Project, asked: Iterable[str]) -> str:
    """The rules that find something, and the exit code."""
    report = project.root.parent / "report.json"
    done = ask(project, " ".join(["lockproof gate", *asked, "--output", str(report)]))
    rules = {finding["rule"] for finding in json.loads(report.read_text())["findings"]}
    return f"{', '.join(sorted(rules)) or '**silent**'}, exit {done.code}"


def row(
    good: Project, bucket: Bucket | None, mutation: Mutation, usual: dict[str, Answer]
) -> list[str]:
    """What the gate and each of the commands say to one mutation."""
    objects = bucket.contents() if bucket else {}
    with tempfile.TemporaryDirectory() as folder:
        mutated = copy_of(good, Path(folder, "mutated"))
        mutation.apply(mutated, bucket or Folder(mutated.remote))

        def answer(command: str) -> str:
            copy = copy_of(mutated, Path(folder, command.replace(" ", "-")))
            return ask(copy, command).shown(usual[command])

        with ThreadPoolExecutor() as pool:
            answers = pool.map(answer, COMMANDS)
            cells = [gate(mutated, mutation.asked), *answers]
    if bucket:
        bucket.fill(objects)
    asked = f" (`{' '.join(mutation.asked)}`)" if mutation.asked else ""
    return [mutation.name + asked, *cells]


def section(
    title: str, good: Project, bucket: Bucket | None, mutations: Iterable[Mutation]
) -> Iterator[str]:
    """The lines of one table."""
    usual = {command: ask(good, command) for command in COMMANDS}
    rows = []
    for mutation in mutations:
        print(f"{title}: {mutation.name}", file=sys.stderr)
        rows.append(row(good, bucket, mutation, usual))
    head = ["change", "`lockproof gate`", *(f"`{command}`" for command in COMMANDS)]
    silent = [
        f"{sum(cells[column] == '**silent**' for cells in rows)} of {len(rows)}"
        for column in range(2, len(head))
    ]
    yield f"\n## {title}\n"
    for cells in (head, ["---"] * len(head), *rows, ["**silent to**", "", *silent]):
        yield f"| {' | '.join(cells)} |"


def page(folder: Path) -> str:
    """The whole page; `folder` is for the good repository."""
    good = good_project(folder)
    with s3_server(folder) as server:
        client: Any = server.client()
        client.create_bucket(Bucket="data")
        bucket = Bucket(server, "data", "good")
        on_s3 = copy_of(good, folder / "on-s3")
        move_to(on_s3, bucket)
        tables = [
            line
            for title, mutations in SECTIONS
            for there in (mutations is table.ON_S3,)
            for line in section(
                title, on_s3 if there else good, bucket if there else None, mutations
            )
        ]
    today = datetime.datetime.now(datetime.UTC).date()
    return "\n".join([INTRODUCTION.format(date=today, version=dvc_version).rstrip(), *tables, ""])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        write_whole(Path(sys.argv[1]), page(Path(made)))
