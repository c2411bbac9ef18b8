"""Finds out how far stages can be kept apart from this machine."""

import os
from collections.abc import Sequence
from pathlib import Path

from lockproof.adapters.scratch import temporary_folder

from .isolation import LEVELS, Isolated, Isolation, Level, bubblewrap
from .job import Limits
from .run import run_programs
from .view import system_view


async def find_isolation(levels: Sequence[Level] = LEVELS) -> Isolation:
    """The first of these levels that works here: each is tried with a program that does nothing."""
    refusals = []
    for level in levels:
        if level is Level.BUBBLEWRAP and bubblewrap() is None:
            refusals.append("bubblewrap: not on PATH")
            continue
        with temporary_folder() as scratch:
            log = scratch / "log"
            done = await run_programs(
                [["/bin/sh", "-c", "exit 0"]],
                cwd=Path("/"),
                env={"PATH": os.defpath},
                log=log,
                limits=Limits(timeout=60, network=False),
                isolated=Isolated(level, system_view(network=False)),
            )
            if done.exit_code == 0 and done.isolation == level:
                return Isolation(level, tuple(refusals))
            said = log.read_text("utf-8", "replace").strip().splitlines()
            reason = done.refusal or (said[-1] if said else f"ends with {done.exit_code}")
            refusals.append(f"{level}: {reason.removeprefix('bwrap: ')}")
    return Isolation(Level.NONE, tuple(refusals))
