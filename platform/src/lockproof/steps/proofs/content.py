"""The bytes of outputs, as statements name them."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from lockproof.adapters.files import open_named
from lockproof.adapters.hashing import CHUNK, both_md5
from lockproof.errors import UsageError
from lockproof.model.digest import Digest, directory_digest
from lockproof.model.statement import manifest_sha256


def read_output(path: Path, locked: Digest) -> str | None:
    """SHA-256 of an output as a statement names it; None where its bytes are not the locked ones.

    Args:
        path: the file or folder.
        locked: as `dvc.lock` names it.

    Raises:
        UsageError: it cannot be read, or holds a link or what is no file.
    """
    if locked.is_dir != path.is_dir():
        return None
    old = locked.algorithm == "md5-dos2unix"
    if not locked.is_dir:
        sha256, md5 = _file(path, old=old)
        return sha256 if md5 == locked.value else None
    sums = {name: _file(file, old=old) for name, file in files_in(path).items()}
    listed = directory_digest({name: md5 for name, (_, md5) in sums.items()}, locked.algorithm)
    return manifest_sha256({name: sha for name, (sha, _) in sums.items()}) if (
        listed.value == locked.value
    ) else None  # fmt: skip


def sha256_at(path: Path) -> str:
    """SHA-256 of a file or folder, as a statement names it; each byte is read once.

    Raises:
        UsageError: as `read_output`.
    """
    if not path.is_dir():
        return _sha256(path)
    return manifest_sha256({name: _sha256(file) for name, file in files_in(path).items()})


def files_in(folder: Path) -> dict[str, Path]:
    """POSIX path below a folder -> file.

    Raises:
        UsageError: there is a link in it, or what is no file.
    """
    found = {}
    for base, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(base, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise UsageError(f"{path} is no file: a model folder holds files only")
            if name in names:
                found[path.relative_to(folder).as_posix()] = path
    return found


def _file(path: Path, *, old: bool) -> tuple[str, str]:
    """SHA-256 and MD5 in one go."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)

    def seen() -> Iterator[bytes]:
        for chunk in _chunks(path):
            sha256.update(chunk)
            if not old:
                md5.update(chunk)
            yield chunk

    if old:
        return sha256.hexdigest(), both_md5(seen())[1]
    for _ in seen():
        pass
    return sha256.hexdigest(), md5.hexdigest()


def _sha256(path: Path) -> str:
    sha256 = hashlib.sha256()
    for chunk in _chunks(path):
        sha256.update(chunk)
    return sha256.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with open_named(path, "a model's file or folder") as file:
        while chunk := file.read(CHUNK):
            yield chunk
