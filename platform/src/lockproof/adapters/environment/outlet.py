"""The one way out of where packages are built: a proxy that reaches the Internet and no more.

Set-up code runs in a network of its own, which has nothing but its own `localhost`. A first program
opens a port there and hands it out, so that this process answers what is asked there, from its own
network: it connects to addresses of the Internet, and to what the user's own settings name.
"""

import contextlib
import ipaddress
import os
import re
import selectors
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .passwords import without_users

_PORT = 3128
"""Of a network in which nobody else is."""
_DOOR = "/tmp/door"  # noqa: S108 - as the first program sees it
_SECONDS = 60.0
"""Within which a request has to be there and an address to answer."""
_IDLE = 600.0
_MOST = 256
"""Connections at once; one more is closed unheard."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_ROUTED = [ipaddress.ip_network(n) for n in ("0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "2000::/3")]
"""Unicast of IPv4, and all of IPv6 that IANA gives out as global unicast."""
_SPECIAL = [
    ipaddress.ip_network(n)
    for n in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        "168.63.129.16",  # Where Azure answers its machines.
        # Teredo and 6to4 are tunnels, whose addresses stand for others.
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
]
"""What of it is not for the Internet (IANA's registries of special-purpose addresses, RFC 6890).

What `ipaddress` says of them is another thing in each version of Python.
"""
_URL = re.compile(r"\b(https?)://(\[[^\]\s]*\]|[^/\s:\"',\]]+)(?::(\d+))?")
_HOST = re.compile(r"^(\[[^\]\s]*\]|[^\s:/]+):(\d+)$")
_USUAL = frozenset((("pypi.org", 443), ("files.pythonhosted.org", 443)))
"""Where installers look without any settings; some networks have a mirror by those names."""
_NAME = re.compile(r"[a-z0-9.:_-]{1,100}")
_PLACES = re.compile(r"(?:PIP|UV)_(?:DEFAULT_INDEX|INDEX|(?:EXTRA_)?INDEX_URL|FIND_LINKS)")
_HOSTS = ("PIP_TRUSTED_HOST", "UV_INSECURE_HOST")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_LEFT_OUT = frozenset(("no_proxy", "ftp_proxy", "pip_proxy"))
# For any Python 3, since it is the project's.
_OPENER = """
import array, socket, sys
port = socket.socket()
port.bind(("127.0.0.1", int(sys.argv[1])))
port.listen(128)
door = socket.socket(socket.AF_UNIX)
door.connect(sys.argv[2])
door.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [port.fileno()]))])
sys.exit(door.recv(1) != b"x")
"""

Place = tuple[str, int]
"""A host, in small letters, and a port."""


@dataclass(frozen=True)
class Outlet:
    """The way out of one workshop, whose programs have no other one."""

    python: Path
    """Opens the port inside."""
    folder: Path
    """What the programs find as `/tmp`."""
    vouched: frozenset[Place] = frozenset()
    """Where it leads beside the Internet."""
    refused: list[str] = field(default_factory=list)
    """The first host that it did not lead to, since only the commit or its packages name it."""
    _taken: list["_Proxy"] = field(default_factory=list)

    @property
    def opener(self) -> tuple[str | Path, ...]:
        """The program that has to run first."""
        return (self.python, "-I", "-S", "-c", _OPENER, str(_PORT), _DOOR)

    @staticmethod
    def variables(environ: Mapping[str, str]) -> dict[str, str]:
        """These variables with the proxy in them."""
        kept = {name: value for name, value in environ.items() if name.lower() not in _LEFT_OUT}
        here = f"http://127.0.0.1:{_PORT}"
        return kept | {n: here for name in _PROXIES for n in (name, name.upper())}

    @contextmanager
    def served(self) -> Iterator[None]:
        """Answer what is asked inside, while the programs run."""
        with socket.socket(socket.AF_UNIX) as door:
            # A name in a folder that is open is short, wherever the folder lies.
            folder = os.open(self.folder, os.O_PATH)
            try:
                door.bind(f"/proc/self/fd/{folder}/{os.path.basename(_DOOR)}")
            finally:
                os.close(folder)
            door.listen(1)
            thread = threading.Thread(target=self._answer, args=(door,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    door.shutdown(socket.SHUT_RDWR)  # The programs may have ended before it came.
                for proxy in self._taken:
                    proxy.shutdown()
                thread.join()
                self._taken.clear()
                (self.folder / os.path.basename(_DOOR)).unlink(missing_ok=True)

    def _answer(self, door: socket.socket) -> None:
        try:
            caller, _ = door.accept()
        except OSError:
            return
        with caller:
            caller.settimeout(_SECONDS)
            with contextlib.suppress(OSError):
                _, descriptors, _, _ = socket.recv_fds(caller, 1, 1)
                if not descriptors:
                    return
                listener = socket.socket(fileno=descriptors[0])
                proxy = _Proxy(listener, self.vouched, self.refused)
                self._taken.append(proxy)
                caller.sendall(b"x")
        if self._taken:
            with self._taken[0] as proxy:
                proxy.serve_forever(poll_interval=0.1)


def has_proxy(environ: Mapping[str, str]) -> bool:
    """Whether the user's own settings name a proxy, which may be the only way out here."""
    return any(environ.get(name) for n in _PROXIES for name in (n, n.upper(), "PIP_PROXY"))


def vouched_places(environ: Mapping[str, str], *files: Path) -> frozenset[Place]:
    """Where the user's own settings for an installer lead, and an installer without settings.

    Args:
        environ: the variables, none of which is a commit's.
        files: the user's files of settings.
    """
    texts = [value for name, value in environ.items() if _PLACES.fullmatch(name)]
    texts += [file.read_text("utf-8", "replace") for file in files]
    found = {
        (_plain(host), int(port or (443 if scheme == "https" else 80)))
        for text in texts
        for scheme, host, port in _URL.findall(without_users(text))
    }
    words = [word for name in _HOSTS for word in environ.get(name, "").replace(",", " ").split()]
    named = [match for word in words if (match := _HOST.match(word))]
    return _USUAL | found | {(_plain(match[1]), int(match[2])) for match in named}


def _plain(host: str) -> str:
    return host.lower().strip("[]")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the Internet's, also of one that stands for one of IPv4."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and (ip.ipv4_mapped or ip in _NAT64):
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return any(ip in n for n in _ROUTED) and not any(ip in n for n in _SPECIAL)


class _Refused(Exception):
    """What is asked for is no address that the proxy leads to."""


class _Proxy(ThreadingHTTPServer):
    """Answers at a socket of another network."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, listener: socket.socket, vouched: frozenset[Place], refused: list[str]
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self._vouched, self._refused = vouched, refused
        self._free = threading.BoundedSemaphore(_MOST)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection, if there is room."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: whoever asked has gone."""

    def reach(self, host: str, port: int) -> socket.socket:
        """Connect to where the proxy may lead.

        Raises:
            _Refused: it may not lead there.
            OSError: nobody answers there.
        """
        vouched = (host, port) in self._vouched
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        refused = _Refused("not on the Internet, and in no settings of yours")
        error: Exception = refused
        for family, kind, protocol, _, address in infos:
            if not vouched and not is_public(str(address[0])):
                continue
            there = socket.socket(family, kind, protocol)
            try:
                there.settimeout(_SECONDS)
                there.connect(address)
                # This machine may have an address of the Internet too.
                if vouched or there.getsockname()[0] != there.getpeername()[0]:
                    return there
                error = refused
            except OSError as failed:
                error = failed
            there.close()
        if error is refused and not self._refused and _NAME.fullmatch(host):
            self._refused.append(f"{host}:{port}")
        raise error


class _Handler(BaseHTTPRequestHandler):
    server: _Proxy
    timeout = _SECONDS
    rbufsize = 0  # What follows a request is not for us.
    server_version, sys_version = "lockproof", ""

    def do_CONNECT(self) -> None:
        """A tunnel, for all that is encrypted."""
        host, _, port = self.path.rpartition(":")
        there = self._reached(_plain(host), port)
        if there is not None:
            with there:
                self.send_response_only(200)
                self.end_headers()
                _relay(self.connection, there)

    def do_GET(self) -> None:
        """A file in the clear."""
        try:
            parts = urlsplit(self.path)
            host, port = parts.hostname or "", str(parts.port or 80)
        except ValueError:
            host, port = "", ""
        there = self._reached(host.lower(), port)
        if there is None:
            return
        kept = [(n, v) for n, v in self.headers.items() if n.lower() not in _OF_ONE_CONNECTION]
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"{self.command} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in kept)]
        with there:
            there.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
            there.settimeout(_IDLE)
            while chunk := there.recv(1 << 16):
                self.connection.sendall(chunk)

    do_HEAD = do_GET

    def _reached(self, host: str, port: str) -> socket.socket | None:
        self.close_connection = True
        try:
            if not host or not port.isascii() or not port.isdigit() or len(port) > 5:
                raise _Refused("no address")
            return self.server.reach(host, int(port))
        except _Refused as error:
            self.send_error(403, str(error))
        except (OSError, OverflowError, UnicodeError) as error:
            self.send_error(502, f"{host}: {error}")
        return None

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """In one line, which an installer may print."""
        plain = "".join(c if c.isascii() and c.isprintable() else "?" for c in message or "")
        super().send_error(code, plain[:200], explain)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


_OF_ONE_CONNECTION = frozenset(("connection", "proxy-connection", "keep-alive", "te", "upgrade"))


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what each says until both have ended."""
    with selectors.DefaultSelector() as selector:
        for source, target in ((one, other), (other, one)):
            source.settimeout(_IDLE)
            selector.register(source, selectors.EVENT_READ, target)
        while selector.get_map():
            ready = selector.select(_IDLE)
            if not ready:
                return
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                chunk = key.fileobj.recv(1 << 16)
                if chunk:
                    key.data.sendall(chunk)
                else:
                    selector.unregister(key.fileobj)
                    with contextlib.suppress(OSError):
                        key.data.shutdown(socket.SHUT_WR)
