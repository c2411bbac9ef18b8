"""What is told of an installer, from the words of uv and of pip."""

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.adapters.environment.installing import ROW, Installing, Pulse

UV = (
    "Resolved 2 packages in 826ms\n",
    "Downloading numpy (15.6MiB)\nDownloading scipy (39.3MiB)\n",
    " Downloaded numpy\n Downloaded scipy\nPrepared 2 packages in 3.49s\n",
    "Installed 2 packages in 245ms\n + numpy==2.1.0\n + scipy==1.14.1\n",
)
SCIPY = "  Downloading scipy-1.14.1-cp311-manylinux_2_17_x86_64.whl"
PIP = (
    "Looking in links: /wheels\nCollecting scipy==1.14.1 (from -r r.txt (line 1))\n",
    "  Skipping link: none of the wheel's tags (cp310-cp310-win_amd64) are compatible\n" * 40,
    f"{SCIPY}.metadata (60 kB)\n{SCIPY} (41.2 MB)\n",
    "Collecting numpy==2.1.0 (from -r r.txt (line 2))\n",
    "  Downloading numpy-2.1.0.tar.gz (16.3 MB)\n  Building wheel for numpy (pyproject.toml)",
    ": started\n",
    "Installing collected packages: numpy, scipy\n",
)


class Heard:
    """What was said, shown and asked for."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: list[str] = []
        self.raw: list[str] = []

    def show(self, name: str, line: str) -> None:
        assert name == ROW
        self.shown.append(line)

    def end(self, name: str) -> None:
        self.shown.append("end")

    def detail(self, text: str) -> None:
        self.raw.append(text)


def heard(log: Path, pieces: tuple[str, ...], packages: int, seconds: float = 1.0) -> Heard:
    told, now = Heard(), [0.0]
    log.write_bytes(b"")
    pulse = Pulse(told.said.append, told, lambda: now[0])
    installing = Installing(log, packages, pulse, log.parent, "asking")
    told.shown.clear()
    for piece in pieces:
        now[0] += seconds
        with log.open("ab") as file:
            file.write(piece.encode())
        installing("the last line alone")
    installing.done()
    return told


def test_of_uv_packages_and_bytes_are_told(tmp_path: Path) -> None:
    told = heard(tmp_path / "log", UV, 2)
    assert told.shown == [
        "2 packages: looking for them",
        "2 packages, 58 MB: downloading scipy (39.3 MiB)",
        "2 packages, 58 MB: installing",
    ]
    assert told.said == ["installed 2 packages, 58 MB downloaded, in 4 s"]
    assert "Downloading numpy (15.6MiB)" in told.raw


def test_of_pip_it_is_told_how_far_it_is_and_no_link_that_it_skips(tmp_path: Path) -> None:
    told = heard(tmp_path / "log", PIP, 2, seconds=6.0)
    assert told.shown == [
        "1 of 2 packages: looking for scipy",
        "1 of 2 packages, 41 MB: downloading scipy (41.2 MB)",
        "2 of 2 packages, 41 MB: looking for numpy",
        "2 of 2 packages, 58 MB: downloading numpy-2.1.0.tar.gz (16.3 MB)",
        "2 of 2 packages, 58 MB: building numpy from source",
        "2 of 2 packages, 58 MB: installing",
    ]
    # A log keeps its lines: one every ten seconds, with the time so far.
    assert told.said == [
        "1 of 2 packages, 41 MB: downloading scipy (41.2 MB) (18 s)",
        "2 of 2 packages, 58 MB: downloading numpy-2.1.0.tar.gz (16.3 MB) (30 s)",
        "2 of 2 packages, 58 MB: installing (42 s)",
        "installed 2 packages, 58 MB downloaded, in 42 s",
    ]
    assert sum("Skipping" in line for line in told.raw) == 40


def test_while_nothing_is_printed_it_is_told_how_far_it_is(tmp_path: Path) -> None:
    """pip says nothing while it installs, and for minutes on a slow machine."""
    told, now = Heard(), [0.0]
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    (site / "pip-25.dist-info").mkdir(parents=True)
    log = tmp_path / "log"
    heard_of = threading.Event()

    def say(text: str) -> None:
        told.said.append(text)
        heard_of.set()

    with Pulse(say, told, lambda: now[0]) as pulse:
        installing = Installing(log, 2, pulse, tmp_path, "asking")
        log.write_text("Installing collected packages: numpy, scipy\n")
        installing("")
        (site / "numpy-2.dist-info").mkdir()
        now[0] = 30.0
        assert heard_of.wait(60)
        assert told.said[0] == "2 packages: installing, 1 done (30 s)"
        log.write_text("Listing 'lib'...\n" + "Compiling 'a.py'...\n" * 1233)
        compiling = Installing(log, 0, pulse, tmp_path, "compiling modules")
        compiling("")
        now[0] = 45.0
        pulse.beat()
        assert told.said[-1] == "compiling modules, 1,233 so far (45 s)"
        assert not any("Compiling" in line for line in told.raw)
        pulse.doing("reading")
        now[0] = 55.0
        pulse.beat()
        assert told.said[-1] == "reading (55 s)"
    assert told.shown[-1] == "end"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=8))
def test_whatever_is_printed_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str]
) -> None:
    log = tmp_path_factory.getbasetemp() / "log"
    told = heard(log, (*pieces, "\nPrepared 1 package in 1s\n"), 0)
    assert told.raw == [line.strip() for line in "".join(pieces).split("\n")] + [
        "Prepared 1 package in 1s"
    ]
    assert told.shown[-1] == "installing"
