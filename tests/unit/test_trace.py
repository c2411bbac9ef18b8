"""What a command read and wrote, seen from outside."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockproof.adapters.sandbox.trace import Trace, Traced


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    for name in ("a", "b", "deep/er/c", "ä b\nc"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content")
    return folder


def traced(root: Path, *argv: str) -> Traced:
    """What was seen of one command; for one argument, of that Python code."""
    trace = Trace(root)
    # File times come in ticks of a few milliseconds.
    time.sleep(0.02)
    subprocess.run(argv if len(argv) > 1 else [sys.executable, "-c", *argv], cwd=root, check=True)
    return trace.stop()


def read_by(root: Path, *argv: str) -> tuple[str, ...]:
    found = traced(root, *argv)
    if not found.reads_known:
        pytest.skip("the file system of the temporary folder keeps no access times (noatime)")
    return found.read


@pytest.mark.parametrize(
    "argv",
    [
        ("open('a').read()",),
        ("open('a').read(1)",),
        ("import mmap; f = open('a', 'rb'); mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[0]",),
        ("import subprocess; subprocess.run(['sh', '-c', 'cat a | cat'], stdout=-3)",),
        ("import os; os.chdir('/'); open(os.environ['PWD'] + '/a').read()",),
        ("import os; os.link('a', '../hard'); open('../hard').read()",),
        ("import os; os.symlink('a', 'soft'); open('soft').read()",),
        ("import os; os.rename('a', 'x'); open('x').read(); os.rename('x', 'a')",),
        ("import threading; threading.Thread(target=lambda: open('a').read()).start()",),
        ("sh", "-c", "cp a ../copy"),
        ("sh", "-c", "read line < a || true"),
        ("sh", "-c", "(sh -c 'cat a' &) | cat > /dev/null"),
    ],
)
def test_a_read_is_seen_however_it_is_done(
    root: Path, argv: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PWD", str(root))
    assert read_by(root, *argv) == ("a",)


def test_any_name_is_seen(root: Path) -> None:
    strange = os.fsdecode(b"\xff\xfe")
    (root / strange).write_bytes(b"x")
    code = "import os\nfor n in os.listdir(b'.'):\n    os.path.isfile(n) and open(n).read()"
    assert set(read_by(root, code)) == {"a", "b", "ä b\nc", strange}


def test_what_was_only_looked_at_was_not_read(root: Path) -> None:
    code = (
        "import os\n"
        "for folder, _, names in os.walk('.'):\n"
        "    for name in names:\n"
        "        os.stat(os.path.join(folder, name)); open(os.path.join(folder, name)).close()\n"
    )
    assert read_by(root, code) == ()


def test_what_was_read_before_or_after_does_not_count(root: Path) -> None:
    (root / "a").read_bytes()
    trace = Trace(root)
    found = trace.stop()
    (root / "b").read_bytes()
    assert found.read == found.written == ()
    assert read_by(root, "open('deep/er/c').read()") == ("deep/er/c",)


def test_a_file_can_be_both_read_and_written(root: Path) -> None:
    found = traced(root, "f = open('a', 'r+'); f.read(); f.write('more')")
    assert found.written == ("a",)
    assert not found.reads_known or found.read == ("a",)


def test_a_new_file_that_is_read_again_was_written_not_read(root: Path) -> None:
    found = traced(root, "open('new', 'w').write('x'); open('new').read()")
    assert found.written == ("new",)
    assert found.read == ()


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("open('a', 'a').write('x')", ("a",)),
        ("open('a', 'w').write('CONTENT')", ("a",)),
        ("open('deep/er/new', 'w')", ("deep/er/new",)),
        ("open('n', 'w').write('x'); import os; os.replace('n', 'a')", ("a",)),
        ("import os; os.rename('a', 'z')", ("z",)),
        ("import os; os.rename('deep', 'moved')", ("moved/er/c",)),
        ("import os; os.makedirs('x/y'); open('x/y/z', 'w')", ("x/y/z",)),
        ("import os; open('n', 'w').write('content'); os.utime('n', (1, 1)); os.replace('n', 'a')",
         ("a",)),
        ("open('a', 'w').write('CONTENT'); import os; os.utime('a', (1, 1))", ("a",)),
        ("import mmap; f = open('a', 'r+b'); m = mmap.mmap(f.fileno(), 0); m[0] = 1; m.close()",
         ("a",)),
        ("import os; os.remove('a')", ()),
        ("pass", ()),
        ("open('a').read()", ()),
    ],
)  # fmt: skip
def test_a_write_is_seen_however_it_is_done(
    root: Path, code: str, written: tuple[str, ...]
) -> None:
    assert traced(root, code).written == written


@pytest.mark.parametrize(
    "name",
    [".git/x", "sub/.git/x", "__pycache__/m.pyc", "m.pyc", ".dvc/tmp/x", ".dvc/cache/x"],
)
def test_what_tools_keep_for_themselves_is_left_out(root: Path, name: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    found = traced(root, f"open({name!r}).read(); open({name!r}, 'w').write('longer')")
    assert found.read == found.written == ()


def test_dvc_files_that_people_write_are_not_left_out(root: Path) -> None:
    (root / ".dvc").mkdir()
    assert traced(root, "open('.dvc/config', 'w')").written == (".dvc/config",)


def test_links_and_pipes_are_no_files(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "loop").symlink_to(".")
    (root / "broken").symlink_to("nowhere")
    found = traced(root, "import os; os.mkfifo('another')")
    assert found.read == found.written == ()


def test_the_trace_leaves_content_modification_times_and_no_files(root: Path) -> None:
    def state() -> dict[str, tuple[bytes, int]]:
        files = [path for path in root.rglob("*") if path.is_file()]
        return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}

    before = state()
    Trace(root).stop()
    assert state() == before


def test_paths_are_sorted(root: Path) -> None:
    found = traced(root, "[open(n, 'w') for n in ('z', 'deep/y', 'B', 'c')]")
    assert found.written == ("B", "c", "deep/y", "z")


def test_a_file_system_without_access_times_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "noatime,size=64k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no file system without access times: there is no mount command")
    if done.returncode:
        pytest.skip(f"no file system without access times: {done.stderr.strip()} (needs root)")
    try:
        (folder / "a").write_text("x")
        found = traced(folder, "open('a').read(); open('b', 'w')")
        assert found == Traced(read=(), written=("b",), reads_known=False)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_folder_that_went_away_was_not_read(root: Path) -> None:
    assert read_by(root, "import shutil; shutil.rmtree('deep')") == ()
