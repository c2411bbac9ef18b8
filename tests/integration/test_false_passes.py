"""Ways to be told "passed" of what was not proved, each of which once worked."""

import os
import resource
from hashlib import md5
from pathlib import Path

import pytest

from lockproof.model.verdict import Verdict

from .pipelines import Project, new_project, prove, verdicts


@pytest.fixture
def project(tmp_path: Path, keeps_verdicts: None) -> Project:
    return new_project(tmp_path)


@pytest.mark.parametrize("view", ["commit", "declared"])
@pytest.mark.parametrize("name", ["README.md", "docs/out.txt", "out.txt"])
def test_what_is_put_back_is_not_what_the_stage_made(
    project: Project, name: str, view: str
) -> None:
    project.write(
        {
            "dvc.yaml": f"stages: {{one: {{cmd: mkdir -p docs; echo honest > {name},"
            f" outs: [{name}: {{cache: false, persist: true}}]}}}}",
            "lockproof.toml": f'[run]\nview = "{view}"\n',
        }
    )
    project.repro()
    assert prove(project).verdict is Verdict.PASSED
    project.write({name: "FORGED\n"})
    digest = [md5(text).hexdigest() for text in (b"honest\n", b"FORGED\n")]
    project.edit_lock(*digest)
    project.commit("forged")
    assert verdicts(prove(project)) == {name: "different"}


def test_a_commit_alone_shows_a_stage_nothing_of_the_machine(
    project: Project, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    stage = f"{{cmd: cat {secret} > o.txt, deps: [{secret}], outs: [o.txt]}}"
    project.write({"dvc.yaml": f"stages: {{one: {stage}}}"})
    project.repro()
    report = prove(project)
    assert report.verdict is not Verdict.PASSED
    assert report.host.stages["one"].executed == 0
    project.write({"lockproof.toml": f'[run]\nvisible = ["{secret}"]\n'})
    project.commit("its owner names it")
    assert prove(project).verdict is Verdict.PASSED


def test_a_link_of_a_commit_makes_nothing_on_the_machine(project: Project, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.mkdir()
    outs = [f"/workspace/{name}/made/x" for name in ("old", "oldroot", "direct")]
    project.write({"a.txt": "a\n"})
    for name, lead in (("old", "/old"), ("oldroot", "/oldroot"), ("direct", "")):
        os.symlink(f"{lead}{canary}", project.root / name)
    stages = "".join(
        f"  s{n}: {{cmd: 'true', deps: [a.txt], outs: [{out}: {{cache: false}}]}}\n"
        for n, out in enumerate(outs)
    )
    project.write({"dvc.yaml": f"stages:\n{stages}"})
    digest = md5(b"a\n").hexdigest()
    locks = "".join(
        f"  s{n}:\n    cmd: 'true'\n"
        f"    deps: [{{path: a.txt, hash: md5, md5: {digest}, size: 2}}]\n"
        f"    outs: [{{path: {out}, md5: {'a' * 32}}}]\n"
        for n, out in enumerate(outs)
    )
    project.write({"dvc.lock": f"schema: '2.0'\nstages:\n{locks}"})
    project.commit("hostile")
    report = prove(project)
    assert report.verdict is not Verdict.PASSED
    assert list(canary.iterdir()) == []


def pinned(project: Project, command: str, **files: str) -> None:
    """A stage whose verdict may be kept."""
    import sys

    project.write(
        {
            "lockproof.toml": f'[environment]\ninterpreter = "{sys.executable}"\n',
            "dvc.yaml": f"stages: {{one: {{cmd: {command}, outs: [o.txt]}}}}",
            **files,
        }
    )
    project.repro()


def test_limits_of_the_shell_end_the_reuse(project: Project) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    pinned(project, "ulimit -n > o.txt")
    assert prove(project, reuse=True).verdict is Verdict.PASSED
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        assert prove(project, reuse=True).verdict is Verdict.FAILED
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_checkout_is_the_same_whatever_the_user_set_for_git(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned(project, "od -c u.txt > o.txt", **{"u.txt": "text\n"})
    config = tmp_path / "config"
    (config / "git").mkdir(parents=True)
    (config / "git" / "attributes").write_text("u.txt text eol=crlf\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    for reuse in (True, False):
        assert prove(project, reuse=reuse).verdict is Verdict.PASSED


def test_what_dvc_keeps_for_itself_carries_nothing_to_the_next_stage(project: Project) -> None:
    project.write(
        {
            "dvc.yaml": """
stages:
  a: {cmd: mkdir -p .dvc/tmp; echo v1 > .dvc/tmp/stray; echo one > a.txt, outs: [a.txt]}
  b: {cmd: cat .dvc/tmp/stray > b.txt, deps: [a.txt], outs: [b.txt]}
"""
        }
    )
    project.repro()
    assert prove(project, mode="chain").verdict is Verdict.FAILED
