"""The platform's rollout with components/canary, by the real Argo Rollouts controller.

As in test_canary.py, and the first judgement is that of a real `lockproof canary serve`, which asks
a real Prometheus by the component's own checks. Only times are shorter and effects larger, each
request counts by itself, and the service is at another address; each pod's figures are made up.
"""

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab import Lab, free_port
from cluster.test_canary import (
    FIGURES,
    RUNS,
    Prometheus,
    Proxies,
    _labels,
    at_work,
    phase,
    served,
    shortened,
    spawned,
    until,
    version,
)
from integration.test_canary_component import bodies_of, clone

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

CLASSES = {"6": {"8": 0.0, "3": 0.2}}
"""Model version -> the shares of its predictions, where they are not a tenth each."""
SERVICE = "http://lockproof-canary.canary.svc"


class Counting(Proxies):
    """Also what the server of the model counts in each pod."""

    def of(self, version: str, age: float, labels: dict[str, str]) -> Iterator[str]:
        yield from super().of(version, age, labels)
        answered = FIGURES[version][0] * age
        for name in map(str, range(10)):
            share = CLASSES.get(version, {}).get(name, 0.1)
            one = labels | {"class": name}
            yield f"model_predictions_total{_labels(one)} {share * answered}"
        for end, share in (("4.0", 0.3), ("12.0", 0.6), ("+Inf", 1)):
            one = labels | {"input": "pixel_33", "le": end}
            yield f"model_inputs_bucket{_labels(one)} {share * answered}"


def sooner(text: str) -> Any:
    """The component's checks for a canary of seconds."""
    checks = yaml.safe_load(text)
    spec = checks["spec"]
    spec |= {"interval": 8, "horizon": 1200}
    for part in ("guards", "comparisons", "drifts"):
        for one in spec[part]:
            one["method"] = "requests"
            if "smallestEffect" in one:
                one["smallestEffect"] = max(0.05, one["smallestEffect"])
    return checks


@pytest.fixture(scope="module")
def serving(
    lab: Lab, definitions: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Version 1, served and watched, and the service that looks at canaries."""
    bodies = bodies_of(clone(tmp_path_factory.mktemp("repository"), "canary"))
    (checks,) = (
        b for b in bodies
        if b["kind"] == "ConfigMap" and b["metadata"]["name"].startswith("canary-checks-")
        and b["metadata"]["name"] != "canary-checks-job"
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("component")
    text = checks["data"]["canary-checks.yaml"]
    (folder / "canary-checks.yaml").write_text(yaml.safe_dump(sooner(text)))
    port = free_port()
    text = json.dumps(shortened(bodies))
    for old, new in ((SERVICE, f"http://127.0.0.1:{port}"), ('"1m"', '"2s"')):
        assert old in text
        text = text.replace(old, new)
    sockets = tmp_path_factory.mktemp("s")
    with at_work(lab, json.loads(text), Counting(lab.api), folder, sockets, port) as watching:
        words = ["canary", "serve", "--checks=canary-checks.yaml", "--timeout=10"]
        words += [f"--prometheus={watching.url}", f"--listen=127.0.0.1:{port}"]
        program = str(Path(sys.executable).with_name("lockproof"))
        process = spawned([program, *words], folder, "serve")
        try:
            until(partial(answers, f"http://127.0.0.1:{port}/healthz"))
            yield watching
        finally:
            process.terminate()
            process.wait()


def answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
        return bool(answer.status == 200)
    return False


@pytest.mark.parametrize(
    ("new", "verdict", "ends"),
    [("2", "passed", "Healthy"), ("6", "failed", "Degraded"), ("3", "failed", "Degraded")],
    ids=["good", "one-class-only", "errors"],
)
def test_the_first_judgement_is_lockproofs(
    new: str, verdict: str, ends: str, lab: Lab, serving: Prometheus
) -> None:
    api = lab.api
    until(lambda: phase(api) == "Healthy")
    # What is known of the stable version from before the canary's first request.
    known = "sum(increase(model_predictions_total[8s] offset 30s)) > 0"
    until(lambda: len(serving.ask(known)), seconds=300)
    before = {one["metadata"]["name"] for one in api.items(RUNS)}
    stable = version(api, new)
    until(lambda: phase(api) not in ("", "Healthy"))
    until(lambda: phase(api) == ends, seconds=600)
    first, *later = sorted(
        (one for one in api.items(RUNS) if one["metadata"]["name"] not in before),
        key=lambda one: one["metadata"]["creationTimestamp"],
    )
    (metric,) = first["status"]["metricResults"]
    assert metric["name"] == "verdict"
    assert metric["measurements"][-1]["value"] == f'"{verdict}"'
    if ends == "Healthy":
        assert first["status"]["phase"] == "Successful"
        # The later steps are judged by thresholds still.
        assert [one["status"]["phase"] for one in later] == ["Successful"] * 2
        until(lambda: served(api) == {new})
        return
    assert (first["status"]["phase"], later) == ("Failed", [])
    until(lambda: served(api) == {stable})
    version(api, stable)
    until(lambda: phase(api) == "Healthy" and served(api) == {stable})
