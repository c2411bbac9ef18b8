"""What a lock and its `.dvc` files claim is in a remote, and what they do not."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import PurePosixPath

from .base import Made
from .digest import Digest
from .pipeline import Out, Pipeline, Stage, StoredFile


class Claim(Made):
    """An output whose content must be in a remote.

    For a directory `digest` names its listing; the files in it are known only from that object.
    """

    path: str
    """The output: POSIX, relative to the DVC root."""
    owner: str
    """Address of the stage or `.dvc` file that has it."""
    file: str
    """The `dvc.lock` or `.dvc` file that says so: POSIX, relative to the DVC root."""
    line: int | None = None
    """Line in `file`, from 1."""
    digest: Digest | None
    """None where only version ids name the content."""
    size: int | None = None
    """Bytes; of a directory the sum of its files."""
    nfiles: int | None = None
    """Files in a directory."""
    remote: str | None = None
    """The remote that the output names; None means the default one."""
    stored: tuple[StoredFile, ...] = ()
    """Version ids, where it was pushed to version-aware remotes."""


class Exemption(StrEnum):
    """Why an output is not claimed to be in a remote."""

    NOT_LOCKED = "not locked"
    NOT_PUSHED = "push: false"
    OUTSIDE = "outside the repository"
    OTHER_REPOSITORY = "imported from another repository, which has its own remote"
    NO_DIGEST = "locked by a checksum that names no object"


class Exempt(Made):
    """An output that DVC caches and that no remote has to hold."""

    path: str
    owner: str
    reason: Exemption


class Claims(Made):
    """All claims of one revision, in the order of the pipeline."""

    claims: tuple[Claim, ...] = ()
    exempt: tuple[Exempt, ...] = ()


def claims_of(pipeline: Pipeline) -> Claims:
    """What a pipeline's locks say is in a remote.

    Outputs that Git keeps (`cache: false`) are neither claimed nor exempt.
    """
    found = [item for stage in pipeline.stages for out in stage.outs for item in _claim(stage, out)]
    return Claims(
        claims=tuple(item for item in found if isinstance(item, Claim)),
        exempt=tuple(item for item in found if isinstance(item, Exempt)),
    )


def _claim(stage: Stage, out: Out) -> Iterator[Claim | Exempt]:
    if not out.cached and not stage.from_repository:
        return
    reason = _exemption(stage, out)
    if reason:
        yield Exempt(path=out.path, owner=stage.address, reason=reason)
        return
    yield Claim(
        path=out.path,
        owner=stage.address,
        file=lock_file(stage),
        line=out.line,
        digest=out.locked,
        size=out.size,
        nfiles=out.nfiles,
        remote=out.remote,
        stored=out.stored,
    )


def _exemption(stage: Stage, out: Out) -> Exemption | None:
    if stage.from_repository:
        return Exemption.OTHER_REPOSITORY
    if not out.pushed:
        return Exemption.NOT_PUSHED
    if out.external:
        return Exemption.OUTSIDE
    if out.locked is None and not out.stored:
        return Exemption.NOT_LOCKED
    if out.locked and not out.locked.algorithm.startswith("md5") and not out.stored:
        return Exemption.NO_DIGEST
    return None


def lock_file(stage: Stage) -> str:
    """The `dvc.lock` or `.dvc` file with a stage's outputs: POSIX, relative to the DVC root."""
    path = PurePosixPath(stage.file)
    return str(path.with_suffix(".lock")) if path.suffix in (".yaml", ".yml") else stage.file
