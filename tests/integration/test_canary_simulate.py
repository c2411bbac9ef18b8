"""`lockproof canary simulate` on files of checks, as a user asks it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lockproof.cli.main import main
from lockproof.model.simulation import Scenario, Share, Simulation
from lockproof.render.simulation import verdict

HEAD = """\
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: made-up}
spec:
  interval: 60
  horizon: HORIZON
  arms: {canary: 'a="c"', stable: 'a="s"'}
"""
RATIO = "ratio: {events: 'e{$arm}[$interval]', total: 't{$arm}[$interval]'}"
MEAN = "mean: {sum: 's{$arm}[$interval]', count: 'c{$arm}[$interval]'}"
COMPARED = f"  comparisons:\n    - {{name: errors, smallestEffect: 0.05, {RATIO}}}\n"
SLOW = f"    - {{name: seconds, smallestEffect: 0.1, {MEAN}}}\n"
GUARD = f"  guards:\n    - {{name: ceiling, limit: 0.1, {RATIO}}}\n"


def simulated(tmp_path: Path, checks: str, *argv: str, horizon: int = 7200) -> int:
    (tmp_path / "checks.yaml").write_text(HEAD.replace("HORIZON", str(horizon)) + checks)
    return main(["-C", str(tmp_path), "canary", "simulate", "--checks", "checks.yaml",
                 "--canaries", "300", *argv])  # fmt: skip


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_it_says_how_often_it_is_wrong_and_how_long_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ("--level", "seconds=0.5", "--format", "json", "--beside")
    assert simulated(tmp_path, GUARD + COMPARED + SLOW, *argv) == 0
    found = answer(capsys)
    assert simulated(tmp_path, GUARD + COMPARED + SLOW, *argv) == 0
    assert answer(capsys) == found, "the same seed gives the same"
    good, *bad = found["scenarios"]
    assert (good["measure"], [each["measure"] for each in bad]) == (
        None, ["ceiling", "ceiling", "errors", "errors", "seconds", "seconds"],
    )  # fmt: skip
    for each in found["scenarios"]:
        assert each["failed"] + each["passed"] + each["undecided"] == 300
        assert each["course"][-1] == {
            "intervals": 120, "failed": each["failed"], "passed": each["passed"],
        }  # fmt: skip
    assert good["passed"] > 250
    assert good["until_passed"]["median"] >= 75, "which one interval unseen asks for"
    for twice in bad[1::2]:
        assert twice["failed"] > 280, twice["about"]
        assert twice["until_failed"]["median"] >= 30
    assert bad[0]["worse"] == pytest.approx(0.09), "from 0.01 up to the limit"
    assert set(good["beside"]) == {
        f"{way} of errors" for way in ("thresholds", "z-test", "Mann-Whitney")
    }
    assert found["checked"] >= 3 * 7


def test_it_says_where_the_stated_chance_does_not_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = COMPARED.replace("0.05", "0.02")
    argv = ("--fault", "0.98:4", "--level", "errors=0.02", "--times", "1")
    assert simulated(tmp_path, checks, *argv, horizon=14_400) == 1
    out = capsys.readouterr().out
    assert "wrong more often than the file states (errors +0.02, what matters)" in " ".join(
        out.split()
    )
    assert max(map(len, out.splitlines())) <= 140


def test_it_claims_no_more_than_so_few_canaries_show() -> None:
    def said(*shares: tuple[str, float, float]) -> str:
        scenarios = tuple(
            Scenario(
                about=about, failed=1, passed=1, undecided=0, course=(),
                wrong=Share(happened=1, accepted=0.05, low=low, high=high),
            )
            for about, low, high in shares
        )  # fmt: skip
        return verdict(
            Simulation(
                tool="t", checks="c", digest="0" * 64, traffic="t", levels={}, canaries=300, seed=1,
                interval=60, intervals=60, checked=9, false_abort=0.05, false_promote=0.05,
                scenarios=scenarios,
            )
        )  # fmt: skip

    assert "wrong no more often than the file states;" in said(("a", 0.0, 0.02), ("b", 0, 0.05))
    perhaps = said(("a", 0.0, 0.02), ("b", 0.04, 0.11), ("c", 0.0, 0.06))
    assert "not shown to be wrong more often than the file states, nor that it is not" in perhaps
    assert "(b: up to 11 % by 300 canaries, 5 % accepted" in perhaps
    assert "more often than the file states (c);" in said(("a", 0.06, 0.1), ("c", 0.3, 0.5))


def test_its_page_has_a_plot_of_each_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, data = tmp_path / "a.html", tmp_path / "a.json"
    checks = COMPARED.replace("errors", "a-b")
    monkeypatch.setenv("COLUMNS", "140")  # In fewer, the name is broken.
    assert simulated(tmp_path, checks, "--output", str(page), "--output", str(data)) == 0
    assert "a-b +0.05, what matters" in capsys.readouterr().out
    text = page.read_text("utf-8")
    kinds = json.loads(data.read_text())["scenarios"]
    assert text.count("<figure") == text.count("<polyline") / 2 == len(kinds)
    assert "://" not in text.replace("http://www.w3.org", "")
    assert "default-src 'none'" in text
    assert "style=" not in text  # The policy allows the page's own sheet, no attribute.


def test_without_numpy_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    for name in ("arrays", "traffic"):
        monkeypatch.delitem(sys.modules, f"lockproof.stats.{name}", raising=False)
    import lockproof.stats

    monkeypatch.delattr(lockproof.stats, "traffic", raising=False)
    assert simulated(tmp_path, COMPARED) == 2
    assert "canary simulate needs the extra 'compare'" in capsys.readouterr().err
    assert explained(tmp_path, COMPARED) == 0, "which needs none"


def explained(tmp_path: Path, checks: str, *argv: str, horizon: int = 7200) -> int:
    (tmp_path / "checks.yaml").write_text(HEAD.replace("HORIZON", str(horizon)) + checks)
    return main(["-C", str(tmp_path), "canary", "explain", "--checks", "checks.yaml", *argv])


def test_what_is_explained_is_what_is_simulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ("--level", "seconds=0.5", "--format", "json")
    checks = GUARD + COMPARED + SLOW
    assert explained(tmp_path, checks, *argv) == 0
    measures = answer(capsys)["measures"]
    assert [each["name"] for each in measures] == ["ceiling", "errors", "seconds"]
    assert simulated(tmp_path, checks, *argv) == 0
    scenarios = answer(capsys)["scenarios"]
    passed = max(each["expected"][0]["passed"] for each in measures)
    assert passed == pytest.approx(scenarios[0]["until_passed"]["median"], rel=0.1)
    for each in measures:
        (twice,) = (one for one in each["expected"] if one["times"] == 2)
        (seen,) = (s for s in scenarios if s["measure"] == each["name"] and s["times"] == 2)
        assert twice["worse"] == seen["worse"]
        assert twice["failed"] == pytest.approx(seen["until_failed"]["median"], abs=5)


def test_it_is_explained_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lower = COMPARED.replace("smallest", "worse: lower, smallest")
    quick = f"    - {{name: quick, smallestEffect: 0.05, method: requests, {RATIO}}}\n"
    assert explained(tmp_path, GUARD + lower + quick) == 0
    out = capsys.readouterr().out
    for words in (
        "and beyond no limit of a guard or a reference, at most 5 of 100 are failed",
        "A guard, or a drift with a reference, knows no stable version",
        "10 of 100 were failed at bursts of sixteen",
        "mean over few requests",
        "requests  held only where each request fails or not whatever the others do",
        "of canaries that are not above 0.1 it fails at most 1.67 of 100",
        "inconclusive where 2 h 00 min bring neither",
        "not held for canaries that are bad for several intervals on end",
        "where shown to be above 0.1; of canaries that are",
        "where shown to be lower than stable, and by 0.05 or more as it looks then",
        "30 intervals (30 min 00 s) that count, and 100 requests of each version; for a pass 75",
        "less that of stable, of all requests so far",
        "as good: passed after 1 h 1",
        "-0.1, 2 x what matters: failed after 30 min 00 s, 30 intervals",
    ):
        assert words in out, words
    assert explained(tmp_path, lower, horizon=1800) == 0
    out = capsys.readouterr().out
    assert "a pass takes more intervals than the horizon has: only failing is possible" in out
    assert "as good: undecided when the horizon is over" in out


@pytest.mark.parametrize(
    ("checks", "argv", "words"),
    [
        (SLOW.replace("    -", "  comparisons:\n    -"), (), "--level seconds="),
        (COMPARED, ("--level", "errors=2"), "a ratio lies between 0 and 1"),
        (COMPARED, ("--level", "errors"), "must be NAME=VALUE"),
        (COMPARED, ("--level", "other=0.1"), "has no measure other"),
        (COMPARED, ("--times", "30"), "cannot be worse by 1.5"),
        (COMPARED, ("--fault", "0.01:4"), "must be worse by 0.05"),
        (COMPARED, ("--moves", "sideways"), "invalid choice"),
        (COMPARED, ("--canaries", "0"), "must be from 1 to"),
        (COMPARED, ("--requests", "3"), "two numbers"),
        (COMPARED, ("--output", "a.txt"), "must end in"),
        (GUARD, ("--level", "ceiling=0.2"), "beyond the limit"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_refused(
    checks: str, argv: tuple[str, ...], words: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    try:
        code: object = simulated(tmp_path, checks, *argv)
    except SystemExit as error:
        code = error.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert words in err
