"""What a launcher is told: programs, what they may use, and what keeps them apart."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockproof.errors import ConfigError

from .isolation import AS_IT_IS, Guise, Isolated, Level, allowed, as_one, in_bubblewrap, triples
from .launcher import Job
from .quota import FREE, Quota, shell_bound
from .view import DEVICES, View


@dataclass(frozen=True)
class Limits:
    """What a list of commands may use."""

    timeout: float | None
    """Seconds for the whole list; None: no limit."""
    network: bool
    quota: Quota = FREE
    """What they may use of the machine at one time."""


def encoded_job(
    programs: Sequence[Sequence[str | os.PathLike[str]]],
    cwd: Path,
    env: Mapping[str, str],
    limits: Limits,
    isolated: Isolated | None,
) -> bytes:
    """The job of a launcher: these programs, with what they may use and what they find.

    Raises:
        ConfigError: a word, a path or a variable is none that a system takes.
    """
    words = [[_encoded(part) for part in program] for program in programs]
    variables = {_encoded(name): _encoded(value) for name, value in env.items()}
    guise = isolated.guise if isolated else AS_IT_IS
    known = _known(guise)
    quota = limits.quota
    if isolated is None or isolated.level is Level.NONE:
        places = _written(isolated.view) if isolated else [_encoded(cwd)]
        offline = not limits.network
        return Job.encode(
            _encoded(cwd), variables, words, offline, guise=known, places=places, quota=quota
        )
    view = isolated.view
    if isolated.level.own_root and words:
        words = [as_one(words, guise.spent, shell_bound(quota))]
        if isolated.level is Level.BUBBLEWRAP:
            here, network = _encoded(cwd), limits.network
            words = [in_bubblewrap(view, words[0], here, network=network, guise=guise)]
    return Job.encode(
        _encoded(cwd),
        variables,
        words,
        not limits.network,
        isolated.level,
        triples(view) if isolated.level is Level.NAMESPACES else (),
        [name.encode() for name in DEVICES],
        allowed(view) if isolated.level is Level.LANDLOCK else ((), ()),
        known,
        _written(view),
        quota,
    )


def _written(view: View) -> list[bytes]:
    """The folders of this machine that programs may write."""
    return sorted({_encoded(m.source) for m in view.mounts if m.kind == "write"})


def _known(guise: Guise) -> list[bytes]:
    uid, gid = guise.ids or ("", "")
    umask = "" if guise.umask is None else guise.umask
    cpus = " ".join(map(str, guise.cpus))
    return [str(part).encode() for part in (guise.host_name, uid, gid, umask, cpus)]


def _encoded(text: str | os.PathLike[str]) -> bytes:
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise ConfigError(f"a command, path or variable has a character no system takes: {text!r}")
    return encoded
