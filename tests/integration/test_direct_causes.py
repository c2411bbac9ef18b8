"""Causes that a run, a lock or a commit shows by itself: one stage for each, all of one project."""

import socket
from pathlib import Path

import pytest
import yaml

from lockproof.model.report import Report
from lockproof.model.verdict import Verdict

from .pipelines import Project, causes, copy_of, new_project, prove, stage

NET = """\
import socket

socket.create_connection(("127.0.0.1", {port})).close()
open("net.txt", "w").close()
"""
YAML = """\
stages:
  net: {cmd: python3 net.py, deps: [net.py], outs: [net.txt]}
  home: {cmd: cat ~/.x.cfg > home.txt, outs: [home.txt]}
  ignored: {cmd: cat local.cfg > ignored.txt, outs: [ignored.txt]}
  state: {cmd: echo x >> state.log; cp state.log state.txt, outs: [state.txt]}
  kept: {cmd: echo x >> kept.txt, outs: [kept.txt: {persist: true}]}
  code:
    cmd: mkdir -p code/__pycache__; echo x > code/m.py; pwd > code/__pycache__/m.pyc
    outs: [code]
  place: {cmd: echo $PWD/x > place.txt, outs: [place.txt]}
  stale: {cmd: mkdir -p stale; echo new > stale/new.txt, outs: [stale]}
  parts: {cmd: mkdir -p parts; echo a > parts/a.txt; echo 1 > ready.txt, outs: [parts, ready.txt]}
  stray:
    cmd: mkdir -p parts; cp ready.txt parts/b.txt; echo 1 > s.txt
    deps: [ready.txt]
    outs: [s.txt]
  needs: {cmd: cat parts/b.txt > needs.txt, deps: [s.txt], outs: [needs.txt]}
  keys: {cmd: grep b p.yaml > keys.txt, params: [p.yaml: [a]], outs: [keys.txt]}
  crlf: {cmd: cp text.txt crlf.txt, deps: [text.txt], outs: [crlf.txt]}
  ends: {cmd: echo one > ends.txt, outs: [ends.txt]}
  hidden: {cmd: cat README.md > hidden.txt || true, outs: [hidden.txt]}
"""
POLICY = "[reproduce]\nexperiments = 12\n"
EXPECTED = {
    "net": ("network", "net", "likely"),
    "home": ("undeclared input", "~/.x.cfg", "likely"),
    "ignored": ("undeclared input", "local.cfg", "likely"),
    "state": ("kept state", "state.log", "proven"),
    "kept": ("kept state", "kept.txt", "proven"),
    "code": ("byte code", "code", "proven"),
    "place": ("condition", "place.txt", "proven"),
    "stale": ("kept state", "stale/old.txt", "likely"),
    "needs": ("undeclared input", "parts/b.txt", "proven"),
    "keys": ("undeclared input", "p.yaml:b", "proven"),
    "crlf": ("line endings", "text.txt", "proven"),
    "ends": ("line endings", "ends.txt", "proven"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("direct")
    project = new_project(base)
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as server:
        patch.setenv("HOME", str(base))
        (base / ".x.cfg").write_text("x\n")
        net = NET.format(port=server.getsockname()[1])
        project.write({"dvc.yaml": YAML, "lockproof.toml": POLICY, "net.py": net})
        project.write({"local.cfg": "x\n", ".gitignore": "local.cfg\nstate.log\n"})
        project.write(
            {"README.md": "read\n", "p.yaml": "a: 1\nb: 1\n", ".gitattributes": "* -text\n"}
        )
        (project.root / "text.txt").write_bytes(b"a\r\nb\r\n")
        project.dvc("repro", "-q")
        project.dvc("repro", "-q", "-f", "-s", "state", "kept")
    (project.root / "stale" / "old.txt").write_text("old\n")
    (project.root / "ends.txt").write_bytes(b"one\r\n")
    project.dvc("commit", "-q", "-f", "stale", "ends")
    project.dvc("push", "-q")
    (project.root / "text.txt").write_bytes(b"a\nb\n")
    project.commit("made")
    project.write({"p.yaml": "a: 1\nb: 2\n"})
    project.commit("another key")
    return project


@pytest.fixture(scope="module")
def report(project: Project) -> Report:
    return prove(project, mode="isolated")


def online(report: Report) -> bool:
    """Whether stages kept the machine's network, so that a refused connection is no sign of it."""
    return report.host.stages["net"].network != "off"


@pytest.mark.parametrize("name", EXPECTED)
def test_the_cause_is_named(report: Report, name: str) -> None:
    if name == "net" and online(report):
        pytest.skip("stages cannot have a root of their own here, and no network of their own")
    assert EXPECTED[name] in causes(report, name)
    if name == "needs":
        said = stage(report, name).causes[0].summary
        assert "stage stray writes it undeclared" in said
        assert "it lies in what stage parts makes, so write it elsewhere" in said
    if name == "place":
        assert {c.condition for c in stage(report, name).causes} == {"path"}


MENDED = {
    "net": "{cmd: cp got.txt net.txt, deps: [got.txt], outs: [net.txt]}",
    "home": "{cmd: cat x.cfg > home.txt, deps: [x.cfg], outs: [home.txt]}",
    "ignored": "{cmd: cat local.cfg > ignored.txt, deps: [local.cfg], outs: [ignored.txt]}",
    "state": "{cmd: echo x > state.log; cp state.log state.txt, outs: [state.txt]}",
    "kept": "{cmd: echo x > kept.txt, outs: [kept.txt]}",
    "place": "{cmd: echo x > place.txt, outs: [place.txt]}",
    "stray": "{cmd: cp ready.txt b.txt; echo 1 > s.txt, deps: [ready.txt], outs: [s.txt, b.txt]}",
    "needs": "{cmd: cat b.txt > needs.txt, deps: [s.txt, b.txt], outs: [needs.txt]}",
    "keys": "{cmd: grep b p.yaml > keys.txt, params: [p.yaml: [a, b]], outs: [keys.txt]}",
    "hidden": "{cmd: echo read > hidden.txt, outs: [hidden.txt]}",
}
"""Stages as the advice has them."""
ADVISED = {
    "net": "fetch what it takes from there beforehand and 'dvc add' it",
    "home": "keep it in the repository, or 'dvc add' it, and declare it as a dependency",
    "ignored": "track it with 'dvc add' or Git, and declare it as a dependency",
    "state": "write it whole, or declare what it starts from",
    "kept": "take 'persist: true' away and write it whole",
    "code": "leave __pycache__ out by .dvcignore",
    "place": "write paths relative to the repository's top",
    "stale": "'dvc repro -f -s stale'",
    "needs": "write it elsewhere, declare it as an output there and as a dependency here",
    "keys": "declare it under params",
    "crlf": "with '* text=auto eol=lf' in .gitattributes, and 'dvc repro'",
    "ends": "write them with newline='\\n'",
}
"""Words of cause or finding that say so."""


def test_after_the_advice_on_each_the_pipeline_reproduces(
    report: Report, project: Project, tmp_path: Path
) -> None:
    assert ADVISED.keys() == EXPECTED.keys()
    for name, words in ADVISED.items():
        if name == "net" and online(report):
            continue
        told = [c.summary for c in stage(report, name).causes]
        told += [f.message for f in report.findings if f.subject.startswith(f"{name} ")]
        assert any(words in text for text in told), (name, told)
    mended = copy_of(project, tmp_path)
    kept = [n for n in yaml.safe_load(YAML)["stages"] if n not in MENDED]
    whole = {n: yaml.safe_load(text) for n, text in MENDED.items()}
    whole |= {n: yaml.safe_load(YAML)["stages"][n] for n in kept}
    mended.write({"dvc.yaml": yaml.safe_dump({"stages": whole}), ".gitignore": "state.log\n"})
    mended.write({"x.cfg": "x\n", "local.cfg": "x\n", "got.txt": "", ".dvcignore": "__pycache__\n"})
    mended.write({".gitattributes": "* text=auto eol=lf\n"})
    mended.dvc("add", "-q", "got.txt")
    mended.dvc("repro", "-q")
    mended.dvc("repro", "-q", "-f", "-s", "stale", "ends", "code")
    mended.dvc("push", "-q")
    mended.git("add", "-A")
    mended.commit("as advised")
    after = prove(mended, mode="isolated")
    assert after.verdict is Verdict.PASSED, after.findings


def test_a_file_that_stages_do_not_find_here_is_not_excluded(report: Report) -> None:
    """Where the lock was made it was there: `hidden` of the policy has READMEs by default."""
    said = [line.text for line in report.host.stages["hidden"].evidence]
    [line] = [text for text in said if "files that the stage does not declare" in text]
    assert line.startswith("not excluded: ")
    assert "stages do not find README.md here, and may have where it was made" in line
    assert causes(report, "hidden") == [("unknown", "hidden.txt", "possible")]
