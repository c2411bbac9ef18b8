"""Stores of DVC objects, as the gate looks at them: listed, asked and read.

Nothing is written to them but proofs, and those only by `writer`.

One file per kind of store: a folder, S3, and all that DVC's own file systems reach.
"""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

from lockproof.errors import UnavailableError
from lockproof.model.remote import RemoteConfig

_T = TypeVar("_T")


class Held(NamedTuple):
    """An object as its store describes it."""

    size: int | None
    """Bytes; None where the store does not say."""
    md5: str | None = None
    """The MD5 of the content, 32 hex digits, where the store says it or may have said it."""
    etag: str | None = None
    """The store's own tag of this content."""


class Page(NamedTuple):
    """A part of a listing, in the order of the names."""

    held: dict[str, Held]
    """Name below the folder -> object."""
    more: bool
    """Whether more names follow."""


class StoreError(UnavailableError):
    """A store did not answer, or its answer makes no sense."""

    def __init__(
        self,
        remote: RemoteConfig,
        reason: str,
        *,
        transient: bool = True,
        advice: str = "check the network and the credentials",
    ) -> None:
        """Name the remote; `transient` says that asking again may help."""
        super().__init__(
            f"remote {remote.name!r} ({remote.address}) does not answer: {reason} ({advice})"
        )
        self.transient = transient


class Store(Protocol):
    """A store that is only ever read. Paths are POSIX, below the remote's url.

    Methods may be called from many threads at once. All raise `StoreError`.
    """

    remote: RemoteConfig
    can_list: bool
    """Whether `page` is there and worth its cost beside `head`."""

    def check(self) -> None:
        """Raise unless the store itself is there, so that no object is called missing for it."""

    def page(self, folder: str, after: str) -> Page:
        """Objects right below `folder` (which ends in a slash) with names greater than `after`."""

    def head(self, path: str, version: str | None = None) -> Held | None:
        """One object; None where there is none. `md5` is only given where it is one."""

    def read(self, path: str, version: str | None = None) -> Iterator[bytes]:
        """The content in pieces.

        Raises:
            FileNotFoundError: there is no such object.
        """

    def close(self) -> None:
        """Release connections."""


@dataclass(frozen=True)
class Patience:
    """How often to ask a store again, and how long to wait between two attempts."""

    attempts: int = 5
    base: float = 0.5
    """Seconds: at most this before the second attempt, twice as much before each next one."""
    cap: float = 20.0
    """Seconds: never more than this."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set: do not ask again, whatever the reason."""

    def ask(self, call: Callable[[], _T]) -> _T:
        """Do what `call` does, again after a transient failure.

        Waits are random up to the bound ("full jitter"), so that many clients that were
        throttled together do not come back together.

        Raises:
            StoreError: the failure is not transient, or the last attempt failed as well.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return call()
            except StoreError as error:
                if not error.transient or attempt == self.attempts or self.stop.is_set():
                    raise
            bound = min(self.cap, self.base * 2 ** (attempt - 1))
            self.stop.wait(random.uniform(0, bound))  # noqa: S311 - no secret depends on it
        raise AssertionError("attempts is at least 1")
