"""What the revision changes against the base, for the report."""

from collections.abc import Mapping
from typing import Literal

from lockproof.compare.changes import Side, changes_between, folder_change
from lockproof.errors import ConfigError
from lockproof.model.changes import Changes, FolderChange
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Pipeline
from lockproof.parse.listing import read_listing

from .interface import Scene
from .metrics import MetricsRead, base_metrics, better_way, read_metrics

_MAX_LISTING = 64 << 20


def changes_of(scene: Scene) -> Changes | None:
    """What changed; None where there is no base."""
    before = base_metrics(scene)
    if before is None or scene.base is None or scene.base_reading is None:
        return None
    after = read_metrics(scene.head, scene.reading, scene.git_path)
    better: dict[tuple[str, str], Literal["higher", "lower"]] = {}
    for path, values in after.values.items():
        for key in values:
            way = better_way(scene, path, key)
            if way is not None:
                better[path, key] = way
    return changes_between(
        scene.base.commit or "",
        _side(scene.base_reading.pipeline, before, " at the base"),
        _side(scene.pipeline, after, ""),
        better,
    )


def _side(pipeline: Pipeline, metrics: MetricsRead, where: str) -> Side:
    unknown = [f"{path} is not in Git{where}" for path in metrics.elsewhere]
    unknown += [f"{reason}{where}" for reason in metrics.broken.values()]
    return Side(pipeline, metrics.values, tuple(unknown))


def folder_changes(scene: Scene, changes: Changes) -> dict[str, FolderChange]:
    """Directory -> what changed in it, where the local cache has both listings."""
    found = {}
    for change in changes.data:
        listings = [_listing(scene, digest) for digest in (change.base, change.current)]
        before, after = listings
        if before is not None and after is not None:
            found[change.path] = folder_change(before, after)
    return found


def _listing(scene: Scene, digest: Digest | None) -> Mapping[str, str] | None:
    if digest is None or not digest.is_dir or not digest.algorithm.startswith("md5"):
        return None
    path = scene.root / ".dvc" / "cache" / digest.object_path
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_LISTING + 1)
        if len(content) > _MAX_LISTING:
            return None
        return {entry.relpath: entry.md5 for entry in read_listing([content], str(path))}
    except (OSError, ConfigError):
        return None
