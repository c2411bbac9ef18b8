"""What other DVC projects of the same Git repository make, as a revision locks it."""

from collections.abc import Iterator
from posixpath import dirname, join, normpath, relpath
from shlex import quote
from typing import NamedTuple

from lockproof.adapters.git.blobs import Unknown
from lockproof.adapters.git.links import LINK, BrokenLink, Links
from lockproof.adapters.git.repository import SUBMODULE
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.model.pipeline import Out, inside, overlap
from lockproof.parse.project import Reading, read_project


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
        self._links = Links(files)
        self._readings: dict[str, Reading] = {}

    def made(self, path: str) -> Made:
        """What makes a path that begins with `../` and that Git has not.

        Raises:
            Unknown: nothing does; Git has a link or a submodule there, or on the way; or it is in
                doubt who makes it.
        """
        full = self._full(path)
        self._refuse_tracked(full)
        found = list(self._makers(full))
        if len(found) > 1 and any(made.exact for made in found):
            named = " and ".join(f"{made.out.path} of {made.file}" for made in found[:2])
            raise Unknown(f"other DVC projects have both {named} there: take one of them away")
        if not found:
            raise Unknown(
                f"neither this commit nor another DVC project in it has it: run 'git add -f"
                f" {quote(path)}' and commit, or move it into this DVC project"
            )
        return found[0]

    def rest(self, path: str) -> Made | None:
        """What makes another part of a folder beside the DVC root that Git has; None: nothing.

        Raises:
            Unknown: that is in doubt.
        """
        if not self._prefix:
            return None
        try:
            real = self._links.resolve(self._full(path))
        except BrokenLink:
            return None
        if inside(real, self._prefix) or real not in self._files.folders:
            return None
        root = next((root for root in self._roots() if inside(root or ".", real or ".")), None)
        if root is not None:
            raise Unknown(
                f"it holds the DVC project {root or '.'}, whose data no commit has: depend on what"
                " is needed of it"
            )
        return next(self._makers(real), None)

    def is_part(self, path: str) -> bool:
        """Whether a checkout may have more of it than Git."""
        try:
            return self.rest(path) is not None
        except Unknown:
            return True

    def lack(self, path: str) -> str | None:
        """Why a run has not all of a path that Git lacks, or of a folder beside the DVC root.

        None where it is no matter of other DVC projects.
        """
        try:
            made = self.rest(path)
            if made is None and not path.startswith("../"):
                return None
            made = made or self.made(path)
        except Unknown as error:
            return str(error)
        return (
            f"{made.file}, of another DVC project, names {made.out.path}, and of other projects"
            " nothing is fetched: move that, with what makes it, into this DVC project"
        )

    def _refuse_tracked(self, full: str) -> None:
        """Refuse what Git tracks itself: a checkout has that, and nothing of other projects."""
        parts = full.split("/")
        for count in range(1, len(parts) + 1):
            at = "/".join(parts[:count])
            entry = self._files.entries.get(at)
            if entry is None:
                continue
            if entry.mode == LINK:
                raise Unknown(
                    f"Git has the link {at}, by which it is something that Git does not have:"
                    " depend on what it leads to, or put the file itself in its place"
                )
            what = "submodule" if entry.mode == SUBMODULE else "file"
            raise Unknown(f"Git has the {what} {at}, which has nothing of that name")

    def _makers(self, full: str) -> Iterator[Made]:
        """The outputs of the projects around a path from the Git root that have to do with it."""
        for root in self._roots():
            if root == self._prefix or not inside(full or ".", root or "."):
                continue
            reading = self._reading(root)
            own = relpath(full or ".", root or ".")
            for stage in reading.pipeline.stages:
                for out in stage.outs:
                    if out.cached and not out.external and overlap(out.path, own):
                        file = f"{root}/{stage.file}" if root else stage.file
                        yield Made(out, out.path == own, file)

    def _roots(self) -> Iterator[str]:
        """The roots of all projects, from the Git root."""
        for folder in self._files.folders:
            if folder == ".dvc" or folder.endswith("/.dvc"):
                yield dirname(folder)

    def _reading(self, root: str) -> Reading:
        """What a project declares.

        Raises:
            Unknown: not all of it can be read, and that may name anything.
        """
        if root not in self._readings:
            self._readings[root] = read_project(self._files, root)
        reading = self._readings[root]
        for problem in reading.problems:
            raise Unknown(
                f"{join(root, problem.path)}, of another DVC project, is in doubt and may name it"
                f" ({problem.message}): mend that first"
            )
        return reading

    def _full(self, path: str) -> str:
        full = normpath(f"{self._prefix}/{path}") if self._prefix else path
        return "" if full == "." else full
