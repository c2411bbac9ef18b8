"""The connection: what is told when there is no server, and how long one is waited for."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from lockproof.adapters.kubernetes import connection
from lockproof.adapters.kubernetes.answers import Refusal, Why
from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.adapters.kubernetes.connection import WouldWriteError
from lockproof.cli.main import main
from lockproof.errors import ConfigError, ExitCode, UnavailableError
from lockproof.model.resource import GroupKind

TOKEN = "a-token-that-nobody-may-see"


class ScriptedServer(BaseHTTPRequestHandler):
    """Gives the answers of a list in their order: the last one for ever; not an API server."""

    answers: ClassVar[list[tuple[int, Any]]]
    seen: ClassVar[list[str]]

    def do_GET(self) -> None:
        code, value = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.seen.append(self.headers["Authorization"])
        content = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[ScriptedServer]]]:
    class Own(ScriptedServer):
        answers: ClassVar[list[tuple[int, Any]]] = [(200, {"gitVersion": "v1.34.4"})]
        seen: ClassVar[list[str]] = []

    with HTTPServer(("127.0.0.1", 0), Own) as one:
        worker = threading.Thread(target=one.serve_forever)
        worker.start()
        try:
            yield f"http://127.0.0.1:{one.server_port}", Own
        finally:
            one.shutdown()
            worker.join()


def kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "here",
    }
    path.write_text(yaml.safe_dump(config))
    return path


def connect(path: Path | None, patience: float = 3, context: str | None = None) -> Cluster:
    return Cluster.connect(path, context, manager="m", patience=patience, say=lambda _: None)


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_server_that_is_busy_is_asked_again(
    tmp_path: Path, server: tuple[str, type[ScriptedServer]]
) -> None:
    url, script = server
    script.answers[:0] = [(503, {"message": "starting"}), (429, {}), (500, {"message": "etcd"})]
    cluster = connect(kubeconfig(tmp_path, url), patience=30)
    assert cluster.version() == "v1.34.4"
    assert script.seen == [f"Bearer {TOKEN}"] * 4
    assert cluster.context == "here"
    assert TOKEN not in repr(cluster)


def test_a_refusal_of_a_server_that_is_starting_is_asked_again(
    tmp_path: Path, server: tuple[str, type[ScriptedServer]]
) -> None:
    url, script = server
    forbidden = (403, {"reason": "Forbidden", "message": "no roles yet"})
    script.answers[:] = [forbidden, (500, {"message": "not ready"}), (200, {"gitVersion": "v1"})]
    assert connect(kubeconfig(tmp_path, url), patience=30).version() == "v1"
    script.answers[:] = [forbidden, (200, "ok"), (200, {})]
    with pytest.raises(Refusal) as caught:
        connect(kubeconfig(tmp_path, url)).version()
    assert caught.value.why is Why.FORBIDDEN


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, f"https://127.0.0.1:{closed_port()}")
    with pytest.raises(UnavailableError, match=r"does not answer: .*refused.*; start it") as caught:
        connect(path, patience=0.5).version()
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert TOKEN not in str(caught.value)


def test_who_ends_the_connection_has_no_wrong_certificate(tmp_path: Path) -> None:
    """As a load balancer does that has no server behind it yet: it is asked again."""
    asked = []

    def hang_up(listener: socket.socket) -> None:
        with suppress(OSError):  # The listener was closed.
            while True:
                one, _ = listener.accept()
                with one:
                    asked.append(one.recv(1 << 16))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker = threading.Thread(target=hang_up, args=(listener,), daemon=True)
        worker.start()
        path = kubeconfig(tmp_path, f"https://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(UnavailableError, match="does not answer: it ended the connection"):
            connect(path, patience=0.1).version()
        listener.shutdown(socket.SHUT_RDWR)
        worker.join()
    assert len(asked) >= 3


def test_a_server_that_is_slow_at_first_is_asked_again(
    tmp_path: Path, server: tuple[str, type[ScriptedServer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request may take longer than a server that was never reached is waited for."""
    url, script = server
    answers, waits = script.do_GET, [1, 2]

    def answer(self: ScriptedServer) -> None:
        self.close_connection = True
        if waits:
            waits.pop()
        else:
            answers(self)

    monkeypatch.setattr(script, "do_GET", answer)
    monkeypatch.setattr(connection, "_FIRST_PATIENCE", 0.0)
    assert connect(kubeconfig(tmp_path, url), patience=30).version() == "v1.34.4"
    assert not waits


@pytest.mark.parametrize("answer", [(418, {}), (307, {}), (200, "hello"), (200, [])])
def test_what_is_no_api_server_is_told(
    tmp_path: Path, server: tuple[str, type[ScriptedServer]], answer: tuple[int, Any]
) -> None:
    url, script = server
    script.answers[:] = [answer]
    with pytest.raises(ConfigError, match="is no Kubernetes API server"):
        connect(kubeconfig(tmp_path, url)).version()


def test_no_name_of_a_manifest_leads_to_another_path(
    tmp_path: Path, server: tuple[str, type[ScriptedServer]]
) -> None:
    url, script = server
    cluster = connect(kubeconfig(tmp_path, url))
    for version in ("../api/v1/namespaces/a/services/b:80/proxy", "..", "a/..", "a/b/c", "a b/v1"):
        assert cluster.kind(version, "A") is None
    with pytest.raises(Refusal, match="no object can be at"):
        cluster.get(Kind(GroupKind("", "A"), "v1", "as", namespaced=True), "x", "..")
    assert script.seen == []


def test_what_a_server_fails_at_may_be_an_answer(
    tmp_path: Path, server: tuple[str, type[ScriptedServer]]
) -> None:
    url, script = server
    failure = {"kind": "Status", "message": "failed calling webhook", "reason": "InternalError"}
    script.answers[:] = [(500, failure)]
    connection = connect(kubeconfig(tmp_path, url), patience=600).connection
    with pytest.raises(Refusal, match="failed calling webhook") as caught:
        connection.request("GET", "/version", {}, failing=True)
    assert caught.value.why is Why.FAILED
    script.answers[:] = [(500, failure), (200, {"gitVersion": "v1"})]
    assert connection.request("GET", "/version", {}, failing=True) == {"gitVersion": "v1"}


@pytest.mark.parametrize("content", ["", "[]", "clusters: 1", "\x00", "a: [", "kind: Config"])
def test_a_kubeconfig_that_is_none_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(ConfigError, match="cannot use the kubeconfig") as caught:
        connect(path)
    assert "\n" not in str(caught.value)


def test_a_context_that_is_not_there_and_a_file_that_is_not(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:1")
    with pytest.raises(ConfigError, match="no context 'other' in"):
        connect(path, context="other")
    with pytest.raises(ConfigError, match="there is no kubeconfig"):
        connect(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("PATCH", {}, {}),
        ("PATCH", {"dryRun": "None"}, {}),
        ("POST", {}, {}),
        ("PUT", {}, {}),
        ("DELETE", {}, None),
        ("DELETE", {"dryRun": "All"}, {"kind": "DeleteOptions"}),
        ("DELETE", {"dryRun": "All"}, {"dryRun": []}),
    ],
)
def test_what_only_asks_sends_nothing_that_would_write(
    method: str, query: dict[str, str], body: Any, tmp_path: Path
) -> None:
    """Where a DELETE has a body, an API server does not look at its query."""
    path = kubeconfig(tmp_path, f"http://127.0.0.1:{closed_port()}")
    cluster = Cluster.connect(
        path, None, manager="m", patience=0.1, say=lambda _: None, only_asks=True
    )
    with pytest.raises(WouldWriteError, match=f"{method} /x"):
        cluster.connection.request(method, "/x", query, body)
    asks = {"dryRun": ["All"]} if method == "DELETE" else body
    with pytest.raises(UnavailableError):  # It went out, and nobody listens.
        cluster.connection.request(method, "/x", {"dryRun": "All"}, asks)


def test_the_command_ends_with_code_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import subprocess

    overlay = tmp_path / "control-plane" / "overlays" / "local"
    overlay.mkdir(parents=True)
    (overlay / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    (overlay / "a.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n"
    )
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, f"http://127.0.0.1:{closed_port()}")))
    arguments = ["-C", str(tmp_path), "provision", "--timeout", "1s"]
    assert main(arguments) == 4
    assert "lockproof: the API server" in capsys.readouterr().err
    assert main([*arguments, "--overlay", "other"]) == 2
    assert "control-plane/overlays has local" in capsys.readouterr().err
    assert main([*arguments, "--allow-data-loss"]) == 2
    assert main([*arguments, "status", "--prune"]) == 2
