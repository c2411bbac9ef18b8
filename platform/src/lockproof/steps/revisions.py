"""Several revisions of one repository, each looked at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lockproof import __version__
from lockproof.adapters.git.repository import GitRepository
from lockproof.errors import LockproofError, UsageError, explained
from lockproof.model.revisions import Revision, Revisions, worst_code

_MOST = 1_000


@dataclass(frozen=True)
class Asked:
    """A commit, and what it was called."""

    commit: str
    names: tuple[str, ...]


def asked_for(directory: Path, names: Iterable[str]) -> tuple[Asked, ...]:
    """The commits that are named, each once, in order.

    Raises:
        UsageError: there is no such repository or revision, or there are more than 1,000.
    """
    git = GitRepository.discover(directory.absolute())
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        found.setdefault(git.resolve(name), []).append(name)
        if len(found) > _MOST:
            raise UsageError(f"more than {_MOST:,} revisions at once: name fewer")
    return tuple(Asked(commit, tuple(called)) for commit, called in found.items())


def one_by_one(
    asked: Iterable[Asked], prove: Callable[[Asked], Revision], say: Callable[[str], None]
) -> Revisions:
    """Reproduce each; one that cannot be does not keep the others from it.

    Args:
        asked: the revisions.
        prove: reproduces one, and leaves its report.
        say: told of each before it is begun.
    """
    found: list[Revision] = []
    all_of_them = list(asked)
    for number, each in enumerate(all_of_them, 1):
        say(f"revision {number} of {len(all_of_them)}: {each.names[0]} ({each.commit[:12]})")
        try:
            found.append(prove(each))
        except (LockproofError, ExceptionGroup) as raised:  # A group, of what is done side by side.
            error = explained(raised)
            if error is None:
                raise
            found.append(
                Revision(
                    names=each.names,
                    commit=each.commit,
                    exit_code=error.exit_code,
                    error=str(error),
                )
            )
    return together(found)


def together(revisions: Iterable[Revision]) -> Revisions:
    """Revisions with the exit code of all."""
    found = tuple(revisions)
    return Revisions(
        tool=f"lockproof {__version__}",
        revisions=found,
        exit_code=worst_code(each.exit_code for each in found),
    )
