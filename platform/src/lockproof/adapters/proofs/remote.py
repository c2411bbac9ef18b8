"""Proofs in a DVC remote: read within bounds, written whole."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lockproof.adapters.store.interface import Patience, Store
from lockproof.adapters.store.open import open_store
from lockproof.adapters.store.writer import put_proof
from lockproof.model.remote import RemoteConfig
from lockproof.model.sealed import MOST_BYTES

from .places import object_path

_NAME = re.compile(rb"[0-9a-f]{64}\n?")


class RemoteProofs:
    """The proofs of one remote."""

    def __init__(self, store: Store, patience: Patience) -> None:
        """Take an open store."""
        self._store, self._patience = store, patience

    def find(self, place: str) -> bytes | None:
        """The proof that a place names; None where there is none, or not the one that is named.

        Raises:
            StoreError: the remote does not answer.
        """
        named = self._read(place, 65)
        if named is None or not _NAME.fullmatch(named):
            return None
        digest = named.strip().decode()
        content = self._read(object_path(digest), MOST_BYTES)
        if content is None or hashlib.sha256(content).hexdigest() != digest:
            return None
        return content

    def keep(self, content: bytes, places: Sequence[str]) -> str:
        """Write a proof, then the places that name it, in their order; returns its SHA-256.

        Raises:
            StoreError: the remote does not take it; what is written by then is whole.
        """
        digest = hashlib.sha256(content).hexdigest()
        for path, held in ((object_path(digest), content), *((p, digest.encode()) for p in places)):
            if self._read(path, len(held)) != held:
                self._patience.ask(lambda p=path, h=held: put_proof(self._store, p, h))  # type: ignore[misc]
        return digest

    def _read(self, path: str, most: int) -> bytes | None:
        def read() -> bytes | None:
            content = bytearray()
            try:
                for chunk in self._store.read(path):
                    content += chunk
                    if len(content) > most:
                        return None
            except FileNotFoundError:
                return None
            return bytes(content)

        return self._patience.ask(read)


@contextmanager
def proofs_in(
    remote: RemoteConfig, *, timeout: float, attempts: int, backoff: float
) -> Iterator[RemoteProofs]:
    """Open a remote; arguments as `[remote]` of the policy has them.

    Raises:
        ConfigError: its settings do not make sense, or what reaches it is not installed.
        StoreError: it is not there.
    """
    store = open_store(remote, jobs=1, timeout=timeout)
    patience = Patience(attempts=attempts, base=backoff)
    try:
        patience.ask(store.check)
        yield RemoteProofs(store, patience)
    finally:
        store.close()
