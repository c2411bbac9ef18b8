"""What a commit says of the datasets that stages depend on by `ds://NAME`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from posixpath import dirname, join
from shlex import quote

from lockproof.model.digest import Digest
from lockproof.model.pipeline import Stage
from lockproof.parse.datasets import Dataset, is_dataset, name_of


@dataclass
class Registered:
    """The datasets that a stage depends on."""

    given: dict[str, tuple[Digest, str]] = field(default_factory=dict)
    """Address -> its version by the lock that has it, and which lock that is."""
    unsynced: dict[str, str] = field(default_factory=dict)
    """Address -> why there is none, and what to do first."""


def registered_inputs(datasets: Mapping[str, Dataset], stage: Stage) -> Registered:
    """The versions of the datasets that a stage depends on, as DVC takes them.

    Args:
        datasets: those of the revision, by name.
        stage: one of its stages.
    """
    found = Registered()
    for dep in stage.deps:
        if not is_dataset(dep.path):
            continue
        name = name_of(dep.path)
        dataset = datasets.get(name)
        if dataset is None:
            found.unsynced[dep.path] = "is under datasets in no dvc.yaml: add it with 'dvc ds add'"
        elif dataset.locked is None or not dataset.in_sync:
            found.unsynced[dep.path] = (
                f"is not as {dataset.file} has it in the lock beside that: run 'dvc ds update"
                f" {quote(name)}'"
            )
        else:
            lock = join(dirname(dataset.file), "dvc.lock")
            found.given[dep.path] = (dataset.locked, f"{lock}, under datasets,")
    return found
