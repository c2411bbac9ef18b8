"""Files are written whole or not at all, and caches lie where they are told to."""

import contextlib
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockproof.adapters.files import cache_root, write_whole
from lockproof.errors import UsageError


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The kernel refuses to let a file grow beyond `size` bytes; needs no privilege."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no small disk: there is no mount command")
    if done.returncode:
        pytest.skip(f"no small disk: {done.stderr.strip()} (needs root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_folders_are_made_and_content_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    write_whole(path, b"\x00\xff\r\n")
    assert path.read_bytes() == b"\x00\xff\r\n"
    write_whole(path, "")
    assert path.read_bytes() == b""
    write_whole(path, "é\udcff\n")
    assert path.read_bytes() == "é\udcff\n".encode("utf-8", "surrogatepass")
    assert os.listdir(path.parent) == ["c.txt"]


@pytest.mark.parametrize("name", [" a b ", "new\nline", "-rf", "{x}%s", "é" * 120])
def test_names_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    write_whole(tmp_path / name, "x")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, mask: int, mode: int) -> None:
    script = (
        "import os, pathlib, sys\n"
        f"os.umask({mask})\n"
        "from lockproof.adapters.files import write_whole\n"
        "write_whole(pathlib.Path('new'), 'x')\n"
        "write_whole(pathlib.Path('new'), 'y')\n"
        "pathlib.Path('ordinary').write_text('x')\n"
        f"assert os.umask({mask}) == {mask}\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    for name in ("new", "ordinary"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


def test_a_link_is_replaced_and_what_it_leads_to_is_not(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    (tmp_path / "link").symlink_to("other")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "other").read_text() == "other"
    assert (tmp_path / "link").read_text() == "new"


def test_a_file_that_may_not_be_that_large_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_whole(path, "old")
    with (
        file_size_limit(4096),
        pytest.raises(UsageError, match=r"^cannot write .*report\.json: File too large$"),
    ):
        write_whole(path, b"x" * 10_000)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tiny_disk: Path) -> None:
    path = tiny_disk / "report.json"
    write_whole(path, b"o" * 30_000)
    with pytest.raises(UsageError, match=r"report\.json: No space left on device$"):
        write_whole(path, b"n" * 50_000)
    assert path.read_bytes() == b"o" * 30_000
    assert os.listdir(tiny_disk) == ["report.json"]
    write_whole(path, b"n" * 30_000)
    assert path.read_bytes() == b"n" * 30_000


def test_a_folder_in_its_place_is_said_and_stays(tmp_path: Path) -> None:
    (tmp_path / "x" / "inner").mkdir(parents=True)
    with pytest.raises(UsageError, match="Is a directory"):
        write_whole(tmp_path / "x", "y")
    assert os.listdir(tmp_path) == ["x"]
    assert os.listdir(tmp_path / "x") == ["inner"]


def test_a_file_in_the_folders_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("file")
    with pytest.raises(UsageError, match=r"^cannot write .*x/y: ") as caught:
        write_whole(tmp_path / "x" / "y", "z")
    assert caught.value.__cause__ is not None
    assert (tmp_path / "x").read_text() == "file"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc that even root cannot fill")
def test_a_folder_that_may_not_be_written_is_said() -> None:
    with pytest.raises(UsageError, match=r"^cannot write /proc/self/nope: "):
        write_whole(Path("/proc/self/nope"), "x")


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "f"
    sides = [b"a" * 300_000, b"b" * 200_000]
    write_whole(path, sides[0])
    done = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(20):
            write_whole(path, sides[turn % 2])
    finally:
        done.set()
        reader.join()
    assert seen
    assert seen <= set(sides)


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    code = (
        "import sys; from pathlib import Path\n"
        "from lockproof.adapters.files import write_whole\n"
        "turn = 0\n"
        "while True:\n"
        "    write_whole(Path(sys.argv[1]), 'ab'[turn % 2] * 100_000)\n"
        "    turn += 1\n"
        "    if turn == 3: print(flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.kill()
    assert path.read_text() in {"a" * 100_000, "b" * 100_000}


WRITES = """
import os, sys
from pathlib import Path
from lockproof.adapters.files import write_whole
def wait(_):
    print(flush=True)
    sys.stdin.read()
os.fsync = wait if len(sys.argv) > 2 else os.fsync
write_whole(Path(sys.argv[1]), "new")
"""


def test_what_a_killed_writer_left_is_swept_and_what_one_at_work_needs_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "f"
    (tmp_path / ".lockproof-settings").write_text("a user's own")
    argv = [sys.executable, "-c", WRITES, str(path)]
    with subprocess.Popen([*argv, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        subprocess.run(argv, check=True)
        begun = sorted(name for name in os.listdir(tmp_path) if name.endswith(".tmp"))
        assert len(begun) == 1, "a writer is at work"
        writer.kill()
    assert sorted(os.listdir(tmp_path)) == sorted([".lockproof-settings", *begun, "f"])
    subprocess.run(argv, check=True)
    assert sorted(os.listdir(tmp_path)) == [".lockproof-settings", "f"]


def test_the_cache_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCKPROOF_CACHE_DIR", raising=False)
    assert cache_root() == tmp_path / "home" / ".cache" / "lockproof"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "lockproof"
    monkeypatch.setenv("LOCKPROOF_CACHE_DIR", "own")
    assert cache_root() == tmp_path / "own"
    for name in ("LOCKPROOF_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")
    assert cache_root() == tmp_path / "home" / ".cache" / "lockproof"
    assert os.listdir(tmp_path) == [], "asking makes nothing"
