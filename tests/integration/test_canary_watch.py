"""`lockproof canary watch`, against a real Prometheus, on a clock that need not be waited for."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockproof.adapters.prometheus.client import Access
from lockproof.cli.main import main
from lockproof.cli.plain_progress import PlainProgress
from lockproof.errors import UnavailableError, UsageError
from lockproof.model.report import Report
from lockproof.model.rollout import RolloutState
from lockproof.render.canary import look_line, look_table
from lockproof.steps.canary import Named, Request, check_rollout, watch

from .canary_server import BEGAN, exposition, prometheus
from .canary_server import CHECKS as FILE
from .pipelines import Silence

CHECKS = FILE.replace("HORIZON", "2400")
ARMS: dict[str, dict[str, Any]] = {
    "stable": {"errors": lambda _: 0.01, "per_scrape": 30},
    "good": {"errors": lambda _: 0.01, "per_scrape": 10},
    "errs": {"errors": lambda _: 0.3, "per_scrape": 10},
    "doubtful": {"errors": lambda _: 0.14, "per_scrape": 10},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), exposition(ARMS)) as address:
        yield address


class Clock:
    """Time passes when it is waited for."""

    def __init__(self, folder: Path, canary: str, address: str) -> None:
        (folder / "checks.yaml").write_text(CHECKS.replace("CANARY", canary))
        self.now, self.looks, self.waited = float(BEGAN), list[Report](), list[float]()
        access = Access(url=address, timeout=20)
        self.request = Request(folder, Path("checks.yaml"), access=access, since=BEGAN)

    def wait(self, seconds: float) -> None:
        assert seconds >= 1
        self.waited.append(seconds)
        self.now += seconds

    def watch(self, named: Named | None = None) -> Report:
        progress = PlainProgress()
        return watch(self.request, progress, self.looks.append, lambda: self.now, self.wait, named)


@pytest.mark.parametrize(
    ("canary", "code", "looks"), [("errs", 1, range(30, 36)), ("good", 0, range(30, 41))]
)
def test_it_looks_until_there_is_a_decision(
    canary: str, code: int, looks: range, server: str, tmp_path: Path
) -> None:
    clock = Clock(tmp_path, canary, server)
    report = clock.watch()
    assert report.verdict.exit_code == code
    assert report is clock.looks[-1]
    assert [each.verdict.exit_code for each in clock.looks[:-1]] == [5] * (len(clock.looks) - 1)
    assert len(clock.looks) - 1 in looks, "the first is made before anything has ended"
    assert all(seconds <= 120 for seconds in clock.waited)
    assert report.host.canary
    line = look_line(report.host.canary)
    assert re.match(r"until \d\d:\d\d:00Z: errors (passed|failed), \d+ intervals, ", line)
    assert len(look_table(report.host.canary).splitlines()) == 3  # When, titles, one measure.


def test_it_ends_with_the_horizon(server: str, tmp_path: Path) -> None:
    clock = Clock(tmp_path, "doubtful", server)
    report = clock.watch()
    assert report.verdict.exit_code == 5
    assert report.host.canary
    assert report.host.canary.measures[0].intervals == 40
    assert len(clock.looks) == 41


def test_a_server_that_is_away_is_asked_again(tmp_path: Path) -> None:
    clock = Clock(tmp_path, "good", "http://127.0.0.1:1")
    clock.now += 300
    with pytest.raises(UnavailableError, match="does not answer"):
        clock.watch()
    assert len(clock.waited) == 9
    assert clock.looks == []


def test_another_file_of_checks_is_not_gone_on_with(server: str, tmp_path: Path) -> None:
    clock = Clock(tmp_path, "good", server)
    clock.looks = Changing(tmp_path / "checks.yaml")
    with pytest.raises(UsageError, match="became another"):
        clock.watch()


STATE = RolloutState("u", "7", "good", "stable", "Progressing", BEGAN, step=1, steps=4)


class Followed(Named):
    """A stand-in for a cluster: the look -> what its rollout says, or why it says nothing."""

    says: Callable[[int], RolloutState | Exception]
    asked = 0

    def rollouts(self, progress: Any) -> Any:
        return self

    def state(self, namespace: str, name: str) -> RolloutState:
        object.__setattr__(self, "asked", self.asked + 1)
        said = self.says(self.asked)
        if isinstance(said, Exception):
            raise said
        return said


def named(says: Callable[[int], RolloutState | Exception]) -> Named:
    found = Followed("serving", "digits")
    object.__setattr__(found, "says", says)
    return found


def hashed(checks: str) -> str:
    """The same, with a canary that is told by its hash."""
    return re.sub(r'arm="(CANARY|good|errs|stable)"', 'arm="$hash"', checks)


def followed(clock: Clock, says: Callable[[int], RolloutState | Exception]) -> Report:
    """The report of watching a rollout, whose canary is told by its hash."""
    checks = clock.request.directory / "checks.yaml"
    checks.write_text(hashed(checks.read_text()))
    clock.request = replace(clock.request, since=None)
    return clock.watch(named(says))


@pytest.mark.parametrize(("canary", "code"), [("errs", 1), ("good", 0)])
def test_the_canary_of_a_rollout_is_watched(
    canary: str, code: int, server: str, tmp_path: Path
) -> None:
    clock = Clock(tmp_path, canary, server)
    # Its controller restarts in the middle, and says nothing for a while.
    away = UnavailableError("the cluster does not answer")
    state = replace(STATE, canary=canary)
    report = followed(clock, lambda look: away if look in (1, 2, 9) else state)
    assert report.verdict.exit_code == code
    assert report.host.canary
    rollout = report.host.canary.rollout
    assert rollout is not None
    assert (rollout.canary, rollout.stable, rollout.done) == (canary, "stable", "")
    assert "Z (Progressing, step 2 of 4): errors" in look_line(report.host.canary)


LATER = pytest.mark.parametrize(
    ("later", "words"),
    [
        (replace(STATE, aborted=True, phase="Degraded"), "it was aborted, so its canary gets no"),
        (replace(STATE, canary="newer"), "its canary is newer and stable stable by now, and good"),
        (replace(STATE, began=BEGAN + 60), "its canary is tried again since"),
        (UsageError("the Rollout has no canary going on: all of it is good"), "no canary going on"),
    ],
    ids=["aborted", "newer", "retried", "promoted"],
)


@LATER
def test_what_is_no_more_is_watched_no_more(
    later: RolloutState | Exception, words: str, server: str, tmp_path: Path
) -> None:
    clock = Clock(tmp_path, "good", server)
    report = followed(clock, lambda look: STATE if look < 5 else later)
    assert report.verdict.exit_code == 5
    assert len(clock.looks) == 5
    assert report.checks[-1].name == "rollout"
    assert words in report.checks[-1].summary
    assert report.checks[-1].demanded


@LATER
@pytest.mark.parametrize("watched", [True, False], ids=["watch", "check"])
def test_what_became_another_during_the_look_is_not_passed(
    later: RolloutState | Exception, words: str, watched: bool, server: str, tmp_path: Path
) -> None:
    """A look takes as long as Prometheus does, and what passed was there before it."""
    clock = Clock(tmp_path, "good", server)
    clock.now += 2400

    def report(then: RolloutState | Exception) -> Report:
        if watched:
            return followed(clock, lambda asked: STATE if asked == 1 else then)
        once = replace(clock.request, since=None, until=int(clock.now) - 60)
        (tmp_path / "checks.yaml").write_text(hashed(CHECKS))
        return check_rollout(once, named(lambda asked: STATE if asked == 1 else then), Silence())

    assert report(STATE).verdict.exit_code == 0
    found = report(later)
    assert found.verdict.exit_code == 5
    assert words in found.checks[-1].summary
    assert found.checks[-1].demanded


def test_what_passed_is_said_once_the_cluster_answers(server: str, tmp_path: Path) -> None:
    clock = Clock(tmp_path, "good", server)
    clock.now += 2000
    away = UnavailableError("the cluster does not answer")
    report = followed(clock, lambda asked: away if asked == 2 else STATE)
    assert (report.verdict.exit_code, len(clock.waited)) == (0, 1)


def test_what_passes_as_it_is_aborted_is_not_passed(server: str, tmp_path: Path) -> None:
    clock = Clock(tmp_path, "good", server)
    clock.now += 2400
    aborted = replace(STATE, aborted=True)
    assert followed(clock, lambda look: aborted).verdict.exit_code == 5
    clock = Clock(tmp_path, "errs", server)
    clock.now += 2400
    aborted = replace(STATE, aborted=True, canary="errs")
    assert followed(clock, lambda look: aborted).verdict.exit_code == 1


def test_no_canary_at_the_first_look_is_a_mistake(server: str, tmp_path: Path) -> None:
    clock = Clock(tmp_path, "good", server)
    with pytest.raises(UsageError, match="none going on"):
        followed(clock, lambda look: UsageError("none going on"))


def test_one_that_gets_no_request_is_waited_for_as_long_as_the_horizon(
    server: str, tmp_path: Path
) -> None:
    clock = Clock(tmp_path, "nobody", server)
    clock.request = replace(clock.request, since=None)
    report = clock.watch()
    assert report.verdict.exit_code == 5
    assert 2400 < clock.now - BEGAN <= 2400 + 180


class Changing(list[Report]):
    """Changes the file at the first look."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def append(self, report: Report) -> None:
        super().append(report)
        self._path.write_text(self._path.read_text().replace("0.15", "0.9"))


def test_the_command_says_each_look_and_prints_the_report(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS.replace("CANARY", "errs"))
    argv = ["-C", str(tmp_path), "canary", "watch", "--checks", "checks.yaml"]
    asked = [*argv, "--prometheus", server, "--since", str(BEGAN)]
    assert main(asked) == 1
    out, err = capsys.readouterr()
    assert "errors failed, 40 intervals" in err
    assert "LP751" in out
    assert main([*asked, "--until", str(BEGAN + 600)]) == 2
    assert "leave --until out" in capsys.readouterr().err
    (tmp_path / "s.json").write_text("{}")
    assert main([*argv, "--samples", "s.json"]) == 2
    assert "there is one look: canary check" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_who_ends_it_gets_one_line_and_no_report(name: str, server: str, tmp_path: Path) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS.replace("CANARY", "good"))
    code = "import sys; from lockproof.cli.main import main; sys.exit(main())"
    argv = ["canary", "watch", "--checks", "checks.yaml", "--prometheus", server, "--since"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *argv, str(int(time.time()))],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr
        assert "errors inconclusive, 0 intervals" in running.stderr.readline()
        running.send_signal(getattr(signal, name))
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, "", "lockproof: interrupted\n")
