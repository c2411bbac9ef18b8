"""Where a stage runs: what it finds of the machine, and under which names it finds its own."""

import os
from collections.abc import Iterable
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


def lead_home(folder: Path, checkout: Path, paths: Iterable[str]) -> None:
    """Let links that name the checkout as the stage saw it lead to the same place outside.

    Args:
        folder: the checkout on this machine.
        checkout: the same as the stage saw it.
        paths: outputs, from `folder`; what lies below them is looked at too.
    """
    if folder == checkout:
        return
    for path in paths:
        place = folder / path
        links = [place] if place.is_symlink() else []
        if not links and place.is_dir():
            for inner, folders, files in os.walk(place):
                found = (Path(inner, name) for name in (*folders, *files))
                links += [entry for entry in found if entry.is_symlink()]
        for link in links:
            target = Path(os.readlink(link))
            if target.is_relative_to(checkout):
                link.unlink()
                link.symlink_to(folder / target.relative_to(checkout))


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
