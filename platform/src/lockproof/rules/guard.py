"""What a change takes out of the checks: at the base it was looked at, now it is not."""

from shlex import quote

from lockproof.model.claim import Exemption
from lockproof.model.finding import Finding

from .catalog import finding

_OTHERWISE = "or let a waiver of the base accept it"


def out_of_sight(path: str, why: str) -> Finding:
    """The finding where DVC does not see a tracked file any more.

    Args:
        path: the file, relative to the Git root.
        why: what hides it: a folder that is a DVC project of its own, or `.dvcignore`.
    """
    return finding(
        "LP112",
        path,
        f"{path} is in Git, and {why} hides it, so that nothing that it says or holds is checked:"
        f" put that back, {_OTHERWISE}",
        path=path,
        seen=why,
    )


def outside_now(stage: str, lost: str, gained: str, file: str) -> Finding:
    """The finding where a stage names a path outside of the repository in place of one inside."""
    return finding(
        "LP112",
        f"{stage} {lost}",
        f"{stage} depends on {gained}, which lies outside of the repository, in place of {lost}:"
        f" nothing tells whether it changed: name the one in the repository, {_OTHERWISE}",
        path=file,
        seen=gained,
    )


def frozen_now(stage: str, file: str) -> Finding:
    """The finding where a stage is frozen, and the policy accepts that it is never run."""
    return finding(
        "LP112",
        stage,
        f"{stage} is frozen now, so that no reproduction runs it: run"
        f" 'dvc unfreeze {quote(stage)}' and commit, {_OTHERWISE}",
        path=file,
    )


def exempt_now(path: str, reason: Exemption, was: str, file: str) -> Finding:
    """The finding where an output that had to be in a remote has not to be there any more.

    Args:
        path: the output, relative to the DVC root.
        reason: why it is exempt.
        was: what had to be there at the base: the same output, or another of its stage.
        file: what declares it, relative to the Git root.
    """
    named = "it" if was == path else was
    return finding(
        "LP209",
        path,
        f"{path} is not looked for in a remote ({reason}); at the base {named} had to be there:"
        f" take the exemption back, run 'dvc push' and commit, {_OTHERWISE}",
        path=file,
        seen=reason.value,
    )
