"""Content digests as DVC writes them, and the digest of a whole lock."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, Self

from .base import Frozen, sha256_of
from .fields import Asked

if TYPE_CHECKING:
    from pydantic import ValidationInfo

Algorithm = Literal["md5", "md5-dos2unix", "etag", "checksum"]

DIR_SUFFIX = ".dir"
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


# Of the field and not of the whole, which would run again wherever a digest is put into another
# value.
def _is_well_formed(value: str, info: "ValidationInfo") -> str:
    if info.data.get("algorithm", "md5").startswith("md5") and not _MD5.fullmatch(value):
        raise ValueError(f"not an MD5 digest: {value[:80]!r}")
    return value


class Digest(Frozen):
    """The digest of a file, or of a directory's listing (then `value` ends in `.dir`)."""

    algorithm: Algorithm = "md5"
    """`md5-dos2unix` is DVC 2's: MD5 after CRLF became LF in text files."""
    value: Annotated[str, Asked(after=_is_well_formed)]

    @classmethod
    @lru_cache(maxsize=1 << 16)
    def of(cls, algorithm: Algorithm, value: str) -> Self:
        """The digest; the same object for the same digest, as a lock names many of them twice.

        Raises:
            ValueError: it is not well formed.
        """
        if not (algorithm == "md5" and _MD5.fullmatch(value)):
            return cls(algorithm=algorithm, value=value)
        # What the validator would say is known, and of a large lock it is asked very often.
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", {"algorithm": algorithm, "value": value})
        return made

    # What a model does by itself takes several times as long, and each digest is compared often.
    def __eq__(self, other: object) -> bool:
        """Whether it is the same digest."""
        if self is other:
            return True
        if not isinstance(other, Digest):
            return NotImplemented
        return self.value == other.value and self.algorithm == other.algorithm

    def __hash__(self) -> int:
        """As equal digests have it."""
        return hash((self.algorithm, self.value))

    @property
    def is_dir(self) -> bool:
        """Whether this names a directory listing."""
        return self.value.endswith(DIR_SUFFIX)

    @property
    def object_path(self) -> str:
        """POSIX path of its object below a DVC cache or remote.

        `files/md5/aa/bb…` since DVC 3; `aa/bb…` for `md5-dos2unix`, DVC 2's layout.
        """
        folder = "" if self.algorithm == "md5-dos2unix" else "files/md5/"
        return f"{folder}{self.value[:2]}/{self.value[2:]}"

    @property
    def short(self) -> str:
        """The first eight digits, and `.dir` where it is a directory."""
        return self.value[:8] + (DIR_SUFFIX if self.is_dir else "")

    def __str__(self) -> str:
        """`md5:…`, as findings show it."""
        return f"{self.algorithm}:{self.value}"


def same_content(
    one: Digest, other: Digest, one_size: int | None, other_size: int | None
) -> bool | None:
    """Whether two digests are of the same content; None where they do not tell.

    DVC 2 hashed text as if its line ends were LF: with one digest of each kind, sizes help. Of two
    equal ones the content is the same where it has as many bytes; of two that differ it cannot be
    the same where it has not.

    Args:
        one: of one side.
        other: of the other side.
        one_size: bytes, of a directory those of all its files; None where nothing says so.
        other_size: the same of the other side.
    """
    if one.algorithm == other.algorithm:
        return one == other
    if {one.algorithm, other.algorithm} != {"md5", "md5-dos2unix"}:
        return False
    if one.is_dir != other.is_dir:
        return False
    if one_size is None or other_size is None:
        return None
    same = one_size == other_size
    return same if one.value == other.value else None if same else False


def directory_digest(files: Mapping[str, str], algorithm: Algorithm = "md5") -> Digest:
    """The digest of a directory, as DVC computes it: MD5 of the JSON listing of its files.

    Args:
        files: POSIX path below the directory -> hex MD5 of the file.
        algorithm: what the files were hashed with.
    """
    import hashlib
    import json

    listing = [{"md5": md5, "relpath": path} for path, md5 in sorted(files.items())]
    content = json.dumps(listing).encode()  # The keys stand in order.
    value = hashlib.md5(content, usedforsecurity=False).hexdigest() + DIR_SUFFIX
    return Digest.of(algorithm, value)


def lock_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 that names a lock: every `dvc.lock` and `.dvc` file of one revision.

    Args:
        files: POSIX path below the DVC root -> content. Line ends count as LF, so that a
            checkout with CRLF names the same lock.

    Returns:
        64 hex digits: SHA-256 of the canonical JSON of `[[path, sha256(content)], …]`.
    """
    import hashlib

    entries = [
        [path, hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()]
        for path, content in sorted(files.items())
    ]
    return sha256_of(entries)
