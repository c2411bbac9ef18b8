"""Ctrl-C or SIGTERM at any moment between the first line and the last: one line, and 130."""

import contextlib
import signal
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

from lockproof.cli.main import main

ROOT = Path(__file__).resolve().parents[2]

INTERRUPTED = """
import signal, sys
from importlib.abc import MetaPathFinder

class Interrupt(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            signal.raise_signal(signal.{number})

import lockproof.cli.start as start
sys.meta_path.insert(0, Interrupt())
{more}
sys.argv = ["lockproof", *{words!r}]
sys.exit(start.run())
"""


def run(name: str, *words: str, more: str = "", number: str = "SIGINT") -> tuple[int, str, str]:
    code = INTERRUPTED.format(name=name, words=words, more=more, number=number)
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "name",
    [
        *("lockproof.cli.main", "argparse", "gc", "lockproof.cli.affected", "lockproof.config"),
        *("lockproof.steps.affected", "lockproof.model.pipeline"),
    ],
)
def test_while_modules_load(name: str, number: str, tmp_path: Path) -> None:
    words = ("-C", str(tmp_path), "affected")
    code, out, err = run(name, *words, more="sys.modules.pop('gc', None)", number=number)
    assert (code, out, err) == (130, "", "lockproof: interrupted\n")


WRAPPED = """
class Loud:
    def __set_name__(self, owner, name):
        signal.raise_signal(signal.{number})

def made(*_):
    type("Made", (), {{"loud": Loud()}})

import lockproof.cli.affected
lockproof.cli.affected.run = made
"""
LOST = """
def made(*_):
    try:
        signal.raise_signal(signal.{number})
    except KeyboardInterrupt:
        pass
    raise SyntaxError("can't load unicodedata module")

import lockproof.cli.affected
lockproof.cli.affected.run = made
"""


@pytest.mark.parametrize(
    ("more", "number"),
    [(WRAPPED, "SIGINT"), (WRAPPED, "SIGTERM"), (LOST, "SIGTERM")],
    ids=["wrapped", "wrapped-SIGTERM", "lost-SIGTERM"],
)
def test_what_another_exception_is_made_of_it_is_no_bug(more: str, number: str) -> None:
    """As Python does where a class is made, or where it loads the names of characters."""
    code, out, err = run("", "affected", more=more.format(number=number))
    assert (code, out, err) == (130, "", "lockproof: interrupted\n")


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_after_the_last_line(number: str) -> None:
    more = f"import atexit\natexit.register(lambda: signal.raise_signal(signal.{number}))"
    assert run("", "--version", more=more)[::2] == (130, "lockproof: interrupted\n")


def test_in_the_background_of_a_script_it_is_ignored() -> None:
    more = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
    code, out, err = run("lockproof.cli.main", "--version", more=more)
    assert (code, err) == (0, "")
    assert out.startswith("lockproof ")


def test_this_is_where_the_command_begins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"lockproof": "lockproof.cli.start:run"}


def test_a_signal_that_is_dropped_while_the_verb_loads_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(_name: str) -> object:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        return types.SimpleNamespace(configure=lambda _parser: None, run=lambda _args: 0)

    monkeypatch.setattr("lockproof.cli.main.import_module", load)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main(["affected"]) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err == "lockproof: interrupted\n"
