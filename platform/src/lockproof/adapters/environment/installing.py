"""How far an installer is, from what it prints: uv and pip say much, and little that helps."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

ROW = "environment"
_CHUNK = 1 << 20
_EVERY = 10.0
"""Seconds between two lines in a log."""
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_COLLECTING = re.compile(r"Collecting ([\w.-]+)")
_DOWNLOADING = re.compile(r"Downloading ([\w.+-]+) \(([\d.]+) ?(\w+)\)")
_BUILDING = re.compile(r"(?:Building wheel for|Building) ([\w.-]+)")
_RESOLVED = re.compile(r"Resolved (\d+) packages?")
_INSTALLING = re.compile(r"Installing collected packages|Prepared \d+ package")


Say = Callable[[str], None]


class Screen(Protocol):
    """Where it is shown how the making of an environment goes, beside its steps."""

    def show(self, name: str, line: str) -> None:
        """What is being done right now, where a screen is live."""

    def end(self, name: str) -> None:
        """It is over."""

    def detail(self, text: str) -> None:
        """The raw words of a program, for who asks for them."""


class _Nobody:
    def show(self, name: str, line: str) -> None:
        """Nobody looks."""

    def end(self, name: str) -> None:
        """Nobody looks."""

    def detail(self, text: str) -> None:
        """Nobody asks."""


NOBODY: Screen = _Nobody()


class Installing:
    """Reads an installer's log as it grows, and tells in figures what it says."""

    def __init__(
        self,
        log: Path,
        packages: int,
        say: Say,
        screen: Screen,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`packages` is how many there are to install; 0: that is not known yet."""
        self._log, self._packages, self._clock = log, packages, clock
        self._say, self._screen = say, screen
        self._at = 0
        self._begun = b""
        self._start = self._told = clock()
        self._names: set[str] = set()
        self._bytes = 0.0
        self._doing = ""

    def __call__(self, _: str) -> None:
        """Something was printed: read all of it, since the last line alone tells too little."""
        before = self._doing
        with self._log.open("rb") as file:
            file.seek(self._at)
            while chunk := file.read(_CHUNK):
                self._at += len(chunk)
                *lines, self._begun = (self._begun + chunk).split(b"\n")
                self._begun = self._begun[-_CHUNK:]
                for line in lines:
                    self._take(line.decode("utf-8", "replace").strip())
        if self._doing == before:
            return
        self._screen.show(ROW, self.text)
        now = self._clock()
        if now - self._told >= _EVERY:
            self._told = now
            self._say(f"{self.text} ({now - self._start:.0f} s)")

    @property
    def text(self) -> str:
        """`3 of 12 packages, 57 MB: downloading scipy (39.3 MiB)`."""
        count = f"{len(self._names):,} of {self._total}" if self._names else self._total
        size = f", {self._bytes / 1e6:,.0f} MB" if self._bytes >= 5e5 else ""
        return f"{count if self._packages else 'packages'}{size}: {self._doing}"

    def done(self) -> None:
        """Say what was installed, and how long that took."""
        if self._packages:
            size = f", {self._bytes / 1e6:,.0f} MB downloaded" if self._bytes >= 5e5 else ""
            self._say(f"installed {self._total}{size}, in {self._clock() - self._start:.0f} s")

    @property
    def _total(self) -> str:
        return f"{self._packages:,} package{'' if self._packages == 1 else 's'}"

    def _take(self, line: str) -> None:
        self._screen.detail(line)
        if found := _COLLECTING.match(line):
            self._names.add(found[1])
            self._doing = f"looking for {found[1]}"
        elif found := _DOWNLOADING.match(line):
            if not found[1].endswith(".metadata"):
                self._bytes += float(found[2]) * _UNITS.get(found[3], 0)
                name = found[1].partition("-")[0] if found[1].endswith(".whl") else found[1]
                self._doing = f"downloading {name} ({found[2]} {found[3]})"
        elif found := _BUILDING.match(line):
            self._doing = f"building {found[1]} from source"
        elif found := _RESOLVED.match(line):
            self._packages = self._packages or int(found[1])
            self._doing = "looking for them"
        elif _INSTALLING.match(line):
            self._doing = "installing"
