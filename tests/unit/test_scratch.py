"""Work folders that go away: at the end, after an error, and after a kill."""

import contextlib
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockproof.adapters.scratch import remove, run_folder, temporary_folder, work_folder
from lockproof.errors import UsageError

HOLD = (
    "import subprocess, sys, time\n"
    "from lockproof.adapters.scratch import work_folder\n"
    "with work_folder() as scratch:\n"
    "    folder = scratch.path\n"
    "    (folder / 'made' / 'here').mkdir(parents=True)\n"
    "    print(folder, flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("LOCKPROOF_CACHE_DIR", str(folder))
    return folder


@contextlib.contextmanager
def holder(more: str = "") -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process inside `work_folder`, until its standard input ends or it is killed."""
    code = HOLD.replace("    print", f"{more}    print")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 30)[0], "it did not start"
            yield process, Path(process.stdout.readline().rstrip("\n"))
        finally:
            process.kill()


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "work").glob("w-*"))


def test_a_folder_is_fresh_private_and_gone_at_the_end(cache: Path) -> None:
    with work_folder() as first, work_folder() as second:
        one, other = first.path, second.path
        assert one != other
        assert one.parent == other.parent == cache / "work"
        assert one.stat().st_mode & 0o777 == 0o700
        (one / "deep" / "er").mkdir(parents=True)
        (one / "deep" / "er" / "f").write_text("x")
        assert left(cache) == sorted([one.name, other.name])
    assert left(cache) == []


def test_a_folder_goes_after_an_error_and_the_error_stays() -> None:
    with pytest.raises(ZeroDivisionError), work_folder() as folder:
        raise ZeroDivisionError
    assert not folder.path.exists()


def test_a_folder_that_went_by_itself_is_no_trouble() -> None:
    with work_folder() as folder:
        shutil.rmtree(folder.path)


def test_what_a_killed_process_left_is_swept_by_the_next_one(cache: Path) -> None:
    with holder() as (process, folder):
        process.kill()
        process.wait()
        assert (folder / "made" / "here").is_dir(), "the kill left nothing to sweep"
        with work_folder() as mine:
            assert left(cache) == [mine.path.name]


def test_the_folder_of_a_live_process_stays(cache: Path) -> None:
    with holder() as (process, folder):
        for _ in range(2):
            with work_folder() as mine:
                assert left(cache) == sorted([mine.path.name, folder.name])
        assert (folder / "made" / "here").is_dir()
        process.communicate(timeout=30)
        assert process.returncode == 0
        assert left(cache) == []


def test_a_child_that_holds_the_lock_keeps_the_folder_after_a_kill(cache: Path) -> None:
    child = "child = subprocess.Popen(['cat'], stdin=0, pass_fds=[scratch.lock])\n"
    with holder(f"    {child}") as (process, folder):
        process.kill()
        process.wait()
        with work_folder() as mine:
            assert left(cache) == sorted([mine.path.name, folder.name])
        assert process.stdin is not None
        process.stdin.close()  # The child ends.
        assert gone(folder)


def test_a_child_that_was_not_given_the_lock_does_not_keep_the_folder(cache: Path) -> None:
    child = "child = subprocess.Popen(['cat'], stdin=0, close_fds=False)\n"
    with holder(f"    {child}") as (process, folder):
        process.kill()
        process.wait()
        with work_folder() as mine:
            assert left(cache) == [mine.path.name]
        assert not folder.exists()


def gone(folder: Path) -> bool:
    """Whether a sweep removes the folder within a few seconds."""
    for _ in range(100):
        with work_folder():
            if not folder.exists():
                return True
        time.sleep(0.05)
    return False


def test_a_folder_without_a_lock_file_is_swept(cache: Path) -> None:
    (cache / "work" / "w-half" / "x").mkdir(parents=True)
    (cache / "work" / "kept").mkdir()
    with work_folder() as mine:
        assert left(cache) == [mine.path.name]
    assert (cache / "work" / "kept").is_dir()


def test_a_cache_that_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"^cannot use .*LOCKPROOF_CACHE_DIR"), work_folder():
        pass
    with pytest.raises(UsageError, match=r"^cannot use .*LOCKPROOF_CACHE_DIR"):
        run_folder("x")


@contextlib.contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may delete anything, so root becomes nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def owned() -> Iterator[Path]:
    """A folder that the ordinary user owns and can reach."""
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("mode", [0o555, 0o500])
def test_folders_that_a_stage_made_read_only_are_removed(owned: Path, mode: int) -> None:
    with ordinary_user():
        inner = owned / "out" / "a" / "b"
        inner.mkdir(parents=True)
        for place in (inner, inner.parent):
            (place / "f").write_text("x")
            (place / "f").chmod(0o400)
            (place / "link").symlink_to("/etc/hostname")
        for place in (inner, inner.parent, owned / "out"):
            place.chmod(mode)
        with pytest.raises(PermissionError):
            (inner / "f").unlink()
        remove(owned / "out")
        assert os.listdir(owned) == []


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "f").write_text("x")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "folder").symlink_to(tmp_path / "kept")
    (tmp_path / "gone" / "file").symlink_to(tmp_path / "kept" / "f")
    remove(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()
    assert (tmp_path / "kept" / "f").read_text() == "x"


def test_removing_what_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    remove(tmp_path / "nothing")


def test_temporary_folders_of_the_dead_are_swept_and_nothing_else(tmp_path: Path) -> None:
    hold = (
        "import pathlib, sys\n"
        "from lockproof.adapters.scratch import temporary_folder\n"
        "with temporary_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'made').mkdir(mode=0)\n"
        "    print(folder.name, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    (tmp_path / "lockproof-tmp").mkdir()
    (tmp_path / "lockproof-tmp-file").touch()
    (tmp_path / "lockproof-tmp-link").symlink_to("lockproof-tmp")
    theirs = {path.name for path in tmp_path.iterdir()}
    start = [sys.executable, "-c", hold, str(tmp_path)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(start, **pipes) as live, subprocess.Popen(start, **pipes) as dead:
        names = [process.stdout.readline().strip() for process in (live, dead)]
        dead.kill()
        dead.wait()
        assert {path.name for path in tmp_path.iterdir()} == {*theirs, *names}
        with temporary_folder(tmp_path) as mine:
            assert os.listdir(mine) == []
            assert mine.stat().st_mode & 0o777 == 0o700
            assert {path.name for path in tmp_path.iterdir()} == {*theirs, names[0], mine.name}
        assert live.communicate(timeout=30)[0] == ""
        assert live.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == theirs


def test_what_a_folder_lies_in_keeps_its_mode(tmp_path: Path) -> None:
    """Were it the system's `/tmp`, it would be of no more use to others."""
    tmp_path.chmod(0o1777)
    with temporary_folder(tmp_path) as mine:
        mine.rmdir()
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_the_last_twenty_runs_are_kept(cache: Path) -> None:
    made = []
    for number in range(23):
        folder = run_folder("main")
        (folder / "log").write_text("x")
        os.utime(folder, (number, number))
        made.append(folder)
    assert len(set(made)) == 23
    assert all(folder.name.startswith("main-") for folder in made)
    assert sorted((cache / "runs").iterdir()) == sorted(made[-20:])


def test_many_starts_at_once_sweep_nobody(cache: Path) -> None:
    stay = "time.sleep(0.3)\n    assert (folder / 'made').is_dir()"
    code = HOLD.replace("sys.stdin.read()", stay)
    many = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) for _ in range(6)
    ]
    assert [process.wait(60) for process in many] == [0] * 6
    assert left(cache) == []
