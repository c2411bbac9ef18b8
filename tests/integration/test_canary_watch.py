"""`lockproof canary watch`, against a real Prometheus, on a clock that need not be waited for."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockproof.adapters.prometheus.client import Access
from lockproof.cli.main import main
from lockproof.cli.plain_progress import PlainProgress
from lockproof.errors import UnavailableError, UsageError
from lockproof.model.report import Report
from lockproof.render.canary import look_line, look_table
from lockproof.steps.canary import Request, watch

from .canary_server import BEGAN, exposition, prometheus

CHECKS = """
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: web}
spec:
  arms: {canary: 'arm="CANARY"', stable: 'arm="stable"'}
  horizon: 2400
  comparisons:
    - name: errors
      ratio:
        events: sum(increase(web_errors_total{$arm}[$interval]))
        total: sum(increase(web_requests_total{$arm}[$interval]))
      smallestEffect: 0.15
"""
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

    def watch(self) -> Report:
        progress = PlainProgress()
        return watch(self.request, progress, self.looks.append, lambda: self.now, self.wait)


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
    assert look_table(report.host.canary).row_count == 1


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
