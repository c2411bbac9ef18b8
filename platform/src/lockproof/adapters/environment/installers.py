"""Builds virtual environments with `uv`, or with `python -m venv` and pip where there is no uv."""

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lockproof.errors import ConfigError, LockproofError, UnavailableError, UsageError

from .interpreters import Interpreter, search_path
from .passwords import without_users
from .pins import normalised
from .places import NOWHERE, Places, settings_text, without_credentials
from .variables import LOCALE, NETWORK, selected

_PASSED = (
    *LOCALE,
    *NETWORK,
    *("HOME", "TMPDIR", "XDG_*", "NETRC", "PYTHON_KEYRING_BACKEND", "SSL_CLIENT_CERT"),
    # Where packages come from; not what gets installed or where to, which the recipe says.
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CERT"),
    *("PIP_TRUSTED_HOST", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_CONFIG_FILE", "PIP_CACHE_DIR"),
    *("PIP_NO_CACHE_DIR", "PIP_*TIMEOUT", "PIP_RETRIES", "PIP_KEYRING_PROVIDER"),
    *("PIP_ONLY_BINARY", "PIP_NO_BINARY", "PIP_PREFER_BINARY"),
    *("UV_INDEX*", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"),
    *("UV_KEYRING_PROVIDER", "UV_INSECURE_HOST", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS"),
    *("UV_OFFLINE", "UV_CACHE_DIR", "UV_NO_CACHE", "UV_CONFIG_FILE", "UV_NO_CONFIG", "UV_HTTP_*"),
    *("UV_REQUEST_TIMEOUT", "UV_CONCURRENT_*", "UV_LINK_MODE", "UV_NO_BUILD*", "UV_NO_BINARY*"),
    *("UV_PYTHON_INSTALL_DIR", "UV_CREDENTIALS_DIR"),
    # What packages without a wheel are compiled with.
    *("CC", "CXX", "FC", "AR", "LD", "*FLAGS", "CMAKE_*", "PKG_CONFIG_*", "CUDA_HOME", "CUDA_PATH"),
    *("CPATH", "LIBRARY_PATH", "LD_LIBRARY_PATH", "SDKROOT", "MACOSX_DEPLOYMENT_TARGET"),
)


@dataclass(frozen=True)
class Recipe:
    """An environment to build: exactly these packages on this Python."""

    name: str
    """As the policy names it."""
    interpreter: Interpreter
    digest: str
    """SHA-256 of everything that decides which packages are installed."""
    requirements: Path | None = None
    hashed: bool = False
    closed: bool = True
    """Whether a package that is needed and not named is an error."""
    names: frozenset[str] = frozenset()
    """Normalised names that `requirements` installs."""
    named: bool = True
    """Whether those are all of them: an address alone does not tell what it has."""
    project: Path | None = None
    """The folder of a `uv.lock`; then there is no requirements file."""
    local: tuple[str, ...] = ()
    """Packages of that lock that are folders of the repository: not installed."""
    places: Places = NOWHERE
    """Where the commit says that packages are."""
    files: tuple[Path, ...] = ()
    """Files and folders of the commit that the installer reads."""
    from_source: bool = False
    """Whether the commit wants packages built that have wheels."""


def make_programs(recipe: Recipe, uv: Path | None, folder: Path) -> list[list[str | Path]]:
    """The programs that make an environment with no packages in `folder`, which may be empty."""
    base = recipe.interpreter.base
    if uv is not None:
        return [[uv, "venv", "--no-project", "--python", base, folder]]
    if recipe.project is not None:
        raise ConfigError(f"environment.uv-lock: building {recipe.name} needs uv; install it")
    return [[base, "-I", "-m", "venv", folder]]


def install_programs(
    recipe: Recipe, uv: Path | None, folder: Path, *, wheels: bool
) -> list[list[str | Path]]:
    """The programs that install into it; with `wheels` they run no code of what they install."""
    python = folder / "bin" / "python"
    if recipe.project is not None and uv is not None:
        skipped = [f"--no-install-package={name}" for name in recipe.local]
        flags = ("--frozen", "--no-install-project", *skipped, *("--no-build",) * wheels)
        where = ("--project", recipe.project, "--python", recipe.interpreter.base)
        return [[uv, "sync", *flags, *where]]
    hashes = ("--require-hashes",) * recipe.hashed
    only = ("--only-binary", ":all:") * wheels
    named = (*only, *hashes, "--no-deps", "-r", str(recipe.requirements))
    if uv is not None:
        index = ("--no-index",) * (pip_settings(os.environ).get("no-index", "") in _TRUE)
        return [[uv, "pip", "install", "--python", python, *index, *named]]
    # Only the most verbose form says why an index did not answer.
    return [[python, "-I", "-m", "pip", "install", "-vv", *named]]


def look_programs(recipe: Recipe, uv: Path | None, folder: Path) -> list[list[str | Path]]:
    """What names everything that the packages need, from their wheels' descriptions alone."""
    python = folder / "bin" / "python"
    named = ("--dry-run", "--only-binary", ":all:", "-r", str(recipe.requirements))
    if uv is not None:
        index = ("--no-index",) * (pip_settings(os.environ).get("no-index", "") in _TRUE)
        return [[uv, "pip", "install", "--python", python, *index, *named]]
    return [[python, "-I", "-m", "pip", "install", *named]]


def resolved(output: str) -> set[str]:
    """The normalised names that `look_programs` found."""
    by_uv = re.findall(r"^ \+ ([\w.-]+)==", output, re.MULTILINE)
    by_pip = re.findall(r"^Would install (\S+-\S.*)$", output, re.MULTILINE)
    named = [word.rpartition("-")[0] for line in by_pip for word in line.split()]
    return {normalised(name) for name in [*by_uv, *named]}


def wheels_will_do(recipe: Recipe) -> bool:
    """Whether nobody asks for the sources of packages that have wheels."""
    if recipe.from_source or any(
        selected(name, ("UV_NO_BINARY*", "PIP_NO_BINARY")) for name in os.environ
    ):
        return False
    own = _uv_settings(os.environ)
    return "no-binary" not in pip_settings(os.environ) and not (
        own and "no-binary" in own.read_text("utf-8", "replace")
    )


def check_programs(recipe: Recipe, uv: Path | None, folder: Path) -> list[list[str | Path]]:
    """What names packages that are needed and not there."""
    python = folder / "bin" / "python"
    if uv:
        return [[uv, "pip", "check", "--python", python]]
    pip: list[str | Path] = [python, "-I", "-m", "pip"]
    spare = sorted({"setuptools", "wheel"} - recipe.names)
    return [*([[*pip, "uninstall", "-y", *spare]] if spare else []), [*pip, "check"]]


def finish_programs(recipe: Recipe, uv: Path | None, folder: Path) -> list[list[str | Path]]:
    """What makes an environment built with pip the same as one built with uv: pip goes."""
    if uv or "pip" in recipe.names:
        return []
    return [[folder / "bin" / "python", "-I", "-m", "pip", "uninstall", "-y", "pip"]]


def compile_program(recipe: Recipe, folder: Path) -> list[str | Path]:
    """Byte code for all modules: stages may not write it, and compiling at every import is slow.

    By the Python behind the environment, which runs nothing of what was installed. It names each
    module, so that it can be told how far it is.
    """
    return [recipe.interpreter.base, "-I", "-S", "-u", "-m", "compileall", "-j0", folder / "lib"]


def missing(output: str) -> list[str]:
    """The packages that `check_program` found needed and not there."""
    by_uv = re.findall(r"requires `([\w.-]+)[^`]*`, but it's not installed", output)
    by_pip = re.findall(r"requires ([\w.-]+), which is not installed", output)
    return sorted({normalised(name) for name in [*by_uv, *by_pip]})


def installer_variables(recipe: Recipe, uv: Path | None, folder: Path) -> dict[str, str]:
    """What an installer sees: the user's index, proxy and compilers, and no other credentials.

    It reads the user's settings, and none that lie beside the commit's files.
    """
    chosen = {name: value for name, value in os.environ.items() if selected(name, _PASSED)}
    own = _uv_settings(chosen)
    if uv is not None:
        chosen = {"UV_LINK_MODE": "copy", **_as_uv(chosen), **chosen}
        chosen |= {"UV_CONFIG_FILE": str(own)} if own else {"UV_NO_CONFIG": "1"}
    chosen |= {"PATH": search_path(), "NO_COLOR": "1", "PYTHONNOUSERSITE": "1"}
    chosen |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    chosen |= {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if recipe.project is not None:
        chosen["UV_PROJECT_ENVIRONMENT"] = str(folder)
    pip = pip_settings(os.environ)
    vouched = settings_text(chosen, *filter(None, [own]))
    vouched += "\n".join(pip.get(k, "") for k in ("index-url", "extra-index-url", "find-links"))
    spare = folder.with_name(f"{folder.name}.home")
    return without_credentials(chosen, recipe.places, vouched, spare)


def _uv_settings(environ: Mapping[str, str]) -> Path | None:
    """The user's file of settings for uv, else the system's."""
    if environ.get("UV_CONFIG_FILE"):
        return Path(environ["UV_CONFIG_FILE"]).absolute()
    if environ.get("UV_NO_CONFIG"):
        return None
    config = Path(environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"))
    files = [folder / "uv" / "uv.toml" for folder in (config, Path("/etc"))]
    return next((file for file in files if file.is_file()), None)


_TRUE = ("1", "true", "yes", "on", "t", "y")


def _as_uv(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's settings for pip as uv's variables, unless the user has told uv itself."""
    told = ("UV_INDEX*", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_*")
    if _uv_settings(environ) or any(selected(name, told) for name in environ):
        return {}
    pip = pip_settings(environ)
    links = [e for e in pip.get("find-links", "").split() if "://" in e or Path(e).exists()]
    found = {
        "UV_DEFAULT_INDEX": pip.get("index-url", "").strip(),
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(links),
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "HTTPS_PROXY": pip.get("proxy", ""),
        "HTTP_PROXY": pip.get("proxy", ""),
    }
    return {name: value for name, value in found.items() if value}


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What the user has set for pip: its files, then its variables, by long option."""
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf"), home / ".pip/pip.conf"]
    files += [config / "pip/pip.conf", Path(environ.get("PIP_CONFIG_FILE", ""))]
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    if environ.get("PIP_CONFIG_FILE") != os.devnull:
        for file in files:
            try:
                parser.read(file, encoding="utf-8")
            except (configparser.Error, UnicodeDecodeError):
                continue
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    for name, value in environ.items():
        if name.startswith("PIP_"):
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return found


_UNREACHABLE = re.compile(
    r"connection (?:refused|reset|broken|error|aborted)|connecttimeout|timed out|dns error"
    r"|name or service not known|name resolution|newconnectionerror|network is unreachable"
    r"|no route to host|error sending request|max retries exceeded|server error|proxyerror"
    r"|certificate verify failed|invalid peer certificate|tunnel error|network connectivity",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"\b40[13] (?:client error|unauthorized|forbidden)", re.IGNORECASE)


_ASKS = re.compile(
    r"permission denied \(publickey|host key verification failed|could not read username"
    r"|terminal prompts disabled|\b407\b.*proxy",
    re.IGNORECASE,
)


def wants_credentials(output: str) -> bool:
    """Whether an index or a repository has refused an installer."""
    return bool(_REFUSED.search(output) or _ASKS.search(output))


def failure(recipe: Recipe, output: str, log: Path, *, apart: bool = False) -> LockproofError:
    """The error for an installer that failed, from what it printed; `apart`: in the workshop."""
    what = f"cannot build the environment of {recipe.name}"
    part = _relevant(output)
    if "No space left on device" in output:
        return UsageError(f"{what}: the disk is full ({log.parent})")
    if "ensurepip is not" in output or "No module named venv" in output:
        return ConfigError(f"{what}: {recipe.interpreter.base} has no venv; install uv")
    refused = _last(_REFUSED, output)
    if apart and wants_credentials(output):
        return ConfigError(
            f"{what}: {refused or _last(_ASKS, output)}: a package has no wheel, and what builds"
            " it is given no credentials: publish a wheel of it, or commit one and name its path"
        )
    if refused:
        return ConfigError(f"{what}: the package index wants other credentials: {refused}")
    unreachable = part if _UNREACHABLE.search(part) else _last(_UNREACHABLE, output)
    if unreachable:
        return UnavailableError(f"{what}: {unreachable}")
    return ConfigError(f"{what}: {part} (see {log})")


def _last(pattern: re.Pattern[str], output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if pattern.search(line)]
    return _shown(_ORNAMENT.sub("", lines[-1])) if lines else ""


_ERROR_LINE = re.compile("error\\b|fatal|\u00d7", re.IGNORECASE)
_ASIDE = re.compile(r"hint|help|\[notice\]|warning", re.IGNORECASE)
# Older versions of uv draw their errors as trees.
_ORNAMENT = re.compile(
    "^(?:(?:error|hint|cause|caused by|\\d+): *|[\u00d7\u2500-\u257f\u25b6 ]+)", re.IGNORECASE
)


def _relevant(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    chosen = [line for line in lines if line.startswith("ERROR:")]  # pip's
    if not chosen:
        starts = [i for i, line in enumerate(lines) if _ERROR_LINE.match(line)]
        chosen = [line for line in lines[starts[-1] if starts else -1 :] if not _ASIDE.match(line)]
    return _shown(": ".join(_ORNAMENT.sub("", line) for line in chosen) or "no output")


def _shown(text: str) -> str:
    """At most 400 characters, and no password of a URL."""
    masked = without_users(text, "***@")
    return masked if len(masked) <= 400 else masked[:399] + "…"
