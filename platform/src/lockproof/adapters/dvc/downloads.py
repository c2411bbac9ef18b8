"""Single objects from DVC's remotes, each hashed before it counts as here."""

import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from lockproof.adapters.hashing import file_md5
from lockproof.adapters.own_folder import own_folder
from lockproof.adapters.patience import patience
from lockproof.adapters.plugins import require_plugin
from lockproof.errors import ConfigError, LockproofError, UnavailableError
from lockproof.model.digest import Digest
from lockproof.model.remote import RemoteConfig

from .project import Project

_ATTEMPTS = 3
_BATCH = 10_000
"""Objects that are looked at together: what is known of them takes some 10 MB."""
_LOOK = 0.2
"""Seconds after which it is asked again whether anybody waits for it."""
_T = TypeVar("_T")

Item = tuple[str | None, str, Digest]
"""The remote that is asked (None: the default), the path that it is for, and the object."""


class Problem(StrEnum):
    """Why an object cannot be had."""

    MISSING = "missing"
    CORRUPTED = "corrupted"
    NO_REMOTE = "no remote"
    NO_LISTING = "no valid listing"


@dataclass
class Downloads:
    """Brings objects from a project's remotes into a scratch cache."""

    project: Project
    scratch: Path
    jobs: int = 8
    """How many at a time."""
    _remotes: dict[str | None, Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def bring(
        self,
        wanted: Iterable[Item],
        is_here: Callable[[Digest], bool],
        progress: Callable[[str], None],
        *,
        most_lost: int | None = None,
    ) -> dict[Item, Problem]:
        """Bring what is not here, side by side; memory does not grow with how many come.

        Args:
            wanted: what is needed; it is read little by little.
            is_here: whether a sound copy of an object is here.
            progress: told how many are fetched.
            most_lost: end once more than this cannot be had.

        Returns:
            What cannot be had.

        Raises:
            UnavailableError: a remote does not answer.
            ConfigError: a remote is not configured as DVC needs it.
        """
        lost: dict[Item, Problem] = {}
        fetched = 0
        with ThreadPoolExecutor(self.jobs) as pool:
            for batch in _batches(wanted, _BATCH):
                patience().check()
                todo = [item for item in dict.fromkeys(batch) if not is_here(item[2])]
                if not todo:
                    continue
                fetched += len(todo)
                progress(f"fetching {fetched} objects")
                unique = list(dict.fromkeys((remote, digest) for remote, _, digest in todo))
                futures = {each: pool.submit(self.download, *each) for each in unique}
                try:
                    outcomes = {each: _result(future) for each, future in futures.items()}
                finally:  # Called off, or the remote does not answer.
                    for future in futures.values():
                        future.cancel()
                for item in todo:
                    problem = outcomes[item[0], item[2]]
                    if problem is not None:
                        lost[item] = problem
                if most_lost is not None and len(lost) > most_lost:
                    break
        return lost

    def download(self, remote: str | None, digest: Digest) -> Problem | None:
        """Bring one object.

        Returns:
            Why it cannot be had although the remote answers; None where it is here now.

        Raises:
            UnavailableError: the remote does not answer.
            ConfigError: it is not configured as DVC needs it, or the commit alone names it.
        """
        odb = self._odb(remote, digest.algorithm)
        if odb is None:
            return Problem.NO_REMOTE
        *folders, name = digest.object_path.split("/")
        source = odb.oid_to_path(digest.value)
        failed, wrong = 0, list[str]()
        with (
            own_folder(self.scratch, folders) as folder,
            TemporaryDirectory(prefix=".new-", dir=self.scratch) as new,
        ):
            temporary = Path(new, "object")
            while len(wrong) < _ATTEMPTS:
                try:
                    odb.fs.get_file(source, str(temporary))
                except FileNotFoundError:
                    return self._missing(odb)
                except LockproofError:
                    raise
                except Exception as error:
                    failed += 1
                    if failed == _ATTEMPTS:
                        raise self._unreachable(remote, error) from error
                    continue
                found = file_md5(temporary, digest.algorithm)
                if found == digest.value.removesuffix(".dir"):
                    os.replace(temporary, name, dst_dir_fd=folder)
                    return None
                if found in wrong:
                    self._refuse_spoilt(remote, odb, source, temporary.stat().st_size)
                    return Problem.CORRUPTED
                # Or the answer was cut on its way, which not every store lets one see.
                wrong.append(found)
        raise self._unreachable(
            remote, ValueError(f"it gives another content of {digest} each time that it is asked")
        )

    def _refuse_spoilt(self, remote: str | None, odb: Any, source: str, size: int) -> None:
        """See that what came, `size` bytes, is what the store holds, and not what is on the way.

        A proxy may cut each answer at the same place, or ask for a login in its stead.

        Raises:
            UnavailableError: it is not, or nobody can tell.
        """
        try:
            held = odb.fs.info(source).get("size")
            others = odb.fs.exists(odb.oid_to_path(secrets.token_hex(16)))
        except Exception as error:
            raise self._unreachable(remote, error) from error
        if held is None or int(held) != size:
            why = f"it sent {size:,} bytes in place of an object, and"
            told = "does not say how many" if held is None else f"says that there are {held:,}"
            raise self._unreachable(remote, ValueError(f"{why} {told}"))
        if others:
            why = "it has an answer for an object that nobody made, as a page that asks for a login"
            raise self._unreachable(remote, ValueError(why))

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

        self.refuse_foreign(name)
        with self._lock:
            if name not in self._remotes:
                section = self.project.repo.config["remote"].get(self.name(name), {})
                require_plugin(RemoteConfig(name=self.name(name), url=str(section.get("url", ""))))
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

    def refuse_foreign(self, remote: str | None) -> None:
        """See that not the commit alone says where the remote is.

        Raises:
            ConfigError: it does.
        """
        name = self.name(remote)
        if self.project.is_foreign(remote):
            raise ConfigError(
                f"remote {name!r} is defined by the commit alone, so nothing is sent there: define"
                f" it for yourself with 'dvc remote add --local {name} URL', or merge the change of"
                " .dvc/config first"
            )

    def name(self, remote: str | None) -> str:
        """What a remote is called; None is the default one."""
        return str(remote or self.project.repo.config["core"].get("remote") or "(none)")

    def _unreachable(self, remote: str | None, error: Exception) -> UnavailableError:
        return UnavailableError(
            f"remote {self.name(remote)!r} does not answer:"
            f" {str(error) or type(error).__name__} (check the network and the credentials)"
        )


def _result(future: Future[_T]) -> _T:
    while not wait([future], _LOOK).done:
        patience().check()
    patience().check()
    return future.result()


def _batches(items: Iterable[_T], count: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, count)):
        yield batch
