"""Trouble of every kind: one clear line, the right exit code, nothing lost, nothing left behind."""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lockproof.installed import how_to_add
from waiting import is_below, wait_for

from .pipelines import BIN, Project, copy_of, new_project

YAML = """\
stages:
  first:
    cmd: python3 copy.py raw.txt mid.txt
    deps: [copy.py, raw.txt]
    outs: [mid.txt]
  second:
    cmd: python3 copy.py mid.txt end.txt
    deps: [copy.py, mid.txt]
    outs: [end.txt]
"""
COPY = "import sys\nopen(sys.argv[2], 'w').write(open(sys.argv[1]).read() + 'x')\n"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("trouble"))
    project.write({"copy.py": COPY, "raw.txt": "raw\n", "dvc.yaml": YAML})
    project.dvc("add", "-q", "raw.txt")
    project.repro()
    return project


@pytest.fixture
def project(original: Project, tmp_path: Path) -> Project:
    return copy_of(original, tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "lockproof-cache"


def run(
    project: Project, cache: Path, *options: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The real command, as a user runs it."""
    return subprocess.run(
        command(*options),
        cwd=cwd or project.root,
        env=variables(cache),
        capture_output=True,
        text=True,
        check=False,
    )


def command(*options: str) -> Sequence[str]:
    return [str(BIN / "lockproof"), "reproduce", *options]


def variables(cache: Path) -> dict[str, str]:
    return {**os.environ, "LOCKPROOF_CACHE_DIR": str(cache), "CI": "true", "SHELL": "/bin/sh"}


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that says what is wrong; never a traceback."""
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr.strip().splitlines()[-1]


def empty_cache(project: Project) -> None:
    """As after a fresh clone: the user's cache has nothing."""
    for path in (project.root / ".dvc" / "cache").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()


def test_passed_is_0(project: Project, cache: Path) -> None:
    before = project.state()
    done = run(project, cache)
    assert done.returncode == 0, done.stderr
    assert "PASSED" in done.stdout.splitlines()[-1]
    assert project.state() == before


def test_failing_stage_is_1(project: Project, cache: Path) -> None:
    project.write({"copy.py": "import sys\nprint('going wrong', flush=True)\nsys.exit(7)\n"})
    project.commit()
    done = run(project, cache, "--mode", "chain")
    assert done.returncode == 1
    assert "LP703" in done.stdout
    assert "exit code 7" in done.stdout
    assert "LP708" in done.stdout  # The stage after it was not checked.
    assert "FAILED" in done.stdout.splitlines()[-1]


def test_time_limit_is_1(project: Project, cache: Path) -> None:
    project.write(
        {
            "copy.py": "import time\ntime.sleep(600)\n",
            "lockproof.toml": '[run]\ntimeout = "1s"\n[reproduce]\nexplain = false\n',
        }
    )
    project.commit()
    done = run(project, cache, "--stage", "first")
    assert done.returncode == 1
    assert "LP704" in done.stdout


def test_no_lock_is_1(project: Project, cache: Path) -> None:
    project.git("rm", "-q", "dvc.lock")
    project.commit()
    done = run(project, cache)
    assert done.returncode == 1
    assert "LP101" in done.stdout
    assert "dvc repro" in done.stdout


def test_usage_is_2(project: Project, cache: Path, tmp_path: Path) -> None:
    assert run(project, cache, "--mode", "sideways").returncode == 2
    assert run(project, cache, "--jobs", "0").returncode == 2
    assert run(project, cache, "--output", "report.doc").returncode == 2
    done = run(project, cache, "nowhere")
    assert done.returncode == 2
    assert "no commit 'nowhere'" in last_line(done)
    done = run(project, cache, "--stage", "third")
    assert done.returncode == 2
    assert "first, second" in last_line(done)
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run(project, cache, cwd=empty)
    assert done.returncode == 2
    assert "not in a Git repository" in last_line(done)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("lockproof.toml", "[run]\nspeed = 1\n", "run.speed: no such key"),
        ("lockproof.toml", "[run\n", "not valid TOML"),
        ("lockproof.toml", "[environment]\npython='3'\n", "name exactly one of"),
        (
            "dvc.yaml",
            "stages: [1]\n",
            "dvc.yaml, line 1: has under 'stages' what DVC does not take",
        ),
        ("dvc.lock", "schema: '2.0'\nstages: {first: {}}\n<<<<<<< HEAD\n", "dvc.lock"),
        ("dvc.yaml", YAML.replace("raw.txt]", "raw.txt, end.txt]"), "stages need each other"),
        ("dvc.yaml", YAML.replace("outs: [end.txt]", "outs: [mid.txt]"), "both make mid.txt"),
    ],
)
def test_broken_files_are_2(
    project: Project, cache: Path, file: str, text: str, message: str
) -> None:
    project.write({file: text})
    project.commit()
    done = run(project, cache)
    assert done.returncode == 2
    assert message in last_line(done)
    assert str(cache) not in last_line(done)


def test_no_remote_is_2(project: Project, cache: Path) -> None:
    project.dvc("remote", "remove", "store")
    project.commit()
    empty_cache(project)
    done = run(project, cache)
    assert done.returncode == 2
    assert "no remote is configured" in last_line(done)
    assert "--mode chain" not in last_line(done), (
        "of data that no stage makes it would say the same"
    )


def test_what_a_stage_made_and_nobody_pushed_needs_no_remote_in_a_chain(
    project: Project, cache: Path
) -> None:
    project.dvc("remote", "remove", "store")
    project.git("rm", "-q", "--cached", "raw.txt.dvc")
    (project.root / "raw.txt.dvc").unlink()
    (project.root / ".gitignore").write_text("/mid.txt\n/end.txt\n")
    project.commit()
    empty_cache(project)
    done = run(project, cache)
    assert done.returncode == 2
    assert last_line(done).endswith("or run the whole pipeline from its data, with --mode chain")
    assert run(project, cache, "--mode", "chain").returncode == 0


def test_a_plugin_that_is_not_here_is_told_before_any_work(project: Project, cache: Path) -> None:
    project.write(
        {
            "lockproof.toml": '[environment]\nrequirements = "requirements.txt"\n',
            "requirements.txt": "no-such-package==1.0\n",
        }
    )
    project.dvc("remote", "add", "-q", "-f", "-d", "store", "gs://bucket/x")
    project.commit()
    empty_cache(project)
    done = run(project, cache)
    assert done.returncode == 2
    assert last_line(done).endswith(f"remote 'store' (gs) needs the extra 'gs': {how_to_add('gs')}")
    assert "building" not in done.stderr


def test_a_failed_command_has_one_finding(project: Project, cache: Path) -> None:
    code = "import sys\nopen(sys.argv[2], 'w').write('half')\nraise SystemExit(3)\n"
    project.write({"copy.py": code, "lockproof.toml": "[reproduce]\nexplain = false\n"})
    project.commit()
    done = run(project, cache, "--output", str(cache.parent / "report.json"))
    assert done.returncode == 1
    found = json.loads((cache.parent / "report.json").read_text())["findings"]
    assert {f["rule"] for f in found if f["rule"] not in ("LP104", "LP709")} == {"LP703"}


def test_remote_folder_away_is_4(project: Project, cache: Path) -> None:
    empty_cache(project)
    project.remote.rename(project.remote.with_name("unmounted"))
    done = run(project, cache)
    assert done.returncode == 4
    assert "is not there" in last_line(done)


def test_remote_server_away_is_4(project: Project, cache: Path) -> None:
    project.dvc("remote", "add", "-q", "-d", "far", "s3://bucket/x")
    project.dvc("remote", "modify", "-q", "far", "endpointurl", "http://127.0.0.1:9")
    project.commit()
    empty_cache(project)
    done = run(project, cache)
    assert done.returncode == 4
    assert "does not answer" in last_line(done)


def test_inconclusive_is_5(project: Project, cache: Path) -> None:
    project.dvc("freeze", "first", "second")
    project.commit()
    done = run(project, cache)
    assert done.returncode == 5
    assert "INCONCLUSIVE" in done.stdout.splitlines()[-1]


def lose(project: Project, content: str) -> None:
    """Delete the object of this content from the remote; the cache is empty already."""
    digest = hashlib.md5(content.encode()).hexdigest()
    (project.remote / "files" / "md5" / digest[:2] / digest[2:]).unlink()


def test_only_what_a_mode_needs_is_fetched(project: Project, cache: Path) -> None:
    """Chain mode needs root data alone; isolated mode the inputs of each stage, no more."""
    empty_cache(project)
    lose(project, "raw\nxx")  # end.txt, which no stage reads
    assert run(project, cache, "--mode", "isolated").returncode == 0
    lose(project, "raw\nx")  # mid.txt, which the second stage reads
    assert run(project, cache, "--mode", "chain").returncode == 0
    done = run(project, cache, "--mode", "isolated")
    assert done.returncode == 1
    assert "LP201" in done.stdout
    assert "mid.txt" in done.stdout
    lose(project, "raw\n")
    done = run(project, cache, "--mode", "chain")
    assert done.returncode == 1
    assert "raw.txt" in done.stdout


def test_corrupted_object_in_the_remote_is_1_and_stays(project: Project, cache: Path) -> None:
    empty_cache(project)
    for path in (project.remote / "files").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"?" * path.stat().st_size)
    before = project.state()
    done = run(project, cache, "--mode", "chain")
    assert done.returncode == 1
    assert "LP202" in done.stdout
    assert "raw.txt" in done.stdout
    assert project.state() == before  # `dvc status -c` would have deleted it.


def test_corrupted_cache_is_healed_from_the_remote_and_stays(project: Project, cache: Path) -> None:
    for path in (project.root / ".dvc" / "cache" / "files").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"?" * path.stat().st_size)
    before = project.state()
    assert run(project, cache).returncode == 0
    assert project.state() == before


def test_dirty_work_tree_is_not_looked_at(project: Project, cache: Path) -> None:
    project.write({"copy.py": "broken(\n", "untracked.txt": "x"})
    before = project.state()
    done = run(project, cache)
    assert done.returncode == 0
    assert "not committed" in done.stderr
    assert project.state() == before


def test_huge_log_stays_out_of_memory_and_report(project: Project, cache: Path) -> None:
    noisy = "import sys\nfor _ in range(2000):\n    print('y' * 50_000)\nsys.exit(3)\n"
    project.write({"copy.py": noisy, "lockproof.toml": "[reproduce]\nexplain = false\n"})
    project.commit()
    report = cache / "report.json"
    done = run(project, cache, "--stage", "first", "--mode", "isolated", "--output", str(report))
    assert done.returncode == 1
    assert report.stat().st_size < 100_000
    logs = list((cache / "runs").rglob("first.log"))
    assert logs[0].stat().st_size > 100_000_000


def test_secrets_and_network_do_not_reach_the_stage(
    project: Project, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-stages")
    monkeypatch.setenv("MY_TOKEN", "not-for-stages")
    spy = (
        "import os, pathlib, sys\n"
        "seen = [k for k, v in os.environ.items() if 'not-for-stages' in v]\n"
        "own = [p for p in os.environ['PATH'].split(':') if p == " + repr(str(BIN)) + "]\n"
        "pathlib.Path(sys.argv[2]).write_text(repr(seen + own))\n"
    )
    project.write({"copy.py": spy})
    project.commit()
    done = run(project, cache, "--mode", "isolated", "--stage", "first", "--format", "json")
    assert done.returncode == 1  # The output differs from the lock…
    observed = json.loads(done.stdout)["host"]["stages"]["first"]["observed"]["mid.txt"]["value"]
    assert observed == hashlib.md5(b"[]").hexdigest()  # …because it is an empty list.


SLOW = "import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(3000)\n"
MOMENTS: dict[str, Callable[[Path], object]] = {
    "it begins": lambda cache: True,
    "it has a cache": lambda cache: cache.exists(),
    "it has a work folder": lambda cache: list((cache / "work").glob("w-*")),
    "the command runs": lambda cache: is_below(cache / "work", "started"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_leaves_only_a_folder_that_goes(
    project: Project, cache: Path, moment: str
) -> None:
    project.write({"copy.py": SLOW})
    project.commit()
    before = project.state()
    process = subprocess.Popen(
        command("--mode", "chain"),
        cwd=project.root,
        env=variables(cache),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: MOMENTS[moment](cache) or process.poll() is not None)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert project.state() == before
    wait_for(lambda: not _running(str(cache)))
    done = run(project, cache, "--stage", "third")
    assert done.returncode == 2
    assert list((cache / "work").glob("w-*")) == []


def _running(needle: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if needle in os.readlink(folder / "cwd"):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_interrupt_is_130_and_leaves_nothing(project: Project, cache: Path) -> None:
    project.write({"copy.py": SLOW})
    project.commit()
    process = subprocess.Popen(
        command(), cwd=project.root, env=variables(cache), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "running" in line:
            break
    wait_for(lambda: is_below(cache / "work", "started") or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    with process.stderr:
        rest = process.stderr.read()
    assert process.wait() == 130
    assert "Traceback" not in rest
    assert list((cache / "work").glob("w-*")) == []


def test_nothing_outside_the_checkout_is_written(
    project: Project, cache: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "mid.txt").write_text("keep me")
    (project.root / "link").symlink_to(outside)
    project.write({"dvc.yaml": YAML.replace("mid.txt", "link/mid.txt")})
    project.edit_lock("mid.txt", "link/mid.txt")
    project.commit()
    done = run(project, cache)
    assert done.returncode == 2
    assert "symbolic link" in last_line(done)
    assert (outside / "mid.txt").read_text() == "keep me"
    (project.root / "link").unlink()
    project.write({"dvc.yaml": YAML.replace("  first:", "  first:\n    wdir: ../..")})
    project.commit()
    done = run(project, cache)
    assert done.returncode == 2
    assert "outside" in last_line(done)
