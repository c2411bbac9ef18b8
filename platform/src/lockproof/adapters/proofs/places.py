"""The names under which a remote keeps proofs.

`lockproof/proofs/objects/SHA256`: what `attest` signed at once, one bundle a line, by its content.
`lockproof/proofs/commits/COMMIT-LOCK/SIGNER`, `…/trees/TREE-LOCK/SIGNER` and
`…/subjects/SHA256/SIGNER`: each holds the 64 digits that name such an object. A reader asks for
those of the signers that it trusts, so that no list is read and nobody else's proof is looked at.
"""

from lockproof.adapters.store.writer import PROOFS


def object_path(digest: str) -> str:
    """Where the proof of this SHA-256 is."""
    return f"{PROOFS}objects/{digest[:2]}/{digest[2:]}"


def of_commit(commit: str, lock: str, signer: str) -> str:
    """Where a signer's proof for a commit and its lock is named."""
    return f"{PROOFS}commits/{commit}-{lock}/{signer}"


def of_tree(tree: str, lock: str, signer: str) -> str:
    """Where a signer's proof for a Git tree and its lock is named."""
    return f"{PROOFS}trees/{tree}-{lock}/{signer}"


def of_subject(sha256: str, signer: str) -> str:
    """Where a signer's proof for an output is named."""
    return f"{PROOFS}subjects/{sha256}/{signer}"
