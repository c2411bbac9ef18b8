"""The module's functions on a real engine, from this repository."""

import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from engine.conftest import POLICY, dagger, git, report_of
from integration.pipelines import Project, copy_of
from integration.remotes import http_remote

BASE_IMAGE = "python:3.13-slim"
pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]


def test_this_repository_is_proved_and_its_reports_can_be_had(
    library: Path, tmp_path: Path
) -> None:
    dagger(library, "call", "report", "export", "--path", tmp_path / "out").expect()
    steps = {folder.name: report_of(folder) for folder in (tmp_path / "out").iterdir()}
    assert set(steps) == {"lint", "reproduce", "gate"}
    assert steps["reproduce"]["verdict"] == "passed"
    assert steps["lint"]["verdict"] == "passed"
    for name in ("reproduce", "gate"):
        assert steps[name]["subject"]["commit"] == git(library, "rev-parse", "HEAD").strip(), name
    for name in steps:
        assert (tmp_path / "out" / name / "report.html").stat().st_size > 1000


def test_check_runs_gate_and_lint(library: Path) -> None:
    listed = dagger(library, "check", "--list").expect().stdout
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("check-")] == [
        "check-gate",
        "check-lint",
    ]
    dagger(library, "check").expect()


PROVED = ("proof", "reproduce", "json", "contents")


def test_a_repeated_step_runs_anew_and_its_verdict_stands(project: Project, library: Path) -> None:
    argv = ("-m", library, "call", "--repository", ".", *PROVED)
    first = json.loads(dagger(project.root, *argv).expect().stdout)
    (project.root / "note").write_text("not tracked")
    again = json.loads(dagger(project.root, *argv).expect().stdout)
    (project.root / "note").unlink()
    assert (first["verdict"], again["verdict"]) == ("passed", "passed")
    assert again["timing"]["started"] != first["timing"]["started"]


def test_a_step_shows_its_table_and_ends_by_its_verdict(
    project: Project, forged: Project, library: Path
) -> None:
    for root, code, verdict in ((project.root, 0, "PASSED"), (forged.root, 1, "FAILED")):
        said = dagger(root, "-m", library, "call", "--repository", ".", "reproduce").expect(code)
        assert f"\n{verdict}: " in (said.stdout if code == 0 else said.said)


def test_what_changed_outside_is_seen(project: Project, library: Path, tmp_path: Path) -> None:
    """The same calls before a remote has its objects, while it has them, and after it lost them."""
    own = copy_of(project, tmp_path)
    (tmp_path / "served").mkdir()
    with http_remote(tmp_path / "served") as remote:
        port = urlsplit(str(remote.config.url)).port
        own.dvc("remote", "modify", "-q", "store", "url", f"http://s3:{port}/dvc")
        own.write({"lockproof.toml": POLICY.replace('reproduction = "required"', "")})
        own.commit("a remote behind a web server")
        given = ("--repository", ".", "--s3", f"tcp://127.0.0.1:{port}")
        call = ("-m", library, "call", *given, "--cache-scope", f"outside{os.getpid()}")
        fetch, pull = ("dvc", "fetch"), ("dvc", "pull", "export", "--path", tmp_path / "all")
        absent = "neither locally nor on remote"
        assert absent in dagger(own.root, *call, *fetch).expect().stdout
        assert dagger(own.root, *call, *pull).code
        shutil.copytree(own.root / "store", tmp_path / "served" / "dvc")
        for said in (" fetched", "Everything is up to date"):
            found = dagger(own.root, *call, *fetch).expect().stdout
            assert said in found
            assert absent not in found
        dagger(own.root, *call, *pull).expect()
        for code, verdict in enumerate(("passed", "failed")):
            out = tmp_path / verdict
            told = ("proof", "gate", "--no-fail", "reports", "export", "--path", out)
            dagger(own.root, *call, *told).expect()
            assert report_of(out)["verdict"] == verdict
            assert f"\n{verdict.upper()}: " in (out / "report.txt").read_text()
            assert verdict in (out / "report.html").read_text().lower()
            checked = dagger(own.root, *call, "check-gate").expect(code)
            assert f"\n{verdict.upper()}: " in checked.said
            shutil.rmtree(tmp_path / "served" / "dvc" / "files", ignore_errors=True)


def test_nothing_to_check_is_no_failure(project: Project, library: Path) -> None:
    said = dagger(project.root, "-m", library, "call", "--repository", ".", "check-lint").expect()
    assert "no manifests" in said.stdout


def test_what_git_ignores_stays_out(project: Project, library: Path, tmp_path: Path) -> None:
    own = copy_of(project, tmp_path)
    own.write({".gitignore": own.root.joinpath(".gitignore").read_text() + "/ignored/\n"})
    own.commit("ignored")
    own.write({"ignored/large": "x", "note": "not tracked", "deploy/a.yaml": "kind: [\n"})
    call = ("-m", library, "call", "--repository", ".")
    dagger(own.root, *call, "dvc", "pull", "export", "--path", tmp_path / "out").expect()
    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert not there & {"ignored", "note", "deploy"}
    assert "model.txt" in there
    uncommitted = ("--tree", ".", "lint", "--paths", "deploy")
    assert "deploy/a.yaml" in dagger(own.root, *call, *uncommitted).expect(1).said


def test_nothing_that_a_clone_brings_is_run(
    project: Project, library: Path, tmp_path: Path
) -> None:
    """Its hooks and the filters of its configuration: the index is read, and files are written."""
    own = copy_of(project, tmp_path)
    own.write({".gitattributes": "train.py filter=own\n"})
    own.commit("a filter that is there only where a configuration has it")
    hook = own.root / ".git" / "own" / "post-index-change"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    git(own.root, "config", "core.hooksPath", ".git/own")
    git(own.root, "config", "filter.own.smudge", "echo another")
    call = ("-m", library, "call", "--repository", ".")
    dagger(own.root, *call, "dvc", "pull", "export", "--path", tmp_path / "out").expect()
    assert not (tmp_path / "out" / "ran").exists()
    assert (tmp_path / "out" / "train.py").read_text() == (own.root / "train.py").read_text()


def test_generate_brings_files_up_to_date(project: Project, library: Path) -> None:
    dagger(library, "--auto-apply", "generate").expect()
    assert git(library, "status", "--porcelain") == "", "pages and CI files are in step already"
    wanted = ("init", "--ci", "github", "--branch", "main", "export", "--path", ".")
    dagger(project.root, "-m", library, "call", "--repository", ".", *wanted).expect()
    assert (project.root / ".github" / "workflows" / "lockproof.yaml").is_file()
    git(project.root, "clean", "-fdq")
    git(project.root, "checkout", "-q", ".")


def test_data_is_had_where_it_is_asked_for(project: Project, library: Path, tmp_path: Path) -> None:
    call = ("-m", library, "call", "--repository", ".")
    dagger(project.root, *call, "dvc", "fetch", "--targets", "prepare").expect()
    dagger(project.root, *call, "dvc", "pull", "export", "--path", tmp_path / "all").expect()
    dagger(
        project.root, *call, "models", "export", "--paths", "model.txt",
        "export", "--path", tmp_path / "model",
    ).expect()  # fmt: skip
    model = (project.root / "model.txt").read_text()
    assert (tmp_path / "all" / "model.txt").read_text() == model
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model.txt"]
    one = dagger(project.root, *call, "dvc", "reproduce", "--stage", "prepare", "verdict").expect()
    assert one.stdout.strip() == "PASSED"


def test_a_whole_run_without_any_account(project: Project, library: Path, tmp_path: Path) -> None:
    git(project.root, "checkout", "-q", "-b", "s3")
    try:
        project.dvc("remote", "modify", "-q", "store", "url", "s3://lockproof/data")
        project.commit("a remote on S3")
        scope = f"test{os.getpid()}"
        call = ("-m", library, "call", "--repository", ".", "--cache-scope", scope, "--servers")
        pushed = dagger(project.root, *call, "dvc", "push", "--cache", ".dvc/cache").expect()
        assert "pushed" in pushed.stdout
        gate = tmp_path / "gate"
        told = ("proof", "gate", "--no-fail", "reports", "export", "--path", gate)
        dagger(project.root, *call, *told).expect()
        remote = next(c for c in report_of(gate)["checks"] if c["name"] == "remote")
        assert remote["verdict"] == "passed", remote
        track = tmp_path / "track"
        told = ("models", "track", "--no-fail", "reports", "export", "--path", track)
        dagger(project.root, *call, *told).expect()
        report = report_of(track)
        assert report["verdict"] == "passed"
        assert "mlflow" in json.dumps(report["host"]).lower(), report["host"]
    finally:
        git(project.root, "checkout", "-q", "main")


def test_stages_run_in_the_image_that_the_policy_names(
    project: Project, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that is in this image alone, and that lockproof brings neither."""
    registry = os.environ.get("LOCKPROOF_TEST_REGISTRY")
    if not registry:
        pytest.skip("no registry to publish to: LOCKPROOF_TEST_REGISTRY is not set")
    tally = "#!/bin/sh\nexec wc -l\n"
    image = dagger(
        tmp_path, "core", "container", "from", "--address", BASE_IMAGE,
        "with-new-file", "--path", "/usr/local/bin/tally", "--contents", tally,
        "--permissions", "493", "publish", "--address", f"{registry}/training:1",
    ).expect().stdout.strip()  # fmt: skip
    here = tmp_path / "bin" / "tally"
    here.parent.mkdir()
    here.write_text(tally)
    here.chmod(0o755)
    monkeypatch.setenv("PATH", f"{here.parent}{os.pathsep}{os.environ['PATH']}")
    own = copy_of(project, tmp_path)
    stage = "{cmd: tally < raw.csv > count.txt, deps: [raw.csv], outs: [count.txt]}"
    policy = f'[environment]\nimage = "{image}"\n'
    own.write({"dvc.yaml": f"stages: {{count: {stage}}}", "lockproof.toml": policy})
    own.repro()
    call = ("-m", library, "call", "--repository", ".")
    out = ("proof", "reproduce", "reports", "export", "--path", tmp_path / "out")
    dagger(own.root, *call, *out).expect()
    environment = report_of(tmp_path / "out")["host"]["environment"]
    assert (environment["kind"], environment["digest"]) == ("image", image.partition("@")[2])
    other = ("--training-image", f"{registry}/training:1", "proof", "reproduce", "verdict")
    refused = dagger(own.root, *call, *other).expect(2)
    assert f"this is not {image}" in refused.said
    assert "Traceback" not in refused.said


def test_gpus_are_those_that_are_asked_for(
    project: Project, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As NVIDIA's runtime is told, which a stage can read."""
    own = copy_of(project, tmp_path)
    stage = "{cmd: echo $NVIDIA_VISIBLE_DEVICES > seen.txt, outs: [seen.txt]}"
    policy = POLICY + '\n[run]\npass-env = ["NVIDIA_VISIBLE_DEVICES"]\n'
    own.write({"dvc.yaml": f"stages: {{see: {stage}}}", "lockproof.toml": policy})
    monkeypatch.setenv("NVIDIA_VISIBLE_DEVICES", "0,1")
    own.repro()
    call = ("-m", library, "call", "--repository", ".")
    done = dagger(own.root, *call, "--gpus", "0,1", "proof", "reproduce", "verdict")
    if "GPU support is not enabled" in done.said:
        pytest.skip("this engine has no GPUs")
    assert done.expect().stdout.strip() == "PASSED"
    others = dagger(
        own.root, *call, "--gpus", "all", "proof", "reproduce", "--no-reuse", "verdict"
    ).expect(1)
    assert "seen.txt" in others.said


def test_packages_come_from_an_index_of_ones_own(project: Project, library: Path) -> None:
    index = os.environ.get("LOCKPROOF_TEST_INDEX")
    if not index:
        pytest.skip("no mirror of PyPI that containers reach: LOCKPROOF_TEST_INDEX is not set")
    given = ("--repository", ".", "--package-index", index, "--cache-scope", f"index{os.getpid()}")
    done = dagger(
        project.root, "-m", library, "call", *given, "proof", "reproduce", "verdict"
    ).expect()
    assert done.stdout.strip() == "PASSED"
    closed = ("--package-index", f"{index.rstrip('/')}/nothing/here", "--cache-scope", "closed")
    refused = dagger(
        project.root,
        "-m",
        library,
        "call",
        "--repository",
        ".",
        *closed,
        "proof",
        "reproduce",
        "verdict",
    )
    assert refused.code == 1
    assert "No matching distribution found for uv" in refused.said
    assert "Traceback" not in refused.said


def test_the_image_has_no_rights_and_lists_its_packages(library: Path, tmp_path: Path) -> None:
    assert dagger(library, "call", "image", "user").expect().stdout.strip() == "65532:65532"
    words = ("call", "image", "--version", "1.2", "with-exec", "--args", "--version")
    said = dagger(library, *words, "--use-entrypoint", "stdout").expect().stdout
    assert said.startswith("lockproof ")
    dagger(library, "call", "sbom", "export", "--path", tmp_path / "sbom.json").expect()
    sbom = json.loads((tmp_path / "sbom.json").read_text())
    assert sbom["bomFormat"] == "CycloneDX"
    assert {"lockproof", "dvc", "mlflow"} <= {part["name"] for part in sbom["components"]}


def test_no_start_in_the_image_compiles_what_it_imports(library: Path) -> None:
    """A user without rights cannot keep the bytecode: it would be made anew at each start."""
    use = "git init -q r && cd r && dvc init -q && PYTHONVERBOSE=1 dvc status 2>&1"
    call = ("call", "image", "with-exec", f"--args=sh,-c,{use} | grep -a 'code object from'")
    said = dagger(library, *call, "stdout").expect().stdout
    assert "/threading.cpython-" in said
    assert re.findall(r"code object from '?(.+\.py)\b", said) == []


def test_the_image_is_published_by_digest(library: Path, project: Project) -> None:
    registry = os.environ.get("LOCKPROOF_TEST_REGISTRY")
    if not registry:
        pytest.skip("no registry to publish to: LOCKPROOF_TEST_REGISTRY is not set")
    address = f"{registry}/lockproof:test"
    published = dagger(library, "call", "publish", "--address", address).expect().stdout.strip()
    name, _, digest = published.partition("@")
    assert name == address
    assert digest.startswith("sha256:")
    given = ("--repository", ".", "--tool-image", published, "--prometheus-image", "")
    done = dagger(
        project.root, "-m", library, "call", *given, "proof", "reproduce", "verdict"
    ).expect()
    assert done.stdout.strip() == "PASSED"
