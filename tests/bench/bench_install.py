"""From nothing to a verdict: lockproof installed and its gate asked, beside DVC and its status.

Each in a virtual environment of its own, by an installer that has cached nothing: from this commit,
which pip builds, as it is installed while it is on no index; and from a wheel, as a release would
be and DVC is. Then what the gate advises for the extra that it lacks is followed to the letter.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from integration.pipelines import SORT_AND_TRAIN, TRAIN, Project, new_project

from .timing import BIN, Cost, cost

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/lockproof/lockproof"
POLICY = "[gate]\noff = ['record']\n[rules.LP304]\noff = true\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = new_project(tmp_path_factory.mktemp("project"))
    made.write({"raw.csv": "b\na\n", "train.py": TRAIN, "dvc.yaml": SORT_AND_TRAIN})
    made.write({"lockproof.toml": POLICY})
    made.dvc("add", "-q", "raw.csv")
    made.repro()
    return made


def variables(place: Path) -> dict[str, str]:
    """A PATH that begins with the environment, and the repository's name for this checkout."""
    return {
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_CACHE_DIR": str(place.with_name(f"{place.name}-cache")),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{ROOT.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
    }


def summed(*costs: Cost) -> Cost:
    return Cost(sum(one.wall for one in costs), sum(one.cpu for one in costs))


def answer(place: Path, project: Project, *words: str) -> Cost:
    """What asking takes; without the secrets extra the gate is inconclusive, exit code 5."""
    asked = [str(place / "bin" / words[0]), *words[1:]]
    return cost(["sh", "-c", '"$@" || [ $? = 5 ]', "-", *asked], project.root, **variables(place))


def show_both(ours: Cost, other: Cost) -> None:
    for name, one in (("lockproof", ours), ("dvc", other)):
        print(f"\n{name}: {one.cpu:.1f} s CPU, {one.wall:.1f} s by the clock", end="")
    print(f"\nratio {other.cpu / ours.cpu:.1f} by CPU (goal: 5)")


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_release(installer: str, project: Project, tmp_path: Path) -> None:
    uv = str(BIN / "uv")
    cost([uv, "build", "--quiet", "--wheel", "--out-dir", str(tmp_path / "dist"), str(ROOT)], ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")

    def installed(place: Path, what: str) -> Cost:
        if installer == "pip":
            make = [sys.executable, "-m", "venv", str(place)]
            install = [str(place / "bin" / "pip"), "install", "--quiet", what]
        else:
            make = [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(place)]
            python = str(place / "bin" / "python")
            # pip compiles what it installs, too.
            install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
            install.append(what)
        cache = {"UV_CACHE_DIR": str(place.with_name(f"{place.name}-uv"))}
        return summed(cost(make, tmp_path), cost(install, tmp_path, **variables(place), **cache))

    ours, peer = tmp_path / "ours", tmp_path / "peer"
    print(f"\nfrom a wheel, with {installer}:", end="")
    show_both(
        summed(installed(ours, str(wheel)), answer(ours, project, "lockproof", "gate")),
        summed(installed(peer, "dvc"), answer(peer, project, "dvc", "status")),
    )


def test_install(project: Project, tmp_path: Path) -> None:
    asked = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    source = f"git+{REPOSITORY}@{head.stdout.strip()}"

    def venv(place: Path) -> Cost:
        return cost([sys.executable, "-m", "venv", str(place)], tmp_path)

    def install(place: Path, what: str) -> Cost:
        pip = [str(place / "bin" / "pip"), "install", "--quiet", what]
        return cost(pip, tmp_path, **variables(place))

    def said(place: Path) -> str:
        gate = [str(place / "bin" / "lockproof"), "gate"]
        environment = {**os.environ, **variables(place), "COLUMNS": "400"}
        done = subprocess.run(
            gate, cwd=project.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 5), done.stdout + done.stderr
        return done.stdout

    ours, peer = tmp_path / "ours", tmp_path / "peer"
    first = summed(venv(ours), install(ours, f"lockproof @ {source}"))
    verdict = answer(ours, project, "lockproof", "gate")
    text = said(ours)
    other = summed(venv(peer), install(peer, "dvc"), answer(peer, project, "dvc", "status"))
    show_both(summed(first, verdict), other)

    advised = re.search(r"secrets.* needs the extra 'secrets': (pip install '[^']+')", text)
    assert advised, text
    cost(["sh", "-c", advised[1]], tmp_path, **variables(ours))
    assert "needs the extra" not in said(ours)
    assert "PASSED: " in said(ours)
