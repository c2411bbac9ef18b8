"""The state of folders shows every change in them, whoever looks: GNU find or our own walk."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lockproof.adapters.environment import identity
from lockproof.errors import LockproofError


@pytest.fixture(params=["find", "our own walk"])
def state_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    if request.param != "find":
        monkeypatch.setattr(identity, "_gnu_find", lambda: None)
    elif identity._gnu_find() is None:
        pytest.skip("no GNU find here")
    return lambda *places: identity.state_of(str(place) for place in places)


def _rewritten(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"y")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda base: (base / "sub/file").write_text("longer"),
    "content with the same times and size": lambda base: _rewritten(base / "sub/file"),
    "mode": lambda base: (base / "sub/file").chmod(0o700),
    "mode of a folder": lambda base: (base / "sub").chmod(0o700),
    "a new file": lambda base: (base / "sub/new").write_text(""),
    "a new file with a line end": lambda base: (base / "sub/a\nb").write_text(""),
    "a new folder": lambda base: (base / "sub/empty").mkdir(),
    "a file that is gone": lambda base: (base / "sub/file").unlink(),
    "a link that leads elsewhere": lambda base: (
        (base / "link").unlink(),
        (base / "link").symlink_to("eggs"),
    ),
    "a file in place of an empty folder": lambda base: (
        (base / "hollow").rmdir(),
        (base / "hollow").write_text(""),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_shows(state_of: Callable[..., str], tmp_path: Path, change: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "hollow").mkdir()
    (tmp_path / "sub/file").write_text("x")
    (tmp_path / "link").symlink_to("spam")
    before = state_of(tmp_path)
    assert state_of(tmp_path) == before
    CHANGES[change](tmp_path)
    assert state_of(tmp_path) != before


def test_what_is_absent_and_then_there_shows(state_of: Callable[..., str], tmp_path: Path) -> None:
    before = state_of(tmp_path / "there", tmp_path / "later")
    (tmp_path / "later").mkdir()
    assert state_of(tmp_path / "there", tmp_path / "later") != before


def test_a_place_that_leads_elsewhere_shows(state_of: Callable[..., str], tmp_path: Path) -> None:
    """Also where both targets lie below another place, which is looked at but once."""
    for name in ("a", "b"):
        (tmp_path / "all" / name).mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to("all/a")
    before = state_of(link, tmp_path / "all")
    link.unlink()
    link.symlink_to("all/b")
    assert state_of(link, tmp_path / "all") != before


def test_what_lies_below_another_place_is_looked_at_once(tmp_path: Path) -> None:
    names = ["usr/lib", "usr", "usr-local", "opt/a/b", "opt/a", "usr/bin/x"]
    for name in names:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    found = identity._outermost(str(tmp_path / name) for name in names)
    assert found == [str(tmp_path / name) for name in ("opt/a", "usr", "usr-local")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_lies_below_a_closed_folder_is_looked_at_by_itself(
    state_of: Callable[..., str], tmp_path: Path
) -> None:
    """Who comes from above does not find it; who knows its name does, and others beside it."""
    inner = tmp_path / "closed/open"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    (tmp_path / "closed").chmod(0o311)
    try:
        before = state_of(inner)
        (inner / "file").write_text("y, and more")
        assert state_of(inner) != before
        with pytest.raises(identity.UnlistedError):
            state_of(tmp_path, inner)
    finally:
        (tmp_path / "closed").chmod(0o755)


def test_find_that_was_ended_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had said until then is the state of nothing."""
    (tmp_path / "find").write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'find (GNU findutils)' && exit\nkill -9 $$\n"
    )
    (tmp_path / "find").chmod(0o755)
    monkeypatch.setattr(identity, "_gnu_find", lambda: str(tmp_path / "find"))
    with pytest.raises(LockproofError, match="find"):
        identity.state_of([str(tmp_path)])


def test_a_find_without_printf_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "find").write_text("#!/bin/sh\necho 'BusyBox v1.36 multi-call binary'\nexit 1\n")
    (tmp_path / "find").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    identity._gnu_find.cache_clear()
    try:
        assert shutil.which("find") == str(tmp_path / "find")
        assert identity._gnu_find() is None
    finally:
        identity._gnu_find.cache_clear()
