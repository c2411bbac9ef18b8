"""Drift of predictions and of latencies against a real Prometheus, and of training data."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lockproof.adapters.prometheus import client
from lockproof.adapters.prometheus.client import Access
from lockproof.cli.main import main
from lockproof.errors import ConfigError
from lockproof.model.report import Report
from lockproof.parse.canary_checks import as_text
from lockproof.steps.canary import Request, check, watch
from lockproof.steps.canary.drift import Reference

from .canary_server import BEGAN, MINUTES, SCRAPE, prometheus
from .pipelines import Project, Silence, new_project
from .remote_write import floats, native, push

CHECKS = """
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: web}
spec:
  arms: {canary: 'arm="CANARY"', stable: 'arm="stable"'}
  horizon: 3600
  drifts:
    - name: predictions
      classes:
        counts: sum by (class) (increase(predictions_total{$arm}[$interval]))
        label: class
        values: [cat, dog]
      smallestEffect: 0.15
    - name: classic
      histogram:
        buckets: sum by (le) (increase(seconds_bucket{$arm}[$interval]))
        bounds: [0.5, 1]
      worse: higher
      smallestEffect: 0.15
    - name: native
      histogram:
        buckets: sum(increase(seconds{$arm}[$interval]))
        bounds: [0.5, 1]
      worse: higher
      smallestEffect: 0.15
"""
ENDS = ("0.5", "1.0", "2.0")
ARMS = {  # Cats of all animals, what takes more than 0.5 s, requests a scrape, schema.
    "stable": (0.7, 0.1, 60, 0),
    "good": (0.7, 0.1, 20, 0),
    "fine": (0.7, 0.1, 20, 2),
    "dogs": (0.4, 0.1, 20, 0),
    "slow": (0.7, 0.5, 20, 0),
}


def series(arm: str, cats: float, slow: float, each: int, schema: int) -> Iterator[bytes]:
    own = random.Random(arm)
    classes = {"cat": 0, "dog": 0, "bird": 0}
    counts = [0, 0, 0]  # Up to 0.5, 1 and 2 seconds.
    rows: dict[int, tuple[dict[str, int], list[int]]] = {}
    for scrape in range(MINUTES * 60 // SCRAPE + 1):
        for _ in range(each):
            classes[own.choices(["cat", "dog", "bird"], [cats, 0.9 - cats, 0.1])[0]] += 1
            counts[own.choices([0, 1, 2], [1 - slow, slow * 0.7, slow * 0.3])[0]] += 1
        rows[BEGAN + scrape * SCRAPE] = (dict(classes), list(counts))
    for name in classes:
        yield floats(
            {"__name__": "predictions_total", "arm": arm, "class": name},
            {at: seen[name] for at, (seen, _) in rows.items()},
        )
    for place, end in enumerate((*ENDS, "+Inf")):
        yield floats(
            {"__name__": "seconds_bucket", "arm": arm, "le": end},
            {at: sum(seen[: place + 1]) for at, (_, seen) in rows.items()},
        )
    # Of a finer schema every fourth bucket ends where those of the coarse one do.
    step = 2**schema
    spread = {
        at: [n for many in seen for n in (many, *[0] * (step - 1))]
        for at, (_, seen) in rows.items()
    }  # fmt: skip
    yield native({"__name__": "seconds", "arm": arm}, schema, -step, spread)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    flags = ("--web.enable-remote-write-receiver", "--enable-feature=native-histograms")
    with prometheus(tmp_path_factory.mktemp("prometheus"), "", flags=flags) as address:
        push(address, [one for arm, about in ARMS.items() for one in series(arm, *about)])
        yield address


def look(folder: Path, checks: str, *source: str) -> tuple[int, Report | None]:
    (folder / "checks.yaml").write_text(checks)
    out = folder / "r.json"
    out.unlink(missing_ok=True)
    argv = ["-C", str(folder), "canary", "check", "--checks", "checks.yaml", "--output", str(out)]
    code = main([*argv, *source])
    return code, Report.model_validate_json(out.read_bytes()) if out.exists() else None


def of_server(address: str) -> list[str]:
    return ["--prometheus", address, "--since", str(BEGAN), "--until", str(BEGAN + MINUTES * 60)]


def verdicts(report: Report | None) -> dict[str, str]:
    assert report is not None
    assert report.host.canary
    return {measured.name: measured.verdict.value for measured in report.host.canary.measures}


@pytest.mark.parametrize(
    ("canary", "failed"),
    [("good", []), ("fine", []), ("dogs", ["predictions"]), ("slow", ["classic", "native"])],
)
def test_frequencies_are_judged(
    canary: str, failed: list[str], server: str, tmp_path: Path
) -> None:
    code, report = look(tmp_path, CHECKS.replace("CANARY", canary), *of_server(server))
    wanted = dict.fromkeys(("predictions", "classic", "native"), "passed")
    assert verdicts(report) == wanted | dict.fromkeys(failed, "failed")
    assert code == (1 if failed else 0)
    assert report is not None
    assert report.host.canary
    predictions, classic, same = report.host.canary.measures
    assert (classic.part, classic.estimate) == (same.part, pytest.approx(same.estimate))
    if canary == "dogs":
        assert predictions.part in ("more of class dog", "fewer of class cat")
        levels = sorted([predictions.lower_error or 0, predictions.upper_error or 0])
        assert levels == pytest.approx([0.05 / 3 / 6, 0.05])
        assert "of 6 comparisons" in predictions.reason
        last = predictions.course[-1]
        assert (last.lower, last.upper) == (predictions.lower, predictions.upper)


def test_no_canary_is_no_drift_and_no_pass(server: str, tmp_path: Path) -> None:
    code, report = look(tmp_path, CHECKS.replace("CANARY", "away"), *of_server(server))
    assert code == 5
    assert set(verdicts(report).values()) == {"inconclusive"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("sum by (class)", "sum"), "without the label class: put sum by (class)"),
        (("sum by (le)", "sum"), "without the label le"),
        (("bounds: [0.5, 1]", "bounds: [0.4, 1]"), "there is no bucket up to 0.4"),
        (("buckets: sum(increase", "buckets: sum by (class) (increase"), ""),
        (("buckets: sum(increase(seconds{", "buckets: sum(increase(predictions_total{"),
         "without the label le"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_right_is_told(
    change: tuple[str, str], words: str, server: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    checks = CHECKS.replace(*change, 1).replace("CANARY", "good")
    code, _ = look(tmp_path, checks, *of_server(server))
    assert code == (2 if words else 0)
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_native_histogram_is_cut_only_where_its_buckets_end(server: str, tmp_path: Path) -> None:
    checks = CHECKS.replace("CANARY", "good")
    head, _, tail = checks.rpartition("bounds: [0.5, 1]")
    code, report = look(tmp_path, f"{head}bounds: [0.75]{tail}", *of_server(server))
    assert code == 5
    assert verdicts(report)["native"] == "inconclusive"
    assert report is not None
    assert report.host.canary
    assert "from 0.5 to 1, across the bound 0.75" in report.host.canary.measures[-1].reason


def test_a_native_histogram_of_many_buckets_is_asked_for_in_parts(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred buckets for a day exceed what is read at once, and no sum() makes them fewer.

    Here the limits are lower instead, since a day of the past is much to push.
    """
    checks = CHECKS.replace("CANARY", "fine")

    def limited(at_once: int, together: int) -> tuple[int, Report | None]:
        monkeypatch.setattr(client, "_LARGEST", at_once)
        monkeypatch.setattr(client, "_MOST_TOGETHER", together)
        return look(tmp_path, checks, *of_server(server))

    code, whole = limited(4 << 20, 16 << 20)
    assert whole
    for at_once in (10_000, 3_000, 1_000):
        again, parts = limited(at_once, 16 << 20)
        assert again == code
        assert parts
        assert parts.host == whole.host
    capsys.readouterr()
    for limits, words in (
        ((100, 16 << 20), "for one interval alone, so it is of many series: put sum() around it"),
        ((4 << 20, 5_000), f"with {MINUTES} of {MINUTES} intervals: take a shorter horizon"),
    ):
        assert limited(*limits) == (2, None)
        assert words in " ".join(capsys.readouterr().err.split())


def samples(folder: Path, shares: tuple[float, float]) -> str:
    own = random.Random(3)
    columns: dict[str, list[int]] = {"cat": [], "dog": []}
    for _ in range(MINUTES):
        seen = own.choices(["cat", "dog"], shares, k=200)
        for name, column in columns.items():
            column.append(seen.count(name))
    measures = {"predictions": {"canary": {"classes": columns}}}
    content = {
        "apiVersion": "lockproof.dev/v1alpha1", "kind": "CanarySamples", "since": as_text(BEGAN),
        "interval": 60, "measures": measures,
    }  # fmt: skip
    (folder / "samples.json").write_text(json.dumps(content))
    return "samples.json"


TRAINED = """
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: web}
spec:
  arms: {canary: 'arm="canary"', stable: 'arm="stable"'}
  horizon: 3600
  drifts:
    - name: predictions
      classes:
        counts: sum by (class) (increase(predictions_total{$arm}[$interval]))
        label: class
        values: [cat, dog]
      reference: {file: FILE, column: COLUMN}
      smallestEffect: 0.2
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pipeline that writes what its model was trained on: seven cats of ten animals."""
    project = new_project(tmp_path_factory.mktemp("trained"))
    rows = "kind,weight\n" + "".join(
        f"{'cat' if i % 10 < 7 else 'dog'},{i % 4}\n" for i in range(400)
    )
    project.write({"animals.csv": rows, "dvc.yaml": PIPELINE, "settings.txt": "a\n"})
    project.repro()
    return project


PIPELINE = """
stages:
  prepare:
    cmd: mkdir data && cat animals.csv > data/train.csv && cp animals.csv train.csv
    deps: [animals.csv]
    outs: [train.csv, data]
"""


def held_to(
    trained: Project, shares: tuple[float, float], file: str = "train.csv", column: str = "kind"
) -> tuple[int, Report | None]:
    checks = TRAINED.replace("FILE", file).replace("COLUMN", column)
    return look(trained.root, checks, "--samples", samples(trained.root, shares))


@pytest.mark.parametrize(("shares", "code"), [((0.7, 0.3), 0), ((0.4, 0.6), 1)])
def test_a_canary_is_held_to_the_data_that_the_lock_names(
    shares: tuple[float, float], code: int, trained: Project
) -> None:
    """Also where the work tree has other bytes, or none: those of the lock come from the remote."""
    table = trained.root / "train.csv"
    content = table.read_bytes()
    for here in (content, content.replace(b"cat", b"cow"), None):
        table.unlink(missing_ok=True)
        if here is not None:
            table.write_bytes(here)
        found, report = held_to(trained, shares)
        assert found == code
        assert report is not None
        assert report.host.canary
        (seen,) = report.host.canary.measures
        assert seen.stable is None
        assert seen.limit is not None
        assert "train.csv as the lock names it (" in seen.reason
    table.unlink(missing_ok=True)
    table.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "column", "words"),
    [
        ("nothing.csv", "kind", "is no output of the pipeline"),
        ("settings.txt", "kind", "is no output of the pipeline"),
        ("../train.csv", "kind", "is no output of the pipeline"),
        ("data", "kind", "is no file that the lock names"),
        ("train.csv", "colour", "has not one column 'colour': there are kind, weight"),
        ("train.csv", "weight", "has none of the classes that are named"),
    ],
)
def test_what_the_lock_does_not_name_is_no_training_data(
    file: str, column: str, words: str, trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert held_to(trained, (0.7, 0.3), file, column)[0] == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_training_data_that_cannot_be_had_pass_nothing(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    table = trained.root / "train.csv"
    content = table.read_bytes()
    table.unlink()
    away = trained.remote.rename(trained.remote.with_name("away"))
    try:
        code, report = held_to(trained, (0.7, 0.3))
        assert (code, report) == (4, None)
        assert "does not answer" in capsys.readouterr().err
    finally:
        away.rename(trained.remote)
        table.write_bytes(content)


def test_without_a_repository_a_reference_is_not_known(trained: Project) -> None:
    """As for `canary serve`, which then answers that it is inconclusive."""
    (trained.root / "checks.yaml").write_text(TRAINED.replace("FILE", "train.csv"))
    samples(trained.root, (0.7, 0.3))
    request = Request(trained.root, Path("checks.yaml"), samples=Path("samples.json"))
    with pytest.raises(ConfigError, match="there is no repository to read it from"):
        check(request, Silence())


def test_a_watch_holds_a_canary_to_the_data_that_it_began_with(server: str, tmp_path: Path) -> None:
    """Also where another commit is checked out meanwhile, whose training data are others."""
    read: list[float] = []

    def trained(*_: object) -> dict[str, Reference]:
        cats = 0.7 if not read else 0.2
        read.append(cats)
        shares = {"cat": cats, "dog": 0.9 - cats, "other": 0.1}
        return {"predictions": Reference(shares, "what was trained on")}

    checks = yaml.safe_load(CHECKS.replace("CANARY", "good"))
    checks["spec"]["drifts"] = checks["spec"]["drifts"][:1]
    checks["spec"]["drifts"][0]["reference"] = {"file": "train.csv", "column": "kind"}
    (tmp_path / "checks.yaml").write_text(yaml.safe_dump(checks))
    now = [float(BEGAN + 60)]

    def wait(seconds: float) -> None:
        now[0] += seconds

    request = Request(
        tmp_path, Path("checks.yaml"), access=Access(server), since=BEGAN, trained=trained
    )
    looks: list[Report] = []
    found = watch(request, Silence(), looks.append, lambda: now[0], wait)
    assert found.verdict.exit_code == 0
    assert len(looks) > 30
    assert read == [0.7]


def test_what_drifts_mean_is_explained_and_none_are_made_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS)
    assert main(["-C", str(tmp_path), "canary", "explain", "--checks", "checks.yaml"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "of each class (6 comparisons)" in said
    assert "of what is above each bound (2 comparisons)" in said
    assert main(["-C", str(tmp_path), "canary", "simulate", "--checks", "checks.yaml"]) == 2
    err = " ".join(capsys.readouterr().err.split())
    # A copy without them has nothing to check.
    assert "no classes are made up: how long they take says 'lockproof canary explain'" in err
    checks = yaml.safe_load(CHECKS)
    ratio = {part: f"sum(increase({part}{{$arm}}[$interval]))" for part in ("events", "total")}
    checks["spec"]["guards"] = [{"name": "g", "limit": 0.5, "ratio": ratio}]
    (tmp_path / "checks.yaml").write_text(yaml.safe_dump(checks))
    assert main(["-C", str(tmp_path), "canary", "simulate", "--checks", "checks.yaml"]) == 2
    assert "simulate a copy without them; how long" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("level", "waits"), [("0.3", "+0.4"), ("0.95", "-0.4")])
def test_what_a_drift_with_a_reference_means_is_of_the_canary_alone(
    level: str, waits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = TRAINED.replace("FILE", "train.csv").replace("COLUMN", "kind")
    (tmp_path / "checks.yaml").write_text(checks)
    argv = ["-C", str(tmp_path), "canary", "explain", "--checks", "checks.yaml"]
    assert main([*argv, "--level", f"predictions={level}"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    said = said[said.index("predictions: ") :]
    assert "of each class, alone beside that of train.csv (6 comparisons); one of these:" in said
    assert "fails where shown to be more than 0.2 away from that of train.csv; of canaries" in said
    assert "passes where shown not to be more than 0.2 away from that of train.csv; of" in said
    assert "100 requests of the canary; for a pass" in said
    assert f"of the canary in an interval, where {level} is good" in said
    assert f"{waits}, 2 x what matters: failed after" in said
    assert "stable" not in said
