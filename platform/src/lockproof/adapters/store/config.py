"""DVC's own configuration files, read without importing DVC."""

import os
from pathlib import Path

import platformdirs

from lockproof.errors import ConfigError
from lockproof.model.remote import ConfigFile

COMMITTED = ".dvc/config"
LOCAL = ".dvc/config.local"


def config_files(
    root: Path, committed: bytes | None, *, local: bool = True
) -> tuple[ConfigFile, ...]:
    """The configuration files of the project at `root`, in the order in which they apply.

    System-wide, the user's own, the project's, `config.local`; as in DVC, relative paths
    start at the folder of their file.

    Args:
        root: the DVC root in the user's work tree.
        committed: the project's `.dvc/config` as the revision to be trusted has it.
        local: whether `.dvc/config.local` counts; false where Git tracks it, because then
            a pull request could have written it.

    Raises:
        ConfigError: a file is there and cannot be read.
    """
    own = root / ".dvc"
    found = [_read(folder / "config", folder) for folder in (_system_folder(), _user_folder())]
    if committed is not None:
        found.append(ConfigFile(name=COMMITTED, folder=str(own), content=committed, committed=True))
    if local:
        found.append(_read(own / "config.local", own))
    return tuple(file for file in found if file)


def work_tree_file(path: Path) -> bytes | None:
    """A file of the user's work tree; None where there is none.

    Raises:
        ConfigError: it cannot be read.
    """
    found = _read(path, path.parent)
    return found.content if found else None


def _system_folder() -> Path:
    own = os.environ.get("DVC_SYSTEM_CONFIG_DIR")
    return Path(own or platformdirs.site_config_dir("dvc", "iterative"))


def _user_folder() -> Path:
    own = os.environ.get("DVC_GLOBAL_CONFIG_DIR")
    return Path(own or platformdirs.user_config_dir("dvc", "iterative"))


def _read(path: Path, folder: Path) -> ConfigFile | None:
    try:
        return ConfigFile(name=str(path), folder=str(folder), content=path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
