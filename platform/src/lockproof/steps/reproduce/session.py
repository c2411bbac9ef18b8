"""What one reproduction works with: the checkout, its pipeline, objects, environment, policy."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path, PurePath

from lockproof.adapters.dvc.objects import ObjectStore
from lockproof.adapters.dvc.project import Hasher, Project
from lockproof.adapters.environment.build import PipelineEnvironment
from lockproof.adapters.git.paths import blob_in
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Entry, Snapshot
from lockproof.adapters.sandbox.view import readable
from lockproof.adapters.scratch import remove
from lockproof.config import Policy
from lockproof.model.base import sha256_of
from lockproof.model.digest import Digest
from lockproof.model.environment import Environment
from lockproof.model.pipeline import Dep, Out, Pipeline, Stage
from lockproof.model.record import RunRecord
from lockproof.parse.datasets import Dataset
from lockproof.steps.progress import Progress
from lockproof.steps.siblings import Siblings
from lockproof.steps.surface import Seen, Surface, own_places

from .curtain import Curtain
from .restored import Restored


@dataclass(frozen=True)
class Workspace:
    """A clean checkout of the commit that a stage may do with as it likes."""

    folder: Path
    """The Git root of the checkout."""
    root: Path
    """The DVC root in it."""
    hasher: Hasher


@dataclass
class Session:
    """Everything that the parts of a reproduction share."""

    git: GitRepository
    commit: str
    tree: Mapping[str, str]
    """Path of every file and folder of the commit -> Git object id."""
    prefix: str
    """The DVC root relative to the Git root; empty where they are the same."""
    work: Path
    held: tuple[int, ...]
    """Descriptors that stage processes keep open, so that `work` stays while one of them runs."""
    logs: Path
    policy: Policy
    project: Project
    store: ObjectStore
    environment: PipelineEnvironment
    described: Environment
    surface: Surface
    seen: Seen | None
    """The state of what stages can read of the machine; None where they can read anything."""
    shell: str
    records: tuple[RunRecord, ...]
    lock_digest: str
    datasets: Mapping[str, Dataset]
    """What the commit registers, by name."""
    progress: Progress
    absent: Mapping[str, str]
    """What of the commit this clone has not (`GitRepository.check_out`)."""
    mode: str = "isolated"
    _numbers: Iterator[int] = field(default_factory=count)
    _current: dict[str, Digest | None] = field(default_factory=dict)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline as the commit declares it."""
        return self.project.pipeline

    def git_path(self, path: str) -> str:
        """A path below the DVC root as Git names it."""
        return os.path.normpath(f"{self.prefix}/{path}") if self.prefix else path

    def fresh(self, name: str) -> Path:
        """A path below the work folder that no other part of this run uses, and that is not there.

        Stages run, and are explained, several at once: what has one fixed name there is shared.
        """
        return self.work / f"{name}-{next(self._numbers)}"

    def new_workspace(self, folder: Path | None = None) -> Workspace:
        """A fresh clean checkout, in `folder` or anywhere below the work folder."""
        folder = folder or self.fresh("checkout")
        self.git.check_out(self.commit, folder)
        root = folder / self.prefix
        return Workspace(folder, root, Hasher(root))

    def surface_of(self, environment: PipelineEnvironment) -> Surface:
        """What stages find of the machine with this environment in place of the pipeline's."""
        if environment is self.environment or environment.bin is None:
            return self.surface
        return replace(
            self.surface,
            view=self.surface.view.showing(readable([environment.bin.parent, *environment.shows])),
        )

    @cached_property
    def restored(self) -> Restored:
        """Environments as run records have them."""
        say, isolation = self.progress.say, self.surface.isolation
        return Restored(self.environment, self.described, isolation, say, self.progress)

    @property
    def own_places(self) -> list[str]:
        """What stages can read of the machine beside the system."""
        return own_places(self.surface.view)

    def hidden_from(self, stage: Stage) -> tuple[str, ...]:
        """Paths from the Git root that a stage does not find."""
        return self.curtain.hidden(stage)

    @cached_property
    def curtain(self) -> Curtain:
        """Which tracked files stages find."""
        return Curtain(self.files, self.policy, self.prefix, (self.pipeline,))

    @cached_property
    def siblings(self) -> Siblings:
        """The other DVC projects of the commit."""
        return Siblings(Snapshot(self.git, self.commit), self.prefix)

    @cached_property
    def files(self) -> Mapping[str, Entry]:
        """Path of every tracked file from the Git root -> mode and object id."""
        return Snapshot(self.git, self.commit).entries

    def discard(self, workspace: Workspace) -> None:
        """Remove a workspace."""
        remove(workspace.folder)

    def blob(self, path: str) -> str | None:
        """What names a path's content at the commit; None: not tracked.

        Git's object id of a file or folder; inside a submodule, the submodule's commit.
        """
        return blob_in(self.tree, self.git_path(path))

    def tracked(self, path: str) -> bool:
        """Whether Git tracks this path (a file, or a folder with tracked files)."""
        return self.blob(path) is not None

    def current(self, item: Dep | Out) -> Digest | None:
        """Digest of a path as the commit's own checkout holds it; None: not there."""
        if item.path not in self._current:
            self._current[item.path] = self._hasher.digest(item.path, item.algorithm)
        return self._current[item.path]

    @cached_property
    def _hasher(self) -> Hasher:
        return Hasher(self.project.root)

    def record_for(self, stage: Stage) -> RunRecord | None:
        """The best run record that was made when the stage's lock entry was as it is now.

        That is one of a run that was watched, or else the newest.
        """
        fitting = [r for r in self.records if r.stages.get(stage.address) == stage.entry_digest]
        fitting.sort(
            key=lambda r: (
                r.saw(stage.address),
                r.lock_digest == self.lock_digest,
                r.recorded_at,
            )
        )
        return fitting[-1] if fitting else None

    def log_path(self, stage: Stage, label: str = "") -> Path:
        """The log file of a stage's run; unusual characters of its name are replaced."""
        name = "".join(c if c.isalnum() or c in "-_.@" else "_" for c in stage.address)[:100]
        if name != stage.address:
            name += f"-{sha256_of(stage.address)[:6]}"  # Another stage may come out the same.
        return self.logs / f"{name}{'.' + label if label else ''}.log"


def raw_path(stage: Stage, path: str) -> str:
    """A path below the DVC root as the stage's lock entry writes it: relative to `wdir`."""
    return PurePath(os.path.relpath(path, stage.wdir)).as_posix()
