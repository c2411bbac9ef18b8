"""`lockproof lineage`: what each version of a registry came from, and what bad data reached."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockproof.cli.main import main

from .models import (
    next_commit,
    proof_of,
    register,
    registry_of,
    said,
    toy_project,
    versions,
    without_settings,
)
from .pipelines import Project, copy_of


@pytest.fixture(autouse=True, scope="module")
def _no_outer_settings() -> Iterator[None]:
    with without_settings():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Versions of two data sets, the alias at the second."""
    project = toy_project(tmp_path_factory.mktemp("made"))
    assert register(project, proof_of(project), "--alias", "candidate") == 0
    commit, report = next_commit(project, "<b>&\n")
    assert register(project, report, commit, "--alias", "candidate") == 0
    return project


def lineage(project: Project, *more: str) -> tuple[int, dict]:
    out = project.remote.parent / "lineage.json"
    code = main(["-C", str(project.root), "lineage", *more, "--output", str(out)])
    return code, json.loads(out.read_text())


def test_each_version_says_its_commit_data_and_aliases(
    made: Project, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "lineage.html"
    code, found = lineage(made, "--output", str(page))
    assert code == 0
    (model,) = found["models"]
    second, first = model["versions"]
    assert [first["aliases"], second["aliases"]] == [[], ["candidate"]]
    assert [first["title"], second["title"]] == ["first", "rows '<b>&\\n'"]
    assert first["problems"] == second["problems"] == []
    registered = versions(made)
    assert first["inputs"] == said(registered[0], "inputs")
    assert second["outputs"] == said(registered[1], "outputs")
    text = capsys.readouterr().out
    assert "version 2  @candidate  passed" in text
    assert "2 versions of 1 model: 0 not proved, 0 of these in use" in text
    shown = page.read_text()
    assert "<script" not in shown
    assert "rows &#39;&lt;b&gt;&amp;" in shown


def test_bad_data_is_found_where_it_led_and_only_there(made: Project) -> None:
    one, two = (next(iter(said(v, "inputs").values())) for v in versions(made))
    for digest in (one, one.removeprefix("md5:"), one.removeprefix("md5:")[:8]):
        code, found = lineage(made, "--from", digest)
        assert code == 1
        reach = [v["reach"] for v in found["models"][0]["versions"]]
        assert reach == ["not reached", "reached"]
    assert [v["reach"] for v in lineage(made, "--from", two)[1]["models"][0]["versions"]] == [
        "reached",
        "not reached",
    ]
    # Of a stage beside the model's: a lock names it, and it led to no model.
    other = (made.root / "more.txt.dvc").read_text().partition("md5: ")[2][:32]
    assert lineage(made, "--from", other)[0] == 0
    # That no lock names it proves nothing: it may be a file of a folder.
    assert lineage(made, "--from", "0" * 32)[0] == 5


def test_what_is_in_use_and_not_proved_fails(
    made: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_of(made, tmp_path)
    manifest = "env:\n- {name: MODEL_URI, value: models:/toy/N}\n- {name: MODEL_DIGEST, value: x}\n"
    project.write({"serve.yaml": manifest.replace("N", "3")})
    with registry_of(project).session() as session:
        session.make_version("toy", "s3://by/hand", "", {}, "")
    assert lineage(project)[0] == 0  # Nothing names it yet.
    served = ("--served", str(project.root / "serve.yaml"))
    code, found = lineage(project, *served)
    assert code == 1
    assert "nothing says of which commit" in found["models"][0]["versions"][0]["problems"][0]
    project.write({"serve.yaml": manifest.replace("N", "9")})
    assert lineage(project, *served)[0] == 1
    assert "not there: " in capsys.readouterr().out
    project.write({"serve.yaml": manifest.replace("N", "2")})
    assert lineage(project, *served)[0] == 0
    with registry_of(project).session() as session:
        session.set_alias(versions_in(session)[2], "champion")
    assert lineage(project)[0] == 1
    # Of a version that nobody can tell about, nobody can say what led to it.
    code, found = lineage(project, "--from", "0" * 32)
    assert found["models"][0]["versions"][0]["reach"] == "not known"
    assert code == 5


def versions_in(session):
    return session.versions("toy")


def test_bad_input_is_one_line(
    made: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for argv, message in {
        ("tot",): "has no model 'tot'; there is toy",
        ("--from", "xyz"): "'xyz' is no digest",
        ("--served", "none.yaml"): "there is no file none.yaml",
    }.items():
        assert main(["-C", str(made.root), "lineage", *argv]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
    empty = copy_of(made, tmp_path)
    (empty.root / ".lockproof/mlflow.db").unlink()
    assert main(["-C", str(empty.root), "lineage"]) == 2
    assert "no model is registered in" in capsys.readouterr().err
    assert not (empty.root / ".lockproof/mlflow.db").exists()
