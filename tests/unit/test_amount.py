"""Numbers of bytes in words, and what a limit says of them."""

from typing import Literal

import pytest

from lockproof.adapters.sandbox.run import Completed
from lockproof.config import RunPolicy
from lockproof.model.amount import size
from lockproof.steps.reproduce.limits import bounds, excess


@pytest.mark.parametrize(
    ("count", "base", "shown"),
    [
        (None, 1000, "unknown"),
        (0, 1000, "0 bytes"),
        (1, 1000, "1 byte"),
        (999, 1000, "999 bytes"),
        (1000, 1000, "1 kB"),
        (999_499, 1000, "999 kB"),
        (999_500, 1000, "1 MB"),
        (1_234_567_890, 1000, "1.23 GB"),
        (10**19, 1000, "1e+04 PB"),
        (1023, 1024, "1,023 bytes"),
        (1024, 1024, "1 KiB"),
        (1 << 20, 1024, "1 MiB"),
        (336 << 20, 1024, "336 MiB"),
        (3 << 29, 1024, "1.5 GiB"),
    ],
)
def test_sizes(count: int | None, base: Literal[1000, 1024], shown: str) -> None:
    assert size(count, base) == shown


@pytest.mark.parametrize(
    ("over", "policy", "said"),
    [
        (
            ("memory", 336 << 20),
            RunPolicy(memory=256 << 20),
            "memory: 336 MiB at one time where 256 MiB are allowed",
        ),
        (
            ("disk", (1 << 20) + 4096),
            RunPolicy(disk=1 << 20),
            "disk: at one time 4 KiB more than the 1 MiB allowed",
        ),
        (
            ("processes", 65),
            RunPolicy(processes=64),
            "processes: 65 at one time where 64 are allowed",
        ),
        (None, RunPolicy(), None),
    ],
)
def test_what_was_too_much_is_never_what_is_allowed(
    over: tuple[str, int] | None, policy: RunPolicy, said: str | None
) -> None:
    assert excess(policy, Completed(1, False, 0.0, "off", over=over)) == said


def test_limits_are_said_in_the_units_of_the_policy() -> None:
    policy = RunPolicy(memory=5 << 30, disk=3 << 19, processes=64, timeout=90)
    assert bounds(policy, Completed(0, False, 0.0, "off")) == {
        "disk": "1.5 MiB",
        "memory": "5 GiB",
        "processes": "64",
        "timeout": "90 s",
    }
