"""What is looked at in the revision, held against what was at the base."""

from collections.abc import Iterator

from lockproof.model.claim import Exemption, claims_of
from lockproof.model.finding import Finding
from lockproof.model.pipeline import Stage, inside
from lockproof.parse.project import Reading, is_of_pipeline
from lockproof.rules import guard as rules

from .interface import Scene


def unseen_findings(scene: Scene) -> Iterator[Finding]:
    """Files, dependencies and stages that are there yet and that no check looks at any more."""
    before = scene.base_reading
    if before is None:
        return
    yield from _hidden(scene, before)
    for stage in scene.pipeline.stages:
        old = before.pipeline.by_address.get(stage.address)
        if old is None:
            continue
        file = scene.git_path(stage.file)
        lost, gained = _moved_out(old, stage)
        if lost and gained:
            yield rules.outside_now(stage.address, lost[0], gained[0], file)
        accepted = scene.policy.reproduce.frozen == "accept"
        if accepted and stage.frozen and not old.frozen:
            yield rules.frozen_now(stage.address, file)


def _hidden(scene: Scene, before: Reading) -> Iterator[Finding]:
    now, base = scene.reading, scene.base
    assert base is not None
    if now.ignored.files == before.ignored.files and now.inner == before.inner:
        return
    deps = {dep.path for s in before.pipeline.stages for dep in s.deps if not dep.external}
    start = scene.git_path("")
    for full in scene.head.entries:
        path = full.removeprefix(start)
        if not full.startswith(start) or not now.hides(path):
            continue
        ours = is_of_pipeline(path)
        known = full in base.entries and not before.hides(path)
        if (ours and (known or full not in base.entries)) or (
            known and any(inside(path, dep) for dep in deps)
        ):
            inner = next((folder for folder in now.inner if path.startswith(folder)), None)
            yield rules.out_of_sight(full, f"{start}{inner}.dvc" if inner else ".dvcignore")


def _moved_out(old: Stage, new: Stage) -> tuple[list[str], list[str]]:
    """Dependencies in the repository that it has no more, and such outside that it has now."""
    known = {dep.path for dep in old.deps}
    kept = {dep.path for dep in new.deps}
    lost = [dep.path for dep in old.deps if not dep.external and dep.path not in kept]
    gained = [dep.path for dep in new.deps if dep.external and dep.path not in known]
    return lost, gained


def exempt_findings(scene: Scene) -> Iterator[Finding]:
    """Outputs that had to be in a remote, and that nobody looks for there any more."""
    if scene.base_reading is None:
        return
    before, now = claims_of(scene.base_reading.pipeline), claims_of(scene.pipeline)
    claimed, exempt = {c.path for c in now.claims}, {e.path for e in before.exempt}
    at_base = {claim.path: claim for claim in before.claims}
    lost = {c.owner: c.path for c in before.claims if c.path not in claimed}
    for item in now.exempt:
        stage = scene.pipeline.by_address[item.owner]
        if item.reason is Exemption.NOT_LOCKED and stage.kind != "import":
            continue  # The family lock has that.
        was = item.path if item.path in at_base else lost.get(item.owner)
        if was and item.path not in exempt:
            yield rules.exempt_now(item.path, item.reason, was, scene.git_path(stage.file))
