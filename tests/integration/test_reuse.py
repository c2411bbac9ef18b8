"""Verdicts that stand for a later run: never where a stage could observe something else."""

import json
import os
import shutil
import stat
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from lockproof.adapters.dvc.project import Project as DvcProject
from lockproof.adapters.environment.identity import state_of
from lockproof.adapters.environment.variables import LOCALE, NUMERIC, RUNTIMES
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.adapters.sandbox.isolation import Isolation
from lockproof.adapters.scratch import work_folder
from lockproof.adapters.verdicts import Secret
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.steps import surface, surroundings
from lockproof.steps.declared import declared
from lockproof.steps.reproduce import run
from lockproof.steps.reproduce.key import Keys
from lockproof.steps.reproduce.request import Request
from lockproof.steps.reproduce.run import reproduce
from lockproof.steps.reproduce.session import Session

from .pipelines import Project, Silence, new_project, new_repository, prove

ISOLATION = anyio.run(find_isolation)
pytestmark = pytest.mark.skipif(
    not ISOLATION.level.own_root,
    reason="stages cannot have a root of their own here, so no verdict is kept",
)

T = TypeVar("T")
STAGES = """
stages:
  one:
    cmd: sh one.sh
    deps: [one.sh, raw.txt]
    params: [lr]
    outs: [one.txt]
  two:
    cmd: cat one.txt > two.txt
    deps: [one.txt]
    outs: [two.txt]
"""
FILES = {
    "dvc.yaml": STAGES,
    "one.sh": "cat raw.txt > one.txt\n",
    "raw.txt": "raw\n",
    "params.yaml": "lr: 1\nscale: 2\n",
    "helper.py": "END = 1\n",
    "conf/a.cfg": "a\n",
    "conf/b.cfg": "b\n",
    "dvc.yaml.cfg": "not of DVC\n",
    "src/mod.pyc": "compiled\n",
    ".gitattributes": "*.bin -text\n",
    "notes.txt": "notes\n",
}


@pytest.fixture
def project(tmp_path: Path, keeps_verdicts: None, monkeypatch: pytest.MonkeyPatch) -> Project:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "tool").write_text("#!/bin/sh\necho 1\n")
    (tools / "tool").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    visible = tmp_path / "visible"
    visible.mkdir()
    (visible / "file").write_text("1")
    python = tmp_path / "venv"
    make_environment(python)
    made = new_project(tmp_path)
    policy = (
        f'[environment]\ninterpreter = "{python}/bin/python"\n'
        f'[run]\nvisible = ["{visible}"]\npass-env = ["MINE"]\n'
    )
    made.write({**FILES, "lockproof.toml": policy})
    os.symlink("a.cfg", made.root / "conf/link")
    (made.root / "helper.py").chmod(0o644)
    made.repro()
    return made


def make_environment(folder: Path) -> None:
    """A virtual environment with one package, as `python -m venv` lays it out."""
    import venv

    venv.create(folder, symlinks=True, with_pip=False)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "package.py").write_text("VALUE = 1\n")


def reused(report: Report) -> list[str]:
    return [address for address, host in report.host.stages.items() if host.reused]


def proved(project: Project, **request: object) -> Report:
    report = prove(project, reuse=True, **request)
    assert report.verdict is Verdict.PASSED, report.findings
    return report


# --- what can be observed, generated -------------------------------------------------------------

TRACKED = (*FILES, "conf/link", "raw.txt", "one.sh", "params.yaml")
DECLARED = {"one.sh", "raw.txt", "dvc.yaml"}
"""Changing their content makes the lock wrong; that is another story (test_projects)."""


def content(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
        path.symlink_to("b.cfg")
    else:
        path.write_bytes(path.read_bytes() + b"#\n")


def same_size(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])


def mode(path: Path) -> None:
    path.chmod(path.stat().st_mode ^ stat.S_IXUSR)


def absence(path: Path) -> None:
    path.unlink()


def a_link_instead(path: Path) -> None:
    target = path.with_name(f"{path.name}.real")
    path.rename(target)
    path.symlink_to(target.name)


def a_sibling(path: Path) -> None:
    path.with_name(f"new-{path.name}").write_text("new\n")


def another_case(path: Path) -> None:
    path.rename(path.with_name(path.name.upper()))


HOW: tuple[Callable[[Path], None], ...] = (
    *(content, same_size, mode, absence, a_link_instead, a_sibling, another_case),
)


def tracked_changes() -> Iterator[tuple[str, Callable[[Path], None]]]:
    for path in sorted(set(TRACKED)):
        for how in HOW:
            declared = path in DECLARED and how not in (mode, a_sibling)
            linked = path == "conf/link" and how in (same_size, mode)
            vital = path in ("params.yaml", ".gitattributes") and how in (absence, another_case)
            broken = path == "params.yaml" and how is same_size
            if not (declared or linked or vital or broken):
                yield path, how


def test_no_tracked_file_changes_unseen(project: Project) -> None:
    """Every tracked file in every way that a file can change, one at a time."""
    changes = list(tracked_changes())
    assert len(changes) > 50

    def try_all(session: Session) -> list[tuple[str, str]]:
        before = keys_of(session)
        missed = []
        for number, (path, how) in enumerate(changes):
            base = session.commit
            how(project.root / path)
            commit = project.commit(f"{how.__name__} of {path}")
            checkout = session.work / f"changed-{number}"
            session.git.check_out(commit, checkout)
            changed = replace(
                session,
                commit=commit,
                tree=session.git.tree(commit),
                project=opened(session, commit, checkout),
            )
            if keys_of(changed) & before:
                missed.append((path, how.__name__))
            project.git("reset", "-q", "--hard", base)
        assert keys_of(replace(session)) == before
        assert session.seen
        for part in ("system", "own"):
            another = replace(session.seen, **{part: "changed"})
            if keys_of(replace(session, seen=another)) & before:
                missed.append((part, "the state of the machine"))
        return missed

    assert with_session(project, try_all) == []


def opened(session: Session, commit: str, checkout: Path) -> DvcProject:
    reading = declared(Snapshot(session.git, commit), "")
    trusted = session.project._trusted
    return DvcProject(checkout, session.work / "dvc", trusted, reading.pipeline, reading.lock_files)


def found_keys(project: Project) -> set[str]:
    """The keys of both stages at the present commit, without running them."""
    return with_session(project, keys_of)


def with_session(project: Project, ask: Callable[[Session], T]) -> T:
    """What `ask` makes of a reproduction of the present commit that has not run yet.

    The machine's folders are not looked at: it takes seconds. In place of the state of those that
    are not the system's stand their names, so that a test that changes what is in them asks `seen`.
    """

    async def main() -> T:
        git = GitRepository.discover(project.root)
        with work_folder() as scratch, pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "look_at_system", looked_at_once)
            patch.setattr(surroundings, "look_at_own", looked_at_names)
            patch.setattr(surface, "find_isolation", found_once)
            commit = git.resolve("HEAD")
            asked = Request(directory=project.root)
            session = await run._open(git, project.root, commit, scratch, Silence(), asked)
            session.mode = "isolated"
            return ask(session)

    return anyio.run(main)


def keys_of(session: Session) -> set[str]:
    secret = Secret.load()
    assert secret is not None
    keys = Keys(session, secret)
    return {keys.of(stage, {}) or "" for stage in session.pipeline.stages} - {""}


async def looked_at_once() -> str:
    return "system"


async def looked_at_names(shown: surface.Surface) -> str:
    return "\n".join(surface.own_places(shown.view))


async def found_once() -> Isolation:
    return ISOLATION


def test_the_same_state_has_the_same_keys(project: Project) -> None:
    before = found_keys(project)
    assert len(before) == 2
    assert found_keys(project) == before
    project.write({"README.md": "for people\n", ".github/workflows/ci.yml": "on: push\n"})
    project.commit("what no stage finds")
    assert found_keys(project) == before


def test_a_submodule_that_is_not_here_is_another_state(project: Project, tmp_path: Path) -> None:
    library = new_repository(tmp_path, "library")
    library.write({"a.txt": "a\n"})
    library.commit()
    project.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "../library", "lib")
    project.commit("submodule")
    before = found_keys(project)
    assert found_keys(project) == before
    project.git("submodule", "deinit", "-q", "-f", "lib")
    after = found_keys(project)
    assert len(after) == len(before) == 2
    assert after.isdisjoint(before)


VARIABLES = sorted(
    {name.replace("*", "X") for name in (*LOCALE, *RUNTIMES, *NUMERIC)} - {"LD_LIBRARY_PATH"}
)


def test_no_variable_changes_unseen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable that stages get, set to another value, one at a time."""
    before = found_keys(project)
    missed = []
    for name in (*VARIABLES, "MINE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "/another/value")
            if found_keys(project) & before:
                missed.append(name)
    assert missed == []
    monkeypatch.setenv("NOT_PASSED_ON", "1")
    assert found_keys(project) == before


def machine_changes(base: Path) -> dict[str, Callable[[], object]]:
    tool, shown = base / "tools" / "tool", base / "visible" / "file"
    packages = next((base / "venv").glob("lib/python*/site-packages"))
    cache = packages / "__pycache__"
    return {
        "a program on PATH": lambda: content(tool),
        "a program of the same size": lambda: same_size(tool),
        "the mode of a program": lambda: tool.chmod(0o700),
        "a new program": lambda: a_sibling(tool),
        "a program that is gone": lambda: tool.unlink(),
        "a link in place of a program": lambda: a_link_instead(tool),
        "a file outside of the checkout": lambda: content(shown),
        "a file rewritten with the same times": lambda: rewritten_in_place(shown),
        "a file that came": lambda: a_sibling(shown),
        "a file that went": lambda: shown.unlink(),
        "a byte of a package": lambda: same_size(packages / "package.py"),
        "a new package": lambda: (packages / "sitecustomize.py").write_text(""),
        "byte code of a package": lambda: (cache.mkdir(), (cache / "package.pyc").write_text("")),
        "the settings of the environment": lambda: content(base / "venv" / "pyvenv.cfg"),
    }


def seen(session: Session) -> str:
    """What keys take for the state of the machine, less the system and this Python."""
    base = str(session.git.root.parent)
    return state_of(path for path in session.own_places if path.startswith(base))


def rewritten_in_place(path: Path) -> None:
    before = path.stat()
    path.write_bytes(bytes(reversed(path.read_bytes())) or b"?")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_nothing_of_the_machine_changes_unseen(project: Project, tmp_path: Path) -> None:
    missed = []
    names = list(machine_changes(tmp_path))
    for name in names:
        for folder in ("tools", "visible", "venv"):
            kept = tmp_path / "kept" / folder
            if kept.exists():
                shutil.rmtree(tmp_path / folder)
                shutil.copytree(kept, tmp_path / folder, symlinks=True)
            else:
                shutil.copytree(tmp_path / folder, kept, symlinks=True)
        before = with_session(project, seen)
        machine_changes(tmp_path)[name]()
        if with_session(project, seen) == before:
            missed.append(name)
    assert missed == []


def test_the_user_and_the_policy_count(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    before = found_keys(project)
    policy = (project.root / "lockproof.toml").read_text()
    for more in (
        'shell = "/bin/bash"\n',
        'timeout = "1h"\n',
        "network = true\n",
        'hidden = ["notes.txt"]\n',
    ):
        project.write({"lockproof.toml": policy + more})
        project.commit(more)
        assert not found_keys(project) & before, more
    tolerance = '[[tolerance]]\npaths = ["one.txt"]\natol = 1\n'
    project.write({"lockproof.toml": policy + tolerance})
    project.commit("tolerance")
    assert len(found_keys(project) & before) == 1, "that of the other stage"


# --- what the store believes ---------------------------------------------------------------------


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "verdicts").glob("*/*.json"))


def test_an_entry_that_is_not_ours_is_not_believed(project: Project, tmp_path: Path) -> None:
    proved(project)
    first, second = entries(tmp_path)
    kept = {path: path.read_bytes() for path in (first, second)}

    def with_entry(path: Path, content: bytes) -> list[str]:
        for other, whole in kept.items():
            other.write_bytes(whole)
        path.write_bytes(content)
        return reused(prove(project, reuse=True))

    code, _, body = kept[first].partition(b"\n")
    assert reused(proved(project)) == ["one", "two"]
    for forged in (
        body,
        b"\n" + body,
        code + b"\n" + body.replace(b"identical", b"IDENTICAL"),
        kept[second],
        code[:-1] + b"\n" + body,
        b"",
        b"\xff" * 100,
    ):
        assert len(with_entry(first, forged)) == 1, forged[:80]


def test_another_secret_believes_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a CI job that gets the cache of an untrusted one."""
    proved(project)
    monkeypatch.setenv("LOCKPROOF_STATE_DIR", str(tmp_path / "elsewhere"))
    assert reused(proved(project)) == []
    key = tmp_path / "elsewhere" / "verdicts.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    assert Secret.load() is None, "others could read it"
    assert reused(proved(project)) == []


def test_a_stage_cannot_write_a_verdict(project: Project, tmp_path: Path) -> None:
    script = f"cat raw.txt > one.txt\ntouch {tmp_path}/cache/x {tmp_path}/state/x || true\n"
    project.write({"one.sh": script + "rm -rf $HOME/.. 2>/dev/null || true\n"})
    project.repro()
    for name in ("cache", "state"):
        (tmp_path / name / "x").unlink(missing_ok=True)
    proved(project)
    assert not (tmp_path / "cache" / "x").exists()
    assert not (tmp_path / "state" / "x").exists()


def test_what_changes_in_the_middle_is_not_kept(project: Project, tmp_path: Path) -> None:
    """The environment changes while stages run: nobody knows which one they saw."""

    class Meddler(Silence):
        def say(self, text: str) -> None:
            if text == "two: running":
                (tmp_path / "visible" / "file").write_text("2")

    async def main() -> Report:
        return await reproduce(Request(directory=project.root), Meddler())

    assert anyio.run(main).verdict is Verdict.PASSED
    assert entries(tmp_path) == []


# --- honest pipelines that passed wrongly --------------------------------------------------------

SIX = {
    "an undeclared parameter": (
        "python3 -c \"import json;print(open('params.yaml').read())\" > out.txt",
        {"params.yaml": "lr: 1\nscale: 3\n"},
    ),
    "a new file that is globbed": ("ls conf > out.txt", {"conf/c.cfg": "c\n"}),
    "a file that is only tested for": (
        "if [ -e flag ]; then echo yes; else echo no; fi > out.txt",
        {"flag": ""},
    ),
    "the size of a file": ("wc -c < /dev/null; stat -c %s notes.txt > out.txt", {"notes.txt": "x"}),
    "a name of DVC's": ("cat dvc.yaml.cfg > out.txt", {"dvc.yaml.cfg": "changed\n"}),
}


@pytest.mark.parametrize("name", SIX)
def test_an_undeclared_input_ends_the_reuse(project: Project, name: str) -> None:
    command, change = SIX[name]
    stages = {"stages": {"one": {"cmd": command, "params": ["lr"], "outs": ["out.txt"]}}}
    project.write({"dvc.yaml": json.dumps(stages)})
    project.repro()
    proved(project)
    assert reused(proved(project)) == ["one"]
    project.write(change)
    project.commit("an undeclared change")
    report = prove(project, reuse=True)
    assert reused(report) == []
    assert report.verdict is Verdict.FAILED


def test_a_stage_that_declares_all_survives_other_changes(project: Project) -> None:
    policy = (project.root / "lockproof.toml").read_text()
    project.write({"lockproof.toml": policy + 'view = "declared"\n'})
    project.commit("stages find only what they declare")
    proved(project)
    project.write({"helper.py": "END = 2\n", "conf/new.cfg": ""})
    project.commit("files that nobody declares")
    assert reused(proved(project)) == ["one", "two"]


def test_what_is_not_declared_is_not_there(project: Project) -> None:
    policy = (project.root / "lockproof.toml").read_text()
    project.write(
        {
            "lockproof.toml": policy + 'view = "declared"\n',
            "one.sh": "cat helper.py raw.txt > one.txt\n",
        }
    )
    project.repro()
    assert prove(project).verdict is Verdict.FAILED


def test_the_lock_and_the_history_are_not_there_to_copy(project: Project) -> None:
    script = textwrap.dedent("""\
        find . -name dvc.lock > one.txt
        git log --oneline >> one.txt 2>/dev/null
        git rev-parse --show-toplevel > /dev/null && echo top >> one.txt
        ls lockproof.toml >> one.txt 2>/dev/null
        """)
    project.write({"one.sh": script + "true\n"})
    project.repro()
    report = prove(project)
    assert report.verdict is Verdict.FAILED, "it differs from what the work tree gave"
    made = report.host.stages["one"].observed["one.txt"]
    project.write({"expected": "top\n"})
    import hashlib

    assert made is not None
    assert made.value == hashlib.md5(b"top\n").hexdigest()


def test_a_link_to_the_checkout_is_followed_there(project: Project) -> None:
    """Its absolute name is another one outside of the stage's root."""
    script = "cat raw.txt > real.txt; ln -sf $PWD/real.txt one.txt\n"
    project.write({"one.sh": script, ".gitignore": "real.txt\n"})
    project.repro()
    report = prove(project)
    assert {o.path: o.verdict.value for s in report.stages for o in s.outputs} == {
        "one.txt": "identical",
        "two.txt": "identical",
    }


def test_a_package_imported_from_the_clone_is_that_of_the_commit(
    project: Project, tmp_path: Path
) -> None:
    """`pip install -e .`: the good file lies uncommitted in the clone."""
    packages = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    (packages / "__editable__.project.pth").write_text(f"{project.root}/src\n")
    project.write(
        {
            "src/own.py": "VALUE = 'good'\n",
            "one.sh": "python -c 'import own; print(own.VALUE)' > one.txt\n",
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}/venv/bin{os.pathsep}{os.environ['PATH']}")
        patch.setenv("PYTHONPATH", str(project.root / "src"))
        project.environment_path = f"{tmp_path}/venv/bin"  # type: ignore[attr-defined]
        project.run("dvc", "repro", "-q")
        project.dvc("push", "-q")
        project.commit("good")
    assert prove(project).verdict is Verdict.PASSED
    project.write({"src/own.py": "VALUE = 'broken'\n"})
    project.commit("broken")
    project.write({"src/own.py": "VALUE = 'good'\n"})
    report = prove(project)
    assert report.verdict is Verdict.FAILED
    assert sys.executable
