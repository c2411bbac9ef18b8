"""What an object holds, whatever its store: read whole, and hashed as its digest was made."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from lockproof.adapters.hashing import file_md5
from lockproof.adapters.scratch import temporary_folder
from lockproof.model.digest import Digest

from .interface import Store, StoreError


def object_md5(
    store: Store,
    path: str,
    digest: Digest,
    version: str | None = None,
    sink: Callable[[bytes], object] = lambda chunk: None,
) -> str:
    """Read an object and hash it the way `digest` was made; hex.

    Where the result is another one, the store is asked what it holds, so that an answer that
    was spoilt on its way is not taken for a corrupted object.

    Args:
        store: where it is.
        path: where it is there.
        digest: what it should be.
        version: the store's own version id.
        sink: gets the content piece by piece.

    Raises:
        FileNotFoundError: there is no such object.
        StoreError: as `Store.read`, or what was sent is not what the store holds.
    """
    wanted = digest.value.removesuffix(".dir")
    legacy = digest.algorithm == "md5-dos2unix" and not digest.is_dir
    hashed, size = hashlib.md5(usedforsecurity=False), 0
    with ExitStack() as stack:
        file = None
        if legacy:
            copy = stack.enter_context(temporary_folder()) / "object"
            file = stack.enter_context(copy.open("wb"))
        for chunk in store.read(path, version):
            size += len(chunk)
            hashed.update(chunk)
            sink(chunk)
            if file:
                file.write(chunk)
        found = _legacy_md5(file) if file else hashed.hexdigest()
    if found != wanted:
        held = store.head(path, version)
        if held is None:
            raise FileNotFoundError(path)
        if held.size not in (None, size) or (held.md5 == wanted and not legacy):
            raise StoreError(store.remote, "what it sent is not what it holds")
    return found


def _legacy_md5(file: IO[bytes]) -> str:
    file.flush()
    return file_md5(Path(file.name), "md5-dos2unix")
