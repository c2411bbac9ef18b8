"""What Flagger asks by its webhooks, and what it does by the HTTP status of the answer.

A hook is a POST of a JSON object with `name`, `namespace`, `phase`, `checksum` and `metadata`; any
status up to 202 is a yes (`CallWebhook` in `pkg/controller/webhook.go` of Flagger; `checksum`, of
the version that is tried, since 1.28).
"""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from lockproof.model.verdict import Verdict

YES = {
    "confirm-promotion": Verdict.PASSED,
    "confirm-traffic-increase": Verdict.PASSED,
    "rollout": Verdict.PASSED,
    "rollback": Verdict.FAILED,
}
"""Kind of the hook -> the one verdict that is a yes. Of `rollback` that takes the canary back."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_CHECKSUM = re.compile(r"[A-Za-z0-9]{1,128}")
_MOST = 256
"""Canaries that are remembered at once."""


@dataclass(frozen=True)
class Hook:
    """One call."""

    namespace: str
    name: str
    checksum: str
    """Of the version that is tried."""
    checks: str
    """By which it is judged."""

    def other_than(self, namespace: str | None) -> str:
        """Why checks that are for a namespace are not this Canary's; empty where they are.

        Their matchers are fixed, so they see one Canary whoever asks, and names are those of
        a namespace.
        """
        if namespace == self.namespace:
            return ""
        if namespace is None:
            return (
                f"the checks {self.checks} do not say which namespace their Canary is in: write"
                f" metadata.namespace: {self.namespace} into them, if they are"
                f" {self.namespace}/{self.name}'s, and begin serve anew"
            )
        return (
            f"the checks {self.checks} are for a Canary in {namespace}, and this one is in"
            f" {self.namespace}: write checks of its own and name them in metadata.checks"
        )


def read_hook(body: Any) -> Hook:
    """What Flagger sent.

    Raises:
        ValueError: it is none of Flagger's, or of one that does not say which version is tried.
    """
    if not isinstance(body, dict):
        raise ValueError("a hook of Flagger is a JSON object")
    for key in ("name", "namespace"):
        if not isinstance(body.get(key), str) or not _NAME.fullmatch(body[key]):
            raise ValueError(f"{key} must be that of a Canary")
    checksum = body.get("checksum")
    if not isinstance(checksum, str) or not _CHECKSUM.fullmatch(checksum):
        raise ValueError("there is no checksum of the version that is tried: take a newer Flagger")
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict) or metadata.keys() - {"checks"}:
        raise ValueError("metadata may name checks, and nothing else")
    checks = metadata.get("checks", body["name"])
    if not isinstance(checks, str):
        raise ValueError("metadata.checks must be the name of checks")
    return Hook(body["namespace"], body["name"], checksum, checks)


class Attempts:
    """Since when each Canary tries the version that it tries; forgotten when the process ends.

    Flagger names the version and not since when, and its pods have the same labels as those of the
    version before: without this the figures of that one would count.
    """

    def __init__(self) -> None:
        """None is known."""
        self._known: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()
        self._lock = threading.Lock()

    def since(self, hook: Hook, now: int) -> int:
        """Unix seconds at which a hook was first called for this version, since the last other."""
        canary = hook.namespace, hook.name
        with self._lock:
            checksum, since = self._known.pop(canary, ("", 0))
            if checksum != hook.checksum:
                since = now
            self._known[canary] = hook.checksum, since
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return since
