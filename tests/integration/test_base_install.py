"""lockproof with its base packages alone, as `pip install` without an extra has it: the gate."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockproof.model.toml_text import read_toml

from .pipelines import SORT_AND_TRAIN, TRAIN, Project, new_project

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from lockproof.cli.start import run; sys.exit(run())"
# There is no note there of where lockproof was taken from.
ADD = (
    "pip install 'lockproof[{}] @ git+https://github.com/lockproof/lockproof@COMMIT', with the full"
    " hash of your commit"
)
MOST_PACKAGES = 25
MOST_BYTES = 45 << 20


def base_packages() -> dict[str, importlib.metadata.Distribution]:
    """What the dependencies without an extra come to, by canonical name; lockproof is not in it."""
    declared = read_toml((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    waiting = [Requirement(line) for line in declared]
    found: dict[str, importlib.metadata.Distribution] = {}
    while waiting:
        needed = waiting.pop()
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(needed.name)
        if name not in found:
            assert not needed.extras, f"{needed}: follow its extras here"
            found[name] = importlib.metadata.distribution(name)
            waiting += [Requirement(line) for line in found[name].requires or []]
    return found


def installed(package: importlib.metadata.Distribution) -> Iterator[tuple[Path, Path]]:
    """Its files: path below site-packages, and where it is."""
    for file in package.files or ():
        if ".." not in file.parts and file.suffix != ".pyc":
            yield Path(file), Path(str(file.locate()))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has nothing else: the files are links, for speed."""
    place = tmp_path_factory.mktemp("base") / "venv"
    venv.create(place, symlinks=True, with_pip=False)
    (site,) = place.glob("lib/python*/site-packages")
    for package in base_packages().values():
        for path, file in installed(package):
            target = site / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(file)
    (site / "lockproof.pth").write_text(f"{ROOT / 'platform' / 'src'}\n")
    return place / "bin" / "python"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pipeline that has run, with its data in a remote."""
    made = new_project(tmp_path_factory.mktemp("project"))
    made.write({"raw.csv": "b\na\n", "train.py": TRAIN, "dvc.yaml": SORT_AND_TRAIN})
    made.dvc("add", "-q", "raw.csv")
    made.repro()
    return made


def lockproof(python: Path, project: Project, *argv: str) -> subprocess.CompletedProcess[str]:
    environment = project.environment()
    # DVC is on this PATH, for the project's own use, and no module of it is to be found.
    return subprocess.run(
        [python, "-I", "-c", START, *argv],
        cwd=project.root,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_base_install_is_small() -> None:
    packages = base_packages()
    assert "pydantic" in packages, "nothing was counted"
    assert not {"dvc", "dvc-data", "fsspec", "boto3", "mlflow", "rich"} & set(packages)
    assert len(packages) + 1 <= MOST_PACKAGES, sorted(packages)
    own = sum(f.stat().st_size for f in (ROOT / "platform/src").rglob("*") if f.suffix != ".pyc")
    files = (file for package in packages.values() for _, file in installed(package))
    size = own + sum(file.stat().st_size for file in files if file.is_file())
    assert size <= MOST_BYTES, f"{size / (1 << 20):.0f} MB"


def test_the_gate_judges_without_dvc(python: Path, project: Project) -> None:
    done = lockproof(python, project, "gate", "--deep")
    assert done.returncode == 1, done.stderr
    said = dict(line.split()[:2] for line in done.stdout.splitlines() if len(line.split()) > 2)
    assert {name: said[name] for name in ("lock", "remote", "record", "metrics")} == {
        "lock": "passed",
        "remote": "passed",
        "record": "failed",  # As there is none.
        "metrics": "passed",
    }
    assert "3 objects; by reading: 3" in done.stdout


@pytest.mark.parametrize(
    "command", ["lint", "affected", "completion bash", "init --ci github --yes --install true"]
)
def test_what_reads_no_data_needs_no_dvc(python: Path, project: Project, command: str) -> None:
    if command == "lint":
        project.write({"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"})
    done = lockproof(python, project, *command.split())
    assert done.returncode == 0, done.stdout + done.stderr
    # A hook that cannot look for secrets is inconclusive, and so lets no commit pass.
    needs = rf"the hooks need more than is here; .*: {re.escape(ADD.format('secrets'))}\n"
    assert bool(re.search(needs, done.stderr)) == command.startswith("init")


@pytest.mark.parametrize("command", ["reproduce", "record --no-mlflow", "record -- dvc repro"])
def test_what_reads_data_names_the_extra(python: Path, project: Project, command: str) -> None:
    done = lockproof(python, project, *command.split())
    assert done.returncode == 2
    verb = command.partition(" ")[0]
    assert done.stderr == f"lockproof: {verb} needs the extra 'dvc': {ADD.format('dvc')}\n"


@pytest.mark.parametrize(
    ("command", "what"),
    [("attest --report r.json --key k.pem", "attest"), ("verify", "a signed proof")],
)
def test_what_signs_names_the_extra(
    python: Path, project: Project, command: str, what: str
) -> None:
    done = lockproof(python, project, *command.split())
    assert done.returncode == 2
    assert done.stderr == f"lockproof: {what} needs the extra 'signing': {ADD.format('signing')}\n"


@pytest.mark.parametrize(
    ("url", "extra"),
    [("https://h.invalid/x", "dvc"), ("s3://bucket/x", "gate-s3"), ("ssh://h.invalid/x", "ssh")],
)
def test_the_gate_names_what_a_remote_takes(
    python: Path, project: Project, tmp_path: Path, url: str, extra: str
) -> None:
    copy = Project(tmp_path / "copy", project.remote)
    shutil.copytree(project.root, copy.root, symlinks=True)
    copy.dvc("remote", "add", "-q", "-f", "-d", "store", url)
    copy.commit()
    done = lockproof(python, copy, "gate")
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.fullmatch(
        rf"lockproof: remote 'store'.* needs the extra '{extra}': {re.escape(ADD.format(extra))}",
        done.stderr.splitlines()[-1],
    )


def test_the_environment_has_no_dvc(python: Path) -> None:
    done = subprocess.run([python, "-I", "-c", "import dvc"], capture_output=True, text=True)
    assert "ModuleNotFoundError" in done.stderr, f"{sys.executable} leaks into {python}"
