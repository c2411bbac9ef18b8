"""Models that are folders, from a proof to the pod that is given one: by the folder's digest."""

import contextlib
import io
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockproof.cli.main import main

from .models import proof_of, registry_of, versions, without_settings
from .pipelines import Project, copy_of, new_project
from .test_proofs import pem_of, public_of

FETCH = Path(__file__).resolve().parents[2] / "control-plane" / "gitops" / "fetch.py"
KEY = Ed25519PrivateKey.generate()
STAGE = """\
stages:
  train:
    cmd: python3 train.py
    deps: [train.py]
    outs: [out/words, out/served]
"""
TRAIN = """\
from pathlib import Path
words, served = Path("out/words"), Path("out/served")
for folder in (words / "deep" / "er", served / "data"):
    folder.mkdir(parents=True)
(words / "deep" / "er" / "a").write_text("weights")
(words / "größe \\"1\\"").write_text("weights")
(words / "deep.txt").write_text("")
(served / "MLmodel").write_text("flavors: {python_function: {loader_module: none}}\\n")
(served / "data" / "weights").write_text("more weights")
"""
POLICY = """\
[[model]]
name = "words"
paths = ["out/words"]

[[model]]
name = "served"
paths = ["out/served"]
flavour = "pyfunc"

[[trust]]
key = "ci.pem"
"""
ROLLOUT = """\
kind: Rollout
env:
  - {{name: MODEL_URI, value: models:/{}/9}}
  - {{name: MODEL_DIGEST, value: md5:00000000000000000000000000000000}}
"""
# Where a version has the folder, below its files.
FOLDERS = {"words": "words", "served": "."}


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    with without_settings():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two folders, proved and signed."""
    project = new_project(tmp_path_factory.mktemp("folders"), "folders")
    project.write({"train.py": TRAIN, "dvc.yaml": STAGE, "lockproof.toml": POLICY})
    (project.root / "ci.pem").write_bytes(public_of(KEY))
    project.write({f"{name}.yaml": ROLLOUT.format(name) for name in FOLDERS})
    project.repro("folders")
    key = project.remote.parent / "ci.key"
    key.write_bytes(pem_of(KEY))
    with without_settings():
        assert run(project, "attest", "--report", str(proof_of(project)), "--key", str(key)) == 0
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    return copy_of(made, tmp_path)


def run(project: Project, *argv: str) -> int:
    return main(["-C", str(project.root), *argv])


def promoted(project: Project, name: str) -> str:
    """The digest that the desired state names, of the version that is registered."""
    # Not once for all tests: an SQLite file that is copied has its artifacts where they were.
    assert run(project, "register", "--model", name) == 0
    assert run(project, "promote", f"models:/{name}/1", "--to", f"{name}.yaml") == 0
    text = (project.root / f"{name}.yaml").read_text()
    assert f"models:/{name}/1" in text
    return text.partition("MODEL_DIGEST, value: ")[2].partition("}")[0]


def fetched(project: Project, name: str, digest: str, base: Path) -> tuple[int, str]:
    """What the first step of a pod, whose keys are the project's, ends with and says last.

    In this process, which has loaded MLflow; as a pod runs it, test_control_plane does.
    """
    model, trust, said = base / "model", base / "trust", io.StringIO()
    for folder in (model, trust):
        folder.mkdir(parents=True)
    (trust / "ci.pem").write_bytes(public_of(KEY))
    code: object = 0
    with registry_of(project).store.settings(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_URI", f"models:/{name}/1")
        patch.setenv("MODEL_DIGEST", digest)
        patch.setattr(sys, "argv", [str(FETCH), str(model), str(trust)])
        patch.syspath_prepend(FETCH.parent)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                runpy.run_path(str(FETCH))
            except SystemExit as ended:
                code = ended.code
    assert isinstance(code, int)
    return code, [*said.getvalue().splitlines(), ""][-2]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_promoted_and_a_pod_takes_it(
    project: Project, name: str, tmp_path: Path
) -> None:
    digest = promoted(project, name)
    lock = (project.root / "dvc.lock").read_text()
    assert digest.startswith("md5:")
    assert digest.endswith(".dir")
    assert digest.removeprefix("md5:") in lock
    code, line = fetched(project, name, digest, tmp_path / "pod")
    assert (code, line.startswith(f"fetch: models:/{name}/1: {FOLDERS[name]} is {digest}, ")) == (
        0,
        True,
    ), line
    assert ", signed by " in line


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_brought_where_there_is_no_clone(
    project: Project, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = promoted(project, name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry_of(project).store.uri)
    policy, model = tmp_path / "trust" / "lockproof.toml", tmp_path / "model"
    policy.parent.mkdir()
    policy.write_text('[[trust]]\nkey = "ci.pem"\n')
    (policy.parent / "ci.pem").write_bytes(public_of(KEY))
    argv = ["verify", f"models:/{name}/1", "--policy", str(policy), "--to", str(model)]
    assert main([*argv, "--digest", digest]) == 0
    assert _small(model / FOLDERS[name]).is_file()
    assert main([*argv, "--digest", f"md5:{32 * '0'}.dir"]) == 1
    assert list(model.iterdir()) == []


def test_a_folder_by_the_digest_of_another_is_refused(project: Project, tmp_path: Path) -> None:
    assert run(project, "register", "--model", "words") == 0
    code, line = fetched(project, "words", promoted(project, "served"), tmp_path / "pod")
    assert (code, "no folder of models:/words/1 has md5:" in line) == (1, True), line


def _small(folder: Path) -> Path:
    return next(f for f in (folder / "deep.txt", folder / "data" / "weights") if f.exists())


TAMPERED: dict[str, Callable[[Path], object]] = {
    "a byte": lambda folder: _small(folder).write_text("bad"),
    "one more": lambda folder: (folder / "conda.yaml").write_text("more"),
    "one more named like what lies at the top": lambda folder: (
        (folder / "deep").mkdir(exist_ok=True),
        (folder / "deep" / "lockproof-proof.jsonl").write_text("more"),
    ),
    "one less": lambda folder: _small(folder).unlink(),
    "another name": lambda folder: _small(folder).rename(folder / "renamed"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_was_changed_in_the_registry_is_not_served(
    project: Project, name: str, tmp_path: Path
) -> None:
    digest = promoted(project, name)
    (version,) = versions(project, name)
    with registry_of(project).session() as session:
        files = Path(unquote(urlsplit(session.run_artifacts(version.run_id or "")).path))
    (beside,) = [path.parent for path in files.rglob("lockproof-model.json") if holds(path, name)]
    assert beside.is_relative_to(project.root)
    whole = shutil.copytree(beside, tmp_path / "whole")
    for number, (what, tamper) in enumerate(TAMPERED.items()):
        tamper(beside / FOLDERS[name])
        code, line = fetched(project, name, digest, tmp_path / f"pod{number}")
        assert (code, f"no folder of models:/{name}/1 has {digest}" in line) == (1, True), what
        shutil.rmtree(beside)
        shutil.copytree(whole, beside)
    assert fetched(project, name, digest, tmp_path / "pod")[0] == 0


def holds(statement: Path, name: str) -> bool:
    return f'"name": "{name}"' in statement.read_text()


@pytest.mark.parametrize("flavour", ["pyfunc", "file"])
def test_of_several_outputs_none_is_promoted_and_as_is_said_one_is(
    flavour: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pod keeps one: the others would be missing there, or nobody could say whose they are."""
    both = 'name = "both"\npaths = ["out/served", "out/words"]\nload = "out/served"'
    policy = f'[[model]]\n{both}\nflavour = "{flavour}"\n{POLICY[POLICY.index("[[trust]]") :]}'
    project.write({"lockproof.toml": policy, "both.yaml": ROLLOUT.format("both")})
    project.commit("both")
    key = project.remote.parent / "ci.key"
    key.write_bytes(pem_of(KEY))
    signed = ("--key", str(key), "--report")
    assert run(project, "attest", *signed, str(proof_of(project, "both.json"))) == 0
    assert run(project, "register", "--model", "both") == 0
    capsys.readouterr()
    assert run(project, "promote", "models:/both/1", "--to", "both.yaml") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "it has 2 outputs (out/served, out/words)" in line
    assert "name in paths of [[model]] the one output that is (lockproof.toml)" in line
    assert (project.root / "both.yaml").read_text() == ROLLOUT.format("both")
    project.write({"lockproof.toml": policy.replace(', "out/words"', "")})
    project.commit("one")
    assert run(project, "attest", *signed, str(proof_of(project, "one.json"))) == 0
    assert run(project, "register", "--model", "both") == 0
    assert run(project, "promote", "models:/both/2", "--to", "both.yaml") == 0
