"""The server of the demonstration's model, as the Rollout starts it, and its canaries' drifts.

The models are those that dvc.lock names, laid out as `register` does; a real Prometheus scrapes
their servers, and the platform's own checks are asked. Only times are shorter, and each request
counts by itself, since these are drawn one by one.
"""

import contextlib
import csv
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lockproof.cli.main import main
from lockproof.config import load_policy
from lockproof.model.report import Report
from lockproof.steps.register.flavours import Kit, layout_of, write_kit

from .canary_server import prometheus
from .mlflow_server import free_port

ROOT = Path(__file__).resolve().parents[2]
CONTROL = ROOT / "control-plane"
CHECKS = CONTROL / "ci-cd/checks/canary-checks.yaml"
DIGITS = [str(digit) for digit in range(10)]


def locked(path: str) -> bytes:
    """An output of the demonstration, from its remote beside it."""
    text = (ROOT / "data-plane/dvc/dvc.lock").read_text()
    found = re.search(rf"path: {re.escape(path)}\n +hash: md5\n +md5: (..)(\w+)", text)
    assert found
    return (ROOT / "data-plane/remote/files/md5" / found[1] / found[2]).read_bytes()


def container() -> dict[str, Any]:
    """The model's of the platform's Rollout."""
    rollout = yaml.safe_load((CONTROL / "gitops/rollout-canary.yaml").read_text())
    containers = rollout["spec"]["template"]["spec"]["containers"]
    (found,) = (one for one in containers if one["name"] == "model")
    return dict(found)


def laid_out(folder: Path, content: bytes) -> Path:
    """A folder as a pod's /model is."""
    (rule,) = load_policy(ROOT / "lockproof.toml").model
    trusted = (*rule.skops_trusted, "sklearn.tree._tree.Tree")
    rule = rule.model_copy(update={"skops_trusted": trusted})
    layout = layout_of(rule, "model.skops", None)
    folder.mkdir()
    (folder / "model.skops").write_bytes(content)
    write_kit(folder, layout, Kit("", None))
    return folder


def without(content: bytes, digit: int) -> bytes:
    """A model that calls this digit, and no other, by another name."""
    import skops.io

    made = skops.io.loads(content, trusted=["numpy.dot"])
    made[-1].intercept_[digit] = -1e6
    return bytes(skops.io.dumps(made))


class Server:
    """A process that serves one."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.port, self.metrics = free_port(), free_port()
        said = container()
        given = {"8081": str(self.port), "8083": str(self.metrics)}
        words = [re.sub(r"(?<=port=)\d+", lambda m: given[m[0]], w) for w in said["args"]]
        assert said["command"][1:] == ["-I", "/code/serve.py"]
        program = [sys.executable, "-I", str(CONTROL / "gitops/serve.py")]
        self.log = folder / f"{model.name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*program, *words, f"--model={model}"],
                cwd=folder, stdout=log, stderr=log,
                env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
            )  # fmt: skip

    def ready(self) -> None:
        deadline = time.monotonic() + 300
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=5).close()
                return
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def ask(self, body: Any) -> list[Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/invocations",
            json.dumps(body).encode(), {"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as answer:
            return list(json.load(answer)["predictions"])

    def figures(self) -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Stable, a good version (another kind of model), and one that is wrong of one class only."""
    folder = tmp_path_factory.mktemp("servers")
    stable, good = (locked(f"../models/{name}.skops") for name in ("pca", "zones"))
    models = {"stable": stable, "good": good, "no-eights": without(stable, 8)}
    with contextlib.ExitStack() as stack:
        found = {}
        for name, content in models.items():
            found[name] = Server(folder, laid_out(folder / name, content))
            stack.callback(found[name].process.wait)
            stack.callback(found[name].process.kill)
        for one in found.values():
            one.ready()
        yield found


@pytest.fixture(scope="module")
def images() -> list[list[int]]:
    """Those that the models were not trained on."""
    rows = list(csv.reader(locked("data/prepared/test.csv").decode().splitlines()))[1:]
    return [[int(value) for value in row[:-1]] for row in rows]


def test_what_is_asked_and_answered_is_counted_from_zero_on(
    servers: dict[str, Server], images: list[list[int]]
) -> None:
    server = servers["good"]
    before = server.figures()
    classes = {f'model_predictions_total{{class="{name}"}}' for name in (*DIGITS, "other")}
    assert classes <= before.keys()
    assert set(before.values()) == {0.0}
    answers = server.ask({"inputs": images[:300]})
    columns = [f"pixel_{row}{column}" for row in range(8) for column in range(8)]
    answers += server.ask({"dataframe_split": {"columns": columns, "data": images[300:400]}})
    # What fails is counted by the proxy.
    with pytest.raises(urllib.error.HTTPError, match="400"):
        server.ask({"inputs": [row[:-1] for row in images[:20]]})
    seen = Counter(str(answer) for answer in answers)
    figures = server.figures()
    assert {
        f'model_predictions_total{{class="{name}"}}': seen[name] for name in DIGITS
    }.items() <= (figures.items())
    assert figures['model_predictions_total{class="other"}'] == 0
    asked = np.array(images[:400])
    for name, position in (("pixel_33", 27), ("pixel_44", 36)):
        assert columns[position] == name
        for bound in (0.0, 4.0, 8.0, 12.0):
            wanted = int((asked[:, position] <= bound).sum())
            assert figures[f'model_inputs_bucket{{input="{name}",le="{bound}"}}'] == wanted
        for part in ("bucket", "count"):
            end = ',le="+Inf"' if part == "bucket" else ""
            assert figures[f'model_inputs_{part}{{input="{name}"{end}}}'] == 400
        assert figures[f'model_inputs_sum{{input="{name}"}}'] == asked[:, position].sum()


def test_what_is_counted_is_asked_for_at_its_own_port_alone(servers: dict[str, Server]) -> None:
    server = servers["stable"]
    assert container()["ports"] == [{"name": "predictions", "containerPort": 8083}]
    for port, path in ((server.port, "/metrics"), (server.metrics, "/invocations")):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60)


class Clients:
    """Ask all servers, each about images of its own, until they are sent home."""

    def __init__(self, servers: dict[str, Server], images: list[list[int]]) -> None:
        self._servers, self._images = servers, images
        self._left = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(one,)) for one in servers]

    def _ask(self, name: str) -> None:
        own = random.Random(name)
        while not self._left.is_set():
            self._servers[name].ask({"inputs": own.choices(self._images, k=60)})
            self._left.wait(0.2)

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._left.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="module")
def watching(servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that scrapes them, with the labels of the platform's ServiceMonitor."""
    targets = [
        {
            "targets": [f"127.0.0.1:{one.metrics}"],
            "labels": {"namespace": "serving", "rollouts_pod_template_hash": name},
        }
        for name, one in servers.items()
    ]
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "models", "static_configs": targets}],
    }
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(folder, "", config=yaml.safe_dump(config)) as address:
        yield address


def sooner(path: Path) -> Any:
    """The platform's checks; what the proxy counts is left out, since there is none."""
    checks = yaml.safe_load(path.read_text())
    spec = checks["spec"]
    for part in ("guards", "comparisons"):
        del spec[part]
    spec |= {"interval": 4, "horizon": 600}
    for drift in spec["drifts"]:
        drift["method"] = "requests"
    return checks


def watched(folder: Path, address: str, canary: str) -> tuple[int, dict[str, Any]]:
    """How a canary ends, and its measures."""
    (folder / "checks.yaml").write_text(yaml.safe_dump(sooner(CHECKS)))
    argv = ["-C", str(ROOT), "canary", "watch", "--checks", str(folder / "checks.yaml")]
    argv += [
        "--prometheus",
        address,
        "--hashes",
        f"{canary},stable",
        "--since",
        str(int(time.time())),
    ]
    code = main([*argv, "--output", str(folder / "r.json")])
    seen = Report.model_validate_json((folder / "r.json").read_bytes()).host.canary
    assert seen
    return code, {measured.name: measured for measured in seen.measures}


def test_a_good_version_passes_and_one_that_is_wrong_of_one_class_only_is_aborted(
    servers: dict[str, Server], images: list[list[int]], watching: str, tmp_path: Path
) -> None:
    with Clients(servers, images):
        code, seen = watched(tmp_path, watching, "good")
        assert {name: one.verdict.value for name, one in seen.items()} == dict.fromkeys(
            ("predictions", "inputs", "predictions-as-trained", "inputs-as-trained"), "passed"
        )
        assert code == 0
        code, seen = watched(tmp_path, watching, "no-eights")
    assert code == 1
    assert seen["predictions"].verdict.value == "failed"
    assert seen["predictions"].part == "fewer of class 8"
    assert seen["inputs"].verdict.value != "failed", "both are asked about the same"


def test_a_canary_that_is_asked_about_other_things_than_it_was_trained_on_is_aborted(
    servers: dict[str, Server], images: list[list[int]], watching: str, tmp_path: Path
) -> None:
    """Beside stable there is nothing to see: it is asked about them as well."""
    faint = [[value // 2 for value in row] for row in images]
    with Clients(servers, faint):
        code, seen = watched(tmp_path, watching, "good")
    assert code == 1
    assert seen["inputs-as-trained"].verdict.value == "failed"
    assert "train.csv as the lock names it (" in seen["inputs-as-trained"].reason
    assert seen["inputs"].verdict.value != "failed"
