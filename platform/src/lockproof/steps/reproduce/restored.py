"""Environments as run records have them, built once for all stages, or said once not to be had."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from lockproof.adapters.environment.build import PipelineEnvironment, with_packages
from lockproof.adapters.environment.installing import NOBODY, Screen
from lockproof.adapters.environment.interpreters import Interpreter, find_interpreter
from lockproof.adapters.files import cache_root
from lockproof.adapters.sandbox.isolation import Isolation
from lockproof.errors import ConfigError, LockproofError
from lockproof.model.environment import Environment

_PYTHON = re.compile(r"((\d++\.\d++)\.\d++)\S* \((\w+)\)", re.ASCII)
"""As `Environment.python` has it: a record is not ours, and its word names no program."""


@dataclass
class Restored:
    """Puts recorded packages and Pythons back."""

    environment: PipelineEnvironment
    described: Environment
    isolation: Isolation
    say: Callable[[str], None]
    screen: Screen = NOBODY
    _lock: anyio.Lock = field(default_factory=anyio.Lock)
    _pythons: dict[str, Interpreter | None] = field(default_factory=dict)
    _built: dict[object, PipelineEnvironment | None] = field(default_factory=dict)

    async def python(self, recorded: str | None) -> Interpreter | None:
        """A Python that runs what the recorded one ran, if it is another than the pipeline's.

        The very one if it is here, else another of the same minor version than the pipeline's.
        None where that is the recorded one, or none is known or here.
        """
        if recorded is None or recorded == self.described.python or not self.environment.python:
            return None
        async with self._lock:
            if recorded not in self._pythons:
                self._pythons[recorded] = await self._find(recorded)
        return self._pythons[recorded]

    async def _find(self, recorded: str) -> Interpreter | None:
        wanted = _PYTHON.fullmatch(recorded)
        if wanted is None:
            return None
        for version in (wanted[1], wanted[2]):
            try:
                found = await find_interpreter(version, Path("/"))
            except ConfigError:
                continue
            if found.implementation == wanted[3]:
                same = f"{found.version} ({found.implementation})" == self.described.python
                return None if same else found
        self.say(
            f"the run record is of Python {wanted[1]}, which is not here: what the change of Python"
            f" made cannot be told (uv python install {wanted[1]})"
        )
        return None

    async def packages(
        self, changes: Mapping[str, str | None], python: Interpreter | None
    ) -> PipelineEnvironment | None:
        """The pipeline's packages with these versions (None: without it); None: it cannot be had.

        On `python`, or where that is None on the pipeline's own.
        """
        pins = {**self.described.packages, **changes}
        wanted = {name: version for name, version in pins.items() if version is not None}
        key = (frozenset(wanted.items()), python)
        async with self._lock:
            if key not in self._built:
                self._built[key] = await self._build(wanted, python)
        return self._built[key]

    async def _build(
        self, packages: Mapping[str, str], python: Interpreter | None
    ) -> PipelineEnvironment | None:
        try:
            return await with_packages(
                self.environment,
                packages,
                cache_root(),
                self.say,
                self.isolation,
                self.screen,
                python,
            )
        except LockproofError as error:
            self.say(f"cannot put packages back: {error}")
            return None
