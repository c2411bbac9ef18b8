"""Asks a program one question and takes a short answer."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio

_LONGEST = 1 << 20
"""Bytes; what answers at greater length has misunderstood the question."""


async def ask(
    program: Sequence[str | Path],
    env: Mapping[str, str],
    *,
    seconds: float = 30,
    cwd: Path | None = None,
) -> str | None:
    """What a program prints to standard output.

    None if it is not there, fails, prints more than a megabyte or takes longer than `seconds`.
    """
    answer = bytearray()
    try:
        process = await anyio.open_process(
            [os.fspath(part) for part in program],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    except OSError:
        return None
    with anyio.move_on_after(seconds):
        async with process:
            if process.stdout is not None:
                async for chunk in process.stdout:
                    answer += chunk
                    if len(answer) > _LONGEST:
                        process.kill()
                        break
            await process.wait()
    if process.returncode != 0:
        return None
    return answer.decode("utf-8", "replace").strip()
