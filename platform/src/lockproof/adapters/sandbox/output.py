"""Reads what other processes write, in constant memory."""

import os
import re
from collections.abc import Callable

import anyio
import anyio.lowlevel

_CHUNK = 1 << 16
_LINE = 400
"""Bytes of a line that are kept for display."""
_SECONDS = 0.25
"""Between two lines that are shown."""
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.?)")


class LastLine:
    """The last whole line of a stream; a carriage return ends a line too (progress bars)."""

    def __init__(self, show: Callable[[str], None] | None) -> None:
        """`show` gets lines without control characters or escape sequences."""
        self._show = show
        self._begun = b""
        self._whole = b""
        self._shown = b""

    def feed(self, chunk: bytes) -> None:
        """Take in the next piece of the stream."""
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        if end < 0:
            self._begun += chunk[: _LINE - len(self._begun)]
            return
        body = chunk[:end].rstrip()
        start = max(body.rfind(b"\n"), body.rfind(b"\r")) + 1
        line = body[start:] if start else self._begun + body
        if line.strip():
            self._whole = line[:_LINE]
        self._begun = chunk[end + 1 :][:_LINE]

    def flush(self) -> None:
        """Show the line unless it was the last one shown."""
        if self._show is not None and self._whole != self._shown:
            self._shown = self._whole
            text = _ESCAPE_SEQUENCE.sub("", self._whole.decode("utf-8", "replace"))
            self._show("".join(c for c in text.expandtabs() if c.isprintable()).strip())

    async def keep_showing(self) -> None:
        """Show the line whenever it has changed, until cancelled."""
        while True:
            await anyio.sleep(_SECONDS)
            self.flush()


async def drain(descriptor: int, sink: Callable[[bytes], object]) -> None:
    """Hand everything that a non-blocking descriptor gives to `sink`, until its end."""
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            await anyio.wait_readable(descriptor)
            continue
        if not chunk:
            return
        sink(chunk)
        await anyio.lowlevel.checkpoint()


def drain_rest(descriptor: int, sink: Callable[[bytes], object]) -> None:
    """Hand over what a pipe still holds, without waiting for more.

    A process that was not ended may still write to the pipe, so no more than a large pipe holds.
    """
    for _ in range(16):
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            return
        sink(chunk)
