"""`lockproof canary check` against a real Prometheus, and on files of samples."""

import contextlib
import json
import math
import re
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lockproof.cli.main import main
from lockproof.model.report import Report
from lockproof.parse.canary_checks import as_text
from lockproof.render.html_report import html_report

from .canary_server import BEGAN, MINUTES, exposition, prometheus

CHECKS = """
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: web}
spec:
  arms: {canary: 'arm="CANARY"', stable: 'arm="stable"'}
  horizon: 3600
  guards:
    - name: guarded
      ratio:
        events: sum(increase(web_errors_total{$arm}[$interval]))
        total: sum(increase(web_requests_total{$arm}[$interval]))
      limit: 0.35
      share: 0.2
  comparisons:
    - name: errors
      ratio:
        events: sum(increase(web_errors_total{$arm}[$interval]))
        total: sum(increase(web_requests_total{$arm}[$interval]))
      smallestEffect: 0.15
    - name: slow
      ratio:
        events: >-
          sum(increase(web_seconds_bucket{$arm,le="+Inf"}[$interval]))
          - sum(increase(web_seconds_bucket{$arm,le="0.5"}[$interval]))
        total: sum(increase(web_seconds_bucket{$arm,le="+Inf"}[$interval]))
      smallestEffect: 0.15
    - name: seconds
      mean:
        sum: sum(increase(web_seconds_sum{$arm}[$interval]))
        count: sum(increase(web_seconds_bucket{$arm,le="+Inf"}[$interval]))
      smallestEffect: 0.05
"""
UNTIL = BEGAN + MINUTES * 60


def every(rate: float | None) -> Any:
    return lambda _: rate


ARMS: dict[str, dict[str, Any]] = {
    "stable": {"errors": every(0.01), "per_scrape": 60},
    "good": {"errors": every(0.01), "per_scrape": 20},
    "errs": {"errors": every(0.25), "per_scrape": 20},
    "breaks": {"errors": every(0.6), "per_scrape": 20},
    "slow": {"errors": every(0.01), "per_scrape": 20, "slow": 0.3},
    "restarts": {"errors": every(0.01), "per_scrape": 20, "resets": range(5, 180, 20)},
    "idle": {"errors": every(0.01), "per_scrape": 0},
    "away": {
        "errors": lambda minute: None if 20 < minute < 30 else 0.01,
        "per_scrape": 20,
    },
    "begins": {"errors": lambda minute: None if minute < 8 else 0.01, "per_scrape": 20},
    "again": {"errors": lambda minute: None if 5 < minute < 40 else 0.01, "per_scrape": 20},
    "ahead": {"errors": every(0.01), "per_scrape": 20, "shift": 20},
    "behind": {"errors": every(0.01), "per_scrape": 20, "shift": -20},
    "behind-errs": {"errors": every(0.25), "per_scrape": 20, "shift": -20},
    "hour-ahead": {"errors": every(0.01), "per_scrape": 20, "shift": 3600},
    "hour-behind": {"errors": every(0.01), "per_scrape": 20, "shift": -3600},
    "late": {"errors": lambda minute: 1.0 if minute > 38 else 0.01, "per_scrape": 20},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), exposition(ARMS)) as address:
        yield address


def look(
    folder: Path, address: str, canary: str, *more: str, checks: str = CHECKS, until: int = UNTIL
) -> tuple[int, Report]:
    (folder / "checks.yaml").write_text(checks.replace("CANARY", canary))
    argv = ["-C", str(folder), "canary", "check", "--checks", "checks.yaml", "--prometheus",
            address, "--since", str(BEGAN), "--until", str(until),
            "--output", str(folder / "r.json"), *more]  # fmt: skip
    code = main(argv)
    return code, Report.model_validate_json((folder / "r.json").read_bytes())


def verdicts(report: Report) -> dict[str, str]:
    assert report.host.canary
    return {measured.name: measured.verdict.value for measured in report.host.canary.measures}


@pytest.mark.parametrize(
    ("canary", "code", "wrong", "rules"),
    [
        ("good", 0, {}, []),
        ("restarts", 0, {}, []),
        ("errs", 1, {"errors": "failed"}, ["LP751"]),
        ("breaks", 1, {"errors": "failed", "guarded": "failed"}, ["LP752", "LP751"]),
        ("slow", 1, {"slow": "failed", "seconds": "failed"}, ["LP751", "LP751"]),
    ],
)
def test_a_canary_is_judged(
    canary: str, code: int, wrong: dict[str, str], rules: list[str], server: str, tmp_path: Path
) -> None:
    found, report = look(tmp_path, server, canary)
    assert found == code
    seen = verdicts(report)
    assert {name: verdict for name, verdict in seen.items() if verdict == "failed"} == wrong
    assert [f.rule for f in report.findings] == rules
    if not wrong:
        assert set(seen.values()) == {"passed"}
    assert report.host.canary
    for measured in report.host.canary.measures:
        assert measured.intervals >= 30
        assert measured.lower is not None
        assert measured.upper is not None
        assert measured.estimate is not None
        assert measured.lower <= measured.estimate <= measured.upper
        # How that came, up to now; a failure is decided within that.
        assert len(measured.course) == 16, "from the 30th on"
        last = measured.course[-1]
        assert (last.lower, last.estimate, last.upper) == (
            measured.lower,
            measured.estimate,
            measured.upper,
        )
        moments = [known.at for known in measured.course]
        assert moments == sorted(set(moments))
        assert moments[-1] == report.host.canary.until
        assert (measured.decided or moments[0]) in moments
        for query in measured.canary.queries.values():
            assert f'arm="{canary}"' in query
            assert "[60s]" in query


@pytest.mark.parametrize(
    ("canary", "code"),
    [("ahead", 0), ("behind", 0), ("behind-errs", 1), ("hour-ahead", 5), ("hour-behind", 5)],
)
def test_a_clock_of_the_scrape_that_is_wrong_passes_nothing_bad(
    canary: str, code: int, server: str, tmp_path: Path
) -> None:
    """By seconds the arms are compared a little apart; by more than the canary lasts not at all."""
    assert look(tmp_path, server, canary)[0] == code


@pytest.mark.parametrize(
    ("canary", "words"),
    [
        ("idle", "no interval counts: canary: no requests in 45"),
        ("absent", "no interval counts: canary: no total in 45"),
        ("away", "do not count: canary: no total in"),
        ("begins", "8 intervals of 45 do not count: canary: no total in 8"),
    ],
)
def test_what_is_not_seen_is_not_passed(
    canary: str, words: str, server: str, tmp_path: Path
) -> None:
    code, report = look(tmp_path, server, canary)
    assert code == 5
    assert report.host.canary
    (errors,) = (m for m in report.host.canary.measures if m.name == "errors")
    assert errors.verdict == "inconclusive"
    assert words in errors.reason


def test_too_early_is_inconclusive_and_says_how_many_are_missing(
    server: str, tmp_path: Path
) -> None:
    for minutes in (0, 1, 29):
        code, report = look(tmp_path, server, "good", until=BEGAN + minutes * 60)
        assert code == 5, minutes
    assert report.host.canary
    assert {m.reason for m in report.host.canary.measures} == {"29 intervals, 30 are needed"}


def test_a_canary_that_failed_fails_at_every_later_look(server: str, tmp_path: Path) -> None:
    looks = [
        look(tmp_path, server, "errs", until=BEGAN + minutes * 60)[1] for minutes in range(30, 46)
    ]
    seen = [report.host.canary.measures for report in looks if report.host.canary]
    assert len({m.decided for measures in seen for m in measures if m.decided}) == 1
    codes = [r.verdict.value for r in looks]
    assert codes == sorted(codes, key=["passed", "inconclusive", "failed"].index)


def test_a_canary_that_was_good_at_first_is_still_watched(server: str, tmp_path: Path) -> None:
    assert look(tmp_path, server, "late", until=BEGAN + 38 * 60)[0] in (0, 5)
    assert look(tmp_path, server, "late")[0] != 0


@pytest.mark.parametrize(("canary", "minutes", "code"), [
    ("late", 45, 5), ("good", 45, 5), ("good", 39, 5), ("good", 38, 0), ("errs", 45, 1),
])  # fmt: skip
def test_a_horizon_that_is_long_over_passes_nothing(
    canary: str, minutes: int, code: int, server: str, tmp_path: Path
) -> None:
    """Later intervals are not read, and a canary that failed in them would be promoted."""
    checks = CHECKS.replace("horizon: 3600", f"horizon: {36 * 60}")
    until = BEGAN + minutes * 60
    found, report = look(tmp_path, server, canary, checks=checks, until=until)
    assert found == code
    if code == 5:
        assert set(verdicts(report).values()) == {"inconclusive"}
        assert report.host.canary
        reason = report.host.canary.measures[0].reason
        over = as_text(BEGAN + 36 * 60)
        assert f"the horizon ended at {over}, and the {minutes - 36} intervals after" in reason
        assert "begin anew with a later --since" in reason


def test_the_advice_is_true(server: str, tmp_path: Path) -> None:
    """Its report, the words for the terminal and the page name what a person has to know."""
    _, report = look(tmp_path, server, "breaks", "--output", str(tmp_path / "r.html"))
    assert report.host.canary
    page = (tmp_path / "r.html").read_text()
    assert page == html_report(report)
    for measured, rule in (
        (report.host.canary.measures[0], "LP752"),
        (report.host.canary.measures[1], "LP751"),
    ):
        (finding,) = (f for f in report.findings if f.rule == rule)
        assert measured.decided
        assert measured.decided in finding.message
        assert "take it back" in finding.message
    for part in ("arm=&#34;breaks&#34;", report.host.canary.source, "decided"):
        assert part in page
    # A band of bounds for each measure, with what it is held to and when it failed.
    figures = re.findall(r'<figure class="course">.*?</figure>', page, re.DOTALL)
    assert len(figures) == 4
    for figure, measured in zip(figures, report.host.canary.measures, strict=True):
        assert f"<bdi>{measured.name}</bdi>: the estimate and its bounds" in figure
        assert f'<polygon class="{measured.verdict.value}"' in figure
        assert figure.count("stroke-dasharray") == (1 if measured.limit is not None else 2)
        assert figure.count('<path class="failed"') == bool(measured.decided)
    # As the rule's page says: a new canary is a new beginning; once mended it passes.
    assert look(tmp_path, server, "good")[0] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("sum(increase(web_requests_total{$arm}[$interval]))",
             "sum by (le) (increase(web_seconds_bucket{$arm}[$interval]))"),
            "series, must give one",
        ),
        (("sum(increase(web_errors", "sum(increase((web_errors"), "refuses"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_right_is_told(
    change: tuple[str, str], words: str, server: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "checks.yaml").write_text(CHECKS.replace("CANARY", "good").replace(*change))
    code = main(["-C", str(tmp_path), "canary", "check", "--checks", "checks.yaml",
                 "--prometheus", server, "--since", str(BEGAN), "--until", str(UNTIL)])  # fmt: skip
    assert code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_who_does_not_answer_is_unavailable(tmp_path: Path, server: str) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS)
    argv = ["-C", str(tmp_path), "canary", "check", "--checks", "checks.yaml", "--since", "0"]
    assert main([*argv, "--prometheus", "http://127.0.0.1:9"]) == 4
    assert main([*argv, "--prometheus", f"{server}/elsewhere"]) == 2
    for status, code in ((500, 4), (503, 4), (401, 2), (302, 2), (200, 2)):
        with answering(status, b'"odd"') as address:
            assert main([*argv, "--prometheus", address]) == code, status


def test_half_an_answer_is_none(tmp_path: Path) -> None:
    """Thanos warns where a store did not answer, and gives what the others have."""
    (tmp_path / "checks.yaml").write_text(CHECKS)
    partly = {"status": "success", "warnings": ["store gone"],
              "data": {"resultType": "matrix", "result": []}}  # fmt: skip
    argv = ["-C", str(tmp_path), "canary", "check", "--checks", "checks.yaml", "--since", "0"]
    with answering(200, json.dumps(partly).encode()) as address:
        assert main([*argv, "--prometheus", address]) == 4


def test_a_token_goes_to_the_server_that_was_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS)
    (tmp_path / "token").write_text("of-nobody\n")
    argv = ["-C", str(tmp_path), "canary", "check", "--checks", "checks.yaml", "--since", "0"]
    nothing = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    HEARD.clear()
    with answering(200, json.dumps(nothing).encode()) as address:
        token = ["--prometheus", address, "--token-file", str(tmp_path / "token")]
        assert main([*argv, *token]) == 5
    assert set(HEARD) == {"Bearer of-nobody"}
    for more, words in (
        (["--prometheus", "http://me:secret@127.0.0.1:9"], "no user or password"),
        (["--prometheus", "127.0.0.1:9"], "must be an address"),
        (["--prometheus", "http://127.0.0.1:99999"], "the port"),
        (["--prometheus", "http://[::1"], "must be an address"),
        (["--prometheus", "http://a]b/"], "must be an address"),
        (["--prometheus", "http://[x]:1/"], "must be an address"),
        (["--prometheus", "http://127.0.0.1:9/#part"], "must be an address"),
        (["--prometheus", f"http://{'a' * 70}.example/"], "in ASCII"),
        (["--prometheus", "http://127.0.0.1:9/\u00e4"], "in ASCII"),
        (["--prometheus", "http://127.0.0.1:9", "--user", "me"], "belong together"),
        (["--prometheus", "http://127.0.0.1:9", "--token-file", "/nowhere"], "cannot read"),
        (["--prometheus", "http://127.0.0.1:9", "--ca", "/nowhere"], "cannot read"),
        (["--samples", "s.json"], "--since is for --prometheus"),
    ):
        capsys.readouterr()
        assert main([*argv, *more]) == 2, more
        err = capsys.readouterr().err
        assert words in err
        assert "secret" not in err
        assert len(err.splitlines()) == 1


HEARD: list[str | None] = []
"""What was given as Authorization."""


class _Server(ThreadingHTTPServer):
    def __enter__(self) -> Any:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server_port}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


def answering(status: int, body: bytes) -> _Server:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            HEARD.append(self.headers["Authorization"])
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return _Server(("127.0.0.1", 0), Handler)


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize(
    ("options", "secret"),
    [
        (("--token-file", "secret"), "tell-nobody"),
        (("--user", "me", "--password-file", "secret"), "tell-nobody"),
        (("--user", "me", "--password-file", "secret"), "bWU6dGVsbC1ub2JvZHk="),
    ],
    ids=["token", "password", "header"],
)
def test_a_server_that_repeats_what_it_was_given_shows_it_to_nobody(
    status: int, options: tuple[str, ...], secret: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("checks.yaml").write_text(CHECKS)
    Path("secret").write_text("tell-nobody\n")
    said = {"status": "error", "error": f"who is {secret}?"}
    with answering(status, json.dumps(said).encode()) as address:
        argv = ["canary", "check", "--checks", "checks.yaml", "--prometheus", address]
        assert main([*argv, "--since", str(BEGAN), *options]) in (2, 4)
    err = capsys.readouterr().err
    assert "who is ***?" in err
    assert secret not in err


def test_credentials_and_certificates(tmp_path: Path) -> None:
    """Basic authentication and TLS, as Prometheus' own web configuration has them."""
    pytest.importorskip("cryptography")
    key, cert = certificate(tmp_path)
    hashed = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"  # of U*U
    web = (
        f"tls_server_config: {{cert_file: {cert}, key_file: {key}}}\n"
        f"basic_auth_users: {{watcher: {hashed}}}\n"
    )
    (tmp_path / "password").write_text("wrong\n")
    folder = tmp_path / "p"
    folder.mkdir()
    with prometheus(folder, exposition({"stable": ARMS["stable"]}), web, "https") as address:
        (tmp_path / "checks.yaml").write_text(CHECKS)
        argv = ["-C", str(tmp_path), "canary", "check", "--checks", "checks.yaml",
                "--since", str(BEGAN), "--until", str(UNTIL), "--prometheus", address]  # fmt: skip
        assert main(argv) == 4, "its certificate is not known"
        assert main([*argv, "--ca", str(cert)]) == 2, "nobody is named"
        wrong = ["--ca", str(cert), "--user", "watcher",
                 "--password-file", str(tmp_path / "password")]  # fmt: skip
        assert main([*argv, *wrong]) == 2
        (tmp_path / "password").write_text("U*U\n")
        assert main([*argv, *wrong]) == 5, "it is let in, and there is no such canary"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate of 127.0.0.1 for a day."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    ssl.create_default_context(cafile=str(cert))
    return key, cert


def samples(
    canary: Mapping[str, Any], stable: Mapping[str, Any], count: int = 60
) -> dict[str, Any]:
    def arm(about: Mapping[str, Any]) -> dict[str, Any]:
        return {"events": [about["events"]] * count, "total": [about["total"]] * count}

    same = {"sum": [0.5] * count, "count": [10] * count}
    slow = {"events": [1 + i % 3 for i in range(count)], "total": [100] * count}
    return {
        "apiVersion": "lockproof.dev/v1alpha1", "kind": "CanarySamples",
        "since": "2026-11-29T00:00:00Z", "interval": 60,
        "measures": {
            "guarded": {"canary": arm(canary)},
            "errors": {"canary": arm(canary), "stable": arm(stable)},
            "slow": {"canary": slow, "stable": dict(slow)},
            "seconds": {"canary": same, "stable": same},
        },
    }  # fmt: skip


def look_at(folder: Path, content: object, checks: str = CHECKS) -> int:
    (folder / "checks.yaml").write_text(checks)
    if isinstance(content, dict) and "measures" in content:
        measures = content["measures"].items()
        content = content | {"measures": {k: v for k, v in measures if f"name: {k}" in checks}}
    (folder / "samples.json").write_text(
        content if isinstance(content, str) else json.dumps(content)
    )
    return main(["-C", str(folder), "canary", "check", "--checks", "checks.yaml",
                 "--samples", "samples.json", "--format", "json"])  # fmt: skip


def test_samples_of_a_laptop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Latencies that are all the same prove nothing; errors are judged."""
    good = {"events": 1, "total": 100}
    assert look_at(tmp_path, samples(good, good)) == 5
    report = Report.model_validate_json(capsys.readouterr().out)
    assert verdicts(report) == {
        "guarded": "passed", "errors": "passed", "slow": "passed", "seconds": "inconclusive",
    }  # fmt: skip
    assert report.host.canary
    assert "do not vary" in report.host.canary.measures[3].reason
    assert look_at(tmp_path, samples({"events": 30, "total": 100}, good)) == 1
    capsys.readouterr()
    # Few requests without any error: that is what a bad canary shows as well.
    few = {"events": 0, "total": 4}
    small = CHECKS.replace("smallestEffect: 0.15", "smallestEffect: 0.02")
    assert look_at(tmp_path, samples(few, few, 30), small) == 5
    report = Report.model_validate_json(capsys.readouterr().out)
    assert verdicts(report)["errors"] == "inconclusive"


@pytest.mark.parametrize(("silent", "code"), [(2, 0), (3, 5)])
def test_a_canary_that_falls_silent_is_not_passed(silent: int, code: int, tmp_path: Path) -> None:
    good = {"events": 1, "total": 100}
    content = samples(good, good)
    checks = CHECKS[: CHECKS.index("    - name: seconds")]
    assert look_at(tmp_path, content, checks) == 0
    for measure in ("guarded", "errors", "slow"):
        for part in ("events", "total"):
            content["measures"][measure]["canary"][part][-silent:] = [0] * silent
    assert look_at(tmp_path, content, checks) == code


@pytest.mark.parametrize("method", ["intervals", "bounded", "requests"])
@pytest.mark.parametrize(
    ("canary", "effect", "code"),
    [((50, 100), 0.02, 1), ((1, 100), 0.5, 0), ((0, 0), 0.5, 5), ((1, 100), 0.001, 5)],
)
def test_each_method_comes_to_its_end(
    method: str, canary: tuple[int, int], effect: float, code: int, tmp_path: Path
) -> None:
    comparison = f"[{{name: errors, method: {method}, smallestEffect: {effect}, ratio: {{"
    checks = CHECKS[: CHECKS.index("  guards:")] + f"  comparisons: {comparison}"
    checks += "events: 'e{$arm}[$interval]', total: 't{$arm}[$interval]'}}]\n"
    events, total = canary
    content = samples({"events": events, "total": total}, {"events": 1, "total": 100})
    assert look_at(tmp_path, content, checks) == code
    # Turned round, the same: how many are well, which is worse where it is lower.
    turned = checks.replace("smallestEffect", "worse: lower, smallestEffect")
    content = samples({"events": total - events, "total": total}, {"events": 99, "total": 100})
    assert look_at(tmp_path, content, turned) == code


@pytest.mark.parametrize("method", ["intervals", "bounded", "requests"])
@pytest.mark.parametrize(("events", "code"), [(40, 1), (1, 0), (20, 5)])
def test_each_method_holds_a_canary_to_a_limit(
    method: str, events: int, code: int, tmp_path: Path
) -> None:
    guard = f"[{{name: errors, method: {method}, limit: 0.2, ratio: {{"
    checks = CHECKS[: CHECKS.index("  guards:")] + f"  guards: {guard}"
    checks += "events: 'e{$arm}[$interval]', total: 't{$arm}[$interval]'}}]\n"
    content = samples({"events": events, "total": 100}, {"events": 1, "total": 100})
    assert look_at(tmp_path, content, checks) == code
    turned = checks.replace("limit: 0.2", "worse: lower, limit: 0.8")
    content = samples({"events": 100 - events, "total": 100}, {"events": 1, "total": 100})
    assert look_at(tmp_path, content, turned) == code


TWO = (
    CHECKS[: CHECKS.index("  guards:")]
    + """\
  comparisons:
    - name: errors
      smallestEffect: 0.02
      ratio: {events: 'e{$arm}[$interval]', total: 't{$arm}[$interval]'}
"""
)
LONG = TWO.replace("horizon: 3600", "horizon: 14400")


def compared(canary: list[tuple[float | None, float | None]], stable: int = 300) -> dict[str, Any]:
    """A comparison of errors, with a canary's events and total in each interval."""
    found = samples({"events": 0, "total": 1}, {"events": 0, "total": stable}, len(canary))
    arms = found["measures"]["errors"]
    arms["canary"] = dict(
        zip(("events", "total"), map(list, zip(*canary, strict=True)), strict=True)
    )
    return found | {"measures": {"errors": arms}}


def seen(capsys: pytest.CaptureFixture[str]) -> tuple[str, tuple[str, ...]]:
    report = Report.model_validate_json(capsys.readouterr().out)
    assert report.host.canary
    return report.host.canary.measures[0].reason, report.checks[0].not_checked


def test_what_was_not_seen_yet_might_be_as_bad_as_can_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One failing interval in fifty is seldom seen in thirty; it says how many it takes."""
    fine: list[tuple[float | None, float | None]] = [(0, 100)] * 230
    assert look_at(tmp_path, compared(fine[:60]), TWO) == 5
    assert "horizon has too few intervals for a pass: 60, of 194" in seen(capsys)[0]
    assert look_at(tmp_path, compared(fine[:120]), LONG) == 5
    assert "wait for more intervals (a pass takes 189 at the least)" in seen(capsys)[0]
    assert look_at(tmp_path, compared(fine), LONG) == 0
    reason, left = seen(capsys)
    assert "no event was seen" in reason
    assert any("no event was seen" in line for line in left)


UNDER_LOAD = "it is worse in intervals with more requests"


def test_a_canary_that_fails_under_load_is_not_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each interval counts the same; counted by its requests it must not say the contrary."""
    busy: list[tuple[float | None, float | None]] = [
        (800, 10_000) if i % 60 == 10 else (0, 100) for i in range(240)
    ]
    assert look_at(tmp_path, compared(busy), LONG) == 5
    reason = seen(capsys)[0]
    assert UNDER_LOAD in reason
    assert "the difference is 0.0503 " in reason
    assert " 0.00133 " in reason


@pytest.mark.parametrize("first", [0.001, 0.06])
def test_a_share_of_the_traffic_that_is_raised_is_no_fault(first: float, tmp_path: Path) -> None:
    """Its requests lie later than those of stable, whose own errors have changed since."""
    then = 0.061 - first
    content = compared([(first * 50, 50)] * 120 + [(then * 500, 500)] * 120)
    content["measures"]["errors"]["stable"] = {
        "events": [first * 950] * 120 + [then * 500] * 120,
        "total": [950] * 120 + [500] * 120,
    }
    assert look_at(tmp_path, content, LONG) == 0
    # Turned round, the same.
    for arm in content["measures"]["errors"].values():
        arm["events"] = [n - k for k, n in zip(arm["events"], arm["total"], strict=True)]
    turned = LONG.replace("smallestEffect", "worse: lower\n      smallestEffect")
    assert look_at(tmp_path, content, turned) == 0


@pytest.mark.parametrize("first", [0.001, 0.06])
def test_all_requests_are_not_compared_where_their_share_is_raised(
    first: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, by the method that compares all of each arm: it failed one that is as good."""
    then = 0.061 - first
    content = compared([(first * 50, 50)] * 120 + [(then * 500, 500)] * 120)
    content["measures"]["errors"]["stable"] = {
        "events": [first * 950] * 120 + [then * 500] * 120,
        "total": [950] * 120 + [500] * 120,
    }
    requests = LONG.replace("smallestEffect", "method: requests\n      smallestEffect")
    assert look_at(tmp_path, content, requests) == 5
    assert "the canary's share of the traffic moved" in seen(capsys)[0]


def test_load_is_blamed_only_where_the_figures_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many errors more in each interval, which all requests of each arm together do not show."""
    content = compared([(13, 100), (30, 1000)] * 120)
    content["measures"]["errors"]["stable"] = {
        "events": [100, 0] * 120,
        "total": [1000, 100] * 120,
    }
    requests = LONG.replace("smallestEffect", "method: requests\n      smallestEffect")
    assert look_at(tmp_path, content, requests) == 5
    reason = seen(capsys)[0]
    assert UNDER_LOAD not in reason
    assert reason.count(" 0.03 ") == 2


@pytest.mark.parametrize(
    ("odd", "code", "words"),
    [
        ((120, 100), 5, "more events than the total"),
        ((50, 0), 5, "more events than the total"),
        ((50, None), 5, "more events than the total"),
        ((0, 0), 0, "canary: no requests"),
        ((None, 100), 0, "canary: no events"),
    ],
)
def test_intervals_that_do_not_count_are_told(
    odd: tuple[float | None, float | None], code: int, words: str,
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    canary = [odd if i % 30 == 5 else (int(i % 30 == 9), 100.0) for i in range(240)]
    assert look_at(tmp_path, compared(canary), LONG) == code
    _, left = seen(capsys)
    assert any(line.startswith("8 intervals: ") and words in line for line in left)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("worse: lower, limit: 0.98", "take a longer horizon, or a smaller limit"),
        ("limit: 0.02", "take a longer horizon, or a larger limit"),
        ("worse: lower, limit: 1", "nothing better than the limit that it could be shown to be"),
        ("limit: 0", "nothing better than the limit that it could be shown to be"),
    ],
)
def test_the_limit_is_moved_the_right_way(
    limit: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = CHECKS[: CHECKS.index("  guards:")] + f"  guards: [{{name: errors, {limit}, ratio: {{"
    checks += "events: 'e{$arm}[$interval]', total: 't{$arm}[$interval]'}}]\n"
    events = 100 if "lower" in limit else 0
    assert look_at(tmp_path, compared([(events, 100)] * 60), checks) == 5
    assert words in seen(capsys)[0]


def test_a_mean_that_passes_says_what_it_did_not_exclude(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = samples({"events": 0, "total": 1}, {"events": 0, "total": 1}, 60)
    arm = {"sum": [100 + i % 7 for i in range(60)], "count": [100] * 60}
    content |= {"measures": {"errors": {"canary": arm, "stable": {**arm, "sum": arm["sum"][::-1]}}}}
    checks = TWO[: TWO.index("      smallestEffect")]
    checks += "      smallestEffect: 0.5\n"
    checks += "      mean: {sum: 's{$arm}[$interval]', count: 'c{$arm}[$interval]'}\n"
    assert look_at(tmp_path, content, checks) == 0
    assert any("rare large values" in line for line in seen(capsys)[1])


@pytest.mark.parametrize(
    ("canary", "stable", "words"),
    [
        ('arm="stable"', ' arm="stable"', "at once"),
        ('arm="good"', 'arm="good",', "at once"),
        ('arm!="x"', 'arm!="y"', "at once"),
        ('arm=~".+"', 'arm="stable"', "at once"),
        ('arm="good"', 'arm="stable" or', "refuses"),
    ],
)
def test_arms_that_share_a_series_are_refused(
    canary: str, stable: str, words: str, server: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    checks = CHECKS.replace('arm="stable"', stable).replace('arm="CANARY"', canary)
    (tmp_path / "checks.yaml").write_text(checks)
    code = main(["-C", str(tmp_path), "canary", "check", "--checks", "checks.yaml",
                 "--prometheus", server, "--since", str(BEGAN), "--until", str(UNTIL)])  # fmt: skip
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 999999\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", None),
    ],
)
def test_an_answer_that_never_ends_or_ends_early_is_none(
    begin: bytes, drip: bytes | None, tmp_path: Path
) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS)
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 16)
            with contextlib.suppress(OSError):
                self.request.sendall(begin)
                while drip and not over.wait(0.1):
                    self.request.sendall(drip)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as slow:
        slow.daemon_threads = True
        threading.Thread(target=slow.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{slow.server_address[1]}"
        argv = ["-C", str(tmp_path), "canary", "check", "--checks", "checks.yaml", "--since", "0"]
        assert main([*argv, "--prometheus", address, "--timeout", "0.5"]) == 4
        over.set()
        slow.shutdown()


def test_an_answer_of_many_series_is_not_read_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that would send without end: 48 MB took 750 MiB of memory."""
    (tmp_path / "checks.yaml").write_text(CHECKS)
    sent = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(
                    b'{"status": "success", "data": {"resultType": "matrix", "result": ['
                )
                while True:
                    sent.append(self.wfile.write(b'{"metric": {"pod": "a"}, "values": []},' * 1000))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as endless:
        threading.Thread(target=endless.serve_forever, daemon=True).start()
        argv = ["-C", str(tmp_path), "canary", "check", "--checks", "checks.yaml", "--since", "0"]
        address = f"http://127.0.0.1:{endless.server_address[1]}"
        assert main([*argv, "--prometheus", address]) == 2
        endless.shutdown()
    # Fewer intervals are asked for each time, in halves down to one.
    assert sum(sent) < 64 << 20
    err = capsys.readouterr().err
    assert "exceeds 4 MiB for one interval alone, so it is of many series: put sum() around" in err
    assert len([line for line in err.splitlines() if line.startswith("lockproof:")]) == 1


FIGURES = samples({"events": 1, "total": 2}, {"events": math.pi, "total": 9})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ('{"kind": 1, "kind": 2}', "stands twice"),
        ("[NaN]", "write null"),
        ("[" * 100_000, "nested too deeply"),
        ({"kind": "Other"}, "apiVersion"),
        (FIGURES | {"interval": 30}, "intervals of 30 s"),
        (FIGURES | {"since": "today"}, "since must be a time"),
        (FIGURES | {"since": "9999-12-31T23:50:00Z"}, "since must be a time"),
        (FIGURES | {"interval": True}, "interval: "),
        (json.dumps(FIGURES).replace("[1,", "[true,", 1), "measures.guarded.canary.events.0"),
        (json.dumps(FIGURES).replace("guarded", "unguarded"), "has no such measure"),
        (FIGURES | {"measures": {}}, "measures.guarded.canary.events is missing"),
    ],
)  # fmt: skip
def test_samples_that_cannot_be_read_are_refused(
    content: object, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert look_at(tmp_path, content) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.startswith("lockproof: samples.json: ")
    assert len(err.splitlines()) == 1
