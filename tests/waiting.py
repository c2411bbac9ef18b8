"""Waiting for the thing itself, however busy the machine is."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def wait_for(condition: Callable[[], object]) -> None:
    """Until it holds; two minutes are for what never happens."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def is_below(folder: Path, name: str) -> bool:
    """Whether a file of that name is somewhere in a folder, which others change meanwhile."""
    return any(name in files for _, _, files in os.walk(folder))
