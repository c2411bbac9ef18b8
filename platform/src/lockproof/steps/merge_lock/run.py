"""The files that a merge reads and writes."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from lockproof.adapters.files import write_whole
from lockproof.adapters.git.repository import GitRepository, run_git
from lockproof.errors import ConfigError, UsageError
from lockproof.parse.yaml_document import read_yaml
from lockproof.steps.merge_lock.merge import Merge, Versions, merge_files

_MAX_PIPELINE_BYTES = 4 * 2**20


def drive(base: Path, ours: Path, theirs: Path, name: str) -> Merge:
    """Merge as Git's driver: the result takes the place of `ours`.

    Args:
        base: the file of the common ancestor (`%O`).
        ours: the file to merge into (`%A`).
        theirs: the other file (`%B`).
        name: where it belongs, from the top of the work tree (`%P`), where Git runs this.

    Raises:
        UsageError: a file cannot be read or written.
    """
    versions = Versions(*(_read(path) for path in (base, ours, theirs)))
    merge = merge_files(versions, name, folders_of(Path(name).parent / "dvc.yaml"))
    write_whole(ours, merge.text)
    return merge


def resolve(path: Path, *, unlock: bool) -> Merge:
    """Merge a file that Git has left in conflict, from the versions that its index holds.

    Args:
        path: the file in the work tree; the result takes its place.
        unlock: write the lock without the stages that must be run again, in place of markers.

    Raises:
        UsageError: the file is not in conflict, or cannot be written, or has other conflicts.
    """
    git = GitRepository.discover(path.absolute().parent)
    name = PurePosixPath(os.path.relpath(os.path.realpath(path.absolute().parent), git.root))
    name /= path.name
    found = [_version(git, f":{number}:{name}") for number in (1, 2, 3)]
    if found[1] is None or found[2] is None:
        raise UsageError(f"{path} is not in conflict, or one side removed it: nothing to merge")
    versions = Versions(*(content or b"" for content in found))
    merge = merge_files(versions, str(name), folders_of(path.parent / "dvc.yaml"))
    if unlock and merge.clean is None:
        raise UsageError(f"{path}: {merge.conflicts[0]}: choose a side first")
    write_whole(path, merge.clean if unlock and merge.clean is not None else merge.text)
    return merge


def _version(git: GitRepository, name: str) -> bytes | None:
    with suppress(UsageError):
        return run_git(git.root, "cat-file", "blob", name)
    return None


def folders_of(pipeline: Path) -> dict[str, str | None]:
    """Stage -> the folder that its paths in the lock are relative to, as `dvc.yaml` says.

    Only stages with a `wdir` are there; None stands for a template. A pipeline that cannot be read
    says nothing: most likely it is in conflict itself, and `lockproof gate` will check the lock
    against it.
    """
    try:
        content = pipeline.read_bytes()
        value = read_yaml(content, pipeline.name, core=True)[0].value
    except (OSError, ConfigError, IndexError):
        return {}
    stages = value.get("stages") if isinstance(value, Mapping) else None
    found: dict[str, str | None] = {}
    for name, stage in stages.items() if isinstance(stages, Mapping) else ():
        inner = stage.get("do", stage) if isinstance(stage, Mapping) else None
        folder = inner.get("wdir") if isinstance(inner, Mapping) else None
        if folder is not None:
            found[str(name)] = None if "${" in str(folder) else str(folder)
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
