"""DVC's configuration files, as far as they say where remotes are."""

import os
import re
from collections.abc import Iterable, Mapping

from configobj import ConfigObj, ConfigObjError

from lockproof.errors import ConfigError
from lockproof.model.remote import PATHS, PROGRAMS, ConfigFile, RemoteConfigs

_MAX_SIZE = 1 << 20
_NAMED = re.compile(r'\s*remote\s*"(.*)"\s*')


def read_dvc_configs(files: Iterable[ConfigFile], root: str) -> RemoteConfigs:
    """The remotes that DVC's configuration files describe, each file over those before it.

    Args:
        files: in the order in which they apply.
        root: the Git root, absolute.

    Raises:
        ConfigError: a file is not in DVC's format, or one that is committed makes programs
            run or takes credentials from the repository, where a pull request could put them.
    """
    found = RemoteConfigs()
    for file in files:
        read = _read(file)
        if file.committed:
            _refuse(read, file.name, root)
        found = read.over(found)
    return found


def _read(file: ConfigFile) -> RemoteConfigs:
    if len(file.content) > _MAX_SIZE:
        raise ConfigError(f"{file.name} is larger than 1 MiB, which no DVC configuration is")
    try:
        lines = file.content.decode("utf-8-sig").splitlines()
        sections = ConfigObj(lines).dict()
    except (ConfigObjError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file.name} is no DVC configuration: {error}") from error
    remotes: dict[str, dict[str, str]] = {}
    default = None
    for title, section in sections.items():
        match = _NAMED.fullmatch(title.lower())
        if not isinstance(section, dict):
            continue
        settings = {key.lower(): value for key, value in section.items()}
        if match:
            remotes[match[1]] = {
                key: _setting(file, title, key, value) for key, value in settings.items()
            }
        elif title.lower() == "core" and settings.get("remote"):
            default = _setting(file, title, "remote", settings["remote"]).lower()
    return RemoteConfigs(default=default, sections=remotes)


def _setting(file: ConfigFile, title: str, key: str, value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ConfigError(f"{file.name}: [{title}] {key}: one value, in quotes if it has a comma")
    if key not in PATHS or not value or re.match(r"\w+://", value):
        return value
    return os.path.abspath(os.path.join(file.folder, os.path.expanduser(value)))


def _refuse(configs: RemoteConfigs, file: str, root: str) -> None:
    for name, section in configs.sections.items():
        for option in PROGRAMS:
            if option in section:
                raise ConfigError(
                    f"{file}: remote {name!r} sets {option}, which can run a program: set it"
                    f" with 'dvc remote modify --local {name} {option} …' instead"
                )
        for option in _inside(section, root):
            raise ConfigError(
                f"{file}: remote {name!r} takes its {option} from the repository, where a pull"
                " request can change it: keep that file elsewhere"
            )


def _inside(section: Mapping[str, str], root: str) -> list[str]:
    real = os.path.realpath(root)
    return [
        option
        for option in PATHS
        if option != "url"
        and option in section
        # By its name and by what it leads to: a link in the repository is the repository's, too.
        and any(
            os.path.commonpath([real, path]) == real
            for path in (
                os.path.realpath(section[option]),
                os.path.join(
                    os.path.realpath(os.path.dirname(section[option])),
                    os.path.basename(section[option]),
                ),
            )
        )
    ]
