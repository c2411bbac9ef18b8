"""Folders that can be entered and not listed: what is in them is found by name all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

STATE = """
from lockproof.adapters.environment import identity
if not {find}:
    identity._gnu_find = lambda: None
def told():
    try:
        return identity.state_of([{top!r}])
    except identity.UnlistedError as error:
        return str(error)
print(told())
"""
DEEP = """
import os
from lockproof.adapters.sandbox import quota
from lockproof.adapters.sandbox.quota import Gauge, Quota
top = {top!r}
used = iter([1 << 30, (1 << 30) + (64 << 20)])
quota._used = lambda places: next(used)
gauge = Gauge(Quota(disk=1 << 20), [os.fsencode(top)], own_root=False)
os.chdir(top)
# So that the last folder has a path that the kernel takes, and the file has none; or neither has.
left = os.pathconf(top, "PC_PATH_MAX") - len(os.getcwd()) - 1 + {beyond}
while left > 1:
    name = "n" * (min(left, 200) - 1)
    left -= len(name) + 1
    os.mkdir(name)
    os.chdir(name)
with open("large", "wb") as file:
    file.write(os.urandom(2 << 20))
print(gauge.over()[0])
"""
CONTENT = """
from lockproof.adapters.environment.identity import content_of
try:
    print(content_of({top!r}))
except OSError as error:
    print(error.strerror)
"""
TRACE = """
import os
from pathlib import Path
from lockproof.adapters.sandbox.trace import Trace
top = Path({top!r})
before = Trace(top)
made = top / "later"
made.mkdir()
(made / "new.txt").write_text("new")
made.chmod(0o311)
print(before.reads_known, *before.stop().written)
made.chmod(0o755)
"""
CURTAIN = """
from pathlib import Path
from lockproof.steps.reproduce.curtain import drawn
with drawn(Path({top!r}), []):
    print((Path({top!r}) / "closed/.git/HEAD").read_text().strip())
"""
GAUGE = """
import os
from lockproof.adapters.sandbox import quota
from lockproof.adapters.sandbox.quota import Gauge, Quota
top = {top!r}
# Others fill and empty the real one meanwhile.
used = iter([1 << 30, (1 << 30) + (64 << 20)])
quota._used = lambda places: next(used)
gauge = Gauge(Quota(disk=1 << 20), [os.fsencode(top)], own_root=False)
made = os.path.join(top, "made")
os.mkdir(made)
with open(os.path.join(made, "large"), "wb") as file:
    file.write(os.urandom(2 << 20))
os.chmod(made, {mode})
said = gauge.over()
os.chmod(made, 0o755)
print(said[0] if said else None)
"""
LINT = """
from pathlib import Path
from lockproof.adapters.git.tree import FolderTree
from lockproof.steps.lint.found import find
for left_out in ((), ("closed/*",)):
    print(*find(FolderTree(Path({top!r})), ["."], left_out).not_checked, sep="; ")
"""


def _told(script: str, top: Path, **values: object) -> str:
    """What a program says that may not read everything, as root may by itself."""
    argv = [sys.executable, "-c", script.format(top=str(top), **values)]
    if os.geteuid() == 0:
        dropped = "-dac_override,-dac_read_search"
        argv = ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}", *argv]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A folder with one in it that can be entered and not listed."""
    closed = tmp_path / "top" / "closed"
    closed.mkdir(parents=True)
    (closed / "known.txt").write_text("known")
    closed.chmod(0o311)
    return closed.parent


@pytest.mark.parametrize("find", [True, False], ids=["find", "Python"])
def test_their_state_is_not_known(find: bool, top: Path) -> None:
    closed = top / "closed"
    assert _told(STATE, top, find=find) == f"{closed} can be entered and not listed"
    closed.chmod(0o600)  # Nothing in it can be opened either.
    assert len(_told(STATE, top, find=find)) == 64


def test_nor_is_their_content(top: Path) -> None:
    assert _told(CONTENT, top) == "Permission denied"


def test_what_is_written_into_one_is_not_overlooked(top: Path) -> None:
    assert _told(TRACE, top) == "False later"


@pytest.mark.parametrize("mode", ["0o755", "0o311", "0o444", "0o000"])
def test_what_a_stage_stores_in_one_is_stored(mode: str, tmp_path: Path) -> None:
    assert _told(GAUGE, tmp_path, mode=mode) == "disk"


@pytest.mark.parametrize("beyond", [-3, 1000])
def test_what_has_too_long_a_path_is_stored(beyond: int, tmp_path: Path) -> None:
    try:
        assert _told(DEEP, tmp_path, beyond=beyond) == "disk"
    finally:  # Which Python's own way, by paths, cannot.
        subprocess.run(["rm", "-rf", *tmp_path.iterdir()], check=True)


def test_none_keeps_the_history_of_a_submodule_in_sight(top: Path) -> None:
    (top / ".git").mkdir()
    (top / ".gitmodules").write_text("")
    history = top / "closed" / ".git"
    history.mkdir()
    (history / "HEAD").write_text("history\n")
    assert _told(CURTAIN, top) == "ref: refs/heads/main"
    assert (history / "HEAD").read_text() == "history\n"


def test_none_is_linted_without_a_word(top: Path) -> None:
    said = _told(LINT, top)
    assert said.startswith("closed: cannot be listed")
    assert len(said.splitlines()) == 1, "what is left out is not looked for"
