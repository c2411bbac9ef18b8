"""What a real Prometheus takes by remote write: the one way in for native histograms of the past.

Protocol 1.0: a Protocol Buffers message of the type prometheus.WriteRequest, in Snappy's block
format, of which this writes literals alone.
"""

import struct
import urllib.request
from collections.abc import Mapping, Sequence


def push(address: str, series: Sequence[bytes]) -> None:
    """Have a server store series."""
    content = b"".join(_field(1, one) for one in series)
    request = urllib.request.Request(
        f"{address}/api/v1/write", _snappy(content), method="POST",
        headers={
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        },
    )  # fmt: skip
    urllib.request.urlopen(request, timeout=60).close()


def native(
    labels: Mapping[str, str], schema: int, first: int, rows: Mapping[int, Sequence[int]]
) -> bytes:
    """A series of histograms.

    Args:
        labels: with `__name__`.
        schema: buckets end at powers of 2 to the 2**-schema.
        first: which of them the first bucket ends at.
        rows: Unix seconds -> how many there were in each bucket, since the beginning.
    """
    parts = [_labels(labels)]
    for at, counts in sorted(rows.items()):
        deltas = [b - a for a, b in zip((0, *counts), counts, strict=False)]
        span = _number(1, _zigzag(first)) + _number(2, len(counts))
        histogram = (
            _number(1, sum(counts)) + _double(3, 1.0) + _number(4, _zigzag(schema))
            + _double(5, 1e-9) + _number(6, 0) + _field(11, span)
            + _field(12, b"".join(_varint(_zigzag(delta)) for delta in deltas))
            + _number(15, at * 1000)
        )  # fmt: skip
        parts.append(_field(4, histogram))
    return b"".join(parts)


def floats(labels: Mapping[str, str], rows: Mapping[int, float]) -> bytes:
    """A series of numbers, Unix seconds -> value."""
    samples = [
        _field(2, _double(1, float(value)) + _number(2, at * 1000))
        for at, value in sorted(rows.items())
    ]
    return _labels(labels) + b"".join(samples)


def _labels(labels: Mapping[str, str]) -> bytes:
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in sorted(labels.items())
    )


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _snappy(content: bytes) -> bytes:
    found = bytearray(_varint(len(content)))
    for start in range(0, len(content), 1 << 16):
        part = content[start : start + (1 << 16)]
        found += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return bytes(found)
