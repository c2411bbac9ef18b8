"""DVC objects: found in the user's cache, fetched from remotes, laid out in a checkout.

The user's cache is only ever read. What is fetched goes to a scratch cache, and every object is
hashed once before it is used: one that is corrupted is named, and never blamed on the pipeline.
"""

import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lockproof.adapters.hashing import CHUNK, file_md5
from lockproof.adapters.patience import patience
from lockproof.errors import ConfigError, UnavailableError, UsageError
from lockproof.model.digest import Algorithm, Digest, directory_digest
from lockproof.model.pipeline import Out, Stage, inside

from .downloads import Downloads, Item, Problem
from .project import Project

_MAX_LISTING = 1 << 30
_MOST_LOST = 1_000
"""Objects of one directory: once more are lost, no others of it are asked for."""


@dataclass(frozen=True)
class Unavailable:
    """An object that a lock claims and that cannot be had."""

    path: str
    digest: Digest
    problem: Problem
    where: str
    """The remote or cache that was asked."""
    why: str = ""
    """What is wrong with a listing."""


@dataclass(frozen=True)
class Need:
    """An output, and the part of it that is needed."""

    out: Out
    stage: Stage
    below: tuple[str, ...] = ()
    """Paths inside the output that are needed; empty means all of it."""


@dataclass
class ObjectStore:
    """Where a project's objects are found."""

    project: Project
    scratch: Path
    """Fetched objects, laid out as DVC lays out a cache."""
    user_cache: Callable[[], Path]
    read_listing: Callable[[Iterable[bytes], str], Iterable[tuple[str, str]]]
    """Reads a directory object strictly: chunks and what errors call it -> paths and MD5s."""
    _sound: set[bytes] = field(default_factory=set)
    """Copies that were hashed, as few bytes each: there may be millions."""
    _bad: dict[Path, tuple[int, ...]] = field(default_factory=dict)
    """Damaged copies, each as it was then: a sound one may take its place."""
    _read: set[str] = field(default_factory=set)
    """Directory objects that were read to their end."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch(
        self, needs: Iterable[Need], progress: Callable[[str], None] = lambda text: None
    ) -> tuple[Unavailable, ...]:
        """Bring everything that is needed and not in the user's cache into the scratch cache.

        Returns:
            What cannot be had although the remote answers.

        Raises:
            UnavailableError: a remote does not answer.
            ConfigError: a remote is not configured as DVC needs it.
            MissingExtraError: what such a remote takes is not installed.
        """
        needs = [n for n in needs if n.out.cached and n.out.locked and not n.out.external]
        special = [n for n in needs if n.out.versioned]
        plain = [n for n in needs if not n.out.versioned]
        problems = self._fetch_by_dvc(special) if special else []
        parts = _parts(plain)
        bring = self._downloads.bring
        failed = bring(parts, self._is_here, progress)
        refused = list[Unavailable]()
        for item, below in parts.items():
            remote, path, digest = item
            if not digest.is_dir or item in failed:
                continue
            try:
                self._read_whole(digest)
            except ConfigError as error:
                where = (self._downloads.name(remote), str(error))
                refused.append(Unavailable(path, digest, Problem.NO_LISTING, *where))
                continue
            children = self._children(item, below)
            lost = bring(children, self._is_here, progress, most_lost=_MOST_LOST)
            if len(lost) > _MOST_LOST:
                progress(f"{path}: {len(lost)} of its objects are lost; the rest was not asked for")
            failed |= lost
        imports = [n for n in plain if n.stage.kind == "import"]
        retry = [n for n in imports if any(inside(path, n.out.path) for _, path, _ in failed)]
        if retry:
            problems += self._fetch_by_dvc(retry)
            retried = tuple(n.out.path for n in retry)
            failed = {k: v for k, v in failed.items() if not _wanted(k[1], retried)}
        problems += [
            Unavailable(path, digest, problem, self._downloads.name(remote))
            for (remote, path, digest), problem in sorted(failed.items(), key=lambda f: f[0][1])
        ]
        return (*problems, *refused)

    @cached_property
    def _downloads(self) -> Downloads:
        return Downloads(self.project, self.scratch)

    def listing(self, digest: Digest) -> dict[str, Digest]:
        """The files of a directory object: POSIX path below the directory -> digest.

        Raises:
            ConfigError: as `listed`.
        """
        return {path: Digest.of(digest.algorithm, md5) for path, md5 in self.listed(digest)}

    def listed(self, digest: Digest) -> Iterator[tuple[str, str]]:
        """The files of a directory object one by one, each with its MD5; none of a bad one.

        Raises:
            ConfigError: the object is no listing, or names what cannot be or would leave the
                directory.
        """
        self._read_whole(digest)
        yield from self._lines(digest)

    def _read_whole(self, digest: Digest) -> None:
        """See that a directory object is a listing to its end; nothing of it is kept."""
        if digest.value not in self._read:
            for _ in self._lines(digest):
                pass
            self._read.add(digest.value)

    def _lines(self, digest: Digest) -> Iterator[tuple[str, str]]:
        source = self.find(digest)
        if source is None or source.stat().st_size > _MAX_LISTING:
            raise ConfigError(f"directory object {digest} is missing or too large to read")
        with source.open("rb") as file:
            yield from self.read_listing(iter(lambda: file.read(CHUNK), b""), f"object {digest}")

    def _children(self, item: Item, below: tuple[str, ...]) -> Iterator[Item]:
        remote, path, digest = item
        for name, md5 in self.listed(digest):
            if _wanted(f"{path}/{name}", below):
                yield remote, f"{path}/{name}", Digest.of(digest.algorithm, md5)

    def _is_here(self, digest: Digest) -> bool:
        return self.find(digest) is not None

    def find(self, digest: Digest) -> Path | None:
        """A sound local copy of an object, else None."""
        for number, base in enumerate((self.user_cache(), self.scratch)):
            path = base / digest.object_path
            if self._is_sound(path, digest, number):
                return path
        return None

    def rehashed(self, digest: Digest, algorithm: Algorithm) -> Digest | None:
        """What an object's content is named by another algorithm; None where it is not here.

        Raises:
            ConfigError: as `listing`.
        """
        source = self.find(digest)
        if source is None:
            return None
        if not digest.is_dir:
            return Digest.of(algorithm, file_md5(source, algorithm))
        files = {}
        for name, md5 in self.listed(digest):
            found = self.rehashed(Digest.of(digest.algorithm, md5), algorithm)
            if found is None:
                return None
            files[name] = found.value
        return directory_digest(files, algorithm)

    def copy(self, digest: Digest, path: str, target: Path, below: tuple[str, ...] = ()) -> bool:
        """Lay an object (for a directory: its files) out at `target`, replacing what is there.

        `path` is the output's own path; with `below`, only the files needed are laid out.

        Returns:
            False where a part of it is not here (see `fetch`).

        Raises:
            ConfigError: as `listing`.
            UsageError: it cannot be laid out there.
        """
        try:
            return self._copy(digest, path, target, below)
        except OSError as error:
            raise UsageError(f"cannot lay out {path}: {error.strerror or error}") from error

    def _copy(self, digest: Digest, path: str, target: Path, below: tuple[str, ...]) -> bool:
        if target.is_symlink() or target.is_file():
            target.unlink()
        elif target.exists():
            shutil.rmtree(target)
        if not digest.is_dir:
            return self._copy_file(digest, target)
        if self.find(digest) is None:
            return False
        target.mkdir(parents=True)
        return all(
            self._copy_file(Digest.of(digest.algorithm, md5), target / name)
            for name, md5 in self.listed(digest)
            if _wanted(f"{path}/{name}", below)
        )

    def _copy_file(self, digest: Digest, target: Path) -> bool:
        patience().check()
        source = self.find(digest)
        if source is None:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return True

    def _is_sound(self, path: Path, digest: Digest, base: int) -> bool:
        now = _state(path)
        key = b"%d %s %s" % (base, digest.algorithm.encode(), _packed(digest.value))
        with self._lock:
            if now is None or self._bad.get(path) == now:
                return False
            if key in self._sound:
                return True
        try:
            sound = file_md5(path, digest.algorithm) == digest.value.removesuffix(".dir")
        except OSError:  # Closed to this user, or of a disk that fails: as good as none.
            sound = False
        if not sound:
            with self._lock:
                self._bad[path] = now
            return False
        with self._lock:
            self._sound.add(key)
        return True

    def _fetch_by_dvc(self, needs: list[Need]) -> list[Unavailable]:
        """Fetch what is not stored by content (imports, cloud versions) as DVC itself does."""
        from dvc.exceptions import DownloadError, DvcException

        problems = []
        for need in needs:
            digest = _locked(need)
            self._downloads.refuse_foreign(need.out.remote)
            if need.stage.kind == "import" and not self.project.may_import(need.stage.file):
                where = self._downloads.name(need.out.remote)
                problems.append(Unavailable(need.out.path, digest, Problem.MISSING, where))
                continue
            target = str(self.project.root / need.out.path)
            try:
                self.project.repo.fetch(targets=[target])
                for _ in range(2):  # The listing of a directory first, then what it lists.
                    if self._clear(need):
                        self.project.repo.fetch(targets=[target])
            except DownloadError:
                where = self._downloads.name(need.out.remote)
                problems.append(Unavailable(need.out.path, digest, Problem.MISSING, where))
            except DvcException as error:
                raise UnavailableError(f"cannot fetch {need.out.path}: {error}") from error
        return problems

    def _clear(self, need: Need) -> bool:
        """Remove damaged copies of a run that ended early, which DVC takes for sound."""
        digest = _locked(need)
        cleared = self._removed(digest)
        if digest.is_dir and not cleared and self._is_here(digest):
            with suppress(ConfigError):  # Whoever lays it out says what is wrong with a listing.
                for name, md5 in self.listed(digest):
                    if _wanted(f"{need.out.path}/{name}", need.below):
                        cleared |= self._removed(Digest.of(digest.algorithm, md5))
        return cleared

    def _removed(self, digest: Digest) -> bool:
        patience().check()
        copy = self.scratch / digest.object_path
        if self._is_here(digest) or _state(copy) is None:
            return False
        copy.unlink()
        return True


def _state(path: Path) -> tuple[int, ...] | None:
    """What tells a file from the one before it at its path; None where no file can be had."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _packed(value: str) -> bytes:
    """Half as many bytes as a digest has digits."""
    digits, dot, suffix = value.partition(".")
    try:
        return bytes.fromhex(digits) + f"{dot}{suffix}".encode()
    except ValueError:
        return value.encode()


def _wanted(path: str, below: tuple[str, ...]) -> bool:
    return not below or any(inside(path, part) for part in below)


def _parts(needs: Iterable[Need]) -> dict[tuple[str | None, str, Digest], tuple[str, ...]]:
    """Each object -> what all who need it need of it; empty means all of it."""
    found: dict[tuple[str | None, str, Digest], tuple[str, ...]] = {}
    for need in needs:
        key = (need.out.remote, need.out.path, _locked(need))
        before = found.get(key, need.below)
        found[key] = (*before, *need.below) if before and need.below else ()
    return found


def _locked(need: Need) -> Digest:
    assert need.out.locked is not None
    return need.out.locked
