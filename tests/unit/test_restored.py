"""Recorded environments: what is not here is said once, and a record starts no program."""

import sys
from pathlib import Path

import anyio

from lockproof.adapters.environment.build import PipelineEnvironment
from lockproof.adapters.sandbox.isolation import Isolation, Level
from lockproof.compare.causes import Factor
from lockproof.model.cause import CauseKind
from lockproof.model.environment import Environment
from lockproof.steps.reproduce.recorded import environment_changes_of
from lockproof.steps.reproduce.restored import Restored

OWN = Path(sys.executable)
NEAR = f"{sys.version_info[0]}.{sys.version_info[1]}.987 (CPython)"
NOW = Environment(kind="interpreter", name="python", python="2.0.0 (CPython)")


def restored(said: list[str], now: Environment = NOW) -> Restored:
    environment = PipelineEnvironment("interpreter", "python", None, OWN.parent, OWN)
    return Restored(environment, now, Isolation(Level.NONE), said.append)


def test_a_python_that_is_not_here_is_said_once() -> None:
    said: list[str] = []

    async def ask() -> None:
        pythons = restored(said)
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(pythons.python, "9.87.65 (CPython)")
        assert await pythons.python("9.87.65 (CPython)") is None

    anyio.run(ask)
    (line,) = said
    assert "Python 9.87.65, which is not here" in line


def test_the_recorded_python_is_found_and_one_of_its_minor_version_will_do() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    for recorded in (version, f"{sys.version_info[0]}.{sys.version_info[1]}.987"):
        found = anyio.run(restored([]).python, f"{recorded} (CPython)")
        assert found is not None
        assert found.version.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
    own = NOW.model_copy(update={"python": f"{version} (CPython)"})
    assert anyio.run(restored([], own).python, NEAR) is None


def test_a_record_cannot_name_a_program(tmp_path: Path) -> None:
    program = tmp_path / "3.11.7 (CPython)"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    for word in (str(program), "../3.11 (x)", "python3 (CPython)", "3.11", "3.11.7 (CPython)\n"):
        assert anyio.run(restored([]).python, word) is None
    assert not (tmp_path / "ran").exists()


def test_python_is_a_factor_that_is_put_back_where_it_is_here() -> None:
    before = NOW.model_copy(update={"python": "1.2.3 (CPython)"})
    summary = "the version of Python: 1.2.3 (CPython) -> 2.0.0 (CPython)"
    (change,) = environment_changes_of(before, NOW)
    assert change.factor == Factor(
        CauseKind.ENVIRONMENT, "python", summary, obstacle="Python 1.2.3 is not here"
    )
    own = anyio.run(restored([]).python, NEAR)
    (change,) = environment_changes_of(before, NOW, own)
    assert own is not None
    assert (change.python, change.factor.obstacle) == (own, None)
    assert change.factor.evidence == ((f"put back with Python {own.version}", None),)
