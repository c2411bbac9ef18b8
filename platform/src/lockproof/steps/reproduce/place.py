"""Where a stage runs: what it finds of the machine, and under which names it finds its own."""

import os
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.sandbox.isolation import Isolated
from lockproof.adapters.sandbox.view import Mount, readable
from lockproof.adapters.scratch import remove
from lockproof.model.pipeline import Stage
from lockproof.steps.surface import CHECKOUT, HOME, TMP, Surface


@dataclass(frozen=True)
class Place:
    """Paths as the stage sees them."""

    isolated: Isolated
    checkout: Path
    """The Git root."""
    home: Path
    tmp: Path
    scratch: tuple[Path, ...]
    """Folders of the machine that go when the stage has ended."""

    def clear(self) -> None:
        """Remove what only this run needed."""
        for folder in self.scratch:
            remove(folder)


def prepare_place(surface: Surface, stage: Stage, folder: Path) -> Place:
    """A place for one run of a stage in the checkout `folder`: home and temporary folder empty."""
    home, tmp, other = (folder.with_suffix(f".{name}") for name in ("home", "tmp", "other"))
    for scratch in (home, tmp, other):
        if scratch.exists():
            remove(scratch)
        scratch.mkdir()
    level = surface.isolation.level
    mounts = [
        Mount(str(CHECKOUT), str(folder), "write"),
        Mount(str(HOME), str(home), "write"),
        Mount(str(TMP), str(tmp), "write"),
        *_external(stage, other),
        *_accounts(other),
    ]
    if surface.clone is not None:
        mounts.append(Mount(str(surface.clone), str(folder), "write"))
    view = surface.view.showing(mounts)
    seen = (CHECKOUT, HOME, TMP) if level.own_root else (folder, home, tmp)
    return Place(Isolated(level, view), *seen, scratch=(home, tmp, other))


def _external(stage: Stage, scratch: Path) -> list[Mount]:
    """Dependencies outside of the repository, and room for outputs that are declared there."""
    mounts = []
    for number, out in enumerate(stage.outs):
        if out.external and os.path.isabs(out.path):
            folder = scratch / str(number)
            folder.mkdir()
            mounts.append(Mount(os.path.dirname(out.path), str(folder), "write"))
    deps = [Path(dep.path) for dep in stage.deps if dep.external and os.path.isabs(dep.path)]
    return [*mounts, *readable(deps)]


def _accounts(scratch: Path) -> list[Mount]:
    """Programs ask who they run as; other people's names are nobody's business."""
    uid, gid = os.geteuid(), os.getegid()
    name = "root" if uid == 0 else "stage"
    files = {
        "passwd": f"{name}:x:{uid}:{gid}::{HOME}:/bin/sh\n",
        "group": f"{name}:x:{gid}:\n",
    }
    for file, content in files.items():
        (scratch / file).write_text(content)
    return [Mount(f"/etc/{file}", str(scratch / file)) for file in files]
