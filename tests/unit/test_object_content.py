"""When an object is called other than its name: only where its store holds just that."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import md5
from itertools import cycle

import pytest

from lockproof.adapters.store.content import object_md5
from lockproof.adapters.store.interface import Held, Page, StoreError
from lockproof.model.digest import Digest
from lockproof.model.remote import RemoteConfig

SOUND, OTHER = b"sound", b"other"
DIGEST = Digest(value=md5(SOUND, usedforsecurity=False).hexdigest())
PATH = DIGEST.object_path


@dataclass
class _Store:
    """One object, what it is said to be, and what comes of asking for it."""

    answers: list[bytes]
    size: int | None = len(SOUND)
    anything: bool = False
    """Whether it has an answer for objects that nobody made."""
    denies: bool = False
    """Whether it refuses to say that something is not there."""
    busy: bool = False
    """Whether it has no time to say so."""
    remote: RemoteConfig = field(default_factory=lambda: RemoteConfig(name="r", url="s3://b"))
    can_list: bool = False

    def __post_init__(self) -> None:
        self._next = cycle(self.answers)

    def check(self) -> None:
        """It is there."""

    def page(self, folder: str, after: str) -> Page:
        raise NotImplementedError

    def head(self, path: str, version: str | None = None) -> Held | None:
        if path == PATH or self.anything:
            return Held(self.size)
        if self.denies or self.busy:
            raise StoreError(self.remote, "403" if self.denies else "503", transient=self.busy)
        return None

    def read(self, path: str, version: str | None = None) -> Iterator[bytes]:
        yield next(self._next)

    def close(self) -> None:
        """Nothing is open."""


def test_an_object_that_is_another_is_told_once() -> None:
    sent: list[bytes] = []
    found = object_md5(_Store([OTHER]), PATH, DIGEST, sink=sent.append)
    assert found == md5(OTHER, usedforsecurity=False).hexdigest()
    assert sent == [OTHER]
    assert object_md5(_Store([OTHER], denies=True), PATH, DIGEST) == found
    assert object_md5(_Store([SOUND], size=None, anything=True), PATH, DIGEST) == DIGEST.value


@pytest.mark.parametrize(
    ("store", "why"),
    [
        (_Store([OTHER[:3]]), "what it sent is not what it holds"),
        (_Store([OTHER * 2]), "what it sent is not what it holds"),
        (_Store([OTHER], size=None), "does not say how many bytes it holds"),
        (_Store([OTHER, b"third"]), "sends another content each time"),
        (_Store([OTHER, SOUND]), "sends another content each time"),
        (_Store([OTHER], anything=True), "has an answer for an object that nobody made"),
        (_Store([OTHER], busy=True), "503"),
    ],
)
def test_what_spoils_an_answer_is_no_other_object(store: _Store, why: str) -> None:
    with pytest.raises(StoreError, match=why):
        object_md5(store, PATH, DIGEST)
