"""A user whom the machine does not know, as containers have them: no entry, and no HOME."""

import shutil
import subprocess
from pathlib import Path

import pytest

from integration.pipelines import BIN, Project, new_project

NOBODY = ["unshare", "--user", "--map-user=12345", "--map-group=12345"]


def _can_be_nobody() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*NOBODY, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not _can_be_nobody(), reason="needs unshare and user namespaces")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("nobody"))
    project.write({"dvc.yaml": "stages: {a: {cmd: echo 1 > o, outs: [o]}}\n"})
    project.write({"lockproof.toml": '[gate]\noff = ["record", "remote"]\n'})
    project.repro()
    return project


@pytest.mark.parametrize("home", [None, ""])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("gate", 1),  # The environment is not pinned.
        ("lint", 0),
        ("affected", 0),
        ("reproduce", 0),
        ("record --no-mlflow", 0),
        ("init", 2),
        ("explain --list", 0),
    ],
)
def test_every_verb_works(
    words: str, code: int, home: str | None, project: Project, tmp_path: Path
) -> None:
    variables = {"PATH": "/usr/bin:/bin", "LOCKPROOF_CACHE_DIR": str(tmp_path)}
    variables |= {} if home is None else {"HOME": home}
    done = subprocess.run(
        [*NOBODY, str(BIN / "lockproof"), *words.split()],
        cwd=project.root,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "bug" not in done.stderr
    if words == "init":
        assert "nothing is written without a yes" in done.stderr
