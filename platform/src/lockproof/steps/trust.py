"""Where remotes are and what is sent to them: never by the word of the commit that is looked at."""

import os
from collections.abc import Callable, Container
from pathlib import Path

from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.worktree import is_tracked
from lockproof.adapters.store.config import LOCAL, config_files, work_tree_file
from lockproof.config import FILE_NAME, Policy, RunPolicy, parse_policy
from lockproof.errors import ConfigError
from lockproof.model.remote import RemoteConfigs
from lockproof.parse.dvc_config import read_dvc_configs


def trusted_remotes(
    git: GitRepository, root: Path, committed: bytes | None, *trees: Container[str]
) -> RemoteConfigs:
    """The remotes of a project, as its user and a trusted revision define them.

    Args:
        git: the repository.
        root: the DVC root in the user's work tree.
        committed: `.dvc/config` as it is trusted.
        trees: paths, from the Git root, that revisions track: a `config.local` among them, or
            among those of the index, counts for nothing, because a pull request could write it.

    Raises:
        ConfigError: a file cannot be read or makes no sense, or the committed one makes programs
            run or takes credentials from the repository.
    """
    top = Path(os.path.realpath(git.root))
    names = {
        os.path.relpath(path, top)
        for path in (root / LOCAL, os.path.realpath(root / LOCAL))
        if Path(path).is_relative_to(top)
    }
    tracked = any(name in tree for name in names for tree in trees)
    # A folder that is a link is looked behind: what it leads to may be tracked under its own name.
    tracked = tracked or is_tracked(git, *names)
    files = config_files(root, committed, local=not tracked)
    return read_dvc_configs(files, str(top))


def trusted_reader(
    git: GitRepository, root: Path, prefix: str, base: str | None
) -> Callable[[str], bytes | None]:
    """Reads files below the DVC root as the base has them, or without one the user's work tree.

    The reader raises ConfigError where a file is there and cannot be read.
    """

    def of_base(path: str) -> bytes | None:
        return git.read(base or "", f"{prefix}/{path}" if prefix else path)

    def of_work_tree(path: str) -> bytes | None:
        return work_tree_file(root / path)

    return of_base if base else of_work_tree


_STRICTER = ("off", "preferred", "required")
BOUNDS = ("timeout", "processes", "memory", "disk")
"""Of the policy's `[run]`, what a commit alone cannot raise."""


def _is_wider(name: str, commits: RunPolicy, trusted: RunPolicy) -> bool:
    wanted, bound = getattr(commits, name), getattr(trusted, name)
    return bound is not None and (wanted is None or wanted > bound)


def _shown(bound: float | None) -> str:
    return "without end" if bound is None else f"{bound:g}" if bound < 1e6 else f"{bound:.0f}"


def demanding(limits: RunPolicy, isolation: str | None) -> RunPolicy:
    """The limits with an isolation that whoever runs this asks for, where that is stricter."""
    both = max(limits.isolation, isolation or "off", key=_STRICTER.index)
    return limits.model_copy(update={"isolation": both})


def restrained(commits: RunPolicy, trusted: RunPolicy) -> tuple[RunPolicy, tuple[str, ...]]:
    """What stages may see of the machine: no more than those who are trusted let them.

    Returns:
        The commit's limits with the stricter isolation, of each limit the lower one, and only those
        variables and paths that the trusted ones name too; and a line for each thing left out.
    """
    more = [name for name in commits.pass_env if name not in trusted.pass_env]
    shown = [path for path in commits.visible if path not in trusted.visible]
    left_out = tuple(
        f"run.{field}: {name} is named by this commit alone: stages do not get it"
        for field, names in (("pass-env", more), ("visible", shown))
        for name in names
    )
    lower = {name: getattr(trusted, name) for name in BOUNDS if _is_wider(name, commits, trusted)}
    left_out += tuple(
        f"run.{name}: this commit alone has it {_shown(getattr(commits, name))}:"
        f" {_shown(bound)} holds"
        for name, bound in lower.items()
    )
    limits = demanding(commits, trusted.isolation).model_copy(
        update={
            **lower,
            "pass_env": tuple(name for name in commits.pass_env if name not in more),
            "visible": tuple(path for path in commits.visible if path not in shown),
        }
    )
    return limits, left_out


def trusted_policy(read: Callable[[str], bytes | None]) -> Policy:
    """The policy as those who are trusted have it.

    Raises:
        ConfigError: it is not valid.
    """
    content = read(FILE_NAME)
    try:
        return parse_policy(content.decode(), FILE_NAME) if content else Policy()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{FILE_NAME} is not UTF-8") from error
