"""What an object holds, whatever its store: read whole, and hashed as its digest was made."""

import hashlib
import posixpath
import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress
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

    Where the result is another one, the store is asked what it holds, and for the object once
    more, so that an answer that was spoilt on its way is not taken for a corrupted object.

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
    found, size = _hashed(store, path, digest, version, sink)
    wanted = digest.value.removesuffix(".dir")
    if found == wanted:
        return found
    held = store.head(path, version)
    if held is None:
        raise FileNotFoundError(path)
    if held.size is None:
        raise StoreError(store.remote, "it does not say how many bytes it holds, and sent others")
    if held.size != size or (held.md5 == wanted and not _is_legacy(digest)):
        raise StoreError(store.remote, "what it sent is not what it holds")
    if _hashed(store, path, digest, version, lambda chunk: None)[0] != found:
        raise StoreError(store.remote, "it sends another content each time that it is asked")
    refuse_page(store, path)
    return found


def refuse_page(store: Store, path: str) -> None:
    """See that what a store says of an object is not what it says of anything.

    Args:
        store: which has an answer for the object.
        path: where that is there.

    Raises:
        StoreError: it has one for an object that nobody made; or it does not answer for now.
    """
    made_up = None
    try:
        made_up = store.head(posixpath.join(posixpath.dirname(path), secrets.token_hex(16)))
    except StoreError as error:
        if error.transient:  # Who may not list a bucket is refused what is not in it.
            raise
    if made_up is not None:
        raise StoreError(
            store.remote,
            "it has an answer for an object that nobody made, as a page that asks for a login",
            transient=False,
        )


def refuse_size(store: Store, path: str) -> None:
    """See that a web server sends as many bytes of an object as it says that there are.

    Other stores know: those can be listed.

    Raises:
        StoreError: it sends more or fewer, or does not answer.
    """
    held = None if store.can_list else store.head(path)
    if held is None or held.size is None:
        return
    with suppress(FileNotFoundError):
        if held.size != sum(map(len, store.read(path))):
            raise StoreError(store.remote, "what it sent is not what it holds")


def _hashed(
    store: Store,
    path: str,
    digest: Digest,
    version: str | None,
    sink: Callable[[bytes], object],
) -> tuple[str, int]:
    """The hash of what is sent, and how many bytes that is."""
    hashed, size = hashlib.md5(usedforsecurity=False), 0
    with ExitStack() as stack:
        file = None
        if _is_legacy(digest):
            copy = stack.enter_context(temporary_folder()) / "object"
            file = stack.enter_context(copy.open("wb"))
        for chunk in store.read(path, version):
            size += len(chunk)
            hashed.update(chunk)
            sink(chunk)
            if file:
                file.write(chunk)
        return _legacy_md5(file) if file else hashed.hexdigest(), size


def _is_legacy(digest: Digest) -> bool:
    return digest.algorithm == "md5-dos2unix" and not digest.is_dir


def _legacy_md5(file: IO[bytes]) -> str:
    file.flush()
    return file_md5(Path(file.name), "md5-dos2unix")
