"""What was asked of `lockproof init`, and the command line that says so again."""

import re
import shlex
from dataclasses import dataclass

from lockproof.errors import UsageError
from lockproof.model.workflow import CiSystem, Isolation, Runner

GPU_RUNNER = ("self-hosted", "gpu")
_CRON = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
"""Minute, hour, day, month, weekday: the least and the most."""
_CRON_ITEM = re.compile(r"(?:\*|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([1-9][0-9]?))?")


@dataclass(frozen=True)
class Choices:
    """What was asked for; None means: as the repository suggests."""

    systems: tuple[CiSystem, ...] | None = None
    branch: str | None = None
    """The branch that pull requests are for."""
    runner: Runner | None = None
    install: str | None = None
    gate_install: str | None = None
    """For jobs that read no data; None: as `install`."""
    bin: str | None = None
    module: str = ""
    """The Dagger module that CI calls; empty: lockproof's own at the commit that runs here."""
    tool_image: str = ""
    """lockproof's own image by digest, as the module publishes it; empty: an engine builds it."""
    engine: str = ""
    """The address of a shared Dagger engine."""
    gpu_engine: str = ""
    """The address of one that has GPUs; empty: the same one, or one on the runner with a GPU."""
    gpu_runner: tuple[str, ...] = GPU_RUNNER
    """Labels of runners with a GPU; as GitLab tags without `self-hosted`."""
    isolation: Isolation | None = None
    """Whether CI refuses to run stages that cannot be kept apart; None: it does."""
    nightly: str | None = None
    """When CI proves the default branch anew, as five fields of cron, in UTC; None: never."""


def command(system: CiSystem, choices: Choices) -> str:
    """The command line that makes the same file again."""
    words = ["lockproof", "init", "--ci", system]
    for name, value, usual in (
        ("--branch", choices.branch, None),
        ("--runner", choices.runner, None),
        ("--module", choices.module, ""),
        ("--engine", choices.engine, ""),
        ("--gpu-engine", choices.gpu_engine, ""),
        ("--tool-image", choices.tool_image, ""),
        ("--install", choices.install, None),
        ("--gate-install", choices.gate_install, None),
        ("--bin", choices.bin, None),
    ):
        if value is not None and value != usual:
            words += [name, value]
    if choices.gpu_runner != GPU_RUNNER:
        words += ["--gpu-runner", ",".join(choices.gpu_runner)]
    if choices.isolation is not None:
        words += ["--isolation", choices.isolation]
    if choices.nightly is not None:
        words += ["--nightly", choices.nightly]
    return " ".join(shlex.join(words).split())


def check_nightly(cron: str | None) -> None:
    """See that a CI system can read when it is to run: one that cannot runs nothing at all.

    Raises:
        UsageError: it cannot.
    """
    if cron is None:
        return
    fields = cron.split(" ")
    if len(fields) == len(_CRON) and all(map(_is_field, fields, _CRON)):
        return
    raise UsageError(
        f"--nightly {cron!r} is no time: write minute, hour, day, month and weekday (0 is Sunday)"
        " as numbers, in UTC, such as '17 3 * * *'"
    )


def _is_field(field: str, bounds: tuple[int, int]) -> bool:
    for item in field.split(","):
        match = _CRON_ITEM.fullmatch(item)
        if not match:
            return False
        first, last = (int(one) if one else None for one in match.groups()[:2])
        named = [one for one in (first, last) if one is not None]
        if named != sorted(named) or any(not bounds[0] <= one <= bounds[1] for one in named):
            return False
    return True


def when_on_gitlab(choices: Choices, branch: str) -> str:
    """What to do for GitLab to run what is nightly; empty where nothing is."""
    if choices.nightly is None:
        return ""
    words = ["glab", "schedule", "create", "--cron", choices.nightly, "--ref", branch]
    return (
        "GitLab takes the time of no pipeline from a file: make a schedule once, under Build >"
        f" Pipeline schedules, or by '{shlex.join([*words, '--description', 'nightly proof'])}'"
    )
