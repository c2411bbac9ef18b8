"""`--schema-location` with a real HTTP server: layouts, templates, versions, what goes wrong."""

import json
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lockproof.errors import ConfigError, UnavailableError, UsageError
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.steps.lint import Request, lint

KINDS = {
    "1.33": {"a": {"type": "string"}},
    "1.34": {"a": {"type": "string"}, "b": {"type": "integer"}},
}
"""What the schema of a Widget has in each version of Kubernetes."""
WIDGET = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\nspec: {a: x, b: 1}\n"
LAYOUT = "{{ .NormalizedKubernetesVersion }}-standalone{{ .StrictSuffix }}/{{ .ResourceKind }}{{ .KindSuffix }}.json"  # noqa: E501


class Quiet:
    def say(self, text: str) -> None:
        """Nobody listens."""


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder; what begins with `broken` is an error of the server."""

    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        if self.path.startswith("/broken"):
            self.send_error(500)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def schema(properties: Mapping[str, Any]) -> str:
    words = {"type": ["string", "null"]}
    spec = {"type": "object", "additionalProperties": False, "properties": properties}
    whole = {"apiVersion": words, "kind": words, "metadata": {"type": "object"}, "spec": spec}
    return json.dumps({"type": "object", "additionalProperties": False, "properties": whole})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("schemas")
    for version, properties in KINDS.items():
        path = folder / f"v{version}.0-standalone-strict" / "widget-example-v1.json"
        path.parent.mkdir()
        path.write_text(schema(properties))
    (folder / "example.org").mkdir()
    (folder / "example.org" / "widget_v1.json").write_text(schema(KINDS["1.34"]))
    (folder / "wrong").mkdir()
    (folder / "wrong" / "widget.json").write_text("<html>")
    Handler.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as one:
        thread = threading.Thread(target=one.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()
        thread.join()


def linted(root: Path, *locations: str, version: str = "1.34", text: str = WIDGET) -> Report:
    (root / ".git").mkdir(exist_ok=True)
    (root / "a.yaml").write_text(text)
    request = Request(
        directory=root,
        kubernetes_version=version,
        schema_locations=locations,
        only=("schema",),
    )
    return lint(request, Quiet())


def test_a_server_in_kubeconforms_layout(server: str, tmp_path: Path) -> None:
    report = linted(tmp_path, server)
    assert report.verdict is Verdict.PASSED, report
    report = linted(tmp_path, f"{server}/", version="1.33")
    assert [(f.rule, f.line) for f in report.findings] == [("LP604", 4)]
    report = linted(tmp_path, server, version="1.36")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.checks[0].not_checked == ("a.yaml:1: no schema for example.org/v1 Widget",)


@pytest.mark.parametrize(
    "template",
    [LAYOUT, "{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json"],
)
def test_a_server_with_a_template(template: str, server: str, tmp_path: Path) -> None:
    assert linted(tmp_path, f"{server}/{template}").verdict is Verdict.PASSED
    wrong = linted(tmp_path, f"{server}/{template}", text=WIDGET.replace("b: 1", "c: 1"))
    assert [f.rule for f in wrong.findings] == ["LP604"]


def test_the_first_location_that_knows_a_kind_decides(server: str, tmp_path: Path) -> None:
    pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{nam: c}]}\n"
    report = linted(tmp_path, f"{server}/nothing/{LAYOUT}", "default", server, text=WIDGET + pod)
    assert [(f.rule, f.line) for f in report.findings] == [("LP604", 9), ("LP606", 9)]
    assert report.checks[0].checked == 2


def test_each_schema_is_asked_for_once(server: str, tmp_path: Path) -> None:
    Handler.asked.clear()
    linted(tmp_path, server, text="---\n".join(WIDGET.replace("w}", f"w{n}}}") for n in range(5)))
    assert Handler.asked == ["/v1.34.0-standalone-strict/widget-example-v1.json"]


def test_a_server_that_fails_is_no_missing_schema(server: str, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="the server answers 500"):
        linted(tmp_path, f"{server}/broken")
    with pytest.raises(UnavailableError, match="does not answer"):
        linted(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="is no JSON schema"):
        linted(tmp_path, f"{server}/wrong/widget.json")


def test_a_folder_of_the_policy_is_looked_for_from_the_policy(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "widget.json").write_text(schema(KINDS["1.34"]))
    policy = '[lint]\nschema-locations = ["schemas/{{ .ResourceKind }}.json"]\n'
    (tmp_path / "lockproof.toml").write_text(policy)
    linted(tmp_path)  # Makes it a repository, with the Widget.
    report = lint(Request(directory=tmp_path, only=("schema",)), Quiet())
    assert report.verdict is Verdict.PASSED
    beside = Request(
        directory=tmp_path / "schemas", schema_locations=("{{ .ResourceKind }}.json",),
        only=("schema",), paths=("../a.yaml",),
    )  # fmt: skip
    assert lint(beside, Quiet()).verdict is Verdict.PASSED


@pytest.mark.parametrize("location", ["gone", "gone/{{ .ResourceKind }}.json", "ftp://x/"])
def test_a_location_that_is_not_there_is_refused(location: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no .*gone|neither a folder nor"):
        linted(tmp_path, location)
