"""The lock family: what the lock says against the pipeline, the parameters and Git's files."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from lockproof.adapters.git.blobs import Blobs, Unknown
from lockproof.model.check import Check
from lockproof.model.digest import Digest, same_content
from lockproof.model.finding import Finding
from lockproof.model.pipeline import Dep, Out, Stage
from lockproof.model.verdict import Verdict
from lockproof.parse.datasets import is_dataset
from lockproof.parse.project import Kind
from lockproof.parse.stage_lines import StageLines
from lockproof.rules import lock as rules
from lockproof.rules.capitals import with_other_capitals
from lockproof.rules.lock import LockFacts, lock_findings
from lockproof.steps.datasets import registered_inputs
from lockproof.steps.declared import unread_submodules
from lockproof.steps.siblings import Siblings

from .agreement import Agreement
from .guard import unseen_findings
from .interface import Outcome, Scene
from .parts import makers_of


def check(scene: Scene) -> Outcome:
    """Check every stage and `.dvc` file of the revision; needs no data and no remote."""
    look = _Look(scene)
    stages = scene.pipeline.stages
    look.prepare(stages)
    agreement = Agreement(scene.pipeline, look.blobs, look.made_sizes)
    findings = [
        *look.problems(),
        *unseen_findings(scene),
        *(
            found
            for stage in stages
            if not agreement.holds(stage, look.reading.lines.get(stage.address))
            if stage.locked or not look.has_unread_lock(stage)
            for found in lock_findings(look.facts(stage), locked=stage.locked)
        ),
    ]
    data = sum(stage.kind != "stage" for stage in stages)
    check = Check(
        name="lock",
        verdict=Verdict.PASSED if stages and not look.is_unsure else Verdict.INCONCLUSIVE,
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
        self.outside: list[str] = []
        self.siblings = Siblings(scene.head, scene.prefix)
        self.of_siblings: list[str] = []
        self._in_git: dict[tuple[str, str], Digest | None] = {}
        """What `_committed` has answered, by path and algorithm: each is asked for several times"""
        self.unknown: dict[str, str] = {}
        """Path of the pipeline -> why Git does not tell what is there."""
        outs = (out for stage in scene.pipeline.stages for out in stage.outs if out.cached)
        self.made_sizes = {o.locked: o.size for o in outs if o.locked and o.size is not None}
        """What is kept in remotes, which have its size: digest -> bytes."""

    def prepare(self, stages: tuple[Stage, ...]) -> None:
        """Hash everything that is asked for below, in one go."""
        self.blobs.prepare(
            (item.path, item.algorithm)
            for stage in stages
            for item in (*stage.deps, *stage.outs)
            if item.has_md5 and not item.external
            if isinstance(item, Dep) or (isinstance(item, Out) and not item.cached)
        )

    def problems(self) -> Iterator[Finding]:
        for problem in self.reading.problems:
            path = self.scene.git_path(problem.path)
            if problem.kind is Kind.CONFLICT:
                yield rules.left_over(path, problem.line)
            elif problem.kind is Kind.ELSEWHERE:
                yield rules.elsewhere(path, problem.message)
            else:
                yield rules.unreadable(path, problem.message, problem.line)
        for path, name, line in self.reading.orphans:
            yield rules.orphan(name, self.scene.git_path(path), line)

    def _cased(self, untracked: Sequence[str]) -> Mapping[str, str]:
        paths = {path: self.scene.git_path(path) for path in untracked}
        return with_other_capitals(paths, self.scene.head.entries)

    def has_unread_lock(self, stage: Stage) -> bool:
        """Whether its lock has a finding of its own, so that nobody knows what it says."""
        lock = str(PurePosixPath(stage.file).with_name("dvc.lock"))
        return any(problem.path == lock for problem in self.reading.problems)

    def facts(self, stage: Stage) -> LockFacts:
        lines = self.reading.lines.get(stage.address) or StageLines(None, None)
        given: dict[str, tuple[Digest | None, str | None]] = {}
        sizes: dict[str, int] = {}
        untracked = []
        for dep in stage.deps:
            if stage.kind == "import" or is_dataset(dep.path):
                continue  # It names a path elsewhere, or none.
            at = self._here(dep)
            if at is None:
                self.outside.append(f"{stage.address}: {dep.path}")
                continue
            real = self.blobs.real(at.path)
            makers = makers_of(self.scene.pipeline, stage, real) if real is not None else ()
            if makers and makers[0][1].path == real:
                maker, out = makers[0]
                who = f"stage {maker.address}" if maker.kind == "stage" else maker.file
                given[dep.path] = (self._made(maker, out), who)
                if out.size is not None:
                    sizes[dep.path] = out.size
                self._compare(stage, dep, out, who)
            elif makers and any(out.cached for _, out in makers):
                self.partial.append(f"{stage.address}: {dep.path}")
            elif self.blobs.holds(at.path):
                if not self._is_whole(at):
                    continue
                given[dep.path] = (self._committed(at), None)
            elif at.path.startswith("../"):
                self._beside(stage, at, given, sizes)
                if at.path in given:
                    given[dep.path] = given.pop(at.path)
                if at.path in sizes:
                    sizes[dep.path] = sizes.pop(at.path)
            else:
                untracked.append(dep.path)
        registered = registered_inputs(self.reading.datasets, stage)
        given.update(registered.given)
        return LockFacts(
            stage=stage,
            file=self.scene.git_path(stage.file),
            line=lines.declared,
            given=given,
            sizes=sizes,
            other_sizes=dict(self._other_sizes(stage)),
            in_git=dict(self._changed_outs(stage)),
            untracked=tuple(untracked),
            unsynced=registered.unsynced,
            cased=self._cased(untracked) if untracked else {},
            unlocked=lines.unlocked,
            stale=lines.stale,
            other_command=lines.other_command,
            undigested=tuple(
                [
                    item.path
                    for item in _named(stage)
                    if not item.has_md5 and not (is_dataset(item.path) and item.locked)
                    if not (isinstance(item, Out) and item.stored)
                    if item.path not in lines.unlocked
                ]
            ),
            converted=frozenset([d.path for d in stage.deps if self.blobs.is_converted(d.path)]),
            windows=frozenset(
                [
                    dep.path
                    for dep in stage.deps
                    if given.get(dep.path, (None, ""))[1] is None and self._has_crlf(dep)
                ]
            ),
        )

    def _here(self, dep: Dep) -> Dep | None:
        """A dependency by its path from the DVC root; None where it lies outside of the repository.

        An absolute path may lead into this clone, which is where the pipeline ran that it is of.
        """
        if not dep.external:
            return dep
        top = self.scene.head.top
        path = os.path.relpath(dep.path, top) if os.path.isabs(dep.path) else ".."
        if path.split("/")[0] in ("..", ".", ".git"):
            return None
        own = os.path.relpath(path, self.scene.prefix or ".")
        return replace(dep, path=own, external=False)

    def _beside(
        self,
        stage: Stage,
        dep: Dep,
        given: dict[str, tuple[Digest | None, str | None]],
        sizes: dict[str, int],
    ) -> None:
        """What Git has not and lies beside the DVC root may be of another DVC project."""
        try:
            made = self.siblings.made(dep.path)
        except Unknown as error:
            self.unknown[dep.path] = str(error)
            return
        if not made.exact or made.out.locked is None or not made.out.has_md5:
            self.unknown[dep.path] = (
                f"{made.file}, of another DVC project, does not name a digest of just that: have"
                f" {stage.address} depend on {made.out.path} there as a whole"
            )
        else:
            given[dep.path] = (made.out.locked, made.file)
            if made.out.size is not None:
                sizes[dep.path] = made.out.size
            self._compare(stage, dep, made.out, made.file)
            self.of_siblings.append(f"{dep.path} of {made.file}")

    def _is_whole(self, dep: Dep) -> bool:
        """Whether nobody but Git keeps a part of a dependency that Git has."""
        try:
            made = self.siblings.rest(dep.path)
        except Unknown as error:
            self.unknown[dep.path] = str(error)
            return False
        if made is not None:
            self.unknown[dep.path] = (
                f"Git has one part of it, and {made.file}, of another DVC project, names"
                f" {made.out.path}: depend on that there, and on the files of Git, by themselves"
            )
        return made is None

    def _has_crlf(self, dep: Dep) -> bool:
        """Whether it is locked as a work tree on Windows has what is committed."""
        if dep.locked is None or dep.algorithm != "md5":
            return False
        committed = self._committed(dep)
        if committed is None or committed == dep.locked:
            return False
        try:
            return self.blobs.with_crlf(dep.path) == dep.locked
        except Unknown:
            return False

    def _compare(self, stage: Stage, dep: Dep, out: Out, who: str) -> None:
        """Say where nobody can tell whether a dependency is what was made."""
        one, other = dep.locked, out.locked
        if one and other and same_content(one, other, dep.size, out.size) is None:
            old = who if other.algorithm == "md5-dos2unix" else f"the lock of {stage.address}"
            self.unknown[f"{stage.address} {dep.path}"] = (
                f"{old} has its digest as DVC 2 computed it, and only its content tells whether"
                f" that is {one.short}, locked: run 'dvc cache migrate --dvc-files', commit, push"
            )

    def _other_sizes(self, stage: Stage) -> Iterator[tuple[str, tuple[int, int]]]:
        """What the lock gives another size for than what has its digest has."""
        for dep in stage.deps if stage.kind != "import" else ():
            if dep.locked is None or dep.algorithm != "md5" or dep.size is None:
                continue
            true = self.made_sizes.get(dep.locked, dep.size)
            if true != dep.size:
                yield dep.path, (dep.size, true)
        for item in _named(stage):
            cached = isinstance(item, Out) and item.cached
            # DVC 2's digest is the same for other line ends, and so for another size.
            if cached or item.size is None or item.locked is None or item.algorithm != "md5":
                continue
            if self._committed(item) == item.locked:
                true = self.blobs.size(item.path, "md5")
                if true != item.size:
                    yield item.path, (item.size, true)

    def _made(self, maker: Stage, out: Out) -> Digest | None:
        """What a stage or a `.dvc` file has an output as."""
        source = maker.deps[0].locked if maker.kind == "import" and len(maker.deps) == 1 else None
        if out.locked is None and source and source.algorithm == "md5":
            return source  # Imported and not downloaded yet.
        if out.locked is None and (maker.kind == "import" or out.stored):
            self.unknown[out.path] = f"{maker.file} names it without the MD5 of its content"
        return out.locked

    def _changed_outs(self, stage: Stage) -> Iterator[tuple[str, Digest | None]]:
        for out in stage.outs:
            if out.cached or out.external or not out.has_md5:
                continue
            committed = self._committed(out)
            if committed != out.locked and out.path not in self.unknown:
                yield out.path, committed

    def _committed(self, item: Dep | Out) -> Digest | None:
        if item.locked is None or not item.has_md5:
            return None
        asked = (item.path, item.locked.algorithm)
        if asked not in self._in_git:
            self._in_git[asked] = self._digest(*asked) if self.blobs.holds(item.path) else None
        return self._in_git[asked]

    def _digest(self, path: str, algorithm: str) -> Digest | None:
        try:
            return self.blobs.digest(path, algorithm)
        except Unknown as error:
            self.unknown[path] = str(error)
            return None

    @property
    def is_unsure(self) -> bool:
        """Whether something that may be the project's is not known."""
        return bool(self.unknown or self.reading.unread)

    def not_checked(self) -> Iterator[str]:
        """What needs more than Git's files."""
        yield from unread_submodules(self.reading)
        hidden = self.reading.out_of_sight
        if hidden:
            more = ", …" if len(hidden) > 3 else ""
            yield f"{', '.join(hidden[:3])}{more}: hidden by .dvcignore, from DVC as well"
        if self.outside:
            yield (
                f"{_dependencies(len(self.outside))} named by an absolute path, or"
                f" outside of the repository, and compared with no commit:"
                f" {', '.join(self.outside[:3])}" + (", …" if len(self.outside) > 3 else "")
            )
        if self.of_siblings:
            named = sorted(set(self.of_siblings))
            yield (
                f"{_dependencies(len(named))} compared by the locks of other DVC projects of this"
                " repository: their own gates have to pass as well, since their pipelines and"
                f" remotes are not looked at here: {', '.join(named[:3])}"
                + (", …" if len(named) > 3 else "")
            )
        if self.partial and "remote" in self.scene.policy.gate.off:
            yield (
                f"{_dependencies(len(self.partial))} inside an output or around one, and the"
                f" family remote, which reads listings, is off: {', '.join(self.partial[:3])}"
                + (", …" if len(self.partial) > 3 else "")
            )
        yield from (f"{path}: {why}" for path, why in sorted(self.unknown.items()))
        behind = sorted(self.blobs.not_followed)
        if behind:
            yield (
                f"{len(behind)} links to folders inside of folders, behind which DVC does not look:"
                f" {', '.join(behind[:3])}" + (", …" if len(behind) > 3 else "")
            )


def _dependencies(count: int) -> str:
    return "1 dependency is" if count == 1 else f"{count} dependencies are"


def _named(stage: Stage) -> Iterator[Dep | Out]:
    """What the lock has to name by a digest: an import says by its source what it is."""
    items: tuple[Dep | Out, ...] = () if stage.kind == "import" else (*stage.deps, *stage.outs)
    return (item for item in items if not item.external or is_dataset(item.path))
