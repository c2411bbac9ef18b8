"""`lockproof canary serve` on a real Prometheus, and beside what is no Prometheus."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from lockproof.adapters.prometheus.client import Access
from lockproof.adapters.web.server import Server
from lockproof.cli.main import main
from lockproof.cli.plain_progress import SilentProgress
from lockproof.parse.canary_checks import as_text
from lockproof.steps.canary.serve import Serving, server_of

from .canary_server import BEGAN, MINUTES, exposition, prometheus
from .test_canary import ARMS, CHECKS

HASHES = CHECKS.replace("horizon: 3600", f"horizon: {MINUTES * 60}").replace(
    """{canary: 'arm="CANARY"', stable: 'arm="stable"'}""",
    """{canary: 'arm="$hash"', stable: 'arm="$hash"'}""",
)
LATELY = int(time.time()) // 60 * 60 - MINUTES * 60
"""When the canaries began that go on until long after the tests: nobody can say --until here."""
LONG = HASHES.replace(f"horizon: {MINUTES * 60}", "horizon: 14400")
SECRET = "token-of-the-server"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), exposition(ARMS)) as found:
        yield found


@pytest.fixture(scope="module")
def going_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    text = exposition(ARMS, began=LATELY, minutes=3 * MINUTES)
    with prometheus(tmp_path_factory.mktemp("going-on"), text) as found:
        yield found


def serving(folder: Path, url: str, text: str = HASHES, **more: Any) -> Serving:
    assert "$hash" in text
    (folder / "web.yaml").write_text(text)
    (folder / "token").write_text(SECRET)
    access = Access(url=url, token=folder / "token")
    return Serving(folder, (Path("web.yaml"),), access, "127.0.0.1", 0, **more)


@pytest.fixture
def serve(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    servers: list[Server] = []

    def start(url: str, **more: Any) -> str:
        server = server_of(serving(tmp_path, url, **more), SilentProgress())
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(url: str, path: str = "/v1/verdict", **parameters: object) -> tuple[int, Any, str]:
    """Status, value and raw text."""
    try:
        with urllib.request.urlopen(f"{url}{path}?{urlencode(parameters)}", timeout=120) as answer:
            text = answer.read().decode()
            return answer.status, json.loads(text), text
    except urllib.error.HTTPError as error:
        with error:
            text = error.read().decode()
            return error.code, json.loads(text), text


@pytest.mark.parametrize(
    ("canary", "verdict", "words"),
    [
        ("good", "passed", "it is shown not to be worse"),
        ("errs", "failed", "errors: it is shown to be worse than the stable version"),
        ("slow", "failed", "slow: it is shown to be worse"),
        ("idle", "inconclusive", "no requests in "),
        ("absent", "inconclusive", "no total in "),
    ],
)
def test_each_outcome_is_a_word_and_a_reason(
    canary: str, verdict: str, words: str, serve: Any, going_on: str
) -> None:
    url = serve(going_on, text=LONG)
    code, value, text = ask(url, canary=canary, stable="stable", since=LATELY)
    assert (code, value["verdict"]) == (200, verdict)
    assert words in value["reason"]
    assert len(value["measures"]) == 4
    assert SECRET not in text
    assert going_on not in text
    # Another look says the same, and both name the file by what is in it.
    again = ask(url, canary=canary, stable="stable", since=LATELY, checks="web")[1]
    assert [again[key] for key in ("verdict", "digest")] == [value["verdict"], value["digest"]]


def test_a_canary_of_long_ago_is_not_passed_now(serve: Any, address: str) -> None:
    url = serve(address)
    value = ask(url, canary="good", stable="stable", since=BEGAN)[1]
    assert value["verdict"] == "inconclusive"
    assert f"the horizon ended at {as_text(BEGAN + MINUTES * 60)}" in value["reason"]
    assert ask(url, canary="errs", stable="stable", since=BEGAN)[1]["verdict"] == "failed"


def test_what_cannot_be_told_is_inconclusive(serve: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    url = serve(f"http://127.0.0.1:{port}")
    code, value, text = ask(url, canary="a", stable="b", since=BEGAN)
    assert (code, value["verdict"]) == (200, "inconclusive")
    assert value["reason"] == "Prometheus does not answer, or only in part"
    assert str(port) not in text
    # No hashes, where the file has a place for them: a mistake of whoever set it up.
    assert ask(url, since=BEGAN)[1]["verdict"] == "inconclusive"


def test_a_look_that_takes_too_long_is_inconclusive_and_keeps_its_place(serve: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # It accepts, and never answers.
        url = serve(f"http://127.0.0.1:{silent.getsockname()[1]}", looks=1, seconds=0.2)
        code, value, _ = ask(url, canary="a", stable="b", since=BEGAN)
        assert (code, value["verdict"]) == (200, "inconclusive")
        assert value["reason"] == "the look takes more than 0.2 s"
        code, value, _ = ask(url, canary="a", stable="b", since=BEGAN)
        assert (code, value) == (503, {"error": "too many looks at once"})
        assert ask(url, "/healthz")[:2] == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"canary": "a"}, "canary and stable must both be pod-template hashes"),
        ({"canary": 'a"} or up{', "stable": "b"}, "must both be pod-template hashes"),
        ({"canary": "a", "stable": "a"}, "are the same hash: there is no canary going on"),
        ({"canary": "", "stable": ""}, "canary and stable must both be pod-template hashes"),
        ({"canary": "a", "stable": "b", "checks": "../web"}, "checks must be one of: web"),
        ({"canary": "a", "stable": "b", "since": "soon"}, "since must be a time"),
        ({"prometheus": "http://elsewhere"}, "unknown parameter"),
        ([("canary", "a"), ("canary", "b")], "a parameter stands twice"),
        ([("a", str(n)) for n in range(50)], "Max number of fields exceeded"),
    ],
)
def test_a_wrong_request_is_told(parameters: Any, words: str, serve: Any) -> None:
    url = serve("http://127.0.0.1:1")
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.urlopen(f"{url}/v1/verdict?{urlencode(parameters)}", timeout=60)
    with told.value as answer:
        assert answer.code == 400
        assert words in json.load(answer)["error"]
    assert ask(url, "/elsewhere")[0] == 404


def hook(url: str, kind: str, **changed: Any) -> tuple[int, Any]:
    """Status and value of a call that is shaped as Flagger's are; a stand-in for Flagger.

    As `CallWebhook` of v1.44.0's pkg/controller/webhook.go makes it: one line of JSON by POST, with
    metadata where there is some. A `rollback` is asked in other phases than the rest.
    """
    payload = {
        "name": "good",
        "namespace": "serving",
        "phase": "WaitingPromotion" if kind == "rollback" else "Progressing",
        "checksum": "5bd7c9c7d5",
    }
    payload |= changed
    return post(f"{url}/v1/flagger/{kind}", json.dumps(payload).encode())


def post(url: str, content: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


KINDS = ("confirm-promotion", "confirm-traffic-increase", "rollout", "rollback")


@pytest.fixture
def flagger(tmp_path: Path, going_on: str) -> Iterator[Any]:
    """A server with a file of checks for each canary, and the time at which hooks are called."""
    names = ("good", "errs", "idle", "anywhere")
    for name in names:
        text = LONG.replace("{name: web}", f"{{name: {name}, namespace: serving}}")
        arms = f"""{{canary: 'arm="{name}"', stable: 'arm="stable"'}}"""
        text = text.replace("""{canary: 'arm="$hash"', stable: 'arm="$hash"'}""", arms)
        assert "$hash" not in text
        if name == "anywhere":
            text = text.replace(", namespace: serving", "")
        (tmp_path / f"{name}.yaml").write_text(text)
    now = [float(LATELY)]
    files = tuple(Path(f"{name}.yaml") for name in names)
    settings = Serving(tmp_path, files, Access(url=going_on), "127.0.0.1", 0, now=lambda: now[0])
    server = server_of(settings, SilentProgress())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", now
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("canary", "verdict", "yes"),
    [
        ("good", "passed", ("confirm-promotion", "confirm-traffic-increase", "rollout")),
        ("errs", "failed", ("rollback",)),
        ("idle", "inconclusive", ()),
    ],
)
def test_a_hook_of_flagger_is_a_yes_for_one_verdict_alone(
    canary: str, verdict: str, yes: tuple[str, ...], flagger: Any
) -> None:
    url, _ = flagger
    for kind in KINDS:
        code, value = hook(url, kind, name=canary)
        assert (code, value["verdict"]) == (200 if kind in yes else 409, verdict), kind
    # Its own checks, or those that it names.
    code, value = hook(url, "confirm-promotion", name="app", metadata={"checks": canary})
    assert (code, value["checks"]) == (200 if "confirm-promotion" in yes else 409, canary)


def test_what_was_seen_of_another_version_does_not_count(flagger: Any) -> None:
    url, now = flagger
    assert hook(url, "confirm-promotion")[0] == 200
    # A newer version comes in the middle, with the same labels and no pause between the two.
    now[0] = time.time()
    code, value = hook(url, "confirm-promotion", checksum="6d9f4b8c77")
    assert (code, value["verdict"]) == (409, "inconclusive")
    assert all(measure["intervals"] == 0 for measure in value["measures"])
    # And the first one again, which began anew.
    assert hook(url, "confirm-promotion")[0] == 409
    # Another Canary has nothing to do with it.
    now[0] = float(LATELY)
    assert hook(url, "confirm-promotion", name="app", metadata={"checks": "good"})[0] == 200


def test_checks_answer_for_no_namespace_but_the_one_they_state(flagger: Any) -> None:
    """Their matchers are of one Canary: another of the same name was promoted by its figures."""
    url, _ = flagger
    for kind in KINDS:
        code, value = hook(url, kind, namespace="elsewhere")
        assert code == 400
        assert value["error"] == (
            "the checks good are for a Canary in serving, and this one is in elsewhere: write"
            " checks of its own and name them in metadata.checks"
        )
        code, value = hook(url, kind, metadata={"checks": "anywhere"})
        assert code == 400
        assert "anywhere do not say which namespace their Canary is in" in value["error"]
        assert "write metadata.namespace: serving into them, if they are" in value["error"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"checksum": None}, "no checksum of the version that is tried: take a newer Flagger"),
        ({"checksum": "../x"}, "no checksum of the version"),
        ({"name": "other"}, "no checks are named other; metadata.checks may be one of: good, errs"),
        ({"name": ["good"]}, "name must be that of a Canary"),
        ({"namespace": "A B"}, "namespace must be that of a Canary"),
        ({"metadata": {"since": "1"}}, "metadata may name checks, and nothing else"),
        ({"metadata": {"checks": 7}}, "metadata.checks must be the name of checks"),
    ],
)
def test_a_hook_that_cannot_be_told_is_no_yes(
    changed: dict[str, Any], words: str, flagger: Any
) -> None:
    url, _ = flagger
    for kind in KINDS:
        code, value = hook(url, kind, **changed)
        assert code == 400
        assert words in value["error"]


def test_what_is_posted_has_a_form_and_an_end(flagger: Any) -> None:
    url, _ = flagger
    path = f"{url}/v1/flagger/rollout"
    for content in (b"", b"{", b"\xff", b"[" * 60_000):
        assert post(path, content) == (400, {"error": "what was posted is no JSON"})
    assert post(path, b"[]")[0] == 400
    assert post(path, b" " * 65_537)[0] == 413
    assert post(f"{path}?checks=good", b"{}")[0] == 400
    assert post(f"{url}/v1/verdict", b"{}")[0] == 405
    assert post(f"{url}/v1/flagger/confirm-rollout", b"{}")[0] == 404
    assert ask(url, "/v1/flagger/rollout")[0] == 405
    address = urlsplit(url)
    for header, code in (("", b" 411 "), (f"Content-Length: {9 * '0'}{9 * '9'}\r\n", b" 413 ")):
        with socket.create_connection((address.hostname, address.port)) as one:
            one.settimeout(60)
            one.sendall(f"POST /v1/flagger/rollout HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
            assert code in one.recv(100)


def test_flagger_halts_without_prometheus(tmp_path: Path) -> None:
    text = HASHES.replace("$hash", "one", 1).replace("$hash", "two", 1)
    text = text.replace("{name: web}", "{name: web, namespace: serving}")
    (tmp_path / "web.yaml").write_text(text)
    settings = Serving(tmp_path, (Path("web.yaml"),), Access("http://127.0.0.1:1"), "127.0.0.1", 0)
    server = server_of(settings, SilentProgress())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for kind in KINDS:
            code, value = hook(f"http://127.0.0.1:{server.server_port}", kind, name="web")
            assert (code, value["verdict"]) == (409, "inconclusive")
    finally:
        server.shutdown()
        server.server_close()


def test_the_first_request_begins_a_canary(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serving(tmp_path, address)
    until = BEGAN + MINUTES * 60

    def check(canary: str, until: int) -> tuple[int, Any]:
        words = ["canary", "check", "--checks", "web.yaml", "-C", str(tmp_path)]
        words += ["--prometheus", address, "--since", "first", "--until", str(until)]
        words += ["--hashes", f"{canary},stable", "--format", "json"]
        code = main(words)
        out = capsys.readouterr()
        return code, json.loads(out.out)["host"]["canary"] if out.out else out.err

    code, seen = check("begins", until)
    assert code == 0
    assert seen["measures"][0]["intervals"] == MINUTES - 9 + 1
    # Later looks begin with the same interval.
    assert check("begins", until + MINUTES * 60)[1]["since"] == seen["since"]
    assert check("idle", until)[0] == 5
    # One that is tried again long after is judged by that attempt alone.
    code, seen = check("again", until)
    assert (code, seen["since"]) == (5, as_text(BEGAN + 40 * 60))
    # Nothing is there from before its first request, not even of stable: it may be older.
    code, told = check("good", until)
    assert code == 2
    assert f"nothing from just before {as_text(BEGAN + 60)}, when the first request" in told
    assert "so it may have begun sooner: say when with --since" in told
    code, told = check("begins", until + 2 * MINUTES * 60 - 600)
    assert code == 2
    assert "for more than twice the horizon of 2,700 s: say when it began" in told


def test_what_files_are_called_is_read_at_every_look(flagger: Any, tmp_path: Path) -> None:
    """Names and namespaces too: they say whose figures these are."""
    url, _ = flagger
    file = tmp_path / "good.yaml"
    text = file.read_text()
    assert hook(url, "confirm-promotion")[0] == 200
    file.write_text(text.replace("namespace: serving", "namespace: elsewhere"))
    code, value = hook(url, "confirm-promotion")
    assert (code, "the checks good are for a Canary in elsewhere" in value["error"]) == (400, True)
    file.write_text(text.replace("name: good", "name: better"))
    code, value = hook(url, "confirm-promotion")
    assert (code, value["error"].split(";")[0]) == (400, "no checks are named good")
    assert hook(url, "confirm-promotion", name="better")[0] == 200
    # What cannot be read is no error of the canary, which Argo would count against it.
    for wrong in (
        text.replace("limit: 0.35", "limit: 7"),
        text.replace("name: good", "name: errs"),
    ):
        file.write_text(wrong)
        reason = "its files of checks cannot be read as they are by now: see its log"
        value = {"verdict": "inconclusive", "reason": reason}
        assert hook(url, "confirm-promotion") == (409, value)
        assert ask(url, checks="good")[:2] == (200, value)
    file.write_text(text)
    assert hook(url, "confirm-promotion")[0] == 200


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    serving(tmp_path, "http://127.0.0.1:1")
    command = [
        Path(sys.executable).with_name("lockproof"),
        "canary",
        "serve",
        "--checks",
        "web.yaml",
    ]
    command += ["--prometheus", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        line = process.stderr.readline()
        assert "listening on 127.0.0.1:" in line
        assert line.rstrip().endswith("checks: web")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        assert process.stderr.read() == ""


def test_a_file_with_a_mistake_is_told_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.yaml").write_text(HASHES.replace("limit: 0.35", "limit: 7"))
    words = ["canary", "serve", "--checks", "web.yaml", "-C", str(tmp_path)]
    assert main([*words, "--prometheus", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"]) == 2
    assert "spec.guards.0" in capsys.readouterr().err
