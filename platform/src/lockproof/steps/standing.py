"""Whether what a model version says of itself holds against Git."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.errors import LockproofError
from lockproof.model.base import sha256_of
from lockproof.model.digest import lock_digest
from lockproof.model.pipeline import Pipeline
from lockproof.model.registration import ModelVersion
from lockproof.model.verdict import Verdict
from lockproof.parse.project import Reading, read_project

_ROOT = re.compile(r"\.|(?!\.\.?(?:/|$))[^/\x00]+(?:/(?!\.\.?(?:/|$))[^/\x00]+)*")


@dataclass
class Standing:
    """What versions say, held against one clone."""

    git: GitRepository
    _readings: dict[tuple[str, str], Reading | None] = field(default_factory=dict)

    def problems(self, version: ModelVersion) -> tuple[str, ...]:
        """Why a version is not proved by what it says; nothing where it holds.

        It shows that the tags are those of a registered commit, not who wrote them: that is what
        a signature shows.
        """
        if version.key is None or version.commit is None:
            return ("nothing says of which commit it is: 'lockproof register' did not make it",)
        verdict = version.said("verdict")
        if verdict != Verdict.PASSED.value:
            return (f"its verdict is {(verdict or 'none')[:40]!r}",)
        outputs = version.digests("outputs")
        if not outputs:
            return ("its tags do not say which outputs it is: register it again",)
        environment = version.said("environment_digest")
        if version.key != sha256_of([version.name, version.commit, outputs, environment]):
            return ("its tags were changed after it was made: they do not give its key",)
        reading = self.reading(version)
        if reading is None:
            return (
                f"commit {version.commit[:12]} is not in this clone, or its pipeline cannot be"
                " read: fetch it (git fetch --unshallow)",
            )
        if version.said("lock_digest") != lock_digest(reading.lock_files):
            return (f"the lock of commit {version.commit[:12]} is another one",)
        locked = {o.path: str(o.locked) for s in reading.pipeline.stages for o in s.outs}
        differing = next((path for path, d in outputs.items() if locked.get(path) != d), None)
        if differing is not None:
            there = locked.get(differing, "no output")
            return (f"{differing} is {there} in the lock and {outputs[differing]} in its tags",)
        return ()

    def reading(self, version: ModelVersion) -> Reading | None:
        """The pipeline of a version's commit; None where it is not here or cannot be read."""
        root = version.said("root") or "."
        if version.commit is None or not _ROOT.fullmatch(root):
            return None
        key = (version.commit, root)
        if key not in self._readings:
            self._readings[key] = self._read(*key)
        return self._readings[key]

    def names(self, matches: Callable[[str], bool]) -> bool:
        """Whether a lock that was read names a digest like that, wherever."""
        return any(
            matches(str(item.locked))
            for reading in self._readings.values()
            if reading is not None
            for stage in reading.pipeline.stages
            for item in (*stage.deps, *stage.outs)
            if item.locked
        )

    def _read(self, commit: str, root: str) -> Reading | None:
        try:
            if self.git.resolve(commit) != commit:
                return None
            found = read_project(Snapshot(self.git, commit), "" if root == "." else root)
        except LockproofError:
            return None
        return None if found.problems else found


def upstream_digests(pipeline: Pipeline, outputs: dict[str, str]) -> set[str]:
    """Every digest that led to some outputs: what their stages read, and what led to that.

    Args:
        pipeline: of the commit.
        outputs: path -> digest; stages are found by the paths.
    """
    makers = {s.address for s in pipeline.stages for o in s.outs if o.path in outputs}
    needed = pipeline.ancestors(makers) | makers
    stages = [s for s in pipeline.stages if s.address in needed]
    made_here = {o.path for s in stages if s.address in makers for o in s.outs}
    found = {str(d.locked) for s in stages for d in s.deps if d.locked}
    found |= {
        str(o.locked)
        for s in stages
        for o in s.outs
        if o.locked and (o.path in outputs or o.path not in made_here)
    }
    return found
