"""`lockproof canary check` on what speaks Prometheus's API and is none: Thanos and Mimir.

A stand-in before a real Prometheus changes questions and answers as their sources do (Thanos
v0.42: pkg/api/query/v1.go, pkg/store/proxy.go, internal/cortex/querier/queryrange; Mimir 2:
`X-Scope-OrgID`, and 401 without it).
"""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from lockproof.cli.main import main

from .canary_server import BEGAN, exposition, prometheus
from .test_canary import ARMS, CHECKS, UNTIL, look, verdicts

TENANT = "team-of-digits"
INFO = "PromQL info: metric might not be a counter, name does not end in _total (1:15)"
PARTLY = 'fetch series for {replica="a"} 10.0.0.1:10901: connection refused'


class Before(ThreadingHTTPServer):
    """What is asked goes to `behind`, where `asked` lets it; `answered` changes what comes back."""

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.behind = behind
        self.asked: Callable[[dict[str, str]], None] = lambda form: None
        self.answered: Callable[[dict[str, Any]], None] = lambda answer: None
        self.tenant: str | None = None
        self.repeats = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Before

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        tenant = self.headers.get("X-Scope-OrgID")
        if self.server.tenant and tenant != self.server.tenant:
            said = f"no access: {tenant}" if self.server.repeats else "no org id"
            self._send(401, json.dumps({"error": said}).encode() if tenant else said.encode())
            return
        self.server.asked(form)
        request = urllib.request.Request(self.server.behind + self.path, urlencode(form).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as found:
                answer = json.load(found)
        except urllib.error.HTTPError as error:
            with error:
                self._send(error.code, error.read())
            return
        self.server.answered(answer)
        self._send(200, json.dumps(answer).encode())

    def _send(self, code: int, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    some = {name: ARMS[name] for name in ("stable", "good", "errs")}
    with prometheus(tmp_path_factory.mktemp("prometheus"), exposition(some)) as address:
        yield address


@pytest.fixture
def stand_in(real: str) -> Iterator[Before]:
    with Before(real) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_what_thanos_says_beside_an_answer_is_told_from_a_part_of_it(
    stand_in: Before, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has in `warnings` what Prometheus has in `infos`, and that a store did not answer."""
    said = [INFO]
    stand_in.answered = lambda answer: answer.update(warnings=said)
    assert look(tmp_path, stand_in.url, "good")[0] == 0
    assert look(tmp_path, stand_in.url, "errs")[0] == 1
    for also in ([INFO, PARTLY], [PARTLY], ["PromQL warning: bucket label is missing"], [""]):
        said[:] = also
        code = main(_argv(tmp_path, stand_in.url))
        assert code == 4, also
    assert "with a warning, so perhaps in part" in capsys.readouterr().err


def test_what_victoria_metrics_calls_a_part_is_no_answer(
    stand_in: Before, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its answers say `isPartial`, beside success and without a warning."""
    stand_in.answered = lambda answer: answer.update(isPartial=False)
    assert look(tmp_path, stand_in.url, "good")[0] == 0
    stand_in.answered = lambda answer: answer.update(isPartial=True)
    assert main(_argv(tmp_path, stand_in.url)) == 4
    assert "in part" in capsys.readouterr().err


def test_a_short_tenant_hides_no_words(
    stand_in: Before, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.tenant, stand_in.repeats = TENANT, True
    (tmp_path / "tenant").write_text("a")
    assert main([*_argv(tmp_path, stand_in.url), f"--header=A={tmp_path / 'tenant'}"]) == 2
    (tmp_path / "tenant").write_text("n")
    argv = [*_argv(tmp_path, stand_in.url), f"--header=X-Scope-OrgID={tmp_path / 'tenant'}"]
    assert main(argv) == 2
    assert "no access: ***" in capsys.readouterr().err


def test_no_store_at_all_passes_nothing(stand_in: Before, tmp_path: Path) -> None:
    """Thanos says no word of it: it answers with no series, and success."""
    stand_in.answered = lambda answer: answer["data"].update(result=[])
    code, report = look(tmp_path, stand_in.url, "good")
    assert code == 5
    assert set(verdicts(report).values()) == {"inconclusive"}


def test_times_that_a_frontend_aligns_are_told(
    stand_in: Before, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thanos's query frontend does so unless it is told not to."""

    def align(form: dict[str, str]) -> None:
        step = int(form["step"])
        form.update({key: str(int(form[key]) // step * step) for key in ("start", "end")})

    stand_in.asked = align
    odd = ["--since", str(BEGAN + 17)]
    assert main([*_argv(tmp_path, stand_in.url), *odd]) == 2
    err = capsys.readouterr().err
    assert "answers of other times than it was asked about" in err
    assert "a --since that is a multiple of the interval, 60 s" in err
    assert main(_argv(tmp_path, stand_in.url)) == 0, "the advice is true"


def test_a_tenant_is_named_in_a_file(
    stand_in: Before, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.tenant = TENANT
    (tmp_path / "tenant").write_text(TENANT + "\n")
    (tmp_path / "other").write_text("somebody-else")
    argv = _argv(tmp_path, stand_in.url)
    assert main(argv) == 2
    assert "refuses the credentials (401)" in capsys.readouterr().err
    named = f"--header=X-Scope-OrgID={tmp_path / 'tenant'}"
    assert main([*argv, named, "--output", str(tmp_path / "r.json")]) == 0
    assert TENANT not in (tmp_path / "r.json").read_text()
    stand_in.repeats = True
    assert main([*argv, f"--header=X-Scope-OrgID={tmp_path / 'other'}"]) == 2
    err = capsys.readouterr().err
    assert "no access: ***" in err
    assert "somebody-else" not in err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--header", "X-Scope-OrgID"], "must be NAME=FILE"),
        (["--header", "X-Scope-OrgID="], "must be NAME=FILE"),
        (["--header", "X Scope=tenant"], "must be NAME=FILE"),
        (["--header", "Authorization=tenant"], "Authorization is not for this option"),
        (["--header", "X-Scope-OrgID=/nowhere"], "cannot read /nowhere"),
        (["--header", "X-Scope-OrgID=lines"], "must hold one line"),
        (["--header", "A=tenant", "--header", "a=tenant"], "--header a stands twice"),
    ],
)
def test_a_header_that_cannot_be_is_told(
    more: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("tenant").write_text("t")
    Path("lines").write_text("one\r\nInjected: yes\r\n")
    argv = [*_argv(tmp_path, "http://127.0.0.1:9"), *more]
    try:
        code = main(argv)
    except SystemExit as left:
        code = left.code
    assert code == 2
    assert words in capsys.readouterr().err


def test_a_header_is_for_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS)
    argv = ["-C", str(tmp_path), "canary", "check", "--checks", "checks.yaml", "--samples", "s"]
    assert main([*argv, "--header", "A=b"]) == 2
    assert "--header is for --prometheus" in capsys.readouterr().err


def _argv(folder: Path, address: str) -> list[str]:
    (folder / "checks.yaml").write_text(CHECKS.replace("CANARY", "good"))
    return ["-C", str(folder), "canary", "check", "--checks", "checks.yaml", "--prometheus",
            address, "--since", str(BEGAN), "--until", str(UNTIL)]  # fmt: skip
