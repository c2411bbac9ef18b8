"""A small HTTP server of which nothing has no bound: connections, their time, what they send."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_SECONDS = 10.0
"""Within which a request has to be there, and within which a part of an answer has to be taken."""
_MOST_PARAMETERS = 20
_LARGEST = 65536
"""Bytes that are posted."""


@dataclass(frozen=True)
class Asked:
    """A request."""

    path: str
    parameters: Mapping[str, str]
    """What stands behind the question mark."""
    posted: Any = None
    """The JSON of a POST; None of a GET."""
    method: str = "GET"


@dataclass(frozen=True)
class Answer:
    """What it is answered with."""

    code: int
    """HTTP status."""
    value: Mapping[str, Any]
    """As JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)


Handle = Callable[[Asked], Answer]


class Server(ThreadingHTTPServer):
    """One thread for each connection, which has one request: GET, or POST of JSON."""

    daemon_threads = True

    def __init__(self, host: str, port: int, handle: Handle, most: int) -> None:
        """Listen.

        Args:
            host: an address of this machine.
            port: of it; 0: any that is free.
            handle: answers each request; what it raises is answered with 500.
            most: connections at once; one more is closed unheard.

        Raises:
            OSError: it cannot be listened there.
        """
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.handle = handle
        self._free = threading.BoundedSemaphore(most)
        self._reading: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection, if there is room."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._lock:
            self._reading[request] = time.monotonic() + _SECONDS
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.read(request)
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.read(request)
            self._free.release()

    def read(self, request: Any) -> None:
        """Its request is there: it has no hurry any more."""
        with self._lock:
            self._reading.pop(request, None)

    def service_actions(self) -> None:
        """End connections whose request does not come: each byte may come in time, and all late."""
        now = time.monotonic()
        with self._lock:
            late = [one for one, deadline in self._reading.items() if deadline < now]
        for one in late:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: whoever asked has gone."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _SECONDS
    server_version, sys_version = "lockproof", ""
    error_content_type = "application/json"
    error_message_format = '{"error": "HTTP %(code)d"}'

    def do_GET(self) -> None:
        self._handle(None)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._answer(Answer(411, {"error": "say its Content-Length"}))
        elif len(length) > 9 or int(length) > _LARGEST:
            self._answer(Answer(413, {"error": f"more than {_LARGEST:,} bytes"}))
        else:
            self._handle(self.rfile.read(int(length)))

    def _handle(self, content: bytes | None) -> None:
        self.server.read(self.request)
        try:
            asked = _asked(self.path)
            if content is not None:
                asked = replace(asked, posted=_json(content), method="POST")
        except ValueError as error:
            self._answer(Answer(400, {"error": str(error)}))
            return
        try:
            answer = self.server.handle(asked)
        except Exception:
            self._answer(Answer(500, {"error": "a bug in lockproof; its log says more"}))
            raise
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        content = json.dumps(answer.value).encode()
        self.send_response(answer.code)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: who answers says what is worth a line."""


def _json(content: bytes) -> Any:
    """What was posted.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("what was posted is no JSON") from None


def _asked(target: str) -> Asked:
    """What a request asks for.

    Raises:
        ValueError: it cannot be read, has too many parameters, or one of them twice.
    """
    parts = urlsplit(target)
    pairs = parse_qsl(
        parts.query,
        keep_blank_values=True,
        strict_parsing=bool(parts.query),
        max_num_fields=_MOST_PARAMETERS,
    )
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise ValueError("a parameter stands twice")
    return Asked(parts.path, parameters)
