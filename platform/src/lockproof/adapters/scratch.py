"""Temporary folders that go away, also after a kill: the next run sweeps what was left."""

import contextlib
import fcntl
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from lockproof.adapters.files import cache_root
from lockproof.errors import UsageError

_LOCK = "in-use"
_FETCHED, _OWNER = Path("dvc", "cache"), "fetched-for"
"""In a work folder: what was fetched, and the key of the repository that it is of."""
_KEPT_RUNS = 20
_TEMPORARY = "lockproof-tmp-"
_SWEPT: set[Path] = set()
"""Where this process has looked for what others left."""
_YOUNG = 24 * 3600
"""Seconds for which the logs of a run are never removed."""


@dataclass(frozen=True)
class WorkFolder:
    """A temporary folder and the lock that marks it as in use."""

    path: Path
    lock: int
    """Open descriptor; a child process that inherits it keeps the folder in use."""


@contextlib.contextmanager
def work_folder() -> Iterator[WorkFolder]:
    """A fresh folder below the cache, removed at the end.

    A file lock marks it as in use; the kernel drops the lock when the last process that holds
    it dies in any way, and the next call removes every folder whose lock is free.

    Raises:
        UsageError: the cache folder cannot be written.
    """
    base = cache_root() / "work"
    try:
        base.mkdir(parents=True, exist_ok=True)
        with _locked(base / "sweep"):
            _sweep(base)
            folder = Path(tempfile.mkdtemp(prefix="w-", dir=base))
            handle = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
            fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        raise UsageError(
            f"cannot use {base}: {error.strerror or error} (set LOCKPROOF_CACHE_DIR)"
        ) from error
    try:
        yield WorkFolder(folder, handle)
    finally:
        remove(folder)
        os.close(handle)


@contextlib.contextmanager
def temporary_folder(base: Path | None = None) -> Iterator[Path]:
    """A fresh, empty folder in `base`, by default the system's for temporary files.

    For what needs no cache. As `work_folder`, but the folder itself is locked, and each process
    sweeps a base once.

    Raises:
        OSError: the base cannot be written.
    """
    base = base or Path(tempfile.gettempdir())
    if base not in _SWEPT:
        _SWEPT.add(base)
        _sweep_temporary(base)
    folder, handle = _claimed(base)
    try:
        yield folder
    finally:
        remove(folder)
        os.close(handle)


def _claimed(base: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=base))
        with contextlib.suppress(FileNotFoundError):
            handle = _opened(folder)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(handle), os.lstat(folder)):
                    return folder, handle
            except FileNotFoundError:
                pass
            except BlockingIOError:
                pass  # A sweeper was faster, and removes it.
            except OSError:
                return folder, handle  # No locks here, so nobody sweeps either.
            os.close(handle)


def _opened(folder: str | Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _sweep_temporary(base: Path) -> None:
    """Remove folders of this user's that no process has locked."""
    for name in os.listdir(base):
        if not name.startswith(_TEMPORARY):
            continue
        with contextlib.suppress(OSError):
            handle = _opened(base / name)
            try:
                if os.fstat(handle).st_uid == os.geteuid():
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove(base / name)
            finally:
                os.close(handle)


_CACHE_DEPTH = 3
"""Folders above an object in DVC's cache, such as files/md5/00."""


def take_fetched(owner: Path, work: Path) -> Path:
    """Where objects are fetched to: with those of a run for the same owner that ended early.

    Whoever uses them has to see that they are sound: they lay where other processes could write.

    Args:
        owner: the repository that they are of.
        work: a fresh work folder.
    """
    base, folder = cache_root() / "fetched", work / _FETCHED
    with contextlib.suppress(OSError):
        (work / _OWNER).write_text(_key(owner))  # Should this process be killed.
    with contextlib.suppress(OSError):
        for old in base.iterdir():
            if time.time() - _changed(old) > _YOUNG:
                remove(old)
        folder.parent.mkdir(parents=True, exist_ok=True)
        os.rename(base / _key(owner), folder)  # Of two runs at once, one gets it.
    _drop_links(folder)
    return folder


def _drop_links(folder: Path) -> None:
    """Remove links that stand in for folders of a cache: what is fetched would land behind them."""
    level = [os.fspath(folder)]
    if os.path.islink(folder):
        os.unlink(folder)
        return
    for _ in range(_CACHE_DEPTH):
        inner: list[str] = []
        for each in level:
            with contextlib.suppress(OSError), os.scandir(each) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        os.unlink(entry.path)
                    elif entry.is_dir(follow_symlinks=False):
                        inner.append(entry.path)
        level = inner


def keep_fetched(owner: Path, folder: Path) -> None:
    """Keep what was fetched for `take_fetched`, for a day; nothing where nothing was."""
    _keep_fetched(_key(owner), folder)


def _keep_fetched(key: str, folder: Path) -> None:
    kept = cache_root() / "fetched" / key
    with contextlib.suppress(OSError):
        if next(folder.iterdir(), None) is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            remove(kept)
            os.rename(folder, kept)
            os.utime(kept)


def _key(owner: Path) -> str:
    return sha256(os.fsencode(os.path.realpath(owner))).hexdigest()[:16]


def run_folder(name: str) -> Path:
    """A new folder below the cache for the logs and reports of one run; old ones go.

    Raises:
        UsageError: the cache folder cannot be written.
    """
    base = cache_root() / "runs"
    try:
        base.mkdir(parents=True, exist_ok=True)
        runs = sorted((f for f in base.iterdir() if f.is_dir()), key=_changed)
        for old in runs[: -_KEPT_RUNS + 1]:
            if time.time() - _changed(old) > _YOUNG:  # A young one may still be at work.
                remove(old)
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))
    except OSError as error:
        raise UsageError(
            f"cannot use {base}: {error.strerror or error} (set LOCKPROOF_CACHE_DIR)"
        ) from error


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0  # Another run has just removed it.


def remove(folder: Path) -> None:
    """Delete a folder, also where a stage made parts of it read-only."""

    def make_writable(function: Callable[..., Any], path: str, _error: Any) -> None:
        with contextlib.suppress(OSError):
            if Path(path) != folder:  # What it lies in is somebody else's.
                os.chmod(Path(path).parent, stat.S_IRWXU)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IRWXU)
            if function in (os.unlink, os.rmdir):
                function(path)
            else:
                # It could not be looked into; now it can.
                shutil.rmtree(path, ignore_errors=True)

    try:
        shutil.rmtree(folder, onerror=make_writable)
    except RecursionError:  # Of folders in folders, a thousand deep.
        subprocess.run(
            ["chmod", "-R", "u+rwX", "--", folder], check=False, stderr=subprocess.DEVNULL
        )
        subprocess.run(["rm", "-rf", "--", folder], check=False, stderr=subprocess.DEVNULL)


def _sweep(base: Path) -> None:
    for folder in base.glob("w-*"):
        try:
            handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            remove(folder)
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _save_fetched(folder)
            remove(folder)
        except BlockingIOError:
            pass
        finally:
            os.close(handle)


def _save_fetched(work: Path) -> None:
    """Keep what a run had fetched that was killed; its stages could write what says whose it is."""
    with contextlib.suppress(OSError, ValueError):
        handle = os.open(work / _OWNER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            key = os.read(handle, 100).decode()
        finally:
            os.close(handle)
        folders = (work / _FETCHED.parent, work / _FETCHED)
        if re.fullmatch(r"[0-9a-f]{16}", key) and all(
            stat.S_ISDIR(os.lstat(each).st_mode) for each in folders
        ):
            _keep_fetched(key, work / _FETCHED)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
