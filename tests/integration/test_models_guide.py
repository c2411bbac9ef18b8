"""The walk-through of docs/guides/models.md, followed on the embedded default."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .models import without_settings
from .pipelines import BIN

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("demonstration")
LOAD = """
import sys, mlflow, numpy
mlflow.set_tracking_uri(sys.argv[1])
rows = [line.split(",") for line in open(sys.argv[2]).read().split()[1:101]]
model = mlflow.pyfunc.load_model("models:/digits@candidate")
found = model.predict(numpy.array([[float(x) for x in row[:64]] for row in rows]))
print(sum(int(digit) == int(row[64]) for digit, row in zip(found, rows)))
"""


def test_the_walk_through_ends_at_a_manifest_that_names_the_proved_bytes(tmp_path: Path) -> None:
    clone = tmp_path / "lockproof"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    page = (clone / "docs/guides/models.md").read_text("utf-8")
    commands = re.findall(r"^```bash\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0].splitlines()
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    said = {}
    with without_settings():
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "CI": "true", **dict.fromkeys(names, "Test")}

        def run(*argv: str) -> str:
            done = subprocess.run(argv, cwd=clone, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
            return done.stdout

        for command in commands:
            said[command.split()[1]] = run("/bin/sh", "-c", command)
        assert run("git", "status", "--porcelain") == ""
        expected = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0]
        assert steady(said["register"]) == steady(expected)
        lock = (clone / "data-plane/dvc/dvc.lock").read_text()
        digest = re.findall(r"path: ../models/pca\.skops\n +hash: md5\n +md5: (\w+)", lock)[0]
        assert f"md5:{digest}" in said["promote"]
        assert "1 version of 1 model: 0 not proved" in said["lineage"]
        run("git", "checkout", "-q", "serve-digits")
        store = f"sqlite:///{clone}/.lockproof/mlflow.db"
        run("dvc", "pull", "-q", "data-plane/dvc/data/digits.csv.dvc")
        found = run(sys.executable, "-c", LOAD, store, "data-plane/dvc/data/digits.csv")
        assert int(found.splitlines()[-1]) > 90
        if shutil.which("kubectl", path=path):
            built = run("kubectl", "kustomize", "control-plane/overlays/local")
            assert "value: models:/digits/1\n" in built
            assert f"value: md5:{digest}\n" in built


def steady(text: str) -> list[str]:
    """Lines without what differs from clone to clone."""
    text = re.sub(r"commit [0-9a-f]{12}", "commit COMMIT", text)
    return re.sub(r"sqlite:\S+", "STORE", text).splitlines()
