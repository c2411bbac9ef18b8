"""MD5 of a file, as DVC computes it."""

import hashlib
from pathlib import Path

CHUNK = 1 << 20
"""Bytes read at once."""


def file_md5(path: Path, algorithm: str = "md5") -> str:
    """MD5 of a file in hex; `md5-dos2unix` as DVC 2 computes it.

    Raises:
        OSError: the file cannot be read.
    """
    if algorithm == "md5-dos2unix":
        from dvc.fs import localfs
        from dvc_data.hashfile.hash import file_md5 as legacy_md5

        return str(legacy_md5(str(path), localfs, name="md5-dos2unix"))
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
