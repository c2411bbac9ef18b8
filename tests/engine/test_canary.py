"""A look at a canary from the module's container: a real Prometheus, and a file of samples."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.conftest import dagger, report_of
from integration.canary_server import BEGAN, MINUTES, exposition, prometheus
from integration.canary_server import CHECKS as FILE
from integration.pipelines import Project

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]
CHECKS = FILE.replace("HORIZON", "3600")
ARMS = {
    "stable": {"errors": lambda _: 0.01, "per_scrape": 60},
    "good": {"errors": lambda _: 0.01, "per_scrape": 20},
    "errs": {"errors": lambda _: 0.25, "per_scrape": 20},
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a Prometheus on this machine's loopback."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), exposition(ARMS)) as address:
        yield int(address.rpartition(":")[2])


def checks(folder: Path, canary: str) -> Path:
    """A file outside the repository, as a pipeline has it that deploys another one."""
    file = folder / f"{canary}.yaml"
    file.write_text(CHECKS.replace("CANARY", canary))
    return file


@pytest.mark.parametrize(("canary", "code"), [("good", 0), ("errs", 1), ("absent", 5)])
def test_a_look_at_a_prometheus_near_the_caller(
    project: Project, library: Path, tmp_path: Path, port: int, canary: str, code: int
) -> None:
    call = ("-m", library, "call", "--repository", ".")
    look = ("canary", "--checks", checks(tmp_path, canary), "--server", f"tcp://127.0.0.1:{port}")
    look += ("--prometheus", f"http://prometheus:{port}", "--since", BEGAN)
    look += ("--until", BEGAN + MINUTES * 60)
    said = dagger(project.root, *call, *look).expect(code)
    verdict = {0: "PASSED", 1: "FAILED", 5: "INCONCLUSIVE"}[code]
    assert f"\n{verdict}: " in (said.stdout if code == 0 else said.said)
    out = ("--no-fail", "reports", "export", "--path", tmp_path / "out")
    dagger(project.root, *call, "rollouts", *look, *out).expect()
    assert report_of(tmp_path / "out")["verdict"] == verdict.lower()
    assert (tmp_path / "out" / "exit-code").read_text() == f"{code}\n"


def test_a_look_at_samples(project: Project, library: Path, tmp_path: Path) -> None:
    counts = {"events": [0] * 60, "total": [500] * 60}
    samples = tmp_path / "samples.json"
    call = ("-m", library, "call", "--repository", ".", "proof", "canary")
    call += ("--checks", checks(tmp_path, "any"), "--samples", samples)
    for events, verdict in ((0, "PASSED"), (400, "FAILED")):
        arms = {"canary": {**counts, "events": [events] * 60}, "stable": counts}
        kind = {"apiVersion": "lockproof.dev/v1alpha1", "kind": "CanarySamples", "interval": 60}
        measures = {"since": "2026-11-29T12:00:00Z", "measures": {"errors": arms}}
        samples.write_text(json.dumps(kind | measures))
        assert (
            dagger(project.root, *call, "--no-fail", "verdict").expect().stdout.strip() == verdict
        )


def test_a_prometheus_that_does_not_answer(project: Project, library: Path, tmp_path: Path) -> None:
    call = ("-m", library, "call", "--repository", ".")
    look = ("canary", "--checks", checks(tmp_path, "good"), "--since", BEGAN)
    look += ("--prometheus", "http://127.0.0.1:9")
    done = dagger(project.root, *call, *look).expect(4)
    assert "--server tcp://localhost:9090" in done.said
    assert "Traceback" not in done.said
