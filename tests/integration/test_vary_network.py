"""A stage whose result is what a server says: `--vary network` names it, and its advice works."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockproof.model.report import Varied
from lockproof.model.verdict import Verdict

from .pipelines import Project, new_project, prove, rules, stage

SAID = b"fresh\n"
FETCH = """\
import urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
try:
    text = opener.open("{url}", timeout=20).read()
except OSError:
    {without}
open("out.txt", "wb").write(text)
"""
WITHOUT = {"a default": 'text = b"stale\\n"', "a failure": "raise"}
"""What the program does without the network."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Says one thing, with the tag that DVC asks for."""

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(SAID)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(SAID).hexdigest()}"')
        self.send_header("Content-Length", str(len(SAID)))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/data.txt"
    server.shutdown()
    thread.join()
    server.server_close()


def network(project: Project) -> tuple[Varied, set[str], Verdict]:
    """The row of the network, the rules that found something, and the verdict."""
    report = prove(project, vary=("network",), mode="isolated")
    (row,) = report.host.stages["fetch"].varied
    assert stage(report, "fetch").causes == ()
    return row, rules(report), report.verdict


@pytest.mark.parametrize("without", WITHOUT)
def test_after_the_advice_on_the_network_nothing_depends_on_it(
    without: str, url: str, tmp_path: Path
) -> None:
    project = new_project(tmp_path)
    fetch = "stages:\n  fetch: {cmd: python3 fetch.py, deps: [fetch.py], outs: [out.txt]}\n"
    policy = "[run]\nnetwork = true\n"
    code = FETCH.format(url=url, without=WITHOUT[without])
    project.write({"dvc.yaml": fetch, "fetch.py": code, "lockproof.toml": policy})
    project.repro("first")
    row, found, verdict = network(project)
    if row.obstacle:
        pytest.skip(row.obstacle)
    assert (row.condition, row.matters, verdict) == ("network", True, Verdict.PASSED)
    assert "LP711" in found
    assert row.mend
    assert "dvc import-url" in row.mend
    # As it says.
    project.dvc("import-url", "-q", url, "data.txt")
    fetched = "{cmd: cp data.txt out.txt, deps: [data.txt], outs: [out.txt]}"
    project.write({"dvc.yaml": f"stages:\n  fetch: {fetched}\n"})
    project.git("rm", "-q", "fetch.py")
    project.repro("as advised")
    row, found, verdict = network(project)
    assert (row.matters, row.obstacle, verdict) == (False, None, Verdict.PASSED)
    assert "LP711" not in found
