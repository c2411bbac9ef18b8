"""The lock family: what the lock says against the pipeline, the parameters and Git's files."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from lockproof.adapters.git.blobs import Blobs
from lockproof.model.check import Check
from lockproof.model.digest import Digest
from lockproof.model.finding import Finding
from lockproof.model.pipeline import Dep, Out, Stage, overlap
from lockproof.model.verdict import Verdict
from lockproof.parse.pipeline_file import StageLines
from lockproof.parse.project import Kind
from lockproof.rules import lock as rules
from lockproof.rules.lock import LockFacts, lock_findings

from .interface import Outcome, Scene

_MD5 = ("md5", "md5-dos2unix")


def check(scene: Scene) -> Outcome:
    """Check every stage and `.dvc` file of the revision; needs no data and no remote."""
    look = _Look(scene)
    stages = scene.pipeline.stages
    look.prepare(stages)
    findings = [
        *look.problems(),
        *(
            found
            for stage in stages
            if stage.locked or not look.has_unread_lock(stage)
            for found in lock_findings(look.facts(stage), locked=stage.locked)
        ),
    ]
    data = sum(stage.kind != "stage" for stage in stages)
    check = Check(
        name="lock",
        verdict=Verdict.PASSED if stages else Verdict.INCONCLUSIVE,
        checked=len(stages),
        unit="stage",
        summary=f"{len(stages) - data} of dvc.yaml, {data} of .dvc files;"
        f" {look.blobs.hashed} files in Git hashed",
        not_checked=tuple(look.not_checked()) if stages else ("no stage and no .dvc file is here",),
    )
    return Outcome(check, rules.ordered(findings))


class _Look:
    def __init__(self, scene: Scene) -> None:
        self.scene, self.reading = scene, scene.reading
        self.blobs = Blobs(scene.head, scene.prefix, self.reading.ignored.hides)
        self.partial: list[str] = []
        self.linked: list[str] = []

    def prepare(self, stages: tuple[Stage, ...]) -> None:
        """Hash everything that is asked for below, in one go."""
        self.blobs.prepare(
            (item.path, item.algorithm)
            for stage in stages
            for item in (*stage.deps, *stage.outs)
            if item.locked and item.algorithm in _MD5 and not item.external
            if isinstance(item, Dep) or (isinstance(item, Out) and not item.cached)
        )

    def problems(self) -> Iterator[Finding]:
        for problem in self.reading.problems:
            path = self.scene.git_path(problem.path)
            if problem.kind is Kind.CONFLICT:
                yield rules.left_over(path, problem.line)
            else:
                yield rules.unreadable(path, problem.message, problem.line)
        for path, name, line in self.reading.orphans:
            yield rules.orphan(name, self.scene.git_path(path), line)

    def has_unread_lock(self, stage: Stage) -> bool:
        """Whether its lock has a finding of its own, so that nobody knows what it says."""
        lock = str(PurePosixPath(stage.file).with_name("dvc.lock"))
        return any(problem.path == lock for problem in self.reading.problems)

    def facts(self, stage: Stage) -> LockFacts:
        lines = self.reading.lines.get(stage.address) or StageLines(None, None)
        given: dict[str, tuple[Digest | None, str | None]] = {}
        untracked = []
        for dep in stage.deps:
            if dep.external or stage.kind == "import":
                continue  # An import names a path elsewhere.
            makers = self._makers(stage, dep)
            if not makers and not self.blobs.holds(dep.path):
                untracked.append(dep.path)
            elif not makers:
                given[dep.path] = (self._committed(dep), None)
            elif makers[0][1].path == dep.path:
                maker, out = makers[0]
                who = f"stage {maker.address}" if maker.kind == "stage" else maker.file
                given[dep.path] = (out.locked, who)
            elif dep.locked:
                self.partial.append(f"{stage.address}: {dep.path}")
        return LockFacts(
            stage=stage,
            file=self.scene.git_path(stage.file),
            line=lines.declared,
            given=given,
            in_git=dict(self._changed_outs(stage)),
            untracked=tuple(untracked),
            unlocked=lines.unlocked,
            stale=lines.stale,
            undigested=tuple(
                item.path
                for item in _named(stage)
                if not item.has_md5
                if not (isinstance(item, Out) and item.stored)
                if item.path not in lines.unlocked
            ),
        )

    def _makers(self, stage: Stage, dep: Dep) -> list[tuple[Stage, Out]]:
        pipeline = self.scene.pipeline
        return [
            (maker, out)
            for address in pipeline.upstream[stage.address]
            for maker in (pipeline.by_address[address],)
            for out in maker.outs
            if overlap(out.path, dep.path)
        ]

    def _changed_outs(self, stage: Stage) -> Iterator[tuple[str, Digest | None]]:
        for out in stage.outs:
            if out.cached or out.external or out.locked is None:
                continue
            committed = self._committed(out) if self.blobs.holds(out.path) else None
            if committed is None and self.linked and self.linked[-1] == out.path:
                continue
            if committed != out.locked:
                yield out.path, committed

    def _committed(self, item: Dep | Out) -> Digest | None:
        if item.locked is None or item.algorithm not in _MD5:
            return None
        digest = self.blobs.digest(item.path, item.algorithm)
        if digest is None:
            self.linked.append(item.path)
        return digest

    def not_checked(self) -> Iterator[str]:
        """What needs more than Git's files."""
        if self.partial:
            yield (
                f"{len(self.partial)} dependencies lie inside an output or around one, so that only"
                f" its data could tell: {', '.join(self.partial[:3])}"
                + (", …" if len(self.partial) > 3 else "")
            )
        if self.linked:
            yield (
                f"{len(self.linked)} paths are or hold links or submodules, which are not followed:"
                f" {', '.join(self.linked[:3])}" + (", …" if len(self.linked) > 3 else "")
            )


def _named(stage: Stage) -> Iterator[Dep | Out]:
    """What the lock has to name by a digest: an import says by its source what it is."""
    if stage.kind != "import":
        yield from (item for item in (*stage.deps, *stage.outs) if not item.external)
