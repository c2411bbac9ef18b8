"""Progress on standard error: a live line per running stage on a terminal, plain lines in CI."""

import os
import sys
from importlib.util import find_spec

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
    """Whether there is what draws on a terminal: DVC brings it, the base install does not."""
    return find_spec("rich") is not None


def _plain() -> bool:
    if os.environ.get("CI") or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty():
        return True
    return not draws()
