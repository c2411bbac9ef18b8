"""Which stages are in all as their lock says, so that nothing of them has to be gathered."""

from collections.abc import Mapping

from lockproof.adapters.git.blobs import Blobs, Unknown
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Dep, Out, Pipeline, Stage
from lockproof.model.places import Places, parents
from lockproof.parse.stage_lines import StageLines
from lockproof.rules.params import same_params

_NO_MORE = (False, (), ())
"""What lines say of a stage whose lock entry has all that it names and nothing else."""


class Agreement:
    """Whether a stage agrees with its lock, where few questions tell; it errs to the other side."""

    def __init__(self, pipeline: Pipeline, blobs: Blobs, sizes: Mapping[Digest, int]) -> None:
        """Of a revision's files, which were hashed; `sizes` of what is kept in remotes."""
        self._blobs, self._sizes = blobs, sizes
        pairs = [
            (out.path, (stage.address, out)) for stage in pipeline.stages for out in stage.outs
        ]
        self._made = dict(pairs)
        """Path -> address of its stage, and the output."""
        self._holding = Places((path, "") for path in self._made).folders
        self._free: dict[str, bool] = {}
        """Folder -> whether no output is it, or holds it."""
        self._usable = blobs.is_plain and len(pairs) == len(self._made) and "." not in self._made

    def holds(self, stage: Stage, lines: StageLines | None) -> bool:
        """Whether there is surely nothing to be said of a stage that stands in these lines."""
        return (
            self._usable
            and stage.kind == "stage"
            and stage.locked
            and stage.locked_command == stage.command
            and lines is not None
            and lines[2:] == _NO_MORE
            and all(map(self._is_made, stage.outs))
            and all(self._is_given(dep, stage.address) for dep in stage.deps)
            and all(map(same_params, stage.params))
        )

    def _is_made(self, out: Out) -> bool:
        locked = out.locked
        if locked is None or locked.algorithm != "md5" or out.external:
            return False
        return out.cached or self._blobs.is_file(out.path, locked, out.size)

    def _is_given(self, dep: Dep, address: str) -> bool:
        path, locked, size = dep.path, dep.locked, dep.size
        if locked is None or locked.algorithm != "md5" or size is None or dep.external:
            return False
        if path in self._holding or path.startswith("../") or not self._is_free(path):
            return False
        if self._sizes.get(locked, size) != size:
            return False
        maker, out = self._made.get(path, (address, None))
        if out is None:
            return self._blobs.is_file(path, locked, size) or self._is_folder(path, locked, size)
        if maker == address or out.locked != locked:
            return False
        return self._blobs.is_file(path, locked, size) or not self._blobs.holds(path)

    def _is_free(self, path: str) -> bool:
        folder = path.rpartition("/")[0]
        if folder not in self._free:
            self._free[folder] = self._made.keys().isdisjoint((folder, *parents(folder)))
        return self._free[folder]

    def _is_folder(self, path: str, locked: Digest, size: int) -> bool:
        if not locked.is_dir:
            return False
        try:
            return self._blobs.digest(path, "md5") == locked and (
                self._blobs.size(path, "md5") == size
            )
        except Unknown:
            return False  # Which the look at all of it says.
