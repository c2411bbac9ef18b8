"""A DVC remote as its configuration describes it."""

import re
from collections.abc import Mapping

from lockproof.errors import ConfigError

from .base import Made

_URL = re.compile(r"(?P<scheme>\w[\w+.-]*)://(?P<host>[^/?#]*)(?P<path>[^?#]*)")

# What DVC takes relative to the folder of the file that says it.
PATHS = (
    "url",
    "gdrive_user_credentials_file",
    "gdrive_service_account_json_file_path",
    "credentialpath",
    "configpath",
    "keyfile",
    "cert_path",
    "key_path",
)
# What makes somebody run a program, or read a file that can name one.
PROGRAMS = ("bearer_token_command", "configpath")


class ConfigFile(Made):
    """One configuration file of DVC, unread."""

    name: str
    folder: str
    """Absolute: where its relative paths start."""
    content: bytes
    committed: bool = False
    """Whether it comes from Git, so that whoever may push may have written it."""


class RemoteConfig(Made):
    """One remote, its references to others resolved."""

    name: str
    url: str
    options: Mapping[str, str] = {}
    """All other settings, as written."""

    @property
    def scheme(self) -> str:
        """`s3`, `gs`, `https`, …; `local` for a folder."""
        match = _URL.match(self.url)
        return match["scheme"].lower() if match and match["host"] else "local"

    @property
    def host(self) -> str:
        """The server or bucket; empty for a folder."""
        match = _URL.match(self.url)
        return match["host"] if match else ""

    @property
    def path(self) -> str:
        """The path on the server or in the bucket; for a folder, that folder."""
        match = _URL.match(self.url)
        return match["path"] if match else self.url

    @property
    def version_aware(self) -> bool:
        """Whether files are kept by the store's own version ids, not by content."""
        return self.flag("version_aware") or self.flag("worktree")

    @property
    def address(self) -> str:
        """The url without user, password and query, for people."""
        if self.scheme == "local":
            return self.url
        return f"{self.scheme}://{self.host.rpartition('@')[2]}{self.path}"

    def flag(self, option: str, *, default: bool = False) -> bool:
        """A setting that is true or false.

        Raises:
            ConfigError: it is neither.
        """
        value = self.options.get(option, str(default)).lower()
        if value not in ("true", "false"):
            raise ConfigError(f"remote {self.name!r}: {option} must be true or false")
        return value == "true"

    def number(self, option: str) -> float | None:
        """A setting that is a number; None where it is not there.

        Raises:
            ConfigError: it is not a positive number.
        """
        text = self.options.get(option)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf"):
            raise ConfigError(f"remote {self.name!r}: {option} must be a positive number")
        return value


class RemoteConfigs(Made):
    """Every remote that a project knows, by its name in lower case."""

    default: str | None = None
    sections: Mapping[str, Mapping[str, str]] = {}

    def over(self, other: "RemoteConfigs") -> "RemoteConfigs":
        """These settings, and those of `other` where these say nothing."""
        names = {**other.sections, **self.sections}
        return RemoteConfigs(
            default=self.default or other.default,
            sections={
                name: {**other.sections.get(name, {}), **self.sections.get(name, {})}
                for name in names
            },
        )

    def remote(self, name: str | None) -> RemoteConfig | None:
        """A remote, or the default one; None where there is none of this name.

        Raises:
            ConfigError: the remote has no url, or is built on one that cannot be resolved.
        """
        wanted = (name or self.default or "").lower()
        if wanted not in self.sections:
            return None
        url, options = self._resolved(wanted, ())
        return RemoteConfig(name=wanted, url=url, options=options)

    def _resolved(self, name: str, via: tuple[str, ...]) -> tuple[str, Mapping[str, str]]:
        section = self.sections.get(name)
        if section is None or name in via:
            chain = " -> ".join((*via, name))
            raise ConfigError(f"remote {chain}: no such remote, or one built on itself")
        options = {key: value for key, value in section.items() if key != "url"}
        url = section.get("url", "")
        if not url:
            raise ConfigError(f"remote {name!r} has no url: set it with 'dvc remote modify'")
        match = _URL.match(url)
        if not match or match["scheme"].lower() != "remote":
            return url, options
        base, inherited = self._resolved(match["host"].lower(), (*via, name))
        below = match["path"].lstrip("/")
        return f"{base}/{below}" if below else base, {**inherited, **options}
