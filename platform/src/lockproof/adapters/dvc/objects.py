"""DVC objects: found in the user's cache, fetched from remotes, laid out in a checkout.

The user's cache is only ever read. What is fetched goes to a scratch cache, and every object is
hashed once before it is used: one that is corrupted is named, and never blamed on the pipeline.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from lockproof.adapters.hashing import CHUNK, file_md5
from lockproof.adapters.patience import patience
from lockproof.adapters.plugins import require_plugin
from lockproof.errors import ConfigError, LockproofError, UnavailableError, UsageError
from lockproof.model.digest import Algorithm, Digest, directory_digest
from lockproof.model.pipeline import Out, Stage, inside
from lockproof.model.remote import RemoteConfig

from .project import Project

_MAX_LISTING = 1 << 30
_ATTEMPTS = 3


class Problem(StrEnum):
    """Why an object cannot be had."""

    MISSING = "missing"
    CORRUPTED = "corrupted"
    NO_REMOTE = "no remote"
    NO_LISTING = "no valid listing"


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
    jobs: int = 8
    _sound: set[tuple[str, str]] = field(default_factory=set)
    _bad: set[Path] = field(default_factory=set)
    _remotes: dict[str | None, Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

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
        failed = self._fetch_objects(parts, progress)
        children, refused = set(), list[Unavailable]()
        for (remote, path, digest), below in parts.items():
            if digest.is_dir and (remote, path, digest) not in failed:
                try:
                    listed = self.listing(digest)
                except ConfigError as error:
                    where = (self._name(remote), str(error))
                    refused.append(Unavailable(path, digest, Problem.NO_LISTING, *where))
                    continue
                for name, child in listed.items():
                    if _wanted(f"{path}/{name}", below):
                        children.add((remote, f"{path}/{name}", child))
        failed |= self._fetch_objects(children, progress)
        imports = [n for n in plain if n.stage.kind == "import"]
        retry = [n for n in imports if any(inside(path, n.out.path) for _, path, _ in failed)]
        if retry:
            problems += self._fetch_by_dvc(retry)
            retried = tuple(n.out.path for n in retry)
            failed = {k: v for k, v in failed.items() if not _wanted(k[1], retried)}
        problems += [
            Unavailable(path, digest, problem, self._name(remote))
            for (remote, path, digest), problem in sorted(failed.items(), key=lambda f: f[0][1])
        ]
        return (*problems, *refused)

    def listing(self, digest: Digest) -> dict[str, Digest]:
        """The files of a directory object: POSIX path below the directory -> digest.

        Raises:
            ConfigError: the object is no listing, or names what cannot be or would leave the
                directory.
        """
        source = self.find(digest)
        if source is None or source.stat().st_size > _MAX_LISTING:
            raise ConfigError(f"directory object {digest} is missing or too large to read")
        with source.open("rb") as file:
            listed = self.read_listing(iter(lambda: file.read(CHUNK), b""), f"object {digest}")
            return {path: Digest.of(digest.algorithm, md5) for path, md5 in listed}

    def find(self, digest: Digest) -> Path | None:
        """A sound local copy of an object, else None."""
        for base in (self.user_cache(), self.scratch):
            path = base / digest.object_path
            if path in self._bad or not path.is_file():
                continue
            if self._is_sound(path, digest):
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
        for name, child in self.listing(digest).items():
            found = self.rehashed(child, algorithm)
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
            self._copy_file(child, target / name)
            for name, child in self.listing(digest).items()
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

    def _is_sound(self, path: Path, digest: Digest) -> bool:
        key = (str(path), digest.value)
        with self._lock:
            if key in self._sound:
                return True
        if file_md5(path, digest.algorithm) != digest.value.removesuffix(".dir"):
            self._bad.add(path)
            return False
        with self._lock:
            self._sound.add(key)
        return True

    def _fetch_objects(
        self,
        wanted: Iterable[tuple[str | None, str, Digest]],
        progress: Callable[[str], None],
    ) -> dict[tuple[str | None, str, Digest], Problem]:
        todo = [item for item in sorted(set(wanted), key=repr) if self.find(item[2]) is None]
        if not todo:
            return {}
        progress(f"fetching {len(todo)} objects")
        unique = list(dict.fromkeys((remote, digest) for remote, _, digest in todo))
        with ThreadPoolExecutor(self.jobs) as pool:
            found = pool.map(lambda item: self._download(*item), unique)
            outcomes = dict(zip(unique, found, strict=True))
        return {
            item: problem for item in todo if (problem := outcomes[(item[0], item[2])]) is not None
        }

    def _download(self, remote: str | None, digest: Digest) -> Problem | None:
        odb = self._odb(remote, digest.algorithm)
        if odb is None:
            return Problem.NO_REMOTE
        target = self.scratch / digest.object_path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{threading.get_ident()}")
        source = odb.oid_to_path(digest.value)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                odb.fs.get_file(source, str(temporary))
                break
            except FileNotFoundError:
                return self._missing(odb)
            except LockproofError:
                raise
            except Exception as error:
                if attempt == _ATTEMPTS:
                    raise self._unreachable(remote, error) from error
        if file_md5(temporary, digest.algorithm) != digest.value.removesuffix(".dir"):
            temporary.unlink()
            return Problem.CORRUPTED
        os.replace(temporary, target)
        return None

    def _missing(self, odb: Any) -> Problem:
        # A folder that is not there at all is an unmounted disk, not a lost object.
        if odb.fs.protocol == "local" and not any(
            Path(folder).is_dir() for folder in (odb.path, Path(odb.path).parent.parent)
        ):
            raise UnavailableError(
                f"the remote folder {Path(odb.path).parent.parent} is not there:"
                " mount it, or set the remote's url with 'dvc remote modify'"
            )
        return Problem.MISSING

    def _odb(self, name: str | None, algorithm: str) -> Any:
        from dvc.config import NoRemoteError

        self._refuse_foreign(name)
        with self._lock:
            if name not in self._remotes:
                section = self.project.repo.config["remote"].get(self._name(name), {})
                require_plugin(RemoteConfig(name=self._name(name), url=str(section.get("url", ""))))
                try:
                    self._remotes[name] = self.project.repo.cloud.get_remote(name)
                except NoRemoteError:
                    self._remotes[name] = None
                except Exception as error:
                    what = f"DVC cannot use remote {name or 'default'}: {error}"
                    raise ConfigError(what) from error
            remote = self._remotes[name]
            if remote is None:
                return None
            return remote.legacy_odb if algorithm == "md5-dos2unix" else remote.odb

    def _refuse_foreign(self, remote: str | None) -> None:
        name = self._name(remote)
        if self.project.is_foreign(remote):
            raise ConfigError(
                f"remote {name!r} is defined by the commit alone, so nothing is sent there: define"
                f" it for yourself with 'dvc remote add --local {name} URL', or merge the change of"
                " .dvc/config first"
            )

    def _name(self, remote: str | None) -> str:
        return str(remote or self.project.repo.config["core"].get("remote") or "(none)")

    def _unreachable(self, remote: str | None, error: Exception) -> UnavailableError:
        return UnavailableError(
            f"remote {self._name(remote)!r} does not answer:"
            f" {str(error) or type(error).__name__} (check the network and the credentials)"
        )

    def _fetch_by_dvc(self, needs: list[Need]) -> list[Unavailable]:
        """Fetch what is not stored by content (imports, cloud versions) as DVC itself does."""
        from dvc.exceptions import DownloadError, DvcException

        problems = []
        for need in needs:
            digest = _locked(need)
            self._refuse_foreign(need.out.remote)
            if need.stage.kind == "import" and not self.project.may_import(need.stage.file):
                where = self._name(need.out.remote)
                problems.append(Unavailable(need.out.path, digest, Problem.MISSING, where))
                continue
            try:
                self.project.repo.fetch(targets=[str(self.project.root / need.out.path)])
            except DownloadError:
                problems.append(
                    Unavailable(need.out.path, digest, Problem.MISSING, self._name(need.out.remote))
                )
            except DvcException as error:
                raise UnavailableError(f"cannot fetch {need.out.path}: {error}") from error
        return problems


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
