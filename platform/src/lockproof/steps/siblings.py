"""What other DVC projects of the same Git repository make, as a revision locks it."""

from posixpath import dirname, normpath, relpath
from typing import NamedTuple

from lockproof.adapters.git.snapshot import Snapshot
from lockproof.model.pipeline import Out, Pipeline, overlap
from lockproof.parse.project import read_project


class Made(NamedTuple):
    """An output of another project, in which a path is, or which is in that."""

    out: Out
    exact: bool
    """Whether it is the path itself."""
    file: str
    """The file that declares it, from the Git root."""


class Siblings:
    """The other DVC projects of a revision, each of them read when it is first asked for."""

    def __init__(self, files: Snapshot, prefix: str) -> None:
        """`prefix` is the DVC root below the Git root; empty where they are the same."""
        self._files, self._prefix = files, prefix
        self._pipelines: dict[str, Pipeline] = {}

    def made(self, path: str) -> Made | None:
        """What makes a path beside the DVC root, which begins with `../`; None if nothing does."""
        full = normpath(f"{self._prefix}/{path}")
        root = self._project_of(full)
        if root is None:
            return None
        if root not in self._pipelines:
            self._pipelines[root] = read_project(self._files, root).pipeline
        own = relpath(full, root or ".")
        for stage in self._pipelines[root].stages:
            for out in stage.outs:
                if out.cached and not out.external and overlap(out.path, own):
                    file = f"{root}/{stage.file}" if root else stage.file
                    return Made(out, out.path == own, file)
        return None

    def _project_of(self, full: str) -> str | None:
        """The root of the innermost project around a path, from the Git root."""
        folder = full
        while folder:
            folder = dirname(folder)
            if (f"{folder}/.dvc" if folder else ".dvc") in self._files.folders:
                return folder
        return None
