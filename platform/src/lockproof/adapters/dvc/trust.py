"""A project opened so that its own configuration sends no credentials and runs no program."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockproof.errors import ConfigError
from lockproof.model.remote import RemoteConfigs

from .root import DVC_DIR

# What an update of an import changes; all else says where it comes from.
_LOCKED = (
    *("md5", "etag", "checksum", "hash", "size", "nfiles", "isexec", "mtime", "files"),
    *("version_id", "cloud", "rev_lock"),
)


@dataclass(frozen=True)
class Trusted:
    """Remotes as somebody defines them whom credentials may be given to (`steps.trust`)."""

    remotes: RemoteConfigs
    top: Path
    """The Git root of the user's clone, which their relative paths lead into."""
    checkout: Path
    """That of the checkout: a folder of the repository is looked for there first."""
    read: Callable[[str], bytes | None]
    """A file below the DVC root as those who are trusted have it."""


def user_cache(root: Path) -> Path:
    """Where the user's DVC cache for a project is; it is only read, and every object hashed.

    Raises:
        ConfigError: DVC cannot read its configuration.
    """
    from dvc.config import Config

    with foreign("DVC configuration"):
        config = Config(str(root / DVC_DIR))
    return Path(config.get("cache", {}).get("dir") or root / DVC_DIR / "cache")


def open_repository(
    root: Path, scratch: Path, trusted: Trusted | None
) -> tuple[Any, frozenset[str]]:
    """DVC's repository at `root`, and the names of the remotes that only its own files define.

    Of those the name and the url are known, so that a pipeline that names them can be read; every
    other option, with which a commit could have a program run or credentials sent elsewhere,
    counts only from `trusted`.
    """
    from dvc.config import Config
    from dvc.repo import Repo

    config = Config(str(root / DVC_DIR))
    known = trusted.remotes if trusted else RemoteConfigs()
    own = {
        name: {"url": section["url"]}
        for name, section in config["remote"].items()
        if name not in known.sections and section.get("url")
    }
    sections = {name: _located(section, trusted) for name, section in known.sections.items()}
    core = {**config["core"], "site_cache_dir": str(scratch / "site")}
    if known.default:
        core["remote"] = known.default
    chosen = {
        **config,
        "core": core,
        "remote": {**own, **sections},
        "cache": {"dir": str(scratch / "cache"), "type": "copy"},
        **{section: {} for section in ("db", "machine", "studio")},
    }
    chosen = Config.validate(chosen)
    config.clear()
    config.update(chosen)
    # In place before DVC makes a cache: a file system reads its options when it is made.
    return type("TrustedRepo", (Repo,), {"config": config})(str(root)), frozenset(own)


def refuse_links(root: Path) -> None:
    """A commit whose `.dvc` leads elsewhere would have DVC write there.

    Raises:
        ConfigError: it, or a part of it that DVC writes to, is a link.
    """
    for name in ("", "tmp", "cache", ".gitignore", "config.local"):
        path = root / DVC_DIR / name
        if path.is_symlink():
            shown = path.relative_to(root).as_posix()
            raise ConfigError(f"{shown} is a link, and DVC would write behind it: 'git rm' it")


def _located(section: Mapping[str, str], trusted: Trusted | None) -> dict[str, str]:
    """A remote that is a folder of the repository: the checkout's, where the commit has it."""
    url = section.get("url", "")
    path = Path(url)
    if trusted and path.is_absolute() and path.is_relative_to(trusted.top):
        here = trusted.checkout / path.relative_to(trusted.top)
        real = Path(os.path.realpath(here))
        if here.exists() and real.is_relative_to(os.path.realpath(trusted.checkout)):
            return {**section, "url": str(here)}
    return dict(section)


def same_source(theirs: bytes | None, ours: bytes) -> bool:
    """Whether two versions of an import's `.dvc` file take the data from the same place."""
    return theirs is not None and _source(theirs) == _source(ours) is not None


def _source(content: bytes) -> Any:
    from dvc.utils.serialize import ParseError, parse_yaml

    try:
        deps = parse_yaml(content.decode(), "import")["deps"]
    except (ParseError, UnicodeDecodeError, KeyError, TypeError):
        return None
    return _without_locks(deps)


def _without_locks(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {k: _without_locks(v) for k, v in item.items() if k not in _LOCKED}
    return [_without_locks(i) for i in item] if isinstance(item, list) else item


@contextlib.contextmanager
def foreign(what: str, root: Path | None = None) -> Iterator[None]:
    """Let DVC's own exceptions stop here.

    Raises:
        ConfigError: DVC refused what was read; the message is its own first line.
    """
    try:
        yield
    except Exception as error:
        # Not before: loading them takes longer than most of what is done here.
        from dvc.exceptions import DvcException
        from dvc.scm import SCMError

        if not isinstance(error, DvcException | SCMError):
            raise
        reason = str(error) or type(error).__name__
        if root is not None:
            # DVC names files relative to the current folder; the checkout's place tells nobody.
            for prefix in (os.path.relpath(root), str(root)):
                reason = reason.replace(f"{prefix}{os.sep}", "")
        raise ConfigError(f"DVC cannot read {what}: {reason}") from error
