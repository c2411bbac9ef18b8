"""What a Kubernetes API server answers when it refuses: read, sorted and explained."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lockproof.errors import UsageError
from lockproof.model.resource import Field


class Why(StrEnum):
    """The kind of a refusal."""

    CONFLICT = "conflict"
    """A field belongs to another field manager."""
    INVALID = "invalid"
    """The object is not what its schema or an admission check allows."""
    FORBIDDEN = "forbidden"
    """This user may not do that."""
    NOT_FOUND = "not found"
    """The object, its kind or its namespace is not there."""
    LEAVING = "leaving"
    """The namespace is being deleted, and takes nothing new."""
    CHANGED = "changed"
    """The object is no longer the one that was meant."""
    FAILED = "failed"
    """The server fails at just this request, as where a webhook does not answer it."""


@dataclass(frozen=True)
class Cause:
    """One field that a refusal is about."""

    field: str
    """As the server writes it, such as `.spec.replicas`; empty where it names none."""
    message: str
    owner: str | None = None
    """The field manager that has it, in a conflict."""


class Refusal(UsageError):
    """The API server does not do what it was asked to, and will not do so when asked again."""

    def __init__(self, why: Why, message: str, causes: tuple[Cause, ...] = ()) -> None:
        """Keep why and where."""
        super().__init__(message)
        self.why = why
        self.causes = causes


_FIELD = re.compile(
    r"(?<![^\s\[(,])(\.(?:\[[^\]\n]{0,300}\]|[^\s:\[])*+)"
    r"(?:: (field not declared in schema|expected [^,;\n]{1,300}, got [^,;\]\n]{1,300}))?+"
)
"""A field, and what is wrong with it; matched also without, so that no text is read twice."""
_UNKNOWN = re.compile(r'(unknown|duplicate) field "([^"]+)"')
_UNREAD = re.compile(r"(cannot unmarshal \w+) into Go struct field \w+(\.\S+) of type (\S+)")
"""How Go's decoder refuses a value; it names no indices of lists."""
_OWNER = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')
_TRANSIENT = (429, 502, 503, 504)
_TEMPORARY_REASONS = ("ServerTimeout", "Timeout", "TooManyRequests", "ServiceUnavailable")


def read_status(content: bytes) -> Mapping[str, Any]:
    """The Status object of an answer; empty where the answer is something else."""
    try:
        value = json.loads(content)
    except ValueError:
        return {"message": content[:300].decode("utf-8", "replace")}
    return value if isinstance(value, Mapping) else {}


def is_transient(code: int, status: Mapping[str, Any]) -> bool:
    """Whether the same request may succeed a little later.

    Args:
        code: HTTP status code.
        status: what `read_status` gave.
    """
    if code in _TRANSIENT or status.get("reason") in _TEMPORARY_REASONS:
        return True
    # Server-side apply answers 500 to what no schema allows; that does not pass.
    return code == 500 and not _is_invalid(str(status.get("message", "")))


def refusal_of(code: int, status: Mapping[str, Any]) -> Refusal | None:
    """What an answer of 400 or more means; None where it says nothing that is known.

    Args:
        code: HTTP status code.
        status: what `read_status` gave.
    """
    message = " ".join(str(status.get("message") or f"HTTP {code}").split())
    reason = status.get("reason")
    details = status.get("details") or {}
    listed = details.get("causes") or ()
    if code == 409 and any(c.get("reason") == "FieldManagerConflict" for c in listed):
        return Refusal(Why.CONFLICT, message, tuple(_conflict(cause) for cause in listed))
    if code == 409:
        return Refusal(Why.CHANGED, message)
    if code in (400, 422) or (code == 500 and _is_invalid(message)):
        causes = tuple(
            Cause(str(c.get("field", "")), str(c.get("message", "")))
            for c in listed
            if c.get("field")
        )
        return Refusal(Why.INVALID, message, causes or _fields_in(message))
    if code == 401:
        return Refusal(Why.FORBIDDEN, "the API server does not accept these credentials")
    if code == 403 and any(c.get("reason") == "NamespaceTerminating" for c in listed):
        return Refusal(Why.LEAVING, message)
    if code == 403 or reason == "Forbidden":
        return Refusal(Why.FORBIDDEN, message)
    if code in (404, 410):
        return Refusal(Why.NOT_FOUND, message)
    if code in (405, 413, 415):  # 413: larger than what a server takes.
        return Refusal(Why.INVALID, message)
    return None


def way_to(field: str, body: Any) -> Field:
    """The way to a field that the server names, as far as it exists in an object.

    Reads `.spec.containers[name="a"].image`, `spec.containers[0].image` and
    `metadata.annotations[a/b]`; the last key may be missing in the object.
    """
    way: list[str | int] = []
    at = body
    for key, inner in re.findall(r"\.?([^.\[\]]+)|\[([^\]]*)\]", field):
        step: str | int | None = key or inner.strip('"')
        if inner and isinstance(at, list):
            step = _index(inner, at)
        if step is None:
            break
        way.append(step)
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):
            break
    return tuple(way)


def _index(inner: str, items: list[Any]) -> int | None:
    if inner.isdigit():
        return int(inner)
    wanted = dict(re.findall(r'(\w+)="?([^",]*)"?', inner))
    for index, item in enumerate(items):
        if isinstance(item, Mapping) and all(str(item.get(k)) == v for k, v in wanted.items()):
            return index
    return None


def _is_invalid(message: str) -> bool:
    return "failed to create typed patch object" in message


def _conflict(cause: Mapping[str, Any]) -> Cause:
    message = str(cause.get("message", ""))
    owner = _OWNER.search(message)
    return Cause(str(cause.get("field", "")), message, owner[1] if owner else None)


def _fields_in(message: str) -> tuple[Cause, ...]:
    named = [Cause(field, text) for field, text in _FIELD.findall(message) if text]
    unknown = [Cause(field, f"{word} field") for word, field in _UNKNOWN.findall(message)]
    unread = [Cause(at, f"{what} into {kind}") for what, at, kind in _UNREAD.findall(message)]
    return tuple(dict.fromkeys([*named, *unknown, *unread]))
