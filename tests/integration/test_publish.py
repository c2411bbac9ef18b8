"""What the jobs that publish do: one comment for each step, kept current, and no more."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from integration.workflows import script, tool, write_files
from lockproof.render.markdown import MARK


class GitHubStandIn(BaseHTTPRequestHandler):
    """A stand-in for the three calls of GitHub's REST API that a comment takes."""

    comments: list[dict[str, Any]]
    seen: list[str]

    def do_GET(self) -> None:
        page = int(self.path.rpartition("page=")[2])
        self.answer(self.comments[100 * (page - 1) : 100 * page])

    def do_POST(self) -> None:
        self.comments.append({"id": 900, "user": {"type": "Bot"}, **self.body()})
        self.answer(self.comments[-1])

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        comment = next(c for c in self.comments if c["id"] == number)
        comment.update(self.body())
        self.answer(comment)

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def answer(self, content: object) -> None:
        self.seen.append(f"{self.command} {self.path.partition('?')[0]}")
        allowed = self.headers["Authorization"] == "Bearer secret-token"
        self.send_response(200 if allowed else 403)
        self.end_headers()
        self.wfile.write(json.dumps(content if allowed else {"message": "no"}).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def api() -> Iterator[tuple[str, type[GitHubStandIn]]]:
    class Handler(GitHubStandIn):
        comments: list[dict[str, Any]] = []  # noqa: RUF012 - one server, one list
        seen: list[str] = []  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Handler
    server.shutdown()
    thread.join()
    server.server_close()


def comment(
    folder: Path, url: str, token: str = "secret-token", step: str = "reproduce"
) -> subprocess.CompletedProcess[str]:
    [path] = write_files(folder, "github")
    for needed in ("jq", "curl"):
        tool(needed)
    return subprocess.run(
        [
            "bash",
            "-eo",
            "pipefail",
            "-c",
            script(path, f"publish-{step}", "Comment on the pull request"),
        ],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "GITHUB_API_URL": url,
            "GITHUB_REPOSITORY": "acme/digits",
            "NUMBER": "7",
            "TOKEN": token,
        },
        capture_output=True,
        text=True,
    )


def test_a_pull_request_has_one_comment_that_is_kept_current(
    tmp_path: Path, api: tuple[str, type[GitHubStandIn]]
) -> None:
    url, server = api
    mark = MARK.format(step="reproduce")
    others = [
        {"id": n, "user": {"type": "User"}, "body": f"{mark}\n quoted by a person"}
        for n in range(150)  # two pages
    ]
    server.comments = [*others]
    report = tmp_path / "reports" / "reproduce" / "report.md"
    report.parent.mkdir(parents=True)
    text = f"{mark}\n`$(touch pwned)` \"quoted\" 'é' ${{IFS}}\n"
    report.write_text(text)
    first = comment(tmp_path, url)
    assert first.returncode == 0, first.stderr
    assert server.comments[:-1] == others
    assert server.comments[-1]["body"] == text
    report.write_text(f"{mark}\nchanged\n")
    second = comment(tmp_path, url)
    assert second.returncode == 0, second.stderr
    assert server.seen[-1] == "PATCH /repos/acme/digits/issues/comments/900"
    assert len(server.comments) == 151
    assert server.comments[-1]["body"] == f"{mark}\nchanged\n"
    assert not (tmp_path / "pwned").exists()


def test_a_comment_that_may_not_be_made_fails_without_the_token(
    tmp_path: Path, api: tuple[str, type[GitHubStandIn]]
) -> None:
    report = tmp_path / "reports" / "reproduce" / "report.md"
    report.parent.mkdir(parents=True)
    report.write_text("x")
    done = comment(tmp_path, api[0], token="wrong-token")
    assert done.returncode != 0
    assert "403" in done.stderr
    assert "wrong-token" not in done.stdout + done.stderr


def test_without_a_report_there_is_no_comment(
    tmp_path: Path, api: tuple[str, type[GitHubStandIn]]
) -> None:
    done = comment(tmp_path, api[0], step="gate")
    assert (done.returncode, done.stdout) == (0, "no report to comment with\n")
    assert api[1].seen == []
