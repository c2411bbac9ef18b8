"""DVC and its plugins for kinds of remotes, each by an extra of lockproof."""

from importlib.util import find_spec
from typing import NamedTuple

from lockproof.errors import MissingExtraError
from lockproof.model.remote import RemoteConfig


class Plugin(NamedTuple):
    """What brings a kind of remote, and by what it is known to be there."""

    extra: str
    module: str


PLUGINS = {
    "azure": Plugin("azure", "dvc_azure"),
    "gdrive": Plugin("gdrive", "dvc_gdrive"),
    "gs": Plugin("gs", "dvc_gs"),
    "hdfs": Plugin("hdfs", "dvc_hdfs"),
    "oss": Plugin("oss", "dvc_oss"),
    "s3": Plugin("s3", "dvc_s3"),
    "ssh": Plugin("ssh", "dvc_ssh"),
    "webdav": Plugin("webdav", "dvc_webdav"),
    "webdavs": Plugin("webdav", "dvc_webdav"),
    "webhdfs": Plugin("webhdfs", "dvc_webhdfs"),
}
"""Scheme of a url -> what is needed for it; the gate reads folders by itself."""

_DVC = Plugin("dvc", "dvc")


def extra_for(scheme: str) -> str | None:
    """The extra of lockproof that brings what such remotes take; None where nothing is needed."""
    return None if scheme == "local" else PLUGINS.get(scheme, _DVC).extra


def require_dvc(purpose: str) -> None:
    """Let nobody wait until it turns out that DVC is not here.

    Raises:
        MissingExtraError: it is not installed.
    """
    if find_spec(_DVC.module) is None:
        raise MissingExtraError(_DVC.extra, purpose)


def has_plugin(remote: RemoteConfig) -> bool:
    """Whether what such a remote takes is installed."""
    return remote.scheme == "local" or find_spec(_plugin(remote).module) is not None


def require_plugin(remote: RemoteConfig) -> None:
    """Let nobody work for minutes before it turns out that a remote cannot be asked.

    Raises:
        MissingExtraError: what such a remote takes is not installed.
    """
    if not has_plugin(remote):
        raise MissingExtraError(_plugin(remote).extra, f"remote {remote.name!r} ({remote.scheme})")


def _plugin(remote: RemoteConfig) -> Plugin:
    return PLUGINS.get(remote.scheme, _DVC)  # Web servers come with DVC itself.
