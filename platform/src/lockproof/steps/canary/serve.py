"""Looks at canaries for who asks over HTTP, such as the web provider of an Argo AnalysisTemplate.

It keeps nothing but since when Flagger tries a version: what it needs it asks Prometheus, at every
look. What cannot be told is inconclusive, and never an error, which Argo would count against the
canary.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lockproof.adapters.prometheus.client import Access
from lockproof.adapters.web.server import Answer, Asked, Server
from lockproof.errors import LockproofError, UnavailableError, UsageError
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.parse.canary_checks import LARGEST, instant, read_canary_checks
from lockproof.steps.progress import Progress

from .first import OlderError
from .flagger import YES, Attempts, read_hook
from .request import Request
from .run import check

_HASH = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_KEYS = ("checks", "canary", "stable", "since")
_CONNECTIONS = 64
_HOOKS = "/v1/flagger/"
_Files = Mapping[str, tuple[Path, str | None]]
"""Name of checks -> their file, and the namespace of the Canary whose hooks they answer."""


@dataclass(frozen=True)
class Serving:
    """What is served, and how much of it at once."""

    directory: Path
    checks: tuple[Path, ...]
    """Files of checks; a request names one by its `metadata.name`."""
    access: Access
    host: str
    port: int
    looks: int = 4
    """At once; whoever asks for one more is sent away with 503."""
    seconds: float = 45.0
    """For one look."""
    now: Callable[[], float] = time.time
    """Unix seconds at which a hook of Flagger is called."""


class Looks:
    """Answers requests."""

    def __init__(self, serving: Serving, progress: Progress) -> None:
        """Reads the files of checks, so that a mistake in them is told at once.

        Raises:
            UsageError: one cannot be read, or two have the same name.
        """
        self._serving, self._progress = serving, progress
        self._attempts = Attempts()
        self._free = threading.BoundedSemaphore(serving.looks)
        self.names = tuple(self._read())
        """Of the checks, as it began."""

    def _read(self) -> _Files:
        """What each name stands for by now: files may be others than they were.

        Raises:
            UsageError, ConfigError: one cannot be read, or two have the same name.
        """
        found: dict[str, tuple[Path, str | None]] = {}
        for path in self._serving.checks:
            said = read_canary_checks(_content(self._serving.directory, path), str(path)).metadata
            if said.name in found:
                raise UsageError(f"{path} and {found[said.name][0]} are both named {said.name}")
            found[said.name] = path, said.namespace
        return found

    def answer(self, asked: Asked) -> Answer:
        """To a request."""
        if asked.path == "/healthz":
            return Answer(200, {"status": "ok"})
        hook = asked.path.removeprefix(_HOOKS)
        flagger = asked.path.startswith(_HOOKS) and hook in YES
        if asked.path != "/v1/verdict" and not flagger:
            return Answer(404, {"error": f"there is /v1/verdict, {_HOOKS}HOOK and /healthz"})
        if asked.method != ("POST" if flagger else "GET"):
            return Answer(405, {"error": f"{asked.method} is not for {asked.path}"})
        try:
            files = self._read()
        except LockproofError as error:
            self._progress.say(str(error))
            untold = _untold("its files of checks cannot be read as they are by now: see its log")
            return Answer(409 if flagger else 200, untold)
        try:
            if flagger:
                request, about = self._hooked(asked, files)
            else:
                request = self._request(asked.parameters, files)
                about = asked.parameters.get("canary") or "as its file says"
        except ValueError as error:
            return Answer(400, {"error": str(error)})
        if not self._free.acquire(blocking=False):
            return Answer(503, {"error": "too many looks at once"}, {"Retry-After": "5"})
        told = self._within(request, about)
        # For Flagger every other status is a no.
        return Answer(409 if flagger and told["verdict"] != YES[hook] else 200, told)

    def _hooked(self, asked: Asked, files: _Files) -> tuple[Request, str]:
        """The look that Flagger asks for, and at what.

        Raises:
            ValueError: it cannot be told what.
        """
        if asked.parameters:
            raise ValueError("a hook has no parameters: name checks in its metadata")
        hook = read_hook(asked.posted)
        if hook.checks not in files:
            raise ValueError(
                f"no checks are named {hook.checks}; metadata.checks may be one of:"
                f" {', '.join(files)}"
            )
        other = hook.other_than(files[hook.checks][1])
        if other:
            raise ValueError(other)
        request = self._request({"checks": hook.checks}, files)
        since = self._attempts.since(hook, int(self._serving.now()))
        return replace(request, not_before=since), f"{hook.namespace}/{hook.name}"

    def _request(self, parameters: Mapping[str, str], files: _Files) -> Request:
        """The look that is asked for.

        Raises:
            ValueError: a parameter is missing, wrong or unknown.
        """
        strange = sorted(parameters.keys() - set(_KEYS))
        if strange:
            raise ValueError(f"unknown parameter; there are {', '.join(_KEYS)}")
        name = parameters.get("checks") or (next(iter(files)) if len(files) == 1 else "")
        if name not in files:
            raise ValueError(f"checks must be one of: {', '.join(files)}")
        named = [arm for arm in ("canary", "stable") if arm in parameters]
        hashes = tuple(parameters.get(arm, "") for arm in ("canary", "stable"))
        if named and not all(_HASH.fullmatch(one) for one in hashes):
            raise ValueError("canary and stable must both be pod-template hashes")
        if named and hashes[0] == hashes[1]:
            raise ValueError("canary and stable are the same hash: there is no canary going on")
        since = None
        if parameters.get("since"):
            try:
                since = instant(parameters["since"])
            except ValueError as error:
                raise ValueError(f"since {error}") from None
        return Request(
            directory=self._serving.directory,
            checks=files[name][0],
            access=self._serving.access,
            since=since,
            hashes=(hashes[0], hashes[1]) if named else None,
        )

    def _within(self, request: Request, canary: str) -> dict[str, Any]:
        """What comes of a look, or that it takes too long; then it goes on and keeps its place."""
        found: list[dict[str, Any]] = []
        began = time.monotonic()

        def look() -> None:
            try:
                found.append(self._look(request))
            finally:
                self._free.release()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(self._serving.seconds)
        if not found and thread.is_alive():
            found.append(_untold(f"the look takes more than {self._serving.seconds:g} s"))
        if not found:
            raise RuntimeError("the look ended with a bug")
        told = found[0]
        about = f"{request.checks.name}, canary {canary}"
        self._progress.say(
            f"{told['verdict']}: {about}: {told['reason']} ({time.monotonic() - began:.1f} s)"
        )
        return told

    def _look(self, request: Request) -> dict[str, Any]:
        try:
            return _told(check(request, self._progress))
        except UnavailableError as error:
            self._progress.say(str(error))
            return _untold("Prometheus does not answer, or only in part")
        except OlderError as error:
            return _untold(str(error))
        except LockproofError as error:
            # Its text may hold what a server said about credentials.
            self._progress.say(str(error))
            return _untold("it cannot look as it is set up: see its log")


def _told(report: Report) -> dict[str, Any]:
    """A verdict and its reasons, without what was asked of whom."""
    seen = report.host.canary
    assert seen is not None
    decisive = [one for one in seen.measures if one.verdict is report.verdict]
    return {
        "verdict": report.verdict.value,
        "reason": "; ".join(f"{one.name}: {one.reason}" for one in decisive[:3]),
        "checks": seen.checks,
        "digest": seen.digest,
        "since": seen.since,
        "until": seen.until,
        "measures": [
            {
                "name": one.name,
                "verdict": one.verdict.value,
                "reason": one.reason,
                "intervals": one.intervals,
                "estimate": one.estimate,
                "lower": one.lower,
                "upper": one.upper,
            }
            for one in seen.measures
        ],
    }


def _untold(reason: str) -> dict[str, Any]:
    return {"verdict": Verdict.INCONCLUSIVE.value, "reason": reason}


def _content(directory: Path, path: Path) -> bytes:
    try:
        with (directory / path).open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def server_of(serving: Serving, progress: Progress) -> Server:
    """A server that listens, and answers once `serve_forever` is called.

    Raises:
        UsageError: a file of checks, an address or an option is wrong.
    """
    looks = Looks(serving, progress)
    try:
        server = Server(serving.host, serving.port, looks.answer, _CONNECTIONS)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen on {serving.host}:{serving.port}: {getattr(error, 'strerror', error)}"
        ) from error
    progress.say(
        f"listening on {serving.host}:{server.server_port}; checks: {', '.join(looks.names)}"
    )
    return server
