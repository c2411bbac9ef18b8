"""Hand the package index a user configured for pip to uv, and the other way round.

Either tool reads only its own settings; a machine behind a mirror often has only pip's.
Values are never printed: an index address can hold a password.
"""

import configparser
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

UV_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
UV_EXTRA_INDEXES = ("UV_INDEX", "UV_EXTRA_INDEX_URL")


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """pip's settings for `pip install`, from its files and then its variables, by option name."""
    found: dict[str, str] = {}
    for file in _pip_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue  # pip itself says what is wrong with it
        for section in ("global", "install"):
            if parser.has_section(section):
                found |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name[4:].lower().replace("_", "-")] = value
    return found


def for_uv(environ: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: what uv was not told itself is taken from pip's settings."""
    result = dict(environ) | {"UV_PYTHON_DOWNLOADS": "never"}

    def give(name: str, value: str | None) -> None:
        if value and not result.get(name):
            result[name] = value

    if not _uv_knows_an_index(environ):
        give("UV_DEFAULT_INDEX", pip.get("index-url"))
        give("UV_INDEX", " ".join(pip.get("extra-index-url", "").split()))
        give("UV_FIND_LINKS", ",".join(_links(pip.get("find-links", ""))))
        give("UV_NO_INDEX", "1" if pip.get("no-index", "0").lower() in {"1", "true", "yes"} else "")
    give("UV_INSECURE_HOST", " ".join(pip.get("trusted-host", "").split()))
    timeout = pip.get("timeout") or pip.get("default-timeout") or ""
    give("UV_HTTP_TIMEOUT", timeout if timeout.isdecimal() else "")
    certificates = pip.get("cert") or ""
    give("SSL_CERT_FILE", certificates if Path(certificates).is_file() else "")
    # As pip does, which on Debian trusts what the machine trusts; uv alone has a list of its own.
    give("UV_SYSTEM_CERTS", "true")
    if not _has_proxy(environ):
        give("HTTPS_PROXY", pip.get("proxy"))
        give("HTTP_PROXY", pip.get("proxy"))
    return result


def for_pip(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for pip: what pip was not told itself is taken from uv's variables."""
    pip = pip_settings(environ)
    result = dict(environ) | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def give(option: str, value: str) -> None:
        if value and option not in pip:
            result["PIP_" + option.upper().replace("-", "_")] = value

    def plain(names: tuple[str, ...]) -> str:
        listed = [address for name in names for address in environ.get(name, "").split()]
        return " ".join(re.sub(r"^[\w.-]+=", "", address) for address in listed)

    if "index-url" not in pip:
        give("index-url", plain(UV_INDEXES).partition(" ")[0])
        give("extra-index-url", plain(UV_EXTRA_INDEXES))
        give("find-links", environ.get("UV_FIND_LINKS", "").replace(",", " "))
    give("trusted-host", environ.get("UV_INSECURE_HOST", ""))
    return result


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """pip's configuration files in the order in which pip reads them."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    home = Path(environ.get("HOME") or "~").expanduser()
    for folder in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"):
        if folder:
            yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    own = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    yield own / "pip" / "pip.conf"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    if named:
        yield Path(named)


def _uv_knows_an_index(environ: Mapping[str, str]) -> bool:
    if any(environ.get(name) for name in (*UV_INDEXES, *UV_EXTRA_INDEXES, "UV_CONFIG_FILE")):
        return True
    home = Path(environ.get("HOME") or "~").expanduser()
    own = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    for file in (own / "uv" / "uv.toml", Path("/etc/uv/uv.toml")):
        try:
            if "index" in file.read_text("utf-8"):
                return True
        except (OSError, UnicodeDecodeError):
            continue
    return False


def _links(value: str) -> Iterator[str]:
    """Places of wheels that exist: uv stops at a folder that does not, pip goes on."""
    for place in value.split():
        if "://" in place or Path(place).is_dir():
            yield place


def _has_proxy(environ: Mapping[str, str]) -> bool:
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    return any(environ.get(name) for name in names)
