"""Where a commit wants packages from: not from outside of it, and not with a user's credentials."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lockproof.errors import ConfigError

from .passwords import without_users

_SAFE = ("https", "git+https", "git+ssh", "ssh")
_PLAIN = ("http", "git+http")
_OWN_MACHINE = ("localhost", "127.0.0.1", "::1")
_PUBLIC = frozenset(("pypi.org", "files.pythonhosted.org"))
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_HOST = re.compile(r"https?://(\[[^][/\s]*\]|[^/\s:\"',\]]+)")
_NAMED = re.compile(r"UV_INDEX_(\w+)_(?:USERNAME|PASSWORD)")
_SETTINGS = re.compile(r"(?:PIP|UV)_(?:DEFAULT_INDEX|INDEX|(?:EXTRA_)?INDEX_URL|FIND_LINKS)")


@dataclass(frozen=True)
class Places:
    """Where a commit's own files say that packages are."""

    hosts: frozenset[str] = frozenset()
    indexes: Mapping[str, str] | None = None
    """Name of an index as variables write it (`MY_INDEX`) -> its host."""

    def foreign(self, vouched: str) -> frozenset[str]:
        """Hosts that are neither public nor in the user's own settings, given as one text."""
        own = {host.lower() for host in _HOST.findall(without_users(vouched))}
        return self.hosts - _PUBLIC - own


NOWHERE = Places()


def host_of(source: str, folder: Path, root: Path, where: str) -> str | None:
    """The host of a package's or an index's address; None where it is a path.

    Args:
        source: the address as written.
        folder: where relative paths start.
        root: what they may not leave.
        where: the file and line, for messages.

    Raises:
        ConfigError: the path leads out of the repository, or the address is of a kind that can
            run a program, read any file or send a password in the clear.
    """
    if not _SCHEME.match(source):
        path = folder / source.partition("#")[0]
        real = Path(os.path.realpath(path))
        if not (real.is_relative_to(root) and Path(os.path.normpath(path)).is_relative_to(root)):
            raise ConfigError(f"{where}: '{source}' is outside of the repository")
        return None
    try:
        parts = urlsplit(source)
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise ConfigError(f"{where}: '{source}' is no address: {error}") from error
    if host and (parts.scheme in _SAFE or (parts.scheme in _PLAIN and host in _OWN_MACHINE)):
        return host
    raise ConfigError(
        f"{where}: '{parts.scheme}:' is not a way to get packages: use https, or a path in the"
        " repository"
    )


def without_credentials(
    environ: Mapping[str, str], places: Places, vouched: str, spare: Path
) -> dict[str, str]:
    """Variables of an installer, without what a host that only the commit names would be sent.

    Installers choose credentials by the host, or by the name of an index, and a `default` of a
    netrc file goes to every host: where there is a foreign one, only those stay that are written
    in the address of the user's own index.

    Args:
        environ: the variables.
        places: what the commit names.
        vouched: the user's own settings, in which hosts are looked for.
        spare: a folder that is not there, for a home.
    """
    foreign = places.foreign(vouched)
    kept = dict(environ)
    for name in environ:
        match = _NAMED.fullmatch(name)
        if match and (places.indexes or {}).get(match[1]) in foreign:
            del kept[name]
    if not foreign:
        return kept
    home = environ.get("HOME") or os.path.expanduser("~")
    config = Path(environ.get("XDG_CONFIG_HOME") or f"{home}/.config")
    own = config / "pip" / "pip.conf"
    if own.is_file():
        kept.setdefault("PIP_CONFIG_FILE", str(own))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "UV_CREDENTIALS_DIR"):
        kept.pop(name, None)
    for name in ("SSL_CLIENT_CERT", "PIP_CLIENT_CERT"):
        kept.pop(name, None)
    return kept | {
        "HOME": str(spare),
        "XDG_CACHE_HOME": environ.get("XDG_CACHE_HOME") or f"{home}/.cache",
        "NETRC": os.devnull,
        "PIP_KEYRING_PROVIDER": "disabled",
        "UV_KEYRING_PROVIDER": "disabled",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


def settings_text(environ: Mapping[str, str], *files: Path) -> str:
    """The user's own settings that name indexes, for `Places.foreign`."""
    texts = [value for name, value in environ.items() if _SETTINGS.fullmatch(name)]
    for file in files:
        try:
            texts.append(file.read_text("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(texts)
