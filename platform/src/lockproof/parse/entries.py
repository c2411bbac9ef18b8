"""What one entry of a `dvc.lock` or `.dvc` file says of a path."""

import re
from collections.abc import Iterable, Mapping
from posixpath import join, normpath, relpath
from typing import Any, NamedTuple

from lockproof.model.digest import Algorithm, Digest, directory_digest
from lockproof.model.pipeline import StoredFile, StoredVersion, inside
from lockproof.model.remote import PATHS, PROGRAMS

from .yaml_document import ParseError

_CLOUDLESS = frozenset({"files", "cloud"})
"""What makes more of an entry than a digest."""
_NO_NAME = ("", ".", "/")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def commands(value: Any) -> tuple[str, ...]:
    """A stage's commands: the lines of a text, or the items of a list."""
    if not value:
        return ()
    if isinstance(value, str) and value.isprintable():  # So it is one line.
        return (value,) if not value.isspace() else ()
    parts = value if isinstance(value, list) else str(value).splitlines()
    return tuple(str(part) for part in parts if str(part).strip())


class Place(NamedTuple):
    """Where a path of the pipeline leads."""

    path: str
    """POSIX, from the DVC root; as written where it leads out of the Git repository."""
    outside: bool = False
    """Whether it lies outside of the DVC root."""
    beside: bool = False
    """Whether it lies there in the same Git repository: then the path begins with `../`."""


def place(path: str, folder: str, prefix: str = "") -> Place:
    """A path as the pipeline means it.

    Args:
        path: as written.
        folder: the stage's working folder below the DVC root, `.` for the root.
        prefix: the DVC root below the Git root; empty where they are the same.
    """
    if folder == "." and _is_normal(path):
        return Place(path)
    if path.startswith("/") or ("://" in path and _URL.match(path)):
        return Place(path, outside=True)
    full = normpath(path if folder == "." else join(folder, path))
    if full != ".." and not full.startswith("../"):
        return Place(full)
    from_top = normpath(join(prefix, full))
    if from_top == ".." or from_top.startswith("../"):
        return Place(path, outside=True)
    if inside(from_top, prefix):  # Out of the DVC root and into it again.
        return Place(relpath(from_top, prefix))
    if inside(prefix, from_top):  # It holds the DVC root, and with it DVC's own files.
        return Place(path, outside=True)
    return Place(full, outside=True, beside=True)


class Placed(dict[str, Place]):
    """`place` of the paths of one folder, each worked out once: stages name the same ones."""

    def __init__(self, folder: str, prefix: str) -> None:
        """As `place`."""
        self._folder, self._prefix = folder, prefix

    def __missing__(self, path: str) -> Place:
        """Work it out."""
        found = self[path] = place(path, self._folder, self._prefix)
        return found


def _is_normal(path: str) -> bool:
    """Whether a path is relative and below its folder, and `normpath` would leave it as it is."""
    return path[:1] not in _NO_NAME and path[-1] != "/" and "//" not in path and "/." not in path


def digest_of(
    entry: Mapping[str, Any], *, external: bool, name: str, line: int | None
) -> Digest | None:
    """The digest that an entry states; None where it states none.

    Raises:
        ParseError: what it states is no digest.
    """
    algorithm: Algorithm
    if not external and entry.get("hash") == "md5" and _CLOUDLESS.isdisjoint(entry):
        algorithm, value = "md5", entry.get("md5")  # As nearly all are.
        return stated(algorithm, value, name, line)
    files = entry.get("files")
    if isinstance(files, list) and files:
        if not all(file.get("md5") for file in maps(files, name, line)):
            return None
        algorithm = "md5" if entry.get("hash") else "md5-dos2unix"
        children = {str(f.get("relpath")): str(f.get("md5")) for f in maps(files, name, line)}
        return directory_digest(children, algorithm)
    cloud = _first_cloud(entry)
    if entry.get("md5") and cloud.get("md5") not in (None, entry["md5"]):
        raise ParseError("names two MD5s of one path", name, line)
    merged = {**entry, **cloud}
    if not external:
        named = entry.get("hash")
        if named is None or named == "md5":
            algorithm, value = "md5" if named else "md5-dos2unix", merged.get("md5")
        else:  # As DVC has it: then the MD5 beside it counts for nothing.
            algorithm, value = "checksum", merged.get(str(named))
    else:
        algorithm, value = next(
            (
                (known, merged[known])
                for known in ("md5", "etag", "checksum")
                if merged.get(known) is not None
            ),
            ("md5", None),
        )
    return stated(algorithm, value, name, line)


def stated(algorithm: Algorithm, value: Any, name: str, line: int | None) -> Digest | None:
    """The digest with this value; None where it is empty.

    Raises:
        ParseError: it is no digest.
    """
    if value is None or value == "":
        return None
    try:
        # An all-digit digest that somebody's editor took out of its quotes is a number.
        return Digest.of(algorithm, str(value))
    except ValueError:
        shown = str(value)[:60]
        raise ParseError(f"holds {shown!r}, which is no digest", name, line) from None


def stored_files(entry: Mapping[str, Any], name: str, line: int | None) -> tuple[StoredFile, ...]:
    """The version ids of an entry, file by file; empty where it has none."""
    files = entry.get("files")
    if isinstance(files, list) and files:
        return tuple(
            StoredFile(
                relpath=str(file.get("relpath")),
                digest=_md5(file),
                size=number(file.get("size"), name, line),
                versions=_versions(file),
            )
            for file in maps(files, name, line)
        )
    versions = _versions(entry)
    if not versions:
        return ()
    return (
        StoredFile(
            relpath="",
            digest=_md5(entry),
            size=number(entry.get("size"), name, line),
            versions=versions,
        ),
    )


def number(value: Any, name: str, line: int | None) -> int | None:
    """A count of bytes or files; None where nothing is said.

    Raises:
        ParseError: it is no count.
    """
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ParseError(f"holds {str(value)[:40]!r}, which is no size: mend the file", name, line)
    return value


def maps(items: Iterable[Any], name: str, line: int | None) -> Iterable[Mapping[str, Any]]:
    """The items of a list that must be mappings.

    Raises:
        ParseError: one is not.
    """
    for item in items:
        if not isinstance(item, dict):
            raise ParseError(f"{str(item)[:60]!r} where a mapping must be", name, line)
        refuse_options(item, name, line)
        yield item


def refuse_options(entry: Mapping[str, Any], name: str, line: int | None) -> None:
    """`fs_config` of a dependency or an output is a remote's options in another place.

    Raises:
        ParseError: it sets one with which a commit could have a program run.
    """
    if "fs_config" not in entry:
        return
    said = entry["fs_config"]
    options = set(said) if isinstance(said, dict) else set()
    for option in (*PROGRAMS, *PATHS):
        if option in options:
            message = (
                f"fs_config sets {option}, which can run a program or read credentials: set it for"
                " a remote in .dvc/config.local, and name the path remote://NAME/…"
            )
            raise ParseError(message, name, line)


def _md5(entry: Mapping[str, Any]) -> Digest | None:
    try:
        return Digest(value=str(entry["md5"])) if entry.get("md5") else None
    except ValueError:
        return None


def _versions(entry: Mapping[str, Any]) -> tuple[StoredVersion, ...]:
    clouds = entry.get("cloud")
    if isinstance(clouds, dict):
        found = [
            StoredVersion(
                remote=str(remote), id=str(said["version_id"]), etag=_optional(said.get("etag"))
            )
            for remote, said in clouds.items()
            if isinstance(said, dict) and said.get("version_id")
        ]
        return tuple(found)
    if entry.get("version_id"):
        remote = _optional(entry.get("remote")) or ""
        version = str(entry["version_id"])
        return (StoredVersion(remote=remote, id=version, etag=_optional(entry.get("etag"))),)
    return ()


def _first_cloud(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    clouds = entry.get("cloud")
    first = next(iter(clouds.values()), None) if isinstance(clouds, dict) else None
    return first if isinstance(first, dict) else {}


def _optional(value: Any) -> str | None:
    return None if value is None else str(value)
