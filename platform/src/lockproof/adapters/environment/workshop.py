"""Where packages are built: their set-up code runs apart from the machine, without credentials.

What such code writes beside the environment, a cache for later builds above all, is thrown away
with the workshop; it finds the base Python, the installer and what is on `PATH`, for reading only.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.sandbox.isolation import Isolated, Isolation, Level
from lockproof.adapters.sandbox.view import Mount, readable, system_view
from lockproof.adapters.scratch import remove

from .installers import Recipe, pip_settings
from .outlet import Outlet, has_proxy, vouched_places
from .passwords import without_users
from .prefixes import folders_of_python, narrow
from .variables import selected

_SECRET = (
    *("NETRC", "*_CLIENT_CERT", "UV_INDEX_*_USERNAME", "UV_INDEX_*_PASSWORD", "XDG_*"),
    *("UV_CREDENTIALS_DIR", "*_CACHE_DIR", "UV_NO_CACHE", "PIP_NO_CACHE_DIR", "TMPDIR"),
)
_QUOTED = re.compile(r"""["'](?:file://)?(/[^"'\n]*)["']""")
_PATHS = {
    os.pathsep: (
        *("CUDA_HOME", "CUDA_PATH", "CPATH", "LIBRARY_PATH", "LD_LIBRARY_PATH", "SDKROOT"),
        *("PIP_CERT", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        "PATH",
    ),
    ",": ("UV_FIND_LINKS",),
    None: (
        "PIP_FIND_LINKS",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
    ),
}
"""Variables that name files and folders which the installer reads, by what stands between them."""


@dataclass(frozen=True)
class Workshop:
    """How the programs that may run code of packages are run."""

    env: Mapping[str, str]
    isolated: Isolated | None
    runs_code: bool = False
    """Whether these run code of packages, which is then bounded."""
    outlet: Outlet | None = None
    """Their way to the network, where they have one of their own."""


@contextmanager
def workshop_beside(folder: Path) -> Iterator[Path]:
    """Room for a build, gone afterwards; what a killed one left goes first."""
    room = folder.with_name(f"{folder.name}.build")
    if room.exists():
        remove(room)
    for name in ("home", "tmp", "cache", "installer"):
        (room / name).mkdir(parents=True)
    try:
        yield room
    finally:
        remove(room)


async def furnish(
    room: Path,
    folder: Path,
    recipe: Recipe,
    uv: Path | None,
    variables: Mapping[str, str],
    isolation: Isolation,
) -> Workshop:
    """The workshop for one environment.

    Args:
        room: what `workshop_beside` gives.
        folder: the environment.
        recipe: what is installed.
        uv: the installer; None: pip.
        variables: those of an installer that runs no code of packages.
        isolation: what can be had here.
    """
    own_root = isolation.level.own_root
    env = _unarmed(variables, room, Path("/tmp") if own_root else room / "tmp")  # noqa: S108
    if isolation.level is Level.NONE:
        return Workshop(env, None, runs_code=True)
    found = [*await folders_of_python(recipe.interpreter.base, env["PATH"])]
    for separator, names in _PATHS.items():
        words = [word for name in names for word in env.get(name, "").split(separator)]
        found += [Path(word.removeprefix("file://")) for word in words]
    for file in room.glob("uv.toml"):
        found += [file, *map(Path, _QUOTED.findall(file.read_text("utf-8")))]
    files = [Path(os.path.normpath(file)) for file in recipe.files]
    files += [uv] if uv else []
    view = system_view(network=True).showing(
        [
            *readable([*narrow(found, room), *files]),
            Mount("/tmp", str(room / "tmp"), "write"),  # noqa: S108
            *(Mount(str(path), str(path), "write") for path in (folder, room / "home")),
            Mount(str(room / "cache"), str(room / "cache"), "write"),
        ]
    )
    outlet = None
    if own_root and not has_proxy(env):
        settings = [room / "uv.toml"] if (room / "uv.toml").exists() else []
        outlet = Outlet(recipe.interpreter.base, room / "tmp", vouched_places(env, *settings))
        env = outlet.variables(env)
    return Workshop(env, Isolated(isolation.level, view), runs_code=True, outlet=outlet)


def _unarmed(variables: Mapping[str, str], room: Path, tmp: Path) -> dict[str, str]:
    """Variables of an installer less everything that lets it act for the user."""
    env = {
        name: without_users(value)
        for name, value in variables.items()
        if not selected(name, _SECRET)
    }
    own = env.get("UV_CONFIG_FILE")
    if own:
        copy = room / "uv.toml"
        copy.write_text(without_users(Path(own).read_text("utf-8", "replace")), "utf-8")
        env["UV_CONFIG_FILE"] = str(copy)
    # pip's files hold passwords too; what they say is said in variables.
    for name, value in pip_settings(os.environ).items():
        if name in _PIP_KEPT:
            env["PIP_" + name.upper().replace("-", "_")] = without_users(value)
    env |= {"HOME": str(room / "home"), "TMPDIR": str(tmp), "NETRC": os.devnull}
    env |= {"UV_CACHE_DIR": str(room / "cache"), "PIP_CACHE_DIR": str(room / "cache")}
    env |= {"PIP_KEYRING_PROVIDER": "disabled", "UV_KEYRING_PROVIDER": "disabled"}
    return env | {"PIP_CONFIG_FILE": os.devnull}


_PIP_KEPT = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert", "proxy"),
    *("only-binary", "no-binary", "prefer-binary", "retries", "timeout"),
)
