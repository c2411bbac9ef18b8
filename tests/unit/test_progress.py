"""What the log of a CI job hears of what takes long."""

import importlib
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lockproof.adapters.environment.installing import ROW
from lockproof.cli import progress as module
from lockproof.cli.plain_progress import PlainProgress, PlainWatch, SilentProgress
from lockproof.steps.progress import during

Said = Callable[[], list[str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """The lines since it was asked last, without their times."""
    return lambda: [line.partition("] ")[2] for line in capsys.readouterr().err.splitlines()]


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def progress(now: list[float]) -> PlainProgress:
    return PlainProgress(clock=lambda: now[0])


def test_what_takes_long_is_named_every_ten_seconds_until_it_is_done(
    progress: PlainProgress, now: list[float], said: Said
) -> None:
    heard: dict[float, list[str]] = {}
    with during(progress, "checking out"):
        for second in range(1, 31):
            now[0] = second
            progress.beat()
            heard[second] = said()
    assert {second: lines for second, lines in heard.items() if lines} == {
        10: ["still at it: checking out (10 s)"],
        20: ["still at it: checking out (20 s)"],
        30: ["still at it: checking out (30 s)"],
    }
    now[0] = 100
    progress.beat()
    assert said() == []


def test_who_says_something_has_ten_seconds_more(
    progress: PlainProgress, now: list[float], said: Said
) -> None:
    with during(progress, "a"):
        now[0] = 9
        progress.say("b: running")
        progress.show("b", "what it prints, which may be a secret")
        now[0] = 18
        progress.beat()
        assert said() == ["b: running"]
        now[0] = 19
        progress.beat()
        assert said() == ["still at it: a (19 s), b (10 s)"]


def test_of_many_things_some_are_named(
    progress: PlainProgress, now: list[float], said: Said
) -> None:
    for number in range(5):
        progress.show(f"s{number}", "")
    now[0] = 10
    progress.beat()
    assert said() == ["still at it: s0 (10 s), s1 (10 s), s2 (10 s) and 2 more"]


def test_who_makes_an_environment_tells_of_it_alone(
    progress: PlainProgress, now: list[float], said: Said
) -> None:
    progress.show(ROW, "3 of 12 packages")
    now[0] = 10
    progress.beat()
    assert said() == []


def test_it_is_over_also_where_what_is_done_fails(
    progress: PlainProgress, now: list[float], said: Said
) -> None:
    with pytest.raises(ValueError, match="no"), during(progress, "a"):
        raise ValueError("no")
    now[0] = 10
    progress.beat()
    assert said() == []


def test_it_is_told_by_itself(now: list[float]) -> None:
    heard = threading.Event()

    class Heard(PlainProgress):
        def say(self, text: str) -> None:
            super().say(text)
            heard.set()

    with Heard(clock=lambda: now[0]) as progress, during(progress, "checking out"):
        now[0] = 30
        assert heard.wait(60)
    before = threading.active_count()
    with SilentProgress() as silent:
        silent.show("a", "")
        assert threading.active_count() == before


@pytest.mark.parametrize("stub", ["raise RuntimeError('no')\n", "Live = 1\n", None])
def test_what_is_called_rich_and_does_not_draw_counts_as_missing(
    stub: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = [name for name in sys.modules if name.partition(".")[0] == "rich"]
    for name in (*drawing, "lockproof.cli.live_progress"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    if stub is not None:
        (tmp_path / "rich.py").write_text(stub)
        monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    importlib.invalidate_caches()
    assert module.draws() is (stub is None)
    if stub is not None:
        assert type(module.progress()) is PlainProgress
        assert type(module.watch()) is PlainWatch
