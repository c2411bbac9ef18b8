"""`canary check` of 20 measures over a day of data, beside what Prometheus takes to answer alone.

A real Prometheus, scraped every 15 s; intervals of a minute. The peer asks the queries that the
report names, and those that look whether the arms are apart, one after the other as `check` does,
and throws the answers away.
"""

import json
import random
import resource
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from integration.canary_server import prometheus
from integration.remote_write import floats, push

from .timing import BIN, alternate, seconds, show

MEASURES, DAY, SCRAPE = 20, 86_400, 15
BEGAN = 1_790_000_000 // 60 * 60
HEAD = f"""
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {{name: day}}
spec:
  arms: {{canary: 'arm="canary"', stable: 'arm="stable"'}}
  horizon: {DAY}
  comparisons:
"""
ONE = """
    - name: m{0}
      ratio:
        events: sum(increase(events_total{{measure="{0}",$arm}}[$interval]))
        total: sum(increase(requests_total{{measure="{0}",$arm}}[$interval]))
      smallestEffect: 0.02
"""


def slices() -> Iterator[list[bytes]]:
    """Half an hour of all series at a time: a server takes nothing that is an hour older."""
    whole = dict(_series())
    for begin in range(BEGAN, BEGAN + DAY + 1, 1800):
        yield [
            floats(dict(labels), {at: v for at, v in rows.items() if begin <= at < begin + 1800})
            for labels, rows in whole.items()
        ]


def _series() -> Iterator[tuple[tuple[tuple[str, str], ...], dict[int, float]]]:
    own = random.Random(15)
    for measure in range(MEASURES):
        for arm in ("canary", "stable"):
            requests, events, rows = 0, 0, {}
            for at in range(0, DAY + 1, SCRAPE):
                requests += 25
                events += own.random() < 0.2
                rows[BEGAN + at] = (requests, events)
            for place, name in enumerate(("requests_total", "events_total")):
                labels = {"__name__": name, "arm": arm, "measure": str(measure)}
                yield tuple(labels.items()), {at: row[place] for at, row in rows.items()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    flags = ("--web.enable-remote-write-receiver",)
    with prometheus(tmp_path_factory.mktemp("prometheus"), "", flags=flags) as address:
        for part in slices():
            push(address, part)
        yield address


def answers(address: str, queries: list[str]) -> float:
    """Seconds until the server has answered all."""
    started = time.perf_counter()
    for query in queries:
        form = {"query": query, "start": BEGAN + 60, "end": BEGAN + DAY, "step": 60}
        with urllib.request.urlopen(
            f"{address}/api/v1/query_range", urlencode(form).encode(), timeout=600
        ) as answer:
            answer.read()
    return time.perf_counter() - started


def test_twenty_measures_over_a_day(server: str, tmp_path: Path) -> None:
    checks = HEAD + "".join(ONE.format(measure) for measure in range(MEASURES))
    (tmp_path / "checks.yaml").write_text(checks)
    argv = [str(BIN / "lockproof"), "-C", str(tmp_path), "canary", "check", "--checks",
            "checks.yaml", "--prometheus", server, "--since", str(BEGAN), "--until",
            str(BEGAN + DAY), "--output", str(tmp_path / "r.json")]  # fmt: skip
    seconds(argv, tmp_path)
    measures = json.loads((tmp_path / "r.json").read_text())["host"]["canary"]["measures"]
    assert [len(measures), {one["intervals"] for one in measures}] == [MEASURES, {DAY // 60}]
    queries = [
        query for one in measures for arm in ("canary", "stable") for query in
        one[arm]["queries"].values()
    ]  # fmt: skip
    queries += [
        one["canary"]["queries"]["total"].replace('arm="canary"', 'arm="canary",arm="stable"')
        for one in measures
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours, peer = alternate(lambda: seconds(argv, tmp_path), lambda: answers(server, queries), 3)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    show("canary check, 20 measures, a day; Prometheus alone", ours, peer, "1 s more")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"processor time of canary check: {spent / 4:.2f} s")
