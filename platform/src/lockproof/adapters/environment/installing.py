"""How far an installer is, from what it prints: uv and pip say much, and little that helps.

Standard library only: scripts/build_venv.py takes it before lockproof is installed.
"""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

ROW = "environment"
_CHUNK = 1 << 20
_EVERY = 10.0
"""Seconds between two lines in a log."""
_BEAT = 1.0
"""Seconds between two looks at what is being done."""
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_COLLECTING = re.compile(r"Collecting ([\w.-]+)")
_DOWNLOADING = re.compile(r"Downloading ([\w.+-]+) \((\d++(?:\.\d++)?) ?([A-Za-z]+)\)")
_BUILDING = re.compile(r"(?:Building wheel for|Building) ([\w.-]+)")
_RESOLVED = re.compile(r"Resolved (\d+) packages?")
_INSTALLING = re.compile(r"Installing collected packages|Prepared \d+ package")
_RETRYING = re.compile(r"WARNING: Retrying")
_COMPILING = re.compile(r"(Compiling|Listing) '")
_INSTALL = "installing"
_PACKAGES = "lib/python*/site-packages/*.dist-info"


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


class Pulse:
    """Tells what is being done: a live screen always, a log every ten seconds and with the time.

    Also while nothing is printed, as by pip while it installs.
    """

    def __init__(
        self, say: Say, screen: Screen = NOBODY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """The time that is told counts from here."""
        self._say, self.screen, self.clock = say, screen, clock
        self._start = self._told = clock()
        self._text: Callable[[], str] = str
        self._one_at_a_time = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> Self:
        """Begin to tell."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """No more is told."""
        self._over.set()
        self._thread.join()
        self.screen.end(ROW)

    def doing(self, text: str | Callable[[], str]) -> None:
        """From now on it is this that is being done; what can be called is asked each time."""
        self._text = text if callable(text) else lambda: text
        self.beat()

    def beat(self) -> None:
        """Tell of it, where it is time for that."""
        with self._one_at_a_time:
            text = self._text()
            if not text:
                return
            self.screen.show(ROW, text)
            now = self.clock()
            if now - self._told >= _EVERY:
                self._told = now
                self._say(f"{text} ({now - self._start:.0f} s)")

    def say(self, text: str) -> None:
        """Say a thing in any case."""
        self._told = self.clock()
        self._say(text)

    def _go_on(self) -> None:
        while not self._over.wait(_BEAT):
            self.beat()


class Installing:
    """Reads the log of an installer, or of who compiles, as it grows, and tells it in figures."""

    def __init__(self, log: Path, packages: int, pulse: Pulse, folder: Path, doing: str) -> None:
        """Begin with a log that is empty, or not there.

        Args:
            log: where it prints to.
            packages: how many there are to install; 0: that is not known yet.
            pulse: who tells it.
            folder: the virtual environment.
            doing: what is being done until something is printed.
        """
        self._log, self._packages, self._pulse, self._folder = log, packages, pulse, folder
        self._at = 0
        self._begun = b""
        self._start = pulse.clock()
        self._names: set[str] = set()
        self._bytes = 0.0
        self._modules = 0
        self._doing = doing
        self._before = self._there()
        pulse.doing(lambda: self.text)

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
        if self._doing != before:
            self._pulse.beat()

    @property
    def text(self) -> str:
        """`3 of 12 packages, 57 MB: downloading scipy (39.3 MiB)`."""
        if self._modules:
            return f"compiling modules, {self._modules:,} so far"
        count = f"{len(self._names):,} of {self._total}" if self._names else self._total
        size = f", {self._bytes / 1e6:,.0f} MB" if self._bytes >= 5e5 else ""
        doing = self._doing
        if doing == _INSTALL and (ready := self._there() - self._before) > 0:
            doing = f"{doing}, {ready:,} done"
        return f"{count}{size}: {doing}" if self._packages else doing

    def done(self) -> None:
        """Say what was installed, and how long that took."""
        if self._packages:
            size = f", {self._bytes / 1e6:,.0f} MB downloaded" if self._bytes >= 5e5 else ""
            seconds = self._pulse.clock() - self._start
            self._pulse.say(f"installed {self._total}{size}, in {seconds:.0f} s")

    @property
    def _total(self) -> str:
        return f"{self._packages:,} package{'' if self._packages == 1 else 's'}"

    def _there(self) -> int:
        return sum(1 for _ in self._folder.glob(_PACKAGES))

    def _take(self, line: str) -> None:
        if found := _COMPILING.match(line):
            self._modules += found[1] == "Compiling"
            return
        self._pulse.screen.detail(line)
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
            self._doing = _INSTALL
        elif _RETRYING.match(line):
            self._doing = "the package index does not answer, asking again"
