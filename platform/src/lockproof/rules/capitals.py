"""Names that only some file systems take for one."""

from collections.abc import Iterable, Iterator, Mapping
from unicodedata import normalize


def with_other_capitals(paths: Mapping[str, str], tracked: Iterable[str]) -> dict[str, str]:
    """What a missing path may mean, as file systems that know no capitals, or macOS's, find it.

    Args:
        paths: those that are missing -> the same from the Git root.
        tracked: the files that a revision has, from the Git root; folders are meant too.
    """
    wanted = {_folded(full): path for path, full in paths.items()}
    there = {one[:end] for one in (tracked if wanted else ()) for end in _ends(one)}
    alike = ((wanted.get(_folded(one)), one) for one in sorted(there))
    return {path: one for path, one in alike if path is not None and one != paths[path]}


def _folded(path: str) -> str:
    return normalize("NFC", path).lower()


def _ends(path: str) -> Iterator[int]:
    """Where each of its folders, and it itself, ends."""
    yield from (at for at, character in enumerate(path) if character == "/")
    yield len(path)
