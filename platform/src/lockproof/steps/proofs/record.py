"""The MLflow run that made a lock, by the run records of the revision."""

from lockproof.errors import ConfigError
from lockproof.model.digest import lock_digest
from lockproof.steps.gate.interface import Scene
from lockproof.steps.record import parse_record


def run_of(scene: Scene) -> str | None:
    """The run that a record for this very lock names; None where none does."""
    lock = lock_digest(scene.reading.lock_files)
    folder = scene.git_path(scene.policy.record.directory).rstrip("/")
    for path in scene.head.folders.get(folder, ()):
        content = scene.head.read(path) if path.endswith(".json") else None
        if content is None:
            continue
        try:
            found = parse_record(content, path.rpartition("/")[2])
        except ConfigError:
            continue
        if found.lock_digest == lock and found.mlflow_run_id:
            return found.mlflow_run_id
    return None
