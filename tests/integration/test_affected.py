"""What a change makes run, and when the proof of that much is enough for the gate."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from integration.pipelines import Project, copy_of, new_project, prove
from lockproof.cli.main import main
from lockproof.steps.affected import affected

DVC_YAML = """
stages:
  prepare:
    cmd: sort raw.csv > data.csv
    deps: [raw.csv]
    outs: [data.csv]
  train:
    cmd: cat factor.txt data.csv > model.txt
    deps: [factor.txt, data.csv]
    outs: [model.txt]
    meta: {gpu: 2}
"""
POLICY = """
[gate]
reproduction = "required"
off = ["remote", "git", "record", "metrics", "manifests"]
[reproduce]
unaffected = "accept"
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """On `main` two stages; on the branch that is checked out, two commits that change one."""
    project = new_project(tmp_path_factory.mktemp("affected"))
    project.write({"dvc.yaml": DVC_YAML, "raw.csv": "b\na\n", "factor.txt": "1"})
    project.write({"lockproof.toml": POLICY})
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    project.git("switch", "-qc", "change")
    for factor in "23":
        project.write({"factor.txt": factor})
        project.repro()
    return project


def ask(project: Project, *argv: object) -> tuple[int, str]:
    with redirect_stdout(StringIO()) as out:
        code = main([str(argv[0]), "-C", str(project.root), *map(str, argv[1:])])
    return code, out.getvalue()


def test_the_stages_that_differ_and_their_gpus_are_named(changed: Project) -> None:
    base = changed.git("rev-parse", "main").strip()
    code, said = ask(changed, "affected", "--since", "main")
    assert (code, said) == (0, f"1 stage since {base[:12]}\n  train  (2 GPU)\n")
    assert ask(changed, "affected", "--since", "main", "--format", "env")[1] == (
        f"LOCKPROOF_STAGES=1\nLOCKPROOF_GPUS=2\nLOCKPROOF_SINCE={base}\n"
    )
    assert ask(changed, "affected", "--since", "HEAD")[1].startswith("0 stages since ")
    assert ask(changed, "affected")[1].startswith("2 stages in all\n")


UNDECLARED = {
    "helper.py": "import os\n",
    "requirements-base.txt": "numpy==2.0.0\n",
    "params.yaml": "depth: 1\nseed: 2\n",
    ".gitattributes": "factor.txt text\n",
    "ml/README": "read by nobody, but who knows\n",
}


@pytest.mark.parametrize("name", UNDECLARED)
def test_what_no_stage_declares_may_be_read_by_each(
    name: str, changed: Project, tmp_path: Path
) -> None:
    project = copy_of(changed, tmp_path)
    project.write({name: UNDECLARED[name]})
    project.commit()
    assert ask(project, "affected", "--since", "HEAD~1")[1].startswith("2 stages since ")


def test_what_the_policy_hides_affects_none(changed: Project, tmp_path: Path) -> None:
    project = copy_of(changed, tmp_path)
    project.write({"README.md": "read me\n", "docs/x.html": "x", "experiments/a.json": "{}"})
    project.commit()
    assert ask(project, "affected", "--since", "HEAD~1")[1].startswith("0 stages since ")
    project.write({"lockproof.toml": f'{POLICY}[run]\nhidden = ["notes"]\n', "notes/a": "a"})
    project.commit()
    assert ask(project, "affected", "--since", "HEAD~1")[1].startswith("2 stages since ")
    project.write({"notes/b": "b"})
    project.commit()
    assert ask(project, "affected", "--since", "HEAD~1")[1].startswith("0 stages since ")
    project.write({"README.md": "again\n"})
    project.commit()
    assert ask(project, "affected", "--since", "HEAD~1")[1].startswith("2 stages since ")


def test_a_parameter_affects_those_that_declare_it(changed: Project, tmp_path: Path) -> None:
    project = copy_of(changed, tmp_path)
    declared = "params: [depth, deep.seed]\n    deps: [factor.txt"
    text = DVC_YAML.replace("deps: [factor.txt", declared)
    params = "depth: 1\ndeep: {seed: 2, other: 3}\n"
    project.write({"dvc.yaml": text, "params.yaml": params})
    project.repro()
    project.write({"params.yaml": params.replace("seed: 2", "seed: 4")})
    project.repro()
    assert ask(project, "affected", "--since", "HEAD~1")[1].startswith("1 stage since ")
    project.write({"params.yaml": params.replace("seed: 2, other: 3", "seed: 4, other: 5")})
    project.commit()
    assert ask(project, "affected", "--since", "HEAD~1")[1].startswith("2 stages since ")


def test_a_forged_helper_is_not_passed_by_a_proof_of_no_stage(
    changed: Project, tmp_path: Path
) -> None:
    project = copy_of(changed, tmp_path)
    project.write({"helper.py": "1\n"})
    project.commit()
    proof = report(project, tmp_path, "HEAD~1")
    stages = json.loads(proof.read_text())["stages"]
    assert [stage["skipped"] for stage in stages] == [None, None]


def test_every_stage_runs_where_the_policy_does_not_accept_less(
    changed: Project, tmp_path: Path
) -> None:
    project = copy_of(changed, tmp_path)
    project.write({"lockproof.toml": POLICY.replace('"accept"', '"inconclusive"')})
    project.commit()
    code, said = ask(project, "affected", "--since", "main")
    assert code == 0
    assert said.startswith('2 stages in all, because [reproduce] unaffected is not "accept"\n')
    told = json.loads(ask(project, "affected", "--since", "main", "--format", "json")[1])
    assert (told["since"], told["gpus"], len(told["stages"])) == (None, 2, 2)


def report(project: Project, folder: Path, since: str) -> Path:
    file = folder / f"{since}.json"
    file.write_text(prove(project, since=since).model_dump_json())
    return file


def test_a_proof_of_the_changed_stages_counts_where_the_base_accepts_it(
    changed: Project, tmp_path: Path
) -> None:
    gate = ["gate", "--pr", "--base", "main"]
    code, said = ask(changed, *gate)
    assert code == 1
    assert "nothing proves it: no report is given" in said
    code, said = ask(changed, *gate, "--report", report(changed, tmp_path, "main"))
    assert code == 0, said
    assert "passed for this commit and lock" in said
    # A commit of the pull request itself is no place to start from: nobody has proved it.
    code, said = ask(changed, *gate, "--report", report(changed, tmp_path, "HEAD~1"))
    assert code == 1
    assert "the report is about some of the stages only" in said


def test_a_pull_request_cannot_let_less_be_proved(changed: Project, tmp_path: Path) -> None:
    project = copy_of(changed, tmp_path)
    project.git("switch", "-q", "main")
    project.write({"lockproof.toml": POLICY.replace('"accept"', '"inconclusive"')})
    project.commit()
    project.git("switch", "-q", "change")
    proof = report(project, tmp_path, "main~1")
    code, said = ask(project, "gate", "--pr", "--base", "main", "--report", proof)
    assert code == 1
    assert "the report is about some of the stages only" in said


def test_a_repository_of_data_alone_has_nothing_to_run(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write({"raw.txt": "raw\n"})
    project.dvc("add", "-q", "raw.txt")
    commit = project.commit()
    found = affected(project.root, "HEAD", None)
    assert (found.commit, found.stages, found.gpus) == (commit, (), 0)
