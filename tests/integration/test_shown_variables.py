"""A file of where a result came from lists environment variables, by which conditions are set here:
it shows that they are set, and depends on none of them."""

from pathlib import Path

import pytest

from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.steps.reproduce.conditions.clock import no_clock

from .pipelines import new_project, prove, rules, stage

CLOCKED = pytest.mark.skipif(bool(no_clock()), reason="libfaketime is not installed")
ENV = "env | sort > env.txt"
MAPS = "LC_ALL=C cut -c74- /proc/self/maps | LC_ALL=C sort -u"
SET = "python3 -c \"print(list({'a', 'b', 'c', 'd', 'e'}))\" > set.txt"


def proved(
    base: Path,
    commands: list[str],
    *,
    altered: bool = True,
    experiments: int = 28,
    **asked: object,
) -> Report:
    """What is said of one stage; with `altered` no output is as its lock has it."""
    project = new_project(base)
    outs = [command.split("> ")[-1] for command in commands]
    project.write(
        {
            "dvc.yaml": f"stages: {{s: {{cmd: sh run.sh, deps: [run.sh], outs: {outs}}}}}\n",
            "run.sh": "\n".join(commands) + "\n",
            "lockproof.toml": f"[reproduce]\nexperiments = {experiments}\n",
        }
    )
    project.repro("first")
    if altered:
        lock = (project.root / "dvc.lock").read_text()
        for out in outs:
            digest = lock.split(f"path: {out}")[1].split("md5: ")[1].split()[0]
            project.edit_lock(digest, "deadbeef" * 4)
        project.git("add", "-A")
        project.git("commit", "-q", "--amend", "-m", "first")
    return prove(project, mode="isolated", **asked)


def named(report: Report) -> dict[str, list[str]]:
    """Output -> conditions that it is said to depend on, with the kind and certainty of each."""
    found: dict[str, list[str]] = {}
    for cause in stage(report, "s").causes:
        if cause.condition:
            told = f"{cause.kind.value} {cause.condition} {cause.certainty.value}"
            found.setdefault(cause.subject, []).append(told)
    return found


VARIABLES = ["condition variables likely"]


def test_a_list_of_variables_depends_on_these_and_not_on_the_clock(tmp_path: Path) -> None:
    report = proved(tmp_path, [ENV], altered=False)
    assert named(report) == {"env.txt": VARIABLES}
    assert report.verdict is Verdict.FAILED
    assert "LP705" not in rules(report)
    (cause,) = stage(report, "s").causes
    assert "leave the list of environment variables out of it" in cause.summary
    assert report.host.stages["s"].executed <= 15


def test_the_size_of_the_environment_is_no_clock_either(tmp_path: Path) -> None:
    found = named(proved(tmp_path, ["env | wc -c > size.txt"]))
    # Which is in a variable as well: where few conditions can be tried, the search comes to it.
    path = ["condition path likely"]
    assert found in ({"size.txt": VARIABLES}, {"size.txt": path + VARIABLES})


@CLOCKED
def test_what_depends_on_the_clock_beside_it_is_named(tmp_path: Path) -> None:
    assert named(proved(tmp_path, [ENV, "date +%Y > year.txt"])) == {
        "env.txt": VARIABLES,
        "year.txt": ["nondeterminism clock proven"],
    }


@CLOCKED
def test_what_the_clock_changes_from_run_to_run_is_named_beside_it(tmp_path: Path) -> None:
    assert named(proved(tmp_path, [ENV, "date +%s%N > now.txt"], altered=False)) == {
        "env.txt": VARIABLES,
        "now.txt": ["nondeterminism clock proven"],
    }


def test_what_depends_on_the_hash_seed_beside_it_is_named(tmp_path: Path) -> None:
    assert named(proved(tmp_path, [ENV, SET])) == {
        "env.txt": VARIABLES,
        "set.txt": ["nondeterminism hash-seed proven"],
    }


@pytest.mark.parametrize(
    ("command", "condition"),
    [
        pytest.param(f"{MAPS} > out.txt", "the clock", marks=CLOCKED),
        pytest.param("echo $LD_PRELOAD $FAKETIME > out.txt", "the clock", marks=CLOCKED),
    ],
)
def test_what_shows_just_how_a_condition_is_set_does_not_depend_on_it(
    command: str, condition: str, tmp_path: Path
) -> None:
    report = proved(tmp_path, [command])
    assert named(report) == {}
    told = [e.text for e in report.host.stages["s"].evidence]
    assert f"not excluded: {condition} (how it is set shows in the output itself)" in told
    assert any("varied without effect" in text for text in told)


OWN_SEED = "int(os.environ.get('PYTHONHASHSEED', '42'))"
READERS = {
    "own seed": f"import os, random; random.seed({OWN_SEED}); print(random.random())",
    "modulo": f"import os, random; random.seed({OWN_SEED} % 2**32); print(random.random())",
}


@pytest.mark.parametrize("code", READERS.values(), ids=READERS)
def test_a_seed_that_is_taken_from_the_variable_of_hashes_is_no_order_of_hashes(
    code: str, tmp_path: Path
) -> None:
    report = proved(tmp_path, [f'python3 -c "{code}" > out.txt'])
    assert named(report) == {"out.txt": VARIABLES}
    assert report.verdict is Verdict.FAILED
    (cause,) = stage(report, "s").causes
    assert "set what it needs of PYTHONHASHSEED in the command" in cause.summary


def test_runs_with_other_seeds_of_hashes_show_no_chance_where_the_variable_is_read(
    tmp_path: Path,
) -> None:
    code = READERS["own seed"]
    report = proved(tmp_path, [f'python3 -c "{code}" > out.txt'], altered=False, runs=2)
    assert named(report) == {"out.txt": VARIABLES}
    assert report.verdict is Verdict.FAILED


def test_a_program_that_sets_the_seed_of_hashes_itself_where_nothing_does_depends_on_that(
    tmp_path: Path,
) -> None:
    """As one does that starts itself again: its author's lock was made with its own seed."""
    again = (
        "${PYTHONHASHSEED:=7}; export PYTHONHASHSEED;"
        " python3 -c \"print(set('abcdefgh'))\" > out.txt"
    )
    report = proved(tmp_path, [f": {again}"], altered=False)
    assert named(report) == {"out.txt": ["condition variables proven"]}
    assert report.verdict is Verdict.FAILED
    told = [e.text for e in report.host.stages["s"].evidence]
    assert "with PYTHONHASHSEED not set the locked output is made again" in told


def test_what_fails_with_a_seed_of_hashes_that_python_takes_for_the_same_is_no_order_of_hashes(
    tmp_path: Path,
) -> None:
    code = f"import os; n = {OWN_SEED}; assert n >= 0; print(n)"
    report = proved(tmp_path, [f'python3 -c "{code}" > out.txt'])
    assert named(report) == {"out.txt": VARIABLES}


def test_two_elements_of_a_set_are_known_by_another_order_without_a_seed(tmp_path: Path) -> None:
    report = proved(tmp_path, ["python3 -c \"print(list({'a', 'b'}))\" > out.txt"])
    assert named(report) == {"out.txt": ["nondeterminism hash-seed proven"]}


@pytest.mark.parametrize(
    "command",
    [
        "echo zone $TZ > out.txt",
        "printenv MKL_CBWR > out.txt || true; echo x >> out.txt",
        "env | grep -E '^(MKL|OPENBLAS|NPY|GLIBC)' | LC_ALL=C sort > out.txt",
        "env | cut -d= -f1 | grep -v LOCKPROOF | LC_ALL=C sort > out.txt",
        "echo threads $OMP_NUM_THREADS > out.txt",
    ],
)
def test_what_shows_a_variable_does_not_depend_on_what_it_sets(
    command: str, tmp_path: Path
) -> None:
    report = proved(tmp_path, [command])
    assert named(report) == {"out.txt": VARIABLES}
    assert report.host.stages["s"].executed <= 28


def test_of_a_variable_that_has_no_value_without_effect_it_is_said_that_it_may_be_it_alone(
    tmp_path: Path,
) -> None:
    report = proved(tmp_path, ["echo core $OPENBLAS_CORETYPE > out.txt"])
    assert named(report) == {"out.txt": ["condition cpu-features likely"]}
    told = [e.text for e in report.host.stages["s"].evidence]
    assert any(text.startswith("it may show OPENBLAS_CORETYPE, by which") for text in told)


def test_what_the_time_zone_changes_is_a_dependence(tmp_path: Path) -> None:
    report = proved(tmp_path, ["date -d @0 +%H > hour.txt"])
    assert named(report) == {"hour.txt": ["condition timezone likely"]}


def test_the_table_says_of_a_list_of_variables_what_it_depends_on(tmp_path: Path) -> None:
    asked = ("clock", "hash-seed", "timezone", "umask")
    commands = [ENV, "date -d @0 +%H:%M > hour.txt", SET]
    report = proved(tmp_path, commands, altered=False, experiments=60, vary=asked)
    rows = {row.condition: row for row in report.host.stages["s"].varied}
    assert [name for name, row in rows.items() if row.matters] == [
        *("hash-seed", "timezone", "variables")
    ]
    assert rows["variables"].outputs["env.txt"] == "differs"
    assert rows["timezone"].outputs == {"hour.txt": "differs", "set.txt": "equal"}
    assert rows["hash-seed"].outputs == {"hour.txt": "equal", "set.txt": "differs"}
    if not no_clock():
        assert rows["clock"].outputs == {"hour.txt": "equal", "set.txt": "equal"}
    found = [f.message for f in report.findings if f.rule == "LP711"]
    assert any("env.txt depends on environment variables (LOCKPROOF_CONTROL=1" in m for m in found)


def test_the_table_has_no_answer_where_an_output_shows_how_conditions_are_set(
    tmp_path: Path,
) -> None:
    asked = ("clock", "hash-seed", "timezone")
    report = proved(tmp_path, [ENV], altered=False, vary=asked)
    rows = {row.condition: row for row in report.host.stages["s"].varied}
    assert [name for name, row in rows.items() if row.matters] == ["variables"]
    told = "how it, or what was varied with it, is set shows in the output itself"
    clock = no_clock() or told
    assert [rows[name].obstacle for name in asked] == [clock, told, told]
