"""An HTTP proxy that spoils answers, in front of a real server: what a bad day looks like.

It is no fake of S3: every answer that it does not spoil is the server's own.
"""

import http.client
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
INTERNAL = SLOW_DOWN.replace(b"SlowDown", b"InternalError")
THROTTLED = SLOW_DOWN.replace(b"SlowDown", b"ThrottlingException")
NOTHING = (
    b'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>data</Name><Prefix/>'
    b"<KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
    b"</ListBucketResult>"
)
_TELLS = re.compile("x-amz-checksum|etag|content-md5", re.IGNORECASE)
_CONTENTS = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)


def fewer(body: bytes) -> bytes:
    """A listing without its second half, and without a sign of it."""
    items = list(_CONTENTS.finditer(body))
    for item in reversed(items[len(items) // 2 :]):
        body = body[: item.start()] + body[item.end() :]
    return body


# Each takes the handler, the server's answer and its body, and sends something else.
Fault = Callable[["_Handler", http.client.HTTPResponse, bytes], None]


def _status(status: int, body: bytes) -> Fault:
    def fault(handler: "_Handler", answer: http.client.HTTPResponse, _: bytes) -> None:
        handler.reply(status, {"Content-Type": "application/xml"}, body)

    return fault


def _slow(handler: "_Handler", answer: http.client.HTTPResponse, body: bytes) -> None:
    handler.server.pause.wait(1)  # Longer than the client waits.
    handler.close_connection = True


def _cut(handler: "_Handler", answer: http.client.HTTPResponse, body: bytes) -> None:
    length = int(answer.headers.get("Content-Length") or len(body))
    handler.reply(answer.status, dict(answer.headers), body[: len(body) // 2], length=length)
    handler.close_connection = True


def _short(handler: "_Handler", answer: http.client.HTTPResponse, body: bytes) -> None:
    """Half of the body, as if it were all."""
    handler.reply(answer.status, dict(answer.headers), body[: len(body) // 2])


def _unseen(handler: "_Handler", answer: http.client.HTTPResponse, body: bytes) -> None:
    """Half of the body, as if it were all, and nothing in the headers by which to tell."""
    kept = {name: value for name, value in answer.headers.items() if not _TELLS.match(name)}
    handler.reply(answer.status, kept, body[: len(body) // 2])


def _reset(handler: "_Handler", answer: http.client.HTTPResponse, body: bytes) -> None:
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()
    handler.close_connection = True


def _silent(handler: "_Handler", answer: http.client.HTTPResponse, body: bytes) -> None:
    handler.close_connection = True


def _garbage(handler: "_Handler", answer: http.client.HTTPResponse, body: bytes) -> None:
    handler.reply(200, {}, b"<html>It works!</html>")


def _listing(change: Callable[[bytes], bytes]) -> Fault:
    def fault(handler: "_Handler", answer: http.client.HTTPResponse, body: bytes) -> None:
        handler.reply(answer.status, dict(answer.headers), change(body))

    return fault


ANY: dict[str, Fault] = {
    "500": _status(500, INTERNAL),
    "503 SlowDown": _status(503, SLOW_DOWN),
    "429": _status(429, THROTTLED),
    "400 throttled": _status(400, THROTTLED),
    "502 without a body": _status(502, b""),
    "timeout": _slow,
    "body cut off": _cut,
    "reset": _reset,
    "no answer": _silent,
}
LISTINGS: dict[str, Fault] = {
    "empty listing": _listing(lambda body: NOTHING),
    "empty body": _listing(lambda body: b""),
    "half of the listing": _listing(fewer),
    "half of the text": _short,
    "a web page": _garbage,
}
BODIES: dict[str, Fault] = {"half of the body": _short, "a web page": _garbage}
# Of servers that send no checksum: only who knows the content can tell.
UNSEEN: dict[str, Fault] = {"half of the body, unseen": _unseen}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.pause = threading.Event()
        self.choose: Callable[[str, str], Fault | None] = lambda method, path: None
        self.requests: list[tuple[str, str]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    upstream: http.client.HTTPConnection | None = None

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _forward(self) -> None:
        if self.upstream is None:
            self.upstream = http.client.HTTPConnection(self.server.upstream)
        # The signature covers the headers as they are, Host included.
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            self.upstream.putheader(name, value)
        self.upstream.endheaders()
        answer = self.upstream.getresponse()
        body = answer.read()
        self.server.requests.append((self.command, self.path))
        fault = self.server.choose(self.command, self.path)
        if fault:
            fault(self, answer, body)
        else:
            length = int(answer.headers.get("Content-Length") or len(body))
            self.reply(answer.status, dict(answer.headers), body, length=length)

    do_GET = do_HEAD = _forward

    def reply(
        self, status: int, headers: dict[str, str], body: bytes, *, length: int | None = None
    ) -> None:
        """Send an answer."""
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()
        if self.upstream:
            self.upstream.close()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class FaultProxy:
    """A running proxy."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.injected: Counter[str] = Counter()

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path of everything that was asked so far."""
        return self._server.requests

    def always(
        self,
        name: str,
        *,
        times: int | None = None,
        method: str | None = None,
        path: str = "",
        after: int = 0,
    ) -> None:
        """Spoil the next answers (of one method, and a part of the path, where given) in one way.

        The first `after` of them come as they are.
        """
        left, wanted = [times if times is not None else 1 << 30, after], path
        fault = {**ANY, **LISTINGS, **BODIES, **UNSEEN}[name]

        def choose(verb: str, path: str) -> Fault | None:
            if left[0] <= 0 or (method and verb != method) or wanted not in path:
                return None
            if left[1] > 0:
                left[1] -= 1
                return None
            left[0] -= 1
            self.injected[name] += 1
            return fault

        self._server.choose = choose

    def sometimes(self, seed: int, rate: float) -> None:
        """Spoil each answer with this probability, in a way that fits what was asked for."""
        source, lock = random.Random(seed), threading.Lock()

        def choose(verb: str, path: str) -> Fault | None:
            with lock:
                if source.random() >= rate:
                    return None
                fitting = dict(ANY)
                if "list-type=2" in path:
                    fitting |= LISTINGS
                elif verb == "GET":
                    fitting |= BODIES
                # Waiting takes time, so it is rarer than the others.
                names = [n for n in fitting if n != "timeout" or source.random() < 0.1]
                name = source.choice(names)
                self.injected[name] += 1
                return fitting[name]

        self._server.choose = choose

    def mostly(self, rate: float, name: str, *, seed: int) -> None:
        """Spoil each answer with this probability in one way."""
        source, lock = random.Random(seed), threading.Lock()

        def choose(verb: str, path: str) -> Fault | None:
            with lock:
                if source.random() >= rate:
                    return None
                self.injected[name] += 1
                return ANY[name]

        self._server.choose = choose

    def choose(self, look: Callable[[str, str], None]) -> None:
        """Let each answer through once `look` returns, which is given method and path."""
        self._server.choose = look

    def never(self) -> None:
        """Let everything through."""
        self._server.choose = lambda verb, path: None


@contextmanager
def fault_proxy(url: str) -> Iterator[FaultProxy]:
    """Start a proxy in front of the server at `url`."""
    server = _Server(urlsplit(url).netloc)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield FaultProxy(server)
    finally:
        server.pause.set()
        server.shutdown()
        server.server_close()
        thread.join()
