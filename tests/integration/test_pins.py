"""`make pins`: versions and commits from the repositories, digests from the registries."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINS = """\
# Why.

[action.one]
repository = "acme/one"
version = "v1.9.0"
commit = "{old}"
source = "https://example.org/one"
date = "2020-01-01"

[image.box]
reference = "box:1"
digest = "sha256:{digest}"
source = "https://example.org/box"
date = "2020-01-01"

[program.dagger]
version = "0.1.0"
amd64 = "{digest}"
arm64 = "{digest}"
source = "https://example.org/dagger"
date = "2020-01-01"
"""


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """A repository in GitHub's place, and stand-ins for docker and curl, which need a network."""
    work = tmp_path / "acme" / "one"
    work.mkdir(parents=True)

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=work, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git("config", "user.name", "Test")
    git("config", "user.email", "test@example.com")
    for tag in ("v1.9.0", "v1.10.0", "v2.0.0-beta.1"):
        git("commit", "-q", "--allow-empty", "-m", tag)
        git("tag", "-a", "-m", tag, tag)
    git("tag", "v1")
    programs = tmp_path / "bin"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text('#!/bin/sh\ntest "$4" = box:1 && echo "sha256:$DIGEST"\n')
    docker.chmod(0o755)
    version = json.loads((ROOT / "dagger.json").read_text())["engineVersion"]
    curl = programs / "curl"
    listing = f"https://dl.dagger.io/dagger/releases/{version[1:]}/checksums.txt"
    curl.write_text(
        "#!/bin/sh\nfor last; do :; done\n"
        f'test "$last" = {listing} || exit 22\n'
        f'for of in $LISTED; do echo "$SUM  dagger_{version}_linux_$of.tar.gz"; done\n'
    )
    curl.chmod(0o755)
    file = tmp_path / "pins.toml"
    file.write_text(PINS.format(old=git("rev-parse", "v1.9.0^{commit}"), digest="a" * 64))
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{tmp_path}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "DIGEST": "a" * 64,
        "SUM": "c" * 64,
        "LISTED": "amd64 arm64 armv7",
        "FILE": str(file),
        "NEWEST": git("rev-parse", "v1.10.0^{commit}"),
    }


def pins(world: dict[str, str], *argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / "pins.py", "--file", world["FILE"], *argv]
    return subprocess.run(command, env=world, capture_output=True, text=True)


def test_the_newest_release_is_pinned_by_its_commit(world: dict[str, str]) -> None:
    assert pins(world, "--check").returncode == 1
    assert pins(world).returncode == 0
    text = Path(world["FILE"]).read_text()
    action = tomllib.loads(text)["action"]["one"]
    assert text.startswith("# Why.\n\n[action.one]\n")
    assert (action["version"], action["commit"]) == ("v1.10.0", world["NEWEST"])
    assert action["source"] == "https://github.com/acme/one/releases/tag/v1.10.0"
    assert tomllib.loads(text)["image"]["box"]["date"] == "2020-01-01", "nothing new, kept"
    dagger = tomllib.loads(text)["program"]["dagger"]
    assert (dagger["amd64"], dagger["arm64"]) == ("c" * 64, "c" * 64)
    assert (
        f"v{dagger['version']}" == json.loads((ROOT / "dagger.json").read_text())["engineVersion"]
    )
    assert pins(world, "--check").returncode == 0


def test_a_tag_that_moved_is_pinned_by_its_new_digest(world: dict[str, str]) -> None:
    world["DIGEST"] = "b" * 64
    assert pins(world).returncode == 0
    image = tomllib.loads(Path(world["FILE"]).read_text())["image"]["box"]
    assert image["digest"] == f"sha256:{'b' * 64}"
    assert image["date"] > "2020-01-01"


# The second leads nowhere, and never to the real host.
@pytest.mark.parametrize(
    "wrong",
    [
        {"DIGEST": "nonsense"},
        {"GIT_CONFIG_KEY_0": "url./nowhere/.insteadOf"},
        {"LISTED": "amd64"},
        {"SUM": "nonsense"},
    ],
)
def test_nothing_is_written_where_a_source_does_not_answer(
    world: dict[str, str], wrong: dict[str, str]
) -> None:
    before = Path(world["FILE"]).read_text()
    done = pins({**world, **wrong})
    assert done.returncode == 1
    assert done.stderr.startswith("pins: ")
    assert done.stderr.count("\n") == 1
    assert Path(world["FILE"]).read_text() == before
