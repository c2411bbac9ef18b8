"""What was worked out of contents: their digests as DVC computes them, and their sizes."""

from collections.abc import Iterator

from lockproof.adapters.hashing import both_md5, plain_md5
from lockproof.model.digest import Algorithm


class Hashed:
    """Digests and sizes, by object id, or by `/` and the path of what is converted."""

    def __init__(self) -> None:
        """Nothing was worked out yet."""
        self.digests: dict[Algorithm, dict[str, str]] = {"md5": {}, "md5-dos2unix": {}}
        self.sizes: dict[str, int] = {}
        """Bytes."""
        self.count = 0
        """How many contents were read."""

    def keep(self, key: str, chunks: Iterator[bytes], size: int | None, *, both: bool) -> None:
        """Work it out; with DVC 2's digest where `both`. Without a size the bytes are counted."""
        counted = self._counted(key, chunks) if size is None else chunks
        if both:
            self.digests["md5"][key], self.digests["md5-dos2unix"][key] = both_md5(counted)
        else:
            self.digests["md5"][key] = plain_md5(counted)
        if size is not None:
            self.sizes[key] = size
        self.count += 1

    def _counted(self, key: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        self.sizes[key] = 0
        for chunk in chunks:
            self.sizes[key] += len(chunk)
            yield chunk
