"""How CI gets lockproof: the commit that runs here, with the extras that the repository takes."""

from importlib.util import find_spec

from lockproof import __version__
from lockproof.adapters.kustomize.program import find_kustomize
from lockproof.adapters.origin import pinned_source, shell_refuses
from lockproof.adapters.plugins import PLUGINS, extra_for
from lockproof.errors import UsageError
from lockproof.installed import REPOSITORY
from lockproof.parse.install_command import unpinned

from .survey import Survey

_MODULES = {
    **{plugin.extra: plugin.module for plugin in PLUGINS.values()},
    "dvc": "dvc",
    "gate-s3": "boto3",
    "mlflow": "mlflow",
    "secrets": "kingfisher_sdk",
}
"""Extra -> a module that is there with it."""


def installs(install: str | None, gate_install: str | None, found: Survey) -> tuple[str, str]:
    """The commands for jobs that read data, and for those that do not.

    Raises:
        UsageError: nobody can say which lockproof that would be, or no shell can read a command.
    """
    if install is not None:
        gate_install = install if gate_install is None else gate_install
        _check("--install", install)
        _check("--gate-install", gate_install)
        return install, gate_install
    if gate_install is not None:
        raise UsageError("--gate-install goes with --install")
    source = pinned_source()
    if source is None:
        raise UsageError(
            "cannot tell which commit of lockproof this is, for CI to install the same: install"
            f" 'lockproof @ git+{REPOSITORY}@COMMIT' and run init from there, or name --install or"
            " --runner dagger"
        )
    return (
        _pip(source, ["all", *sorted(_plugins(found) - {"dvc"})]),
        _pip(source, sorted(_plugins(found) | _gate_extras(found))),
    )


def model_install(install: str | None, found: Survey) -> str | None:
    """The command for jobs that sign and register; None where nobody can say which lockproof.

    Those run no stage, so that they need neither an image nor an engine.
    """
    if install is not None:
        return install
    source = pinned_source()
    return _pip(source, ["all", *sorted(_plugins(found) - {"dvc"})]) if source else None


def own_module() -> str:
    """lockproof's Dagger module at the commit that runs here.

    In the module's own container, which does not know it, at the tag of its version.
    """
    source = pinned_source() or ""
    if source.startswith("git+https://"):
        return source.removeprefix("git+https://")
    return f"{REPOSITORY.removeprefix('https://')}@v{__version__}"


def lacking(found: Survey) -> tuple[str, ...]:
    """The extras without which the gate that runs here is inconclusive on the repository."""
    wanted = _plugins(found) | _gate_extras(found)
    return tuple(extra for extra in sorted(wanted) if not _is_here(extra))


def _is_here(extra: str) -> bool:
    if extra == "kustomize":
        return find_kustomize() is not None
    return find_spec(_MODULES[extra]) is not None


def _plugins(found: Survey) -> set[str]:
    """What remotes other than S3 take."""
    return {extra for scheme in found.stores if (extra := extra_for(scheme))} - {"s3"}


def _check(option: str, command: str) -> None:
    refused = shell_refuses(command)
    if refused:
        raise UsageError(f"{option} is no shell command: {refused}")
    objection = unpinned(command)
    if objection:
        raise UsageError(
            f"{option}: {objection}: name the full commit, as in"
            f" 'lockproof[all] @ git+{REPOSITORY}@COMMIT', or leave the option out"
        )


def _gate_extras(found: Survey) -> set[str]:
    """What the gate and lint look with: only plugins for stores other than S3 bring DVC."""
    wanted = {
        "gate-s3": "s3" in found.stores,
        "kustomize": found.kustomize,
        "mlflow": found.tracking,
        "secrets": True,
    }
    return {extra for extra, is_wanted in wanted.items() if is_wanted}


def _pip(source: str, extras: list[str]) -> str:
    return (
        "python3 -m venv .lockproof/venv\n"
        f".lockproof/venv/bin/pip install --quiet 'lockproof[{','.join(extras)}] @ {source}'"
    )
