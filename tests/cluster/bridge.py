"""Run a program that cannot be told to bind to loopback in a network of its own.

    bridge.py FROM=TO... -- PROGRAM ARGUMENT...

That network has loopback alone. What the program is to reach outside, and what is to reach it, goes
through sockets in the file system: FROM is listened to, TO is connected to, and each is a path or a
port of 127.0.0.1.
"""

import fcntl
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

_SET_FLAGS, _UP = 0x8914, 0x1  # SIOCSIFFLAGS, IFF_UP: netdevice(7)


def forward(source: str, target: str) -> None:
    """Accept connections at `source` for as long as the process lives, each to `target`."""
    if source.isdigit():
        server = socket.create_server(("127.0.0.1", int(source)))
    else:
        Path(source).unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(source)
        server.listen()
    threading.Thread(target=_accept, args=(server, target), daemon=True).start()


def _accept(server: socket.socket, target: str) -> None:
    while True:
        one, _ = server.accept()
        try:
            if target.isdigit():
                other = socket.create_connection(("127.0.0.1", int(target)))
            else:
                other = socket.socket(socket.AF_UNIX)
                other.connect(target)
        except OSError:
            one.close()  # As if nobody listened.
            continue
        for pair in ((one, other), (other, one)):
            threading.Thread(target=_copy, args=pair, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, target):
            one.close()


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        fcntl.ioctl(one, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))


if __name__ == "__main__":
    end = sys.argv.index("--")
    _loopback_up()
    for way in sys.argv[1:end]:
        forward(*way.split("="))
    sys.exit(subprocess.call(sys.argv[end + 1 :]))
