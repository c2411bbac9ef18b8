"""Where set-up code knocks while a package is built, by the one way out that it has."""

import json
import socket
import threading
from typing import Any

CALL = """
import os, socket
def call(place):
    proxy = os.environ.get("HTTPS_PROXY", "")
    if not proxy:
        return socket.create_connection(place)
    host, _, port = proxy.rpartition("/")[2].partition(":")
    line = socket.create_connection((host, int(port)))
    line.sendall(("CONNECT %s:%d HTTP/1.1\\r\\n\\r\\n" % tuple(place)).encode())
    said = b""
    while not said.endswith(b"\\r\\n\\r\\n"):
        more = line.recv(1)
        if not more:
            break
        said += more
    if b" 200 " not in said:
        raise OSError(said)
    return line
"""
"""Code that calls by the proxy which set-up code has, where there is one."""
STAYING = "staying"
"""Said by a caller who keeps the line."""


class Door:
    """Keeps what it is told, one line of JSON a call, and lets the caller wait until it is open."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.heard: list[Any] = []
        self._open = threading.Event()
        self._staying: list[socket.socket] = []
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def knock(self) -> str:
        """Code of a function's body."""
        place = self.server.getsockname()
        return (
            f"exec({CALL!r}, globals())\n    import json\n"
            f"    with call({place}) as s:"
            "\n        s.sendall(json.dumps(dict(os.environ)).encode() + b'\\n')"
            "\n        s.recv(1)"
        )

    def open(self) -> None:
        self._open.set()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self.server.accept()
            except OSError:
                return
            line = caller.makefile().readline()
            if not line:
                caller.close()
                return
            self.heard.append(json.loads(line))
            if self.heard[-1] == STAYING:
                self._staying.append(caller)
            else:
                self._open.wait()
                caller.close()

    def wait_until_all_left(self) -> None:
        """Until nobody holds the line of those who stay; a TimeoutError where one does."""
        for caller in self._staying:
            caller.settimeout(30)
            assert caller.recv(1) == b""
            caller.close()

    def close(self) -> None:
        self.open()
        with socket.create_connection(self.server.getsockname()):
            pass
        self.thread.join()
        self.server.close()
