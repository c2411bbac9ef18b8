"""Canaries where clocks are wrong: of what is scraped, or of who looks. A real Prometheus scrapes.

Each arm says in the text that is scraped when its figures are of, as the format allows; so its
clock is that which is off, and Prometheus stores what it takes of that.
"""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml

from lockproof.cli.main import main
from lockproof.steps.canary import run

from .canary_server import prometheus

CHECKS = """
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: web}
spec:
  interval: 4
  horizon: 1200
  arms: {canary: 'arm="$hash"', stable: 'arm="$hash"'}
  comparisons:
    - name: errors
      method: requests
      ratio:
        events: sum(increase(web_errors_total{$arm}[$interval]))
        total: sum(increase(web_requests_total{$arm}[$interval]))
      smallestEffect: 0.05
"""
OFF = {"right": 0, "ahead": 20, "behind": -20, "hour-ahead": 3600, "hour-behind": -3600}
"""Seconds."""
ERRORS = {"good": 0.01, "bad": 0.5}
ARMS = {f"{how}-{off}": (rate, OFF[off]) for how, rate in ERRORS.items() for off in OFF}
ARMS["stable"] = (0.01, 0)


class Pods(ThreadingHTTPServer):
    """What is scraped of each arm: nothing happens before it begins, then 200 requests a second."""

    began: float | None = None

    def text(self, arm: str) -> str:
        rate, off = ARMS[arm]
        now = time.time()
        requests = 0 if self.began is None else int((now - self.began) * 200)
        at = int((now + off) * 1000)
        return (
            f'web_requests_total{{arm="{arm}"}} {requests} {at}\n'
            f'web_errors_total{{arm="{arm}"}} {int(requests * rate)} {at}\n'
        )


class _Answer(BaseHTTPRequestHandler):
    server: Pods

    def do_GET(self) -> None:
        content = self.server.text(self.path.removeprefix("/")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: many scrapes a second."""


class Canaries:
    """Those of all arms, which began together."""

    def __init__(self, folder: Path, address: str, since: int) -> None:
        self._folder, self._address, self._since = folder, address, since
        (folder / "checks.yaml").write_text(CHECKS)

    def look(self, arm: str) -> int:
        argv = ["-C", str(self._folder), "canary", "check", "--checks", "checks.yaml"]
        argv += ["--prometheus", self._address, "--since", str(self._since)]
        return main([*argv, "--hashes", f"{arm},stable"])

    def ends(self, arm: str) -> int:
        """The first decision."""
        deadline = time.monotonic() + 300
        while (code := self.look(arm)) == 5:
            assert time.monotonic() < deadline, arm
            time.sleep(1)
        return code


def answered(address: str, query: str) -> int:
    with urllib.request.urlopen(f"{address}/api/v1/query?{urlencode({'query': query})}") as answer:
        found = json.load(answer)["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    folder = tmp_path_factory.mktemp("clocks")
    with Pods(("127.0.0.1", 0), _Answer) as pods:
        threading.Thread(target=pods.serve_forever, daemon=True).start()
        scrapes = [
            {
                "job_name": arm,
                "metrics_path": f"/{arm}",
                "static_configs": [{"targets": [f"127.0.0.1:{pods.server_port}"]}],
            }
            for arm in ARMS
        ]
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": scrapes}
        with prometheus(folder, "", config=yaml.safe_dump(config)) as address:
            # Each was scraped: of a counter the first value that is seen is missed.
            while answered(address, "count(up == 1)") < len(ARMS):
                time.sleep(0.1)
            pods.began = time.time()
            found = Canaries(folder, address, int(pods.began))
            yield found
        pods.shutdown()


@pytest.mark.parametrize(
    ("how", "off", "code"),
    [("good", "right", 0), ("bad", "right", 1), ("bad", "ahead", 1), ("bad", "behind", 1)],
)  # fmt: skip
def test_a_clock_that_is_off_by_seconds_changes_no_verdict(
    how: str, off: str, code: int, canaries: Canaries
) -> None:
    assert canaries.ends(f"{how}-{off}") == code


def test_the_first_seconds_of_a_clock_that_is_ahead_are_not_seen_and_fail_nothing(
    canaries: Canaries,
) -> None:
    """It passes once they are no more than a tenth of what was seen."""
    assert canaries.ends("bad-ahead") == 1, "by now there is enough"
    assert canaries.look("good-ahead") in (0, 5)


def test_the_last_seconds_of_a_clock_that_is_behind_are_not_seen_and_pass_nothing(
    canaries: Canaries,
) -> None:
    assert canaries.ends("bad-behind") == 1, "by now there is enough"
    assert canaries.look("good-behind") == 5


@pytest.mark.parametrize("off", ["hour-ahead", "hour-behind"])
@pytest.mark.parametrize("how", ERRORS)
def test_a_clock_that_is_off_by_more_than_a_canary_lasts_decides_nothing(
    how: str, off: str, canaries: Canaries
) -> None:
    assert canaries.ends("good-right") == 0, "by now there is enough"
    assert canaries.look(f"{how}-{off}") == 5


@pytest.mark.parametrize(
    ("by", "good", "bad"), [(20, 5, 1), (3600, 5, 1), (-3600, 2, 2)], ids=["later", "hour", "early"]
)
def test_a_clock_of_who_looks_that_is_off_passes_nothing(
    by: int, good: int, bad: int, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ahead, the last intervals are not there yet; behind, the canary has not begun."""
    assert canaries.ends("good-right") == 0
    assert canaries.ends("bad-right") == 1
    real = time.time

    class Off:
        @staticmethod
        def time() -> float:
            return real() + by

    monkeypatch.setattr(run, "time", Off)
    assert canaries.look("good-right") == good
    assert canaries.look("bad-right") == bad
