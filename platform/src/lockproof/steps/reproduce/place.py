"""Where a stage runs: what it finds of the machine, and under which names it finds its own."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.patience import patience
from lockproof.adapters.sandbox.isolation import Isolated, Level
from lockproof.adapters.sandbox.view import Mount, View
from lockproof.adapters.scratch import remove
from lockproof.errors import UsageError
from lockproof.model.pipeline import Stage
from lockproof.steps.surface import CHECKOUT, HOME, TMP, Surface

from .world import USUAL, World, own_account

_ONLINE = "/sys/devices/system/cpu/online"


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


def prepare_place(surface: Surface, stage: Stage, folder: Path, world: World = USUAL) -> Place:
    """A place for one run of a stage in the checkout `folder`: home and temporary folder empty."""
    own = "home" if world.home == HOME else "another-home"
    home, tmp, other = (folder.with_suffix(f".{name}") for name in (own, "tmp", "other"))
    for scratch in (home, tmp, other):
        if scratch.exists():
            remove(scratch)
        scratch.mkdir()
    level = surface.isolation.level
    mounts = [
        Mount(str(world.checkout), str(folder), "write"),
        Mount(str(world.home), str(home), "write"),
        Mount(str(TMP), str(tmp), "write"),
        *_external(surface, stage, other),
        *_accounts(other, world),
        *_processors(other, world),
    ]
    if surface.clone is not None:
        mounts.append(Mount(str(surface.clone), str(folder), "write"))
    view = surface.view.showing(mounts)
    _refuse_links(view, folder)
    seen = (world.checkout, world.home, TMP) if level.own_root else (folder, home, tmp)
    return Place(Isolated(level, view, world.guise), *seen, scratch=(home, tmp, other))


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
        for link in list(links_below(str(folder / path))):
            target = Path(os.readlink(link))
            if target.is_relative_to(checkout):
                os.unlink(link)
                os.symlink(folder / target.relative_to(checkout), link)


def links_below(place: str) -> Iterator[str]:
    """The links at and below a path, none of them followed."""
    if os.path.islink(place):
        yield place
        return
    folders = [place] if os.path.isdir(place) else []
    asked = patience()
    while folders:
        asked.check()
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue  # Too deep or closed: whoever hashes it says so.
        for entry in entries:
            if entry.is_symlink():
                yield entry.path
            elif entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)


def _external(surface: Surface, stage: Stage, scratch: Path) -> list[Mount]:
    """Room for outputs that are declared outside of the repository."""
    taken = [CHECKOUT, HOME, TMP, *filter(None, [surface.clone])]
    taken += [Path(mount.target) for mount in surface.view.mounts]
    mounts = []
    for number, out in enumerate(stage.outs):
        place = Path(os.path.normpath(out.path)).parent
        if not (out.external and place.is_absolute()):
            continue
        if any(place.is_relative_to(t) or t.is_relative_to(place) for t in taken):
            continue  # Nothing of that may be covered, nor anything be made in it.
        folder = scratch / str(number)
        folder.mkdir()
        mounts.append(Mount(str(place), str(folder), "write"))
    return mounts


def unseen(surface: Surface, stage: Stage) -> tuple[str, ...]:
    """Dependencies on this machine, outside of the repository, that the stage does not find.

    A commit alone shows a stage nothing of the machine: `run.visible` does.
    """
    if surface.isolation.level is Level.NONE:
        return ()
    shown = [Path(m.source) for m in surface.view.mounts if m.kind == "read"]
    return tuple(
        dep.path
        for dep in stage.deps
        if dep.external
        and os.path.isabs(dep.path)
        and not any(Path(os.path.normpath(dep.path)).is_relative_to(place) for place in shown)
    )


def _refuse_links(view: View, folder: Path) -> None:
    """What is mounted inside the checkout must lie in it, not where a link of a commit leads."""
    roots = [Path(mount.target) for mount in view.mounts if mount.source == str(folder)]
    for mount in view.mounts:
        for root in roots:
            target = Path(mount.target)
            if target == root or not target.is_relative_to(root):
                continue
            parts = target.relative_to(root).parts
            if any(
                (folder / Path(*parts[: count + 1])).is_symlink() for count in range(len(parts))
            ):
                raise UsageError(f"{target} is a link in this commit, and needed as a folder")


def _accounts(scratch: Path, world: World) -> list[Mount]:
    """Programs ask who they run as; other people's names are nobody's business."""
    who = world.account or own_account()
    files = {
        "passwd": f"{who.name}:x:{who.uid}:{who.gid}::{world.home}:/bin/sh\n",
        "group": f"{who.name}:x:{who.gid}:\n",
    }
    for file, content in files.items():
        (scratch / file).write_text(content)
    return [Mount(f"/etc/{file}", str(scratch / file)) for file in files]


def _processors(scratch: Path, world: World) -> list[Mount]:
    """Where programs count CPUs without asking which of them they may use."""
    if not world.guise.cpus or not os.path.exists(_ONLINE):
        return []
    (scratch / "online").write_text(f"{','.join(map(str, world.guise.cpus))}\n")
    return [Mount(_ONLINE, str(scratch / "online"))]
