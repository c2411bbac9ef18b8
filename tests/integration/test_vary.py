"""Small pipelines with one known dependence each: it is named, and nothing else."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from lockproof.adapters.sandbox.isolation import Isolation, Level
from lockproof.cli.main import main
from lockproof.model.report import Report, Varied
from lockproof.model.verdict import Verdict
from lockproof.steps.reproduce.conditions import NAMES
from lockproof.steps.reproduce.conditions.clock import no_clock

from .pipelines import Project, causes, copy_of, new_project, prove, rules, stage, verdicts

VARIABLE = "LOCKPROOF_TEST_COLOUR"
FEW = "|".join(n for n in "137" if int(n) != len(os.sched_getaffinity(0)))
THREADS = f"case $OMP_NUM_THREADS in {FEW}) echo few;; *) echo one for each CPU;; esac"
COMMANDS = {
    "hash-seed": "python3 -c \"print(list({'a', 'b'}))\"",
    "clock": "python3 -c \"import gzip, sys; sys.stdout.buffer.write(gzip.compress(b'x'))\"",
    "file-order": "python3 -c \"import os; print(os.listdir('data'))\"",
    "random": "cat /proc/sys/kernel/random/uuid",
    "path": "pwd",
    # What prints the variable follows that: this does the same for none as for all CPUs.
    "threads": THREADS,
    "timezone": "date -d @0 +%H:%M",
    "locale": "locale charmap",
    "umask": "umask",
    "home": "echo $HOME",
    "host-name": "uname -n",
    "user": "id -un",
    "cpu-count": 'python3 -c "import os; print(len(os.sched_getaffinity(0)))"',
    "process-id": "echo $$",
    "undeclared-files": "cat beside.txt",
    "cpu-features": "case $OPENBLAS_CORETYPE in Nehalem) echo 1.0000001;; *) echo 1.0;; esac",
    f"variable {VARIABLE}": f"echo ${VARIABLE}",
    "nothing": "sort data/a.txt",
}
ELSEWHERE = {
    "TZ": "LKX-5",
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "7",
    VARIABLE: "blue",
    "USER": "nobody",
    "OPENBLAS_CORETYPE": "Nehalem",
}
MENDS = {
    "hash-seed": ("sort what comes out of a set", "python3 -c \"print(sorted({'a', 'b'}))\""),
    "clock": (
        "gzip's mtime=0",
        "python3 -c \"import gzip, sys; sys.stdout.buffer.write(gzip.compress(b'x', mtime=0))\"",
    ),
    "file-order": (
        "sorted(os.listdir())",
        "python3 -c \"import os; print(sorted(os.listdir('data')))\"",
    ),
    "random": ("seed its random numbers", "awk 'BEGIN { srand(1); print rand() }'"),
    "path": ("write paths from the project's folder", "realpath --relative-to=. data"),
    "threads": (
        "set OMP_NUM_THREADS=1 in the command",
        f"OMP_NUM_THREADS=1; {THREADS}",
    ),
    "timezone": ("set TZ in the command", "TZ=UTC date -d @0 +%H:%M"),
    "locale": ("set LC_ALL in the command", "LC_ALL=C locale charmap"),
    "umask": ("put 'umask 022' into the command", "umask 022; umask"),
    "home": ("leave HOME out of it", "echo ."),
    "host-name": ("leave the host's name out of it", "uname -s"),
    "user": ("leave the user's name and id out of it", "echo somebody"),
    "cpu-count": ("take the number of workers from a parameter", "grep workers params.yaml"),
    "process-id": ("leave process ids, and names made of them, out of it", "echo 1"),
    "undeclared-files": ("declare under deps what it reads", "cat beside.txt"),
    "cpu-features": ("state a tolerance", COMMANDS["cpu-features"]),
    f"variable {VARIABLE}": (f"set {VARIABLE} in the command", f"{VARIABLE}=red; echo ${VARIABLE}"),
}
"""Condition -> words of the advice on it, and the command of who follows them."""
ALTERNATIVES = {"cpu-count": len(os.sched_getaffinity(0)) > 1, "clock": not no_clock()}
"""Conditions that not every machine can vary."""


def _name(condition: str) -> str:
    return condition.replace(" ", "-").lower()


def _out(condition: str) -> str:
    """Numbers are compared as such where the suffix says so."""
    return f"{_name(condition)}.{'json' if condition == 'cpu-features' else 'out'}"


def _pipeline(commands: dict[str, str], more: Mapping[str, Mapping[str, object]] = {}) -> str:
    """Stages that read `data`; `more` is what else they declare."""
    stages = {
        _name(condition): {
            "cmd": f"({command}) > {_out(condition)}",
            "deps": ["data"],
            "outs": [_out(condition)],
            **more.get(condition, {}),
        }
        for condition, command in commands.items()
    }
    return yaml.safe_dump({"stages": stages})


def _project(base: Path, commands: dict[str, str]) -> Project:
    project = new_project(base)
    files = {f"data/{name}.txt": name for name in "abcdef"}
    policy = f'[run]\npass-env = ["{VARIABLE}"]\n'
    pipeline = {"dvc.yaml": _pipeline(commands), "beside.txt": "beside\n", "lockproof.toml": policy}
    project.write({**files, **pipeline})
    _made_elsewhere(project)
    return project


def _made_elsewhere(project: Project) -> None:
    """Run the pipeline, and commit."""
    with pytest.MonkeyPatch.context() as elsewhere:
        # Where the lock was made all is otherwise.
        for name, value in ELSEWHERE.items():
            elsewhere.setenv(name, value)
        before = os.umask(0o027)
        try:
            project.repro("first")
        finally:
            os.umask(before)


@pytest.fixture(scope="module")
def colour() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "red")
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, colour: object) -> Project:
    return _project(tmp_path_factory.mktemp("varied"), COMMANDS)


@pytest.fixture(scope="module")
def report(project: Project) -> Report:
    return prove(project, vary=NAMES, mode="isolated")


def _row(report: Report, condition: str, name: str) -> Varied:
    rows = report.host.stages[_name(condition)].varied
    return next(row for row in rows if row.condition == name)


def _matter(report: Report, condition: str) -> list[str]:
    return [row.condition for row in report.host.stages[_name(condition)].varied if row.matters]


def _own_root(report: Report) -> bool:
    return any(s.isolation in ("bubblewrap", "namespaces") for s in report.host.stages.values())


@pytest.mark.parametrize("condition", COMMANDS)
def test_the_one_dependence_is_named_and_nothing_else(report: Report, condition: str) -> None:
    if not _own_root(report):
        pytest.skip("stages have no root of their own here")
    if condition != "nothing" and _row(report, condition, condition).obstacle:
        assert ALTERNATIVES.get(condition, True) is False, _row(report, condition, condition)
        pytest.skip(_row(report, condition, condition).obstacle or "")
    named = [] if condition == "nothing" else [condition]
    assert _matter(report, condition) == named
    found = [f for f in report.findings if f.rule == "LP711"]
    assert [f.subject for f in found if f.subject.startswith(f"{_name(condition)} ")] == [
        f"{_name(condition)} {name}" for name in named
    ]


def test_each_condition_is_answered_for_each_stage(report: Report) -> None:
    wanted = [f"variable {VARIABLE}" if name == "pass-env" else name for name in NAMES]
    for host in report.host.stages.values():
        assert sorted(row.condition for row in host.varied) == sorted(wanted)
        for row in host.varied:
            assert row.obstacle or (row.runs and row.outputs)
            assert (row.mend is not None) == row.matters


@pytest.mark.parametrize("condition", [c for c in COMMANDS if c != "nothing"])
def test_the_cause_of_a_difference_is_the_condition(report: Report, condition: str) -> None:
    """Where the lock has another value than this machine has, that condition is to blame."""
    if not _own_root(report):
        pytest.skip("stages have no root of their own here")
    name = _name(condition)
    if verdicts(report)[_out(condition)] == "identical":
        pytest.skip("the lock was made under the same condition")
    found = [c.condition for c in stage(report, name).causes if c.condition]
    if condition in ("random", "clock") and no_clock():
        assert found == ["random"]
    else:
        assert found == [condition]
    own = condition in ("hash-seed", "clock", "random", "process-id")
    kind = "nondeterminism" if own else "condition"
    assert causes(report, name)[0][0] == kind
    assert stage(report, name).verdict is (Verdict.INCONCLUSIVE if own else Verdict.FAILED)
    cost = report.host.stages[name].evidence[-1].text
    assert cost.startswith("experiments: ")


def test_after_the_advice_on_each_condition_the_pipeline_reproduces(
    report: Report, project: Project, tmp_path: Path
) -> None:
    """The mended commands run where all is otherwise, and give here what the lock names."""
    if not _own_root(report):
        pytest.skip("stages have no root of their own here")
    assert MENDS.keys() == COMMANDS.keys() - {"nothing"}
    for condition, (words, _) in MENDS.items():
        name = _name(condition)
        told = [f.message for f in report.findings if f.subject == f"{name} {condition}"]
        told += [c.summary for c in stage(report, name).causes if c.condition == condition]
        if told or not _row(report, condition, condition).obstacle:
            assert told
            assert all(words in text for text in told), (condition, told)
    mended = copy_of(project, tmp_path)
    more = {
        "undeclared-files": {"deps": ["data", "beside.txt"]},
        "cpu-count": {"params": ["workers"]},
    }
    commands = {condition: command for condition, (_, command) in MENDS.items()}
    mended.write({"dvc.yaml": _pipeline(commands, more), "params.yaml": "workers: 4\n"})
    with (mended.root / "lockproof.toml").open("a") as file:
        file.write('[[tolerance]]\npaths = ["cpu-features.json"]\nrtol = 1e-6\n')
    _made_elsewhere(mended)
    after = prove(mended, mode="isolated", vary=("undeclared-files",))
    assert after.verdict is Verdict.PASSED, after.findings
    assert "LP711" not in rules(after)
    assert verdicts(after)["cpu-features.json"] == "within tolerance"


def test_the_answer_is_the_same_each_time(project: Project) -> None:
    """Run LOCKPROOF_TEST_TIMES=60 to see it sixty times."""
    names = ("hash-seed", "clock", "random", "path")
    answers = set()
    for _ in range(int(os.environ.get("LOCKPROOF_TEST_TIMES", "3"))):
        report = prove(project, stages=names, mode="isolated")
        told = [
            (s.address, s.verdict.value, *((c.kind.value, c.condition) for c in s.causes))
            for s in report.stages
        ]
        assert sorted(row[0] for row in told) == sorted(names)
        answers.add(tuple(told))
    assert len(answers) == 1


def test_a_directory_says_which_file_varies(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    command = "mkdir d && echo 1 > d/same && cat /proc/sys/kernel/random/uuid > d/other"
    project.write(
        {"dvc.yaml": f"stages:\n  s:\n    cmd: {command}\n    deps: [a]\n    outs: [d]\n", "a": "a"}
    )
    project.repro("first")
    report = prove(project)
    assert causes(report, "s") == [("nondeterminism", "d", "proven")]
    assert any(e.text == "what differs in it: d/other" for e in report.host.stages["s"].evidence)


def test_code_that_explains_it_ends_the_search(tmp_path: Path) -> None:
    project = _project(tmp_path, {"nothing": "cat data/a.txt"})
    text = _pipeline({"nothing": "sh run.sh"}, {"nothing": {"deps": ["data", "run.sh"]}})
    project.write({"dvc.yaml": text, "run.sh": "echo 1\n"})
    project.repro("a script")
    project.write({"run.sh": "echo 2\n"})
    project.commit("another")
    report = prove(project, stages=("nothing",), mode="isolated")
    assert causes(report, "nothing") == [("code", "run.sh", "proven")]
    executed = report.host.stages["nothing"].executed
    assert executed == 11, "the judged run, a repetition, one put back, and eight that confirm it"


@pytest.mark.parametrize("level", [Level.LANDLOCK, Level.NONE])
def test_what_cannot_be_had_is_said(
    tmp_path: Path, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_isolation() -> Isolation:
        return Isolation(level)

    monkeypatch.setattr("lockproof.steps.surface.find_isolation", find_isolation)
    project = _project(tmp_path, {"path": "pwd", "timezone": COMMANDS["timezone"]})
    report = prove(project, vary=("path", "timezone", "user", "host-name", "umask"))
    if level is Level.LANDLOCK and report.host.stages["path"].isolation != level:
        pytest.skip("no Landlock here")
    for name in ("user", "host-name"):
        assert "install bubblewrap" in (_row(report, "timezone", name).obstacle or "")
    assert _matter(report, "path") == ["path"]
    assert _matter(report, "timezone") == ["timezone"]


def test_a_wrong_name_is_one_line_that_lists_them(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "-C", str(project.root), "--vary", "clok"]) == 2
    said = capsys.readouterr().err
    assert "'clok'" in said
    assert all(name in said for name in NAMES)
    assert said.count("\n") == 1


def test_it_is_shown_in_every_format(project: Project, tmp_path: Path, colour: object) -> None:
    outputs = [str(tmp_path / f"report.{end}") for end in ("txt", "md", "html", "json", "xml")]
    argv = ["reproduce", "-C", str(project.root), "--stage", "nothing", "--stage", "timezone"]
    argv += ["--vary", "timezone,network"]
    assert main([*argv, *(word for path in outputs for word in ("--output", path))]) == 1
    for path in outputs:
        text = Path(path).read_text()
        assert "timezone" in text, path
        if not path.endswith("xml"):
            assert "the policy has it off already" in text, path


def test_no_dependence_is_said(project: Project, tmp_path: Path) -> None:
    argv = ["reproduce", "-C", str(project.root), "--stage", "nothing", "--vary", "timezone,umask"]
    assert main([*argv, "--output", str(tmp_path / "report.txt")]) == 0
    text = (tmp_path / "report.txt").read_text()
    assert "no output depends on what was varied: timezone, umask" in text


def test_the_rule_has_found_it(report: Report) -> None:
    assert "LP711" in rules(report)


def test_the_folder_of_an_output_is_there_without_the_file_that_made_it(tmp_path: Path) -> None:
    """DVC leaves a .gitignore there, which no stage declares."""
    project = new_project(tmp_path)
    command = "cat a > models/out.txt"
    yaml = f"stages:\n  s:\n    cmd: {command}\n    deps: [a]\n    outs: [models/out.txt]\n"
    project.write({"dvc.yaml": yaml, "a": "a\n", "models/.gitignore": "/out.txt\n"})
    project.repro("first")
    report = prove(project, vary=("undeclared-files",), mode="isolated")
    assert _row(report, "s", "undeclared-files").outputs == {"models/out.txt": "equal"}
    project.write({"lockproof.toml": '[run]\nview = "declared"\n'})
    project.commit("declared")
    assert prove(project, mode="chain").verdict is Verdict.PASSED
