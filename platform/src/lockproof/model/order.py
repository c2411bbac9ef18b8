"""What a pod is told to prove, and how its report comes back: sealed, through its log.

A log is a channel that more than one may write to, and that may be cut. So the report in it is
sealed by HMAC-SHA-256 (RFC 2104) with a key that only this one pod has, and that its stages do not
see: what was changed, cut, taken from another pod or another run, or made by a stage opens with no
key. A log that holds no whole receipt is no report.
"""

import base64
import binascii
import gzip
import hmac
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MARK = "lockproof-receipt/1"
_BEGIN, _END = f"{_MARK} begin", f"{_MARK} end "
_WIDTH = 800
"""Characters of a line; container runtimes split lines at 16 KiB."""
MOST_SEALED = 6 << 20
"""Characters in a log; the kubelet starts a new file after 10 MiB, and the old one is not read."""
MOST_BYTES = 64 << 20
"""Of a report as JSON."""
_KEY = re.compile(r"[0-9a-f]{64}")


class BadOrderError(ValueError):
    """What is no order, or a receipt that cannot be believed; says why."""


@dataclass(frozen=True)
class Order:
    """The part of a reproduction that one pod does."""

    task: str
    """Its name in the run."""
    stages: tuple[str, ...]
    """Addresses of stages; empty for all of the pipeline."""
    key: bytes = field(repr=False)
    """32 bytes, of this pod alone."""

    @property
    def text(self) -> str:
        """As it is handed to the pod, in a Secret."""
        return json.dumps({"task": self.task, "stages": self.stages, "key": self.key.hex()})

    @classmethod
    def parse(cls, content: bytes) -> "Order":
        """Read an order.

        Raises:
            BadOrderError: it is none.
        """
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BadOrderError("it is no JSON") from error
        if not (isinstance(value, dict) and value.keys() == {"task", "stages", "key"}):
            raise BadOrderError("it has other keys than task, stages and key")
        task, stages, key = value["task"], value["stages"], value["key"]
        named = isinstance(stages, list) and all(isinstance(s, str) and s for s in stages)
        if not (isinstance(task, str) and task and named):
            raise BadOrderError("it names no task, or no stages")
        if not (isinstance(key, str) and _KEY.fullmatch(key)):
            raise BadOrderError("its key is not 64 hex digits")
        return cls(task, tuple(stages), bytes.fromhex(key))


def is_of_receipt(line: str) -> bool:
    """Whether a line of a log is one of a receipt."""
    return line.startswith(_MARK)


def seal(order: Order, value: Mapping[str, Any]) -> str:
    """The receipt of a value, as lines for a log.

    Args:
        order: whose key seals it.
        value: what JSON can hold.

    Raises:
        BadOrderError: it is larger than a log may be.
    """
    payload = gzip.compress(json.dumps(value).encode(), mtime=0)
    text = base64.b64encode(payload).decode()
    if len(text) > MOST_SEALED:
        raise BadOrderError(f"the report has {len(text):,} characters, {MOST_SEALED:,} at most")
    parts = [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)]
    lines = [_BEGIN, *(f"{_MARK} {part}" for part in parts), f"{_END}{_mac(order, payload)}"]
    return "".join(f"{line}\n" for line in lines)


def unseal(order: Order, log: bytes) -> dict[str, Any]:
    """The value in the last receipt of a log.

    Raises:
        BadOrderError: there is none, it is not whole, or another key sealed it.
    """
    lines = [line for line in log.decode("utf-8", "replace").split("\n") if is_of_receipt(line)]
    if _BEGIN not in lines:
        raise BadOrderError("its log holds no report")
    start = len(lines) - lines[::-1].index(_BEGIN)
    body = lines[start:]
    end = next((number for number, line in enumerate(body) if line.startswith(_END)), None)
    if end is None:
        raise BadOrderError("the report in its log is cut off")
    text = "".join(line.removeprefix(f"{_MARK} ") for line in body[:end])
    try:
        payload = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadOrderError("the report in its log is garbled") from error
    said = body[end].removeprefix(_END).strip().encode("utf-8", "replace")
    if not hmac.compare_digest(said, _mac(order, payload).encode()):
        raise BadOrderError("the report in its log is not sealed with the key of this pod")
    content = _unpacked(payload)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadOrderError("the report in its log cannot be unpacked") from error
    if not isinstance(value, dict):
        raise BadOrderError("the report in its log is none")
    return value


def _mac(order: Order, payload: bytes) -> str:
    # No task's name has a zero byte in it, so no two pairs give the same message.
    return hmac.new(
        order.key, b"\0".join((b"1", order.task.encode(), payload)), "sha256"
    ).hexdigest()


def _unpacked(payload: bytes) -> bytes:
    """What its own pod has packed, and only that much of it."""
    try:
        reader = zlib.decompressobj(wbits=31)
        content = reader.decompress(payload, MOST_BYTES)
    except zlib.error as error:
        raise BadOrderError("the report in its log cannot be unpacked") from error
    if not reader.eof:
        raise BadOrderError(f"the report in its log is larger than {MOST_BYTES:,} bytes")
    return content
