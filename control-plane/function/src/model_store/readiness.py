"""When an observed resource is ready, and what it says if it is not. Silence is never ready."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Observed = Mapping[str, Any]

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


@dataclass(frozen=True)
class Readiness:
    """What one resource's status says."""

    ready: bool
    message: str
    """One line; empty when it is ready."""

    failed: bool = False
    """It says that something is wrong, not only that it is on its way."""


READY = Readiness(True, "")


def judge(observed: Observed | None, storage_classes: Sequence[Observed] = ()) -> Readiness:
    """Whether an observed resource is ready.

    Args:
        observed: The resource as the API server has it; None if it does not exist yet.
        storage_classes: Those of the cluster, to tell a claim that waits for its first pod from
            one that waits for a volume.
    """
    if observed is None:
        return Readiness(False, "does not exist yet")
    match observed.get("kind"):
        case "ConfigMap":
            return READY
        case "PersistentVolumeClaim":
            return _claim(observed, storage_classes)
        case "Database":
            return _postgres_database(observed)
        case _:
            return _managed(observed)


def _managed(observed: Observed) -> Readiness:
    """Crossplane's rule: Synced, Ready, and the last asynchronous operation did not fail."""
    conditions = {c.get("type"): c for c in observed.get("status", {}).get("conditions", [])}
    for kind in ("LastAsyncOperation", "Synced"):
        condition = conditions.get(kind, {})
        if condition.get("status") == "False":
            return Readiness(False, _words(condition) or f"{kind} is False", failed=True)
    for kind in ("Synced", "Ready"):
        condition = conditions.get(kind, {})
        if condition.get("status") != "True":
            return Readiness(False, _words(condition) or f"{kind} is not True yet")
    return READY


def _claim(observed: Observed, storage_classes: Sequence[Observed]) -> Readiness:
    phase = observed.get("status", {}).get("phase", "Pending")
    if phase == "Bound":
        return READY
    if phase == "Lost":
        return Readiness(False, "its volume is lost", failed=True)
    wanted = observed.get("spec", {}).get("storageClassName")
    for candidate in storage_classes:
        metadata = candidate.get("metadata", {})
        default = metadata.get("annotations", {}).get(DEFAULT_CLASS) == "true"
        if metadata.get("name") == wanted or (wanted is None and default):
            if candidate.get("volumeBindingMode") == "WaitForFirstConsumer":
                return READY  # it binds when MLflow starts, which waits for this store
            return Readiness(False, "waits for a volume")
    return Readiness(False, f"no storage class {wanted}" if wanted else "no default storage class")


def _postgres_database(observed: Observed) -> Readiness:
    status = observed.get("status", {})
    generation = observed.get("metadata", {}).get("generation")
    if status.get("applied") is False:
        return Readiness(False, str(status.get("message") or "was not applied"), failed=True)
    if status.get("applied") is True and status.get("observedGeneration") == generation:
        return READY
    return Readiness(False, "is not applied yet")


def _words(condition: Observed) -> str:
    text = str(condition.get("message") or condition.get("reason") or "")
    return " ".join(text.split())[:300]
