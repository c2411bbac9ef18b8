"""The word of tampering is not said of honest work: runs by force where other things are otherwise.

Each stage depends on one thing that nobody declared. The lock is made, then made again by
`dvc repro -f` where all of these are otherwise: only digests of outputs change, as by hand.
"""

import os
import re
from pathlib import Path

import anyio
import pytest

from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.model.report import Report

from .answer_case import everything_said
from .pipelines import Project, causes, copy_of, new_project, prove, stage
from .test_environment_causes import keep_record

STAGES = {
    "package": "try:\n    import alpha\n    said = alpha.V\nexcept ImportError:\n    said = 0",
    "variable": "said = os.environ.get('FLAVOUR')",
    "timezone": "said = time.localtime(0).tm_hour",
    "locale": "said = os.environ.get('LC_ALL')",
    "umask": "said = oct(os.umask(0))",
    "user": "said = os.environ.get('USER')",
    "home": "said = os.path.exists(os.path.expanduser('~/settings'))",
    "ignored": "said = os.path.exists('local.cfg')",
    "untracked": "said = os.path.exists('notes.cfg')",
    "threads": "said = os.environ.get('OMP_NUM_THREADS')",
    "kernel": "said = os.environ.get('OPENBLAS_CORETYPE')",
    "epoch": "said = os.environ.get('SOURCE_DATE_EPOCH')",
    "temporary": "said = os.environ.get('TMPDIR')",
    "limit": "said = resource.getrlimit(resource.RLIMIT_CORE)[0]",
    "windows": "end = os.environ.get('EOL', 'lf')\nsaid = 1",
    "forged": "said = 1",
}
"""Stage -> lines that set `said`."""
SCRIPT = """\
import os, resource, time
end = "lf"
{lines}
newline = "\\r\\n" if end == "crlf" else "\\n"
open("{name}.txt", "w", newline=newline).write(f"{{said}}\\n")
"""
OTHER = {
    "FLAVOUR": "sweet",
    "TZ": "Asia/Tokyo",
    "LC_ALL": "C",
    "USER": "somebody",
    "OMP_NUM_THREADS": "3",
    "OPENBLAS_CORETYPE": "Nehalem",
    "SOURCE_DATE_EPOCH": "1",
    "EOL": "crlf",
}


ALTERED = re.compile("altered|tamper|changed after the run", re.IGNORECASE)
"""Words that would say it."""


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two commits: the lock, and the lock made again by force."""
    base = tmp_path_factory.mktemp("again")
    project = new_project(base)
    entries = (
        f"  {n}:\n    cmd: python3 {n}.py\n    deps: [{n}.py]\n    outs: [{n}.txt]\n"
        for n in STAGES
    )
    project.write({"dvc.yaml": "stages:\n" + "".join(entries), ".gitignore": "/local.cfg\n"})
    project.write({f"{n}.py": SCRIPT.format(name=n, lines=text) for n, text in STAGES.items()})
    (base / "packages").mkdir()
    (base / "packages" / "alpha.py").write_text("V = 2\n")
    (base / "home").mkdir()
    (base / "home" / "settings").touch()
    (base / "home" / ".gitconfig").write_text("[user]\n\tname = T\n\temail = t@example.com\n")
    with pytest.MonkeyPatch.context() as patch:
        for name in (*OTHER, "TMPDIR"):
            patch.delenv(name, raising=False)
        project.repro("first")
        for name, value in OTHER.items():
            patch.setenv(name, value)
        patch.setenv("PYTHONPATH", str(base / "packages"))
        patch.setenv("HOME", str(base / "home"))
        patch.setenv("TMPDIR", str(base))
        project.write({"local.cfg": "", "notes.cfg": ""})
        umask = os.umask(0o027)
        limits = resource_limits()
        try:
            project.dvc("repro", "-q", "-f")
        finally:
            os.umask(umask)
            limits()
        (project.root / "forged.txt").write_text("99\n")
        project.dvc("commit", "-q", "-f", "forged")
        project.dvc("push", "-q")
        (project.root / "notes.cfg").unlink()
        project.commit("again")
    return project


def resource_limits():  # type: ignore[no-untyped-def]
    """Lower the limit of core files; returns what puts it back."""
    import resource

    old = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if old[0] else 1, old[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_CORE, old)


@pytest.fixture(scope="module")
def report(again: Project) -> Report:
    return prove(again, mode="isolated")


@pytest.fixture(scope="module")
def recorded(again: Project, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The same as one commit, with a record that was written after the fact."""
    project = copy_of(again, tmp_path_factory.mktemp("recorded"))
    keep_record(project)
    project.git("add", "-A")
    project.git("reset", "-q", "--soft", "HEAD^")
    project.git("commit", "-q", "--amend", "-m", "first")
    return prove(project, mode="isolated")


VARIED = ("timezone", "locale", "umask", "user", "threads", "kernel")
"""Stages whose dependence is found by varying it."""
NAMED = {"home": "~/settings", "ignored": "local.cfg"}
"""Stages whose code names what no commit holds."""


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("which", ["report", "recorded"])
def test_an_honest_run_elsewhere_is_not_called_altered(
    name: str, which: str, report: Report, recorded: Report
) -> None:
    if name in ("user", "temporary") and not anyio.run(find_isolation).level.own_root:
        pytest.skip("stages cannot have a root of their own here, so no other user or path")
    found = causes(report if which == "report" else recorded, name)
    assert found, "the stage came out as locked, so this tests nothing"
    if name in VARIED:
        assert [(kind, subject) for kind, subject, _ in found] == [("condition", f"{name}.txt")]
        return
    if name == "windows":
        assert found == [("line endings", "windows.txt", "proven")]
        return
    seen = [("undeclared input", NAMED[name], "possible")] if name in NAMED else []
    assert found == [*seen, ("unknown", f"{name}.txt", "possible")]


def test_no_word_says_that_somebody_altered_an_output(report: Report, recorded: Report) -> None:
    for each in (report, recorded):
        assert not ALTERED.search(everything_said(each))


def test_the_unknown_tells_what_was_excluded_and_what_not(report: Report, recorded: Report) -> None:
    said = [e.text for e in report.host.stages["variable"].evidence]
    assert any("again" in text and "changed only this digest" in text for text in said)
    assert any(text.startswith("excluded: files that the stage does not declare") for text in said)
    assert any("not excluded: " in text and "no run record fits" in text for text in said)
    said = [e.text for e in recorded.host.stages["variable"].evidence]
    assert any(
        "not excluded: " in text and "packages" in text and "after the fact" in text
        for text in said
    )
    assert stage(report, "forged").causes[0].summary == "no cause was established"


def test_an_undeclared_module_in_a_shallow_clone_is_not_called_altered(tmp_path: Path) -> None:
    """What it was for the lock lies before where the history ends."""
    project = new_project(tmp_path)
    project.write(
        {
            "fit.py": "import scale\nopen('model.txt', 'w').write(str(scale.FACTOR))\n",
            "scale.py": "FACTOR = 2\n",
            "dvc.yaml": "stages:\n  fit:\n    cmd: python3 fit.py\n    deps: [fit.py]\n"
            "    outs: [model.txt]\n",
            "lockproof.toml": '[environment]\ninterpreter = "python3"\n',
        }
    )
    project.repro("first")
    project.write({"scale.py": "FACTOR = 3\n"})
    project.commit("another factor")
    keep_record(project)
    project.commit("record")
    project.git("clone", "-q", "--depth", "1", f"file://{project.root}", str(tmp_path / "clone"))
    shallow = Project(tmp_path / "clone", project.remote)
    shallow.dvc("remote", "modify", "--local", "store", "url", str(project.remote))
    report = prove(shallow)
    assert causes(report, "fit") == [
        ("undeclared input", "scale.py", "possible"),
        ("unknown", "model.txt", "possible"),
    ]
    assert not ALTERED.search(everything_said(report))
    assert any("unshallow" in e.text for e in report.host.stages["fit"].evidence)
