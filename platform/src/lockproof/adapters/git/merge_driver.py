"""Git's settings for a merge driver: `.gitattributes` and the clone's own configuration."""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.files import write_whole
from lockproof.errors import UsageError

from .repository import GitRepository

NAME = "lockproof"
PATTERNS = ("dvc.lock", "*.dvc")
_ATTRIBUTES = ".gitattributes"


@dataclass(frozen=True)
class Setting:
    """One line of configuration."""

    file: str
    """`.gitattributes`, or `.git/config` for the clone's own."""
    key: str
    """A pattern of paths, or a key of the configuration."""
    value: str
    changed: bool
    """False where it was so already."""


def install(git: GitRepository) -> tuple[Setting, ...]:
    """Let Git call `lockproof merge-lock` for every `dvc.lock` and `.dvc` file.

    `.gitattributes` is for all who clone the repository and wants to be committed; which program
    the driver is, Git reads only from each clone's own configuration.

    Raises:
        UsageError: a file cannot be read or written.
    """
    wanted = {
        "name": "lockproof: merge DVC's lock stage by stage",
        "driver": f"{_command()} merge-lock %O %A %B %P",
        # A common ancestor that Git has to make up must not hold what nobody proved.
        "recursive": "binary",
    }
    settings = [
        _configured(git.root, f"merge.{NAME}.{key}", value) for key, value in wanted.items()
    ]
    return (*_attributes(git.root / _ATTRIBUTES), *settings)


def _command() -> str:
    """The program as Git's shell finds it: by its path where it is not the one on PATH."""
    found, own = shutil.which(NAME), Path(sys.argv[0]).absolute()
    if own.name == NAME and os.access(own, os.X_OK) and found != str(own):
        return shlex.quote(str(own))
    return NAME


def _attributes(path: Path) -> tuple[Setting, ...]:
    try:
        text = path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    present = {line.strip() for line in text.splitlines()}
    value = f"merge={NAME}"
    missing = [pattern for pattern in PATTERNS if f"{pattern} {value}" not in present]
    if missing:
        start = text if not text or text.endswith("\n") else f"{text}\n"
        write_whole(path, start + "".join(f"{pattern} {value}\n" for pattern in missing))
    return tuple(Setting(path.name, p, value, changed=p in missing) for p in PATTERNS)


def _configured(root: Path, key: str, value: str) -> Setting:
    changed = _config(root, "--get", key) != value
    if changed:
        _config(root, "--replace-all", key, value)
    return Setting(".git/config", key, value, changed)


def _config(root: Path, *args: str) -> str:
    done = subprocess.run(
        ["git", "config", "--local", *args], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode and args[0] != "--get":
        raise UsageError(f"git config: {done.stderr.strip() or 'cannot write'}")
    return done.stdout.removesuffix("\n")
