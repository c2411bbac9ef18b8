"""Symbolic links that Git tracks, followed within one revision and never out of it."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol

LINK = "120000"
"""The mode of a link in Git."""
_LONGEST = 4096
"""Bytes of a path that a kernel takes."""
_HOPS = 40
"""Links on the way to one path, as Linux follows them."""


class BrokenLink(Exception):
    """A link leads nowhere in this revision; the text says where."""


class Tracked(Protocol):
    """The tracked files of a revision."""

    @property
    def entries(self) -> Mapping[str, Any]:
        """POSIX path from the Git root -> what has its `mode` and `oid`."""
        ...

    def each(self, oids: Iterable[str], take: Callable[[str, int, Iterator[bytes]], None]) -> None:
        """Stream blobs: `take(object id, bytes, content in chunks)`."""
        ...


class Links:
    """Where the paths of a revision really are."""

    def __init__(self, snapshot: Tracked) -> None:
        """Paths are POSIX, from the Git root."""
        self._snapshot = snapshot

    @cached_property
    def _targets(self) -> Mapping[str, str]:
        """Path of each link -> what it says."""
        oids: dict[str, list[str]] = {}
        for path, entry in self._snapshot.entries.items():
            if entry.mode == LINK:
                oids.setdefault(entry.oid, []).append(path)
        found: dict[str, str] = {}

        def take(oid: str, _size: int, chunks: Iterator[bytes]) -> None:
            text = os.fsdecode(next(chunks, b"")[: _LONGEST + 1])
            found.update(dict.fromkeys(oids[oid], text))

        self._snapshot.each(oids, take)
        return found

    @cached_property
    def are_none(self) -> bool:
        """Whether no link is there, so that each path is where its name says."""
        return not self._targets

    def resolve(self, path: str) -> str:
        """The path that is reached when every link on the way is followed.

        Whether there is anything at it is not said; `""` is the Git root.

        Raises:
            BrokenLink: the way leads out of the repository, or round in a circle.
        """
        if self.are_none:
            return path
        rest, done, hops = path.split("/")[::-1], list[str](), 0
        while rest:
            part = rest.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not done:
                    raise BrokenLink("is a link that leads out of the repository")
                done.pop()
                continue
            done.append(part)
            target = self._targets.get("/".join(done))
            if target is None:
                continue
            hops += 1
            if hops > _HOPS or len(target) > _LONGEST or "\0" in target:
                raise BrokenLink("is a link that leads nowhere")
            if target.startswith("/"):
                raise BrokenLink("is a link that leads out of the repository")
            done.pop()
            rest += target.split("/")[::-1]
        return "/".join(done)
