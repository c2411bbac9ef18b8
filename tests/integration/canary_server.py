"""A real Prometheus with made-up series of a canary, written by promtool."""

import contextlib
import math
import random
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from .mlflow_server import free_port

SCRAPE = 15
BEGAN = 1_790_000_000 // 60 * 60
"""Unix seconds at which every made-up canary begins; months before the tests."""
MINUTES = 45
CHECKS = """
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: web}
spec:
  arms: {canary: 'arm="CANARY"', stable: 'arm="stable"'}
  horizon: HORIZON
  comparisons:
    - name: errors
      ratio:
        events: sum(increase(web_errors_total{$arm}[$interval]))
        total: sum(increase(web_requests_total{$arm}[$interval]))
      smallestEffect: 0.15
"""
"""Holds the arm that is put for CANARY to the errors of `stable`, for HORIZON seconds."""
BUCKETS = (0.1, 0.2, 0.5, 1.0, math.inf)

Rate = Callable[[float], float | None]
"""Minute -> a ratio; None: nothing is scraped then."""


def exposition(
    arms: Mapping[str, Mapping[str, object]],
    seed: int = 15,
    began: int = BEGAN,
    minutes: int = MINUTES,
) -> str:
    """OpenMetrics: requests, errors and seconds of each arm.

    Of an arm: `errors` (a Rate), `per_scrape` requests, `slow` (the share of requests of over half
    a second), `resets` (the scrapes at which its counters begin again), `shift` (seconds by which
    the clock is ahead that tells when it was scraped).
    """
    lines: dict[str, list[str]] = {"requests": [], "errors": [], "seconds": [], "spent": []}
    for arm, about in arms.items():
        own = random.Random(f"{seed} {arm}")
        requests, errors, spent = 0, 0, 0.0
        buckets = dict.fromkeys(BUCKETS, 0)
        for scrape in range(minutes * 60 // SCRAPE + 1):
            at = began + scrape * SCRAPE + int(str(about.get("shift", 0)))
            rate = about["errors"](scrape * SCRAPE / 60)  # type: ignore[operator]
            if scrape in about.get("resets", ()):  # type: ignore[operator]
                requests = errors = 0
                spent = 0.0
                buckets = dict.fromkeys(BUCKETS, 0)
            if rate is None:
                continue
            for _ in range(int(str(about["per_scrape"]))):
                requests += 1
                errors += own.random() < rate
                slow = own.random() < float(str(about.get("slow", 0.01)))
                seconds = own.uniform(0.5, 1) if slow else own.uniform(0, 0.2)
                spent += seconds
                for bound in BUCKETS:
                    buckets[bound] += seconds <= bound
            label = f'arm="{arm}"'
            lines["requests"].append(f"web_requests_total{{{label}}} {requests} {at}")
            lines["errors"].append(f"web_errors_total{{{label}}} {errors} {at}")
            lines["spent"].append(f"web_seconds_sum{{{label}}} {spent} {at}")
            for bound, count in buckets.items():
                le = "+Inf" if bound == math.inf else str(bound)
                lines["seconds"].append(f'web_seconds_bucket{{{label},le="{le}"}} {count} {at}')
    return (
        "# TYPE web_requests counter\n" + "\n".join(lines["requests"])
        + "\n# TYPE web_errors counter\n" + "\n".join(lines["errors"])
        + "\n# TYPE web_seconds_bucket unknown\n" + "\n".join(lines["seconds"])
        + "\n# TYPE web_seconds_sum unknown\n" + "\n".join(lines["spent"]) + "\n# EOF\n"
    )  # fmt: skip


@contextlib.contextmanager
def prometheus(
    folder: Path,
    text: str,
    web: str = "",
    scheme: str = "http",
    flags: Sequence[str] = (),
    config: str = "global: {}\n",
) -> Iterator[str]:
    """Its address; `web` is its web configuration file. By its `config` it scrapes nothing.

    Without a `text` it has no series.
    """
    program, promtool = shutil.which("prometheus"), shutil.which("promtool")
    if program is None or promtool is None:
        pytest.skip("no prometheus on PATH")
    if text:
        (folder / "series.txt").write_text(text)
        subprocess.run(
            [promtool, "tsdb", "create-blocks-from", "openmetrics", "series.txt", "data"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    (folder / "prometheus.yml").write_text(config)
    address = f"127.0.0.1:{free_port()}"
    command = [
        program,
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={address}",
        *flags,
    ]
    if web:
        (folder / "web.yml").write_text(web)
        command.append("--web.config.file=web.yml")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 300
        while '"Server is ready to receive web requests."' not in (folder / "log").read_text():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        if scheme == "http" and not web:
            urllib.request.urlopen(f"http://{address}/-/ready", timeout=60).close()
        yield f"{scheme}://{address}"
    finally:
        process.terminate()
        process.wait()
