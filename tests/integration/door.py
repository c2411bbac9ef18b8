"""Where set-up code knocks while a package is built, by the one way out that it has."""

import json
import socket
import threading
from typing import Any

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
            "import json, os, socket\n"
            f"    with socket.create_connection({place}) as s:"
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
