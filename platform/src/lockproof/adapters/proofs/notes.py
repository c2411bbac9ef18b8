"""Proofs in Git notes, `refs/notes/lockproof`: they go where the repository goes."""

from lockproof.adapters.git.repository import GitRepository, run_git
from lockproof.errors import UsageError
from lockproof.model.sealed import MOST_BYTES

REF = "refs/notes/lockproof"


def read_note(git: GitRepository, commit: str) -> bytes | None:
    """The proof in the note of a commit; None where there is none, or one that is too large."""
    asked = ("notes", f"--ref={REF}", "list", commit)
    try:
        blob = run_git(git.root, *asked).decode().strip()
        if int(run_git(git.root, "cat-file", "-s", blob)) > MOST_BYTES:
            return None
        return run_git(git.root, "cat-file", "blob", blob)
    except UsageError:
        return None


def write_note(git: GitRepository, commit: str, content: bytes) -> None:
    """Make a proof the note of a commit, in place of the one that is there.

    Raises:
        UsageError: Git does not take it, as without `user.name`.
    """
    blob = run_git(git.root, "hash-object", "-w", "--stdin", given=content).decode().strip()
    run_git(git.root, "notes", f"--ref={REF}", "add", "--force", "-C", blob, commit)
