"""What a repository has already that `lockproof init` builds upon."""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.dvc import Project, find_root, user_config
from lockproof.adapters.git import GitRepository
from lockproof.adapters.pins import read_pins
from lockproof.adapters.scratch import work_folder
from lockproof.errors import ConfigError, UsageError
from lockproof.model.pipeline import Pipeline

_REQUIREMENTS = ("requirements.lock", "requirements.txt")
_PICKLED = (".pkl", ".pickle", ".joblib", ".skops", ".pt", ".pth", ".h5", ".keras")
_LARGEST = 1 << 20
_TESTS = {"test", "tests"}
_DECLARES = re.compile(
    rb"^kind: *(?:Rollout|AnalysisTemplate|ClusterAnalysisTemplate) *(?:#.*)?$", re.MULTILINE
)
_PLAIN_FOLDER = re.compile(r"[\w./+-]+")
_PLAIN_PATH = re.compile(r"[\w./ +-]+")


@dataclass(frozen=True)
class Survey:
    """What was found."""

    top: Path
    """The Git root."""
    root: str
    """The DVC root, relative to it; `.` where they are the same."""
    branch: str
    """The branch that changes go to."""
    hosting: str
    """The host of `origin`; empty where there is none."""
    environment: tuple[str, str] | None
    """The key of `[environment]` and the file that pins the pipeline's packages."""
    unpinned: tuple[str, ...]
    """Requirements files that leave versions open, each with the reason."""
    metrics: tuple[str, ...]
    opaque: tuple[str, ...]
    """Outputs whose format has no bytes that can be promised, such as pickled models."""
    gpus: int
    canary: tuple[str, ...]
    """Folders at the top that hold manifests of a rollout or an analysis, tests left out."""
    stores: tuple[str, ...]
    """The URL schemes of the DVC remotes."""


def survey(directory: Path) -> Survey:
    """Look at the work tree; nothing of it is executed or changed.

    Raises:
        UsageError: this is no Git repository with a DVC project.
        ConfigError: a configuration or pipeline file is not valid.
    """
    git = GitRepository.discover(directory.absolute())
    here = find_root(Path(os.path.realpath(directory)), git.root)
    root = os.path.relpath(here, git.root.resolve())
    if not _PLAIN_PATH.fullmatch(root):
        raise UsageError(f"cannot name {root!r} in CI files: use plain letters in folder names")
    with work_folder() as scratch:
        project = Project(here, scratch.path, user_config(here)["settings"])
        try:
            pipeline = project.pipeline
            stores = project.store_schemes
        finally:
            project.close()
    environment, unpinned = _environment(here, pipeline)
    outs = [out for stage in pipeline.stages if stage.kind == "stage" for out in stage.outs]
    return Survey(
        top=git.root,
        root=root,
        branch=_branch(git),
        hosting=_host(git.remote_url() or ""),
        environment=environment,
        unpinned=unpinned,
        metrics=tuple(out.path for out in outs if out.kind == "metric"),
        opaque=tuple(out.path for out in outs if out.path.endswith(_PICKLED)),
        gpus=max((stage.gpus for stage in pipeline.stages if stage.runs), default=0),
        canary=_canary(git.root, git.tracked()),
        stores=stores,
    )


def _environment(here: Path, pipeline: Pipeline) -> tuple[tuple[str, str] | None, tuple[str, ...]]:
    """The file that pins the packages: beside `.dvc`, else beside a `dvc.yaml`."""
    folders = dict.fromkeys([".", *(os.path.dirname(s.file) or "." for s in pipeline.stages)])
    places = [os.path.normpath(folder) for folder in folders]
    for place in places:
        lock = os.path.normpath(f"{place}/uv.lock")
        if (here / lock).is_file() and (here / place / "pyproject.toml").is_file():
            return ("uv-lock", lock), ()
    unpinned = []
    for place in places:
        for name in _REQUIREMENTS:
            path = os.path.normpath(f"{place}/{name}")
            if (here / path).is_file():
                try:
                    read_pins(here / path, here)
                except ConfigError as error:
                    unpinned.append(str(error))
                else:
                    return ("requirements", path), ()
    return None, tuple(unpinned)


def _branch(git: GitRepository) -> str:
    """Origin's default branch, else one of the usual names, else the one checked out."""
    found = git.default_branch()
    for name in ("main", "master") if found is None else ():
        with contextlib.suppress(UsageError):
            git.resolve(f"refs/heads/{name}")
            return name
    return found or git.branch() or "main"


def _canary(top: Path, tracked: tuple[str, ...]) -> tuple[str, ...]:
    folders = set()
    for path in tracked:
        folder, file = os.path.dirname(path), top / path
        if not path.endswith((".yaml", ".yml")) or not _PLAIN_FOLDER.fullmatch(folder):
            continue
        if _TESTS & set(folder.split("/")):
            continue
        try:
            if file.stat().st_size <= _LARGEST and _DECLARES.search(file.read_bytes()):
                folders.add(folder.partition("/")[0])
        except OSError:  # Removed in the work tree, or no regular file.
            continue
    return tuple(sorted(folders))


def _host(url: str) -> str:
    """The host name in a Git URL: `https://host/…`, `ssh://user@host:22/…` or `user@host:…`."""
    match = re.match(r"(?:\w+://)?(?:[^@/]*@)?([\w.-]+)[:/]", url)
    return match[1].lower() if match else ""
