"""An HTTP remote behind something that spoils its answers in the same way each time.

Its objects are sound: whoever deletes one because it is called corrupted loses the only copy.
"""

import secrets
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lockproof.cli.main import main
from lockproof.errors import UnavailableError

from .pipelines import Project, new_project, prove, rules

PAGE = b"<html>please log in</html>"


class _Spoilt(SimpleHTTPRequestHandler):
    """Gives the files of a folder, by one of the ways of `HOW`."""

    how = "sound"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        self.answer(False)

    def do_GET(self) -> None:
        self.answer(True)

    def answer(self, whole: bool) -> None:
        path = Path(self.translate_path(self.path))
        if self.how == "login":
            return self.send(200, PAGE, whole)
        if not path.is_file():
            return self.send(404, b"", whole)
        content = path.read_bytes()
        if self.how == "unsized":
            return self.send(200, content[:100], whole, sized=False)
        made = {
            "half": content[: len(content) // 2],
            "empty": b"",
            "part": content[:100],
            "twice": content * 2,
            "other bytes": b"x" + content[1:],
            "changing": secrets.token_bytes(len(content)),
        }.get(self.how, content)
        if not whole:
            said = {"says none": b"", "says more": content * 2}.get(self.how, content)
            return self.send(200, said, whole)
        return self.send(206 if self.how == "part" else 200, made, whole)

    def send(self, status: int, body: bytes, whole: bool, *, sized: bool = True) -> None:
        self.send_response(status)
        if sized:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if whole:
            self.wfile.write(body)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A pipeline whose input is in the remote alone."""
    project = new_project(tmp_path)
    stage = "{cmd: sort raw.txt > made.txt, deps: [raw.txt], outs: [made.txt]}"
    project.write(
        {
            "dvc.yaml": f"stages:\n  use: {stage}\n",
            "raw.txt": "".join(f"{number}\n" for number in range(3000)),
        }
    )
    project.dvc("add", "-q", "raw.txt")
    project.repro("first")
    handler = partial(_Spoilt, directory=str(project.remote))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    project.dvc("remote", "modify", "-q", "store", "url", url)
    project.commit("http")
    shutil.rmtree(project.root / ".dvc" / "cache")
    monkeypatch.setattr(_Spoilt, "how", "sound")
    yield project
    server.shutdown()
    thread.join()
    server.server_close()


HOW = {
    "half": "says that there are",
    "empty": "says that there are",
    "part": "says that there are",
    "twice": "says that there are",
    "unsized": "does not say how many",
    "login": "has an answer for an object that nobody made",
}


@pytest.mark.parametrize("how", HOW)
def test_what_spoils_each_answer_alike_is_no_corrupted_object(
    how: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Spoilt, "how", how)
    with pytest.raises(UnavailableError, match=HOW[how]):
        prove(project)


AS_THE_GATE_SAYS = {
    "half": "what it sent is not what it holds",
    "empty": "what it sent is not what it holds",
    "part": "what it sent is not what it holds",
    "twice": "what it sent is not what it holds",
    "unsized": "does not say how many bytes it holds",
    "changing": "sends another content each time",
    "login": "has an answer for an object that nobody made",
}


@pytest.mark.parametrize("how", AS_THE_GATE_SAYS)
def test_nor_is_it_to_the_gate_that_reads_it(
    how: str, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other families have findings here, so that the exit code says nothing of it."""
    monkeypatch.setattr(_Spoilt, "how", how)
    main(["-C", str(project.root), "gate", "--deep", "--format", "short"])
    told = capsys.readouterr()
    assert AS_THE_GATE_SAYS[how] in told.err
    assert "LP202" not in told.out


def test_a_page_that_asks_for_a_login_is_no_object_of_another_size(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_Spoilt, "how", "login")
    main(["-C", str(project.root), "gate", "--format", "short"])
    told = capsys.readouterr()
    assert AS_THE_GATE_SAYS["login"] in told.err
    assert "LP203" not in told.out


@pytest.mark.parametrize("deep", [(), ("--deep",)])
@pytest.mark.parametrize("how", ["says none", "says more"])
def test_what_a_server_says_without_its_content_blames_no_object(
    how: str,
    deep: tuple[str, ...],
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not as many bytes as it sends of each; what is read is as the lock has it."""
    monkeypatch.setattr(_Spoilt, "how", how)
    main(["-C", str(project.root), "gate", *deep, "--format", "short"])
    told = capsys.readouterr()
    assert "LP202" not in told.out
    assert "LP203" not in told.out
    seen = not deep and how == "says more"
    assert ("what it sent is not what it holds" in told.err) is seen


def test_other_bytes_of_the_right_number_are_a_corrupted_object(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "LP202" not in rules(prove(project))
    monkeypatch.setattr(_Spoilt, "how", "other bytes")
    assert "LP202" in rules(prove(project))
    main(["-C", str(project.root), "gate", "--deep", "--format", "short"])
    assert "LP202" in capsys.readouterr().out
