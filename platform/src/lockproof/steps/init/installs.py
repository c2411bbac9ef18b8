"""How CI gets lockproof: the commit that runs here, with the extras that the repository takes."""

from lockproof.adapters.origin import REPOSITORY, pinned_source, shell_refuses
from lockproof.adapters.plugins import extra_for
from lockproof.errors import UsageError
from lockproof.parse.install_command import unpinned

from .survey import Survey


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
    plugins = {extra_for(scheme) for scheme in found.stores} - {None, "s3"}
    return (
        _pip(source, ["all", *sorted(filter(None, plugins - {"dvc"}))]),
        _pip(source, sorted(filter(None, plugins | _gate_extras(found)))),
    )


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
