"""What became of the objects that a control plane declares."""

from collections.abc import Mapping
from typing import Literal

from .base import Frozen

Action = Literal[
    "create", "change", "none", "wait", "refuse", "remove", "release", "keep", "missing"
]


class FieldChange(Frozen):
    """One field of an object and its values, as JSON."""

    field: str
    """Such as `spec.template.spec.containers[name=mlflow].image`."""
    before: str | None
    """None where the field was absent; `(hidden)` in a Secret."""
    after: str | None
    """None where the field goes."""


class ObjectReport(Frozen):
    """One object in the cluster."""

    name: str
    """Kind, group, namespace and name, such as `Deployment.apps mlflow/mlflow`."""
    action: Action
    """What was done, or would be: `wait` where its kind or namespace was not there to compare with,
    `release` where it stays because provision did not make it, `keep` where it stays because it
    holds data, `missing` where status found none."""
    changes: tuple[FieldChange, ...] = ()
    """The fields that change; the values in a Secret are hidden."""
    left: Mapping[str, str] = {}
    """Declared field -> the controller that has it: it is not applied."""
    state: str | None = None
    """`ready`, `waiting`, `failing`, `failed` or `unseen`; None where that was not looked at."""
    reason: str = ""
    """Why it is not ready, or stays, in one line."""
