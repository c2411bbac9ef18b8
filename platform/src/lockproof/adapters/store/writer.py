"""Writing into a store: nothing but proofs, in a folder of their own. The gate has no use of it."""

from typing import Protocol, cast

from .interface import Store, StoreError

PROOFS = "lockproof/proofs/"
"""Where proofs are, below the remote's url: DVC's own objects lie elsewhere."""


class Writable(Store, Protocol):
    """A store that can also be written to, as all of them can."""

    def put(self, path: str, content: bytes) -> None:
        """Write an object, whole or not at all; use `put_proof`."""


def put_proof(store: Store, path: str, content: bytes) -> None:
    """Write an object below `PROOFS`.

    Raises:
        StoreError: the store does not take it.
        ValueError: the path leads elsewhere.
    """
    if not path.startswith(PROOFS) or {"", ".", ".."} & set(path.split("/")):
        raise ValueError(f"not a place of proofs: {path}")
    if not hasattr(store, "put"):
        raise StoreError(
            store.remote, "it cannot be written to", transient=False, advice="use another remote"
        )
    cast("Writable", store).put(path, content)
