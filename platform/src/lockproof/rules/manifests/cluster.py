"""What provisioning found wrong with an object, as findings that say what to do."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from lockproof.model.finding import Finding
from lockproof.rules.catalog import finding

_FIELDS = 6


class FieldTrouble(NamedTuple):
    """One field that the API server complains of."""

    field: str
    """As the server writes it; empty for the whole object."""
    text: str
    """What is wrong with it; for a conflict the field manager that has it."""


class Place(NamedTuple):
    """Where to look."""

    path: str | None = None
    line: int | None = None


def invalid(name: str, troubles: Sequence[FieldTrouble], message: str, at: Place) -> Finding:
    """The API server says that an object is not what it may be."""
    fields = "; ".join(f"{one.field.lstrip('.')}: {one.text}" for one in troubles[:_FIELDS])
    text = f"{name}: {fields or message}; correct it"
    return finding("LP901", name, text, path=at.path, line=at.line)


def conflict(name: str, troubles: Sequence[FieldTrouble], at: Place) -> Finding:
    """Fields that Git declares were set by someone else to another value."""
    owners: dict[str, list[str]] = {}
    for one in troubles:
        owners.setdefault(one.text or "another manager", []).append(one.field.lstrip("."))
    told = "; ".join(
        f"{owner} has {', '.join(fields[:_FIELDS])}"
        + (f" and {len(fields) - _FIELDS} more" if len(fields) > _FIELDS else "")
        for owner, fields in owners.items()
    )
    text = (
        f"{name}: {told}; leave these fields out of Git, or let go of them there,"
        " or take them with --force-conflicts"
    )
    return finding("LP902", name, text, path=at.path, line=at.line)


def not_served(name: str, api_version: str, waited_for: str | None, at: Place) -> Finding:
    """The cluster does not know the kind.

    Args:
        name: the object.
        api_version: its `apiVersion`.
        waited_for: what should have brought the kind; None where nothing here would.
        at: where it is declared.
    """
    if waited_for:
        text = f"{name}: {waited_for} was to bring {api_version}, and has not: look at its status"
    else:
        text = (
            f"{name}: the cluster does not serve this kind in {api_version} and nothing declared"
            " here brings it: install its definition first"
        )
    return finding("LP903", name, text, path=at.path, line=at.line)


def forbidden(name: str, message: str, at: Place) -> Finding:
    """The user of the kubeconfig lacks a right."""
    text = f"{name}: {message}; grant it, or use a context that has it"
    return finding("LP904", name, text, path=at.path, line=at.line)


def foreign(name: str, owner: str, at: Place) -> Finding:
    """Another ApplySet has the object."""
    text = (
        f"{name} belongs to the inventory {owner}: take it out there first, or remove its label"
        " applyset.kubernetes.io/part-of"
    )
    return finding("LP905", name, text, path=at.path, line=at.line)


def not_ready(name: str, reason: str, seconds: float | None, at: Place) -> Finding:
    """A controller says that something is wrong, or an object did not get ready in time."""
    time = f" after {seconds:.0f} s" if seconds is not None else ""
    text = f"{name} is not ready{time}: {reason or 'no reason is given'}"
    return finding("LP906", name, text, path=at.path, line=at.line)


def unseen(name: str, reason: str, at: Place) -> Finding:
    """Nothing has written a status, so nothing says that the object works."""
    text = f"{name} {reason}: check that its controller runs"
    return finding("LP907", name, text, path=at.path, line=at.line)


def undeclared(name: str) -> Finding:
    """The inventory has an object that Git has no more."""
    return finding("LP908", name, f"{name} is not declared any more: --prune removes it")


def kept(name: str, reason: str) -> Finding:
    """An object was not removed."""
    return finding("LP909", name, f"{name} stays: {reason}")


def drifted(
    name: str, how: Literal["missing", "differs"], fields: Sequence[str], at: Place
) -> Finding:
    """The cluster is not what Git declares."""
    if how == "missing":
        text = f"{name} is not in the cluster: run 'lockproof provision'"
    else:
        shown = ", ".join(fields[:_FIELDS]) or "the fields that Git declares"
        text = f"{name} differs from Git in {shown}: run 'lockproof provision', or change Git"
    return finding("LP910", name, text, path=at.path, line=at.line)


def added(name: str, fields: Mapping[str, str], at: Place) -> Finding:
    """Others put something into what Git declares.

    Args:
        name: the object.
        fields: field -> the manager that added it.
        at: where it is declared.
    """
    told = ", ".join(f"{field} (by {who})" for field, who in list(fields.items())[:_FIELDS])
    text = (
        f"{name} has what Git does not declare: {told}; declare it, or take it out there"
        " (provision leaves what others add)"
    )
    return finding("LP910", name, text, path=at.path, line=at.line)


def going(name: str, at: Place) -> Finding:
    """An object that Git declares is on its way out of the cluster."""
    text = (
        f"{name} is being deleted: run this again when it is gone; its metadata.finalizers say"
        " what it waits for"
    )
    return finding("LP911", name, text, path=at.path, line=at.line)


def stays(name: str, reason: str) -> Finding:
    """An object was deleted and is still there."""
    text = f"{name} was deleted and does not go away: {reason}; then run this again"
    return finding("LP911", name, text)
