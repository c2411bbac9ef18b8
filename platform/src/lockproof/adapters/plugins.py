"""What reaches a kind of remote: DVC's plugins, each by an extra of lockproof."""

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
"""Scheme of a url -> what DVC needs for it; folders and web servers need nothing."""


def extra_for(scheme: str) -> str | None:
    """The extra of lockproof that brings what such remotes take; None where nothing is needed."""
    plugin = PLUGINS.get(scheme)
    return plugin.extra if plugin else None


def has_plugin(remote: RemoteConfig) -> bool:
    """Whether what such a remote takes is installed."""
    plugin = PLUGINS.get(remote.scheme)
    return plugin is None or find_spec(plugin.module) is not None


def require_plugin(remote: RemoteConfig) -> None:
    """Let nobody work for minutes before it turns out that a remote cannot be asked.

    Raises:
        MissingExtraError: what such a remote takes is not installed.
    """
    if not has_plugin(remote):
        extra = PLUGINS[remote.scheme].extra
        raise MissingExtraError(extra, f"remote {remote.name!r} ({remote.scheme})")
