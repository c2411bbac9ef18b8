"""A remote that is a folder."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lockproof.adapters.files import write_whole
from lockproof.errors import UsageError
from lockproof.model.remote import RemoteConfig

from .interface import Held, Page, StoreError

_CHUNK = 1 << 20
_NONE = (errno.ENOENT, errno.ENOTDIR)


class LocalStore:
    """A folder of this machine, or one that is mounted."""

    can_list = False  # Asking for one object costs no more than its entry in a listing.

    def __init__(self, remote: RemoteConfig) -> None:
        """Take the folder that the remote's url names."""
        self.remote = remote
        self._root = remote.path

    def check(self) -> None:
        """A folder that is not there is an unmounted disk, not a lost object."""
        if not os.path.isdir(self._root):
            raise StoreError(
                self.remote,
                "the folder is not there",
                transient=False,
                advice="mount it, or set its url with 'dvc remote modify'",
            )

    def page(self, folder: str, after: str) -> Page:
        """Never asked for: see `can_list`."""
        raise NotImplementedError

    def head(self, path: str, version: str | None = None) -> Held | None:
        """Size of a regular file; anything else there is no object."""
        try:
            info = os.lstat(self._path(path))
        except OSError as error:
            if error.errno in _NONE:
                return None
            raise self._broken(error) from error
        return Held(info.st_size) if stat.S_ISREG(info.st_mode) else None

    def read(self, path: str, version: str | None = None) -> Iterator[bytes]:
        """The content, without following a link."""
        try:
            handle = os.open(self._path(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (*_NONE, errno.ELOOP):
                raise FileNotFoundError(path) from error
            raise self._broken(error) from error
        with open(handle, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FileNotFoundError(path)
            while True:
                try:
                    chunk = file.read(_CHUNK)
                except OSError as error:
                    raise self._broken(error) from error
                if not chunk:
                    return
                yield chunk

    def put(self, path: str, content: bytes) -> None:
        """Write aside, then give it its name."""
        try:
            write_whole(self._path(path), content)
        except UsageError as error:
            raise StoreError(
                self.remote, str(error), transient=False, advice="see who may write there"
            ) from error

    def close(self) -> None:
        """Nothing is held open."""

    def _path(self, path: str) -> Path:
        return Path(self._root, path)

    def _broken(self, error: OSError) -> StoreError:
        reason = error.strerror or str(error)
        denied = error.errno in (errno.EACCES, errno.EPERM)
        return StoreError(self.remote, reason, transient=not denied)
