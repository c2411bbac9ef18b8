"""Dependencies in a directory output, or around outputs: only listings tell what they are."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lockproof.adapters.git.blobs import Blobs, Unknown
from lockproof.model.digest import Digest, directory_digest
from lockproof.model.finding import Finding
from lockproof.model.pipeline import Dep, Out, Pipeline, Stage, inside
from lockproof.rules.lock import part_differs

from .interface import Scene

Makers = tuple[tuple[Stage, Out], ...]
Listings = Mapping[Digest, Mapping[str, Mapping[str, str]]]
"""Directory -> path in it -> its files: path below that -> MD5. See `prover.Directory`."""


def makers_of(pipeline: Pipeline, stage: Stage, path: str) -> Makers:
    """The outputs of other stages (and who makes them) that are, hold or lie in a dependency."""
    return tuple(found for found in pipeline.makers(path) if found[0].address != stage.address)


@dataclass(frozen=True)
class PartDep:
    """A dependency that is not one output as a whole."""

    stage: Stage
    dep: Dep
    real: str
    """Where the dependency leads, below the DVC root."""
    outs: tuple[Out, ...]
    """What holds it, or what lies in it."""

    @property
    def is_within(self) -> bool:
        """Whether it lies in an output."""
        return self.outs[0].path != self.real and inside(self.real, self.outs[0].path)

    def wanted(self) -> Iterator[tuple[Digest, str]]:
        """Directories that a remote may hold, and the paths in them that are to be named."""
        for out in self.outs:
            if out.locked and out.locked.is_dir:
                yield out.locked, self._below(out) if self.is_within else ""

    def _below(self, out: Out) -> str:
        return self.real if out.path == "." else self.real[len(out.path) + 1 :]

    def actual(self, listings: Listings, blobs: Blobs) -> Digest | None:
        """Its digest, from the listings and from what Git holds beside the outputs.

        Raises:
            Unknown: a listing is not here, or Git does not tell.
        """
        assert self.dep.locked is not None
        name = self.dep.locked.algorithm
        files: dict[str, str] = {} if self.is_within else dict(blobs.children(self.real, name))
        for out in self.outs:
            listed = self._listed(out, listings)
            if out.algorithm != name:
                raise Unknown(
                    f"{out.path} was hashed in another way: run 'dvc cache migrate --dvc-files',"
                    " commit, push"
                )
            at = "" if self.is_within else _relative(out.path, self.real)
            files |= {"/".join(filter(None, (at, below))): md5 for below, md5 in listed.items()}
        if self.is_within and "" in files:
            return Digest.of(name, files[""])
        return directory_digest(files, name) if files else None

    def _listed(self, out: Out, listings: Listings) -> Mapping[str, str]:
        if out.locked is None or not out.has_md5:
            raise Unknown(f"{out.path} has no digest")
        if not out.locked.is_dir:
            return {} if self.is_within else {"": out.locked.value}
        below = self._below(out) if self.is_within else ""
        if out.stored and all(file.digest for file in out.stored):
            return _part({f.relpath: f.digest.value for f in out.stored if f.digest}, below)
        found = listings.get(out.locked, {}).get(below)
        if found is None:
            raise Unknown(f"no remote that was asked has a listing of {out.path}")
        return found


def part_deps(scene: Scene, blobs: Blobs) -> tuple[PartDep, ...]:
    """Every such dependency of the pipeline that the lock names by the MD5 of its content."""
    found = []
    for stage in scene.pipeline.stages:
        for dep in stage.deps:
            if dep.external or stage.kind == "import" or not dep.has_md5:
                continue
            real = blobs.real(dep.path)
            makers = makers_of(scene.pipeline, stage, real) if real is not None else ()
            outs = tuple(out for _, out in makers if out.cached)
            if real is not None and outs and makers[0][1].path != real:
                found.append(PartDep(stage, dep, real, outs))
    return tuple(found)


def wanted_of(parts: Iterable[PartDep]) -> dict[Digest, set[str]]:
    """Directory -> the paths in it whose files must be known by name."""
    wanted: dict[Digest, set[str]] = {}
    for part in parts:
        for digest, below in part.wanted():
            wanted.setdefault(digest, set()).add(below)
    return wanted


def compare_parts(
    scene: Scene, parts: Iterable[PartDep], listings: Listings, blobs: Blobs
) -> tuple[list[Finding], list[str]]:
    """What differs from the lock, and a line for each that could not be compared."""
    findings, unknown = [], []
    for part in parts:
        try:
            actual = part.actual(listings, blobs)
        except Unknown as error:
            unknown.append(f"{part.stage.address}: {part.dep.path}: {error}")
            continue
        if actual != part.dep.locked:
            outs = [out.path for out in part.outs]
            file, lines = scene.git_path(part.stage.file), scene.reading.lines
            line = lines[part.stage.address].declared if part.stage.address in lines else None
            findings.append(part_differs(part.stage, part.dep, actual, outs, file, line))
    return findings, unknown


def _relative(path: str, folder: str) -> str:
    return path if folder == "." else path[len(folder) + 1 :]


def _part(files: Mapping[str, str], below: str) -> Mapping[str, str]:
    if not below:
        return files
    found = {p[len(below) + 1 :]: md5 for p, md5 in files.items() if p.startswith(f"{below}/")}
    return {"": files[below]} if below in files else found
