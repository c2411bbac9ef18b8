"""Progress on standard error: a live line per running stage on a terminal, plain lines in CI."""

import importlib
import os
import sys
from contextlib import suppress

from .plain_progress import PlainProgress, PlainWatch, SilentProgress


def progress(*, quiet: bool = False, verbose: bool = False) -> PlainProgress:
    """Live on a terminal; plain lines in CI, in a pipe or on a dumb terminal; or nothing."""
    if quiet:
        return SilentProgress()
    if _plain():
        return PlainProgress(verbose=verbose)
    from .live_progress import LiveProgress

    return LiveProgress(verbose=verbose)


def watch() -> PlainProgress:
    """As `progress`, for a verb that waits for things outside which say how they are."""
    if _plain():
        return PlainWatch()
    from .live_progress import LiveWatch

    return LiveWatch()


def draws() -> bool:
    """Whether what draws on a terminal is here and works: DVC brings it, the base install not."""
    with suppress(Exception):  # Of a broken package, or another of that name, anything may come.
        importlib.import_module(f"{__package__}.live_progress")
        return True
    return False


def _plain() -> bool:
    if os.environ.get("CI") or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty():
        return True
    return not draws()
