"""The store of a remote, by the scheme of its url."""

from lockproof.adapters.plugins import require_plugin
from lockproof.errors import MissingExtraError
from lockproof.model.remote import RemoteConfig

from .interface import Store


def open_store(remote: RemoteConfig, *, jobs: int, timeout: float) -> Store:
    """Make the store of a remote; nothing is sent yet.

    Args:
        remote: where it is.
        jobs: how many threads will ask at once.
        timeout: seconds to wait for a connection or for the next bytes of an answer.

    Raises:
        ConfigError: the remote's settings do not make sense.
        MissingExtraError: what talks to this kind of store is not installed.
    """
    if remote.scheme == "local":
        from .folder import LocalStore

        return LocalStore(remote)
    if remote.scheme == "s3":
        try:
            from .s3 import S3Store
        except ImportError as error:
            raise MissingExtraError("gate-s3", f"remote {remote.name!r}") from error

        return S3Store(remote, jobs=jobs, timeout=timeout)
    require_plugin(remote)
    from .dvc import DvcStore

    return DvcStore(remote)
