"""The bytes of outputs, as statements name them."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lockproof.adapters.files import open_named
from lockproof.adapters.git.forms import FILTERED, Forms, forms_of, other_forms
from lockproof.adapters.hashing import CHUNK, both_md5, plain_sha256
from lockproof.errors import UsageError
from lockproof.model.digest import Digest, directory_digest
from lockproof.model.statement import manifest_sha256
from lockproof.parse.ignore import IGNORE_FILE
from lockproof.steps.gate.interface import Scene

_LONGEST = 200
"""Characters of a path in a message."""
Hides = Callable[[str], bool]
"""POSIX path below a folder -> whether DVC does not see it; a folder's path ends with `/`."""


def nothing(path: str) -> bool:
    """What hides no file: of folders where DVC is not at work."""
    return False


def hidden_by_dvc(scene: Scene, output: str) -> Hides:
    """What is no part of an output, though it lies in its folder: what `.dvcignore` hides.

    Of a pull request, only what the base hides too: it does not say itself what nobody looks at.

    Args:
        scene: the revision whose `.dvcignore` files count; those of the work tree do not.
        output: POSIX, from the DVC root.
    """
    readings = [scene.reading]
    if scene.request.pull_request and scene.base_reading is not None:
        readings.append(scene.base_reading)
    return lambda name: all(reading.hides(f"{output}/{name}") for reading in readings)


def left_out(folder: Path, output: str, hides: Hides) -> tuple[str, ...]:
    """A line about what lies in an output's folder and is no part of it, if anything does."""
    if not folder.is_dir():
        return ()
    names = sorted(name for name, hidden in _in(folder, hides) if hidden)
    if not names:
        return ()
    named = ", ".join(f"{output}/{name}" for name in names[:3]) + (", …" if names[3:] else "")
    return (
        f"{named}: {IGNORE_FILE} hides it, so it is no part of the model: serve what 'lockproof"
        " register' or 'dvc get' brings, and not this folder",
    )


def only_hidden_here(scene: Scene, folder: Path, output: str) -> str | None:
    """A file that the pull request hides and its base does not; None where there is none."""
    if not folder.is_dir() or not scene.request.pull_request:
        return None
    hides = hidden_by_dvc(scene, output)
    names = (name for name, hidden in _in(folder, hides) if not hidden)
    return min((n for n in names if scene.reading.hides(f"{output}/{n}")), default=None)


def as_git_writes_it(scene: Scene, path: str, proved: str, found: Mapping[str, str]) -> bool:
    """Whether bytes are what a checkout makes of the proved ones, such as with other line ends.

    Git's index is not asked: it can be told to call any file unchanged.

    Args:
        scene: the revision, by whose attributes a checkout converts, here or on Windows.
        path: the file or folder, POSIX, from the DVC root.
        proved: SHA-256 of the proved bytes.
        found: those at hand, as `sums_at` gives them.
    """
    top = scene.git_path(path)
    files = {name: f"{top}/{name}" if name else top for name in found}
    if not all(file in scene.head.entries for file in files.values()):
        return False
    known = forms_of(scene.head, files.values())
    if len(known) < len(files):
        return False
    forms = {name: known[file] for name, file in files.items()}
    uniform = ({name: each[at] for name, each in forms.items()} for at in range(len(Forms._fields)))
    return proved in map(named_by, uniform) and all(found[name] in forms[name] for name in found)


def made_by_filter(scene: Scene, path: str, found: Iterable[str]) -> tuple[str, str] | None:
    """A file from the Git root that another filter than Git LFS makes, and what is known of it.

    Args:
        scene: the revision, whose attributes count.
        path: the file or folder, POSIX, from the DVC root.
        found: names in it, as `sums_at` gives them.
    """
    top = scene.git_path(path)
    files = [f"{top}/{name}" if name else top for name in found]
    entries = scene.head.entries
    kept = [file for file in files if file in entries and entries[file].is_file]
    unknown = other_forms(scene.head, kept, lambda _path, _chunks: None)
    return min((each for each in unknown.items() if each[1].startswith(FILTERED)), default=None)


def read_output(path: Path, locked: Digest, hides: Hides = nothing) -> str | None:
    """SHA-256 of an output as a statement names it; None where its bytes are not the locked ones.

    Args:
        path: the file or folder.
        locked: as `dvc.lock` names it.
        hides: what in the folder is none of it.

    Raises:
        UsageError: it cannot be read, or holds a link or what is no file.
    """
    if locked.is_dir != path.is_dir():
        return None
    old = locked.algorithm == "md5-dos2unix"
    if not locked.is_dir:
        sha256, md5 = _file(path, old=old)
        return sha256 if md5 == locked.value else None
    sums = {name: _file(file, old=old) for name, file in files_in(path, hides).items()}
    listed = directory_digest({name: md5 for name, (_, md5) in sums.items()}, locked.algorithm)
    return manifest_sha256({name: sha for name, (sha, _) in sums.items()}) if (
        listed.value == locked.value
    ) else None  # fmt: skip


def sums_at(path: Path, hides: Hides = nothing) -> dict[str, str]:
    """SHA-256 of each file of an output by its path in it, of a file by `""`; each is read once.

    Args:
        path: the file or folder.
        hides: what in the folder is none of it.

    Raises:
        UsageError: as `read_output`.
    """
    if not path.is_dir():
        return {"": _sha256(path)}
    return {name: _sha256(file) for name, file in files_in(path, hides).items()}


def named_by(sums: Mapping[str, str]) -> str:
    """The SHA-256 by which a statement names what `sums_at` gives."""
    return sums[""] if "" in sums else manifest_sha256(sums)


def files_in(folder: Path, hides: Hides = nothing) -> dict[str, Path]:
    """POSIX path below a folder -> file, of those that are not hidden.

    Raises:
        UsageError: there is a link in it, or what is no file.
    """
    found = {}
    for name, hidden in _in(folder, hides):
        if hidden:
            continue
        path = folder / name
        with _readable(folder):
            is_file = stat.S_ISREG(path.lstat().st_mode)
        if not is_file:
            raise UsageError(f"{path} is no file: a model folder holds files only")
        found[name] = path
    return found


def _in(folder: Path, hides: Hides) -> Iterator[tuple[str, bool]]:
    """All that is in a folder, but for the folders in it, and whether it is hidden.

    Raises:
        UsageError: a folder in it that is not hidden cannot be read.
    """
    closed = []

    def refuse(error: OSError) -> None:
        below = os.path.relpath(error.filename, folder).replace(os.sep, "/")
        if below == "." or not hides(f"{below}/"):
            raise error
        closed.append(below)

    with _readable(folder):
        for base, folders, names in os.walk(folder, onerror=refuse):
            below = Path(base).relative_to(folder)
            for name in names:
                path = (below / name).as_posix()
                yield path, hides(path)
            for name in folders:
                if Path(base, name).is_symlink():
                    path = (below / name).as_posix()
                    yield path, hides(f"{path}/")
    yield from ((path, True) for path in closed)


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = str(error.filename or folder)
        where = where if len(where) <= _LONGEST else f"{where[:_LONGEST]}…"
        raise UsageError(
            f"cannot read {where}: {error.strerror or error}: all of a model folder is looked at"
        ) from error


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
    return plain_sha256(_chunks(path))


def _chunks(path: Path) -> Iterator[bytes]:
    with open_named(path, "a model's file or folder") as file:
        while chunk := file.read(CHUNK):
            yield chunk
