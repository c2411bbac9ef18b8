"""Where a DVC project begins; DVC is not asked."""

import os
from pathlib import Path

from lockproof.errors import UsageError

DVC_DIR = ".dvc"


def find_root(start: Path, git_root: Path) -> Path:
    """The DVC root that contains `start`: the nearest folder with `.dvc`, up to the Git root.

    Raises:
        UsageError: there is none.
    """
    for folder in (start, *start.parents):
        if os.path.isdir(folder / DVC_DIR):
            return folder
        if folder == git_root:
            break
    raise UsageError(
        f"no DVC project in {start} or above it: run this where .dvc is, or use -C DIR"
    )
