"""The names under which a remote keeps proofs.

`lockproof/proofs/objects/SHA256`: what `attest` signed at once, one bundle a line, by its content.
`lockproof/proofs/commits/COMMIT-PROJECT/SIGNER`, `…/trees/TREE-PROJECT/SIGNER` and
`…/subjects/SHA256/SIGNER`: each holds the 64 digits that name such an object, and so does
`…/canaries/KEY/SIGNER`, of the latest statement about the canary of a model version. PROJECT is the
SHA-256 of the DVC root, POSIX from the Git root (`.` where it is that), a newline, and the lock's
digest. A reader asks for those of the signers that it trusts, so that no list is read and nobody
else's proof is looked at.
"""

import hashlib

from lockproof.adapters.store.writer import PROOFS


def object_path(digest: str) -> str:
    """Where the proof of this SHA-256 is."""
    return f"{PROOFS}objects/{digest[:2]}/{digest[2:]}"


def project_of(root: str, lock: str) -> str:
    """PROJECT, of a DVC root and its lock."""
    return hashlib.sha256(f"{root}\n{lock}".encode()).hexdigest()


def of_commit(commit: str, project: str, signer: str) -> str:
    """Where a signer's proof for a project of a commit is named."""
    return f"{PROOFS}commits/{commit}-{project}/{signer}"


def of_tree(tree: str, project: str, signer: str) -> str:
    """Where a signer's proof for a project of a Git tree is named."""
    return f"{PROOFS}trees/{tree}-{project}/{signer}"


def of_subject(sha256: str, signer: str) -> str:
    """Where a signer's proof for an output is named."""
    return f"{PROOFS}subjects/{sha256}/{signer}"


def of_canary(key: str, signer: str) -> str:
    """Where a signer's latest statement about the canary of a version is named, by its key."""
    return f"{PROOFS}canaries/{key}/{signer}"
