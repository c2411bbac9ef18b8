"""Every other kind of remote, through DVC's own file systems (gs, azure, ssh, webdav, http, …)."""

import logging
import os
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lockproof.adapters.scratch import temporary_folder
from lockproof.errors import ConfigError
from lockproof.model.remote import RemoteConfig

from .interface import Held, Page, StoreError

_CHUNK = 1 << 20


class DvcStore:
    """A store that one of DVC's plugins reaches."""

    def __init__(self, remote: RemoteConfig) -> None:
        """Make DVC's file system with the remote's settings.

        Raises:
            ConfigError: DVC refuses the settings, or what the plugin needs is not installed.
        """
        from dvc.config import ConfigError as DvcConfigError
        from dvc.fs import RemoteMissingDepsError, get_cloud_fs
        from dvc_objects.fs.errors import ConfigError as PluginConfigError

        logging.getLogger("dvc").setLevel(logging.CRITICAL)
        os.environ.setdefault("DVC_NO_ANALYTICS", "1")
        self.remote = remote
        section = {**remote.options, "url": remote.url}
        try:
            kind, settings, self._root = get_cloud_fs(
                {"remote": {remote.name: section}}, name=remote.name
            )
            self._fs: Any = kind(**settings)
        except RemoteMissingDepsError as error:
            raise ConfigError(f"remote {remote.name!r}: {error}") from error
        except (DvcConfigError, PluginConfigError) as error:
            raise ConfigError(f"remote {remote.name!r}: {error}") from error
        self.can_list = bool(self._fs.CAN_TRAVERSE)

    def check(self) -> None:
        """Nothing: what a missing bucket or folder looks like differs from plugin to plugin."""

    def page(self, folder: str, after: str) -> Page:
        """All that is right below the folder: the plugins do not list in parts."""
        path = self._path(folder.rstrip("/"))
        try:
            entries = self._ask(lambda: self._fs.ls(path, detail=True))
        except FileNotFoundError:
            return Page({}, more=False)
        found = {
            self._fs.name(entry["name"]): self._held(entry)
            for entry in entries
            if entry.get("type") == "file"
        }
        return Page({n: found[n] for n in sorted(found) if n > after}, more=False)

    def head(self, path: str, version: str | None = None) -> Held | None:
        """What the file system says of one object."""
        try:
            info = self._ask(lambda: self._fs.info(self._path(path, version)))
        except FileNotFoundError:
            return None
        return self._held(info) if info.get("type") == "file" else None

    def read(self, path: str, version: str | None = None) -> Iterator[bytes]:
        """The content, by way of a temporary file: not every plugin reads in pieces."""
        with temporary_folder() as folder:
            target = folder / "object"
            self._ask(lambda: self._fs.get_file(self._path(path, version), str(target)))
            with target.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk

    def put(self, path: str, content: bytes) -> None:
        """Write an object by way of a temporary file; readers check what they get."""
        full = self._path(path)
        with temporary_folder() as folder:
            source = folder / "object"
            source.write_bytes(content)
            self._ask(lambda: self._fs.makedirs(self._fs.parent(full), exist_ok=True))
            self._ask(lambda: self._fs.put_file(str(source), full))

    def close(self) -> None:
        """Close the session of a web client, which would complain at exit; others have none."""
        inner = self._fs.fs
        session = getattr(inner, "_session", None)
        if session is not None and hasattr(inner, "close_session"):
            inner.close_session(inner.loop, session)
            inner._session = None

    def _path(self, path: str, version: str | None = None) -> Any:
        full = self._fs.join(self._root, *path.split("/"))
        return self._fs.version_path(full, version) if version else full

    def _held(self, info: dict[str, Any]) -> Held:
        size = info.get("size")
        etag = info.get("etag") or info.get("ETag")
        return Held(
            None if size is None else int(size), computed_md5(info), etag and str(etag).strip('"')
        )

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except FileNotFoundError as error:
            # The HTTP file system calls every failure by this name.
            status = getattr(error.__cause__, "status", None)
            if (
                error.__cause__ is None
                or status in (404, 410)
                or isinstance(error.__cause__, FileNotFoundError)
            ):
                raise
            raise self._broken(error.__cause__) from error
        except ConfigError:
            raise
        except Exception as error:
            raise self._broken(error) from error

    def _broken(self, error: BaseException) -> StoreError:
        denied = getattr(error, "status", None) in (401, 403) or isinstance(error, PermissionError)
        reason = str(error) or type(error).__name__
        return StoreError(self.remote, reason, transient=not denied)


def computed_md5(info: Mapping[str, Any]) -> str | None:
    """The MD5 that a store computed of an object's content, 32 hex digits.

    Google Cloud Storage does, but for objects composed of others. Azure's `content_md5` is what an
    uploader stated, which the service keeps as it is where the upload came in blocks: no proof.

    Args:
        info: what the plugin's file system says of the object.
    """
    stated = info.get("md5Hash")
    try:
        raw = b64decode(stated, validate=True) if isinstance(stated, str) else b""
    except ValueError:
        return None
    return raw.hex() if len(raw) == 16 else None
