"""Where this lockproof came from, so that others can be given the very same."""

import re
import subprocess
from pathlib import Path

import lockproof
from lockproof.errors import LockproofError
from lockproof.installed import REPOSITORY, direct_url

from .git.repository import GitRepository

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def pinned_source() -> str | None:
    """lockproof's own repository at the commit that runs here, as pip takes it: `git+https://…@…`.

    pip's note of what it installed (PEP 610), else the checkout that this module stands in. None
    where neither is there, as with a wheel.
    """
    note = direct_url()
    url, commit = note.get("url", ""), note.get("vcs_info", {}).get("commit_id", "")
    if url.startswith("https://") and _COMMIT.fullmatch(commit):
        return f"git+{url}@{commit}"
    checkout = Path(lockproof.__file__).resolve().parents[3]
    if not (checkout / ".git").exists():
        return None
    try:
        return f"git+{REPOSITORY}@{GitRepository.discover(checkout).resolve('HEAD')}"
    except LockproofError:  # As where the checkout is another user's.
        return None


def shell_refuses(command: str) -> str | None:
    """Why a shell cannot even read a command; None where it can. Nothing of it is run."""
    done = subprocess.run(
        ["sh", "-n", "-c", command], capture_output=True, text=True, errors="replace"
    )
    if not done.returncode:
        return None
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1]
