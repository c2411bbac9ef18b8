"""Which folders a Python consists of, and which of some folders hold too much to be shown."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from .programs import ask

_QUESTION = (
    "import json, os, sys; print(json.dumps([sys.prefix, sys.base_prefix, sys.exec_prefix,"
    " sys.base_exec_prefix, os.path.realpath(sys.executable)]))"
)
_PREFIX_MARKS = ("pyvenv.cfg", "conda-meta", "libexec")
"""What shows that the folder above a `bin` is a prefix and no person's home."""


async def folders_of_python(python: Path, path: str) -> tuple[Path, ...]:
    """The prefixes of a Python, and where it lies. It is asked without `site`, in the open."""
    answer = await ask([python, "-I", "-S", "-c", _QUESTION], {"PATH": path})
    try:
        *prefixes, executable = json.loads(answer or "[]") or [""]
    except ValueError:
        prefixes, executable = [], ""
    found = [Path(path) for path in (*prefixes, os.path.dirname(executable)) if path]
    return (*found, *prefix_of(python.parent))


def prefix_of(folder: Path) -> Iterator[Path]:
    """The folder above a `bin`, if it is the prefix of an environment."""
    if any((folder.parent / mark).exists() for mark in _PREFIX_MARKS):
        yield folder.parent


def narrow(paths: Iterable[Path], never: Path) -> tuple[Path, ...]:
    """Those that exist and hold neither `never`, nor a home folder, nor much of the system."""
    whole = {Path.home(), never, *map(Path, ("/usr", "/etc", "/var", "/tmp", "/proc", "/dev"))}  # noqa: S108
    return tuple(
        path
        for path in dict.fromkeys(paths)
        if path.is_absolute()
        and path.exists()
        and not any(other.is_relative_to(path) for other in whole)
    )
