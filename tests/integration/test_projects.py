"""Reproduction of every kind of DVC project, in both modes."""

import hashlib
import shutil
import sys
from pathlib import Path

import anyio
import pytest

from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.config import MlflowPolicy
from lockproof.errors import UsageError
from lockproof.model.report import SkipReason
from lockproof.model.verdict import Verdict
from lockproof.steps.reproduce import run

from .pipelines import Project, new_project, new_repository, prove, rules, stage, verdicts

COPY = "import sys\nopen(sys.argv[2], 'w').write(open(sys.argv[1]).read() + 'x')\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    created = new_project(tmp_path)
    created.write({"copy.py": COPY, "raw.txt": "raw\n"})
    created.dvc("add", "-q", "raw.txt")
    return created


@pytest.fixture(params=["isolated", "chain"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def passes(project: Project, mode: str, count: int) -> None:
    before = project.state()
    report = prove(project, mode=mode)
    assert report.verdict is Verdict.PASSED, report.findings
    assert list(verdicts(report).values()) == ["identical"] * count
    assert project.state() == before


def test_templates_matrix_foreach_and_vars(project: Project, mode: str) -> None:
    project.write(
        {
            "params.yaml": "sizes: [1, 2]\nname: all\n",
            "more.yaml": "suffix: txt\n",
            "dvc.yaml": """\
vars:
  - more.yaml
stages:
  each:
    foreach: ${sizes}
    do:
      cmd: head -c ${item} raw.txt > each-${item}.${suffix}
      deps: [raw.txt]
      outs: ["each-${item}.${suffix}"]
  pair:
    matrix:
      size: ${sizes}
      way: [up, down]
    cmd: echo ${item.way} > pair-${item.size}-${item.way}.txt
    deps: ["each-${item.size}.txt"]
    params: [name]
    outs: ["pair-${item.size}-${item.way}.txt"]
""",
        }
    )
    project.repro()
    passes(project, mode, 6)
    one = prove(project, mode="isolated", stages=("each",))
    assert [s.address for s in one.stages] == ["each@1", "each@2"]


def test_directories_and_parts_of_them(project: Project, mode: str) -> None:
    project.write(
        {
            "dvc.yaml": """\
stages:
  split:
    cmd: mkdir -p parts/deep && cp raw.txt parts/one && cp raw.txt "parts/deep/zwei ü"
    deps: [raw.txt]
    outs: [parts]
  part:
    cmd: cp "parts/deep/zwei ü" part.txt
    deps: ["parts/deep/zwei ü"]
    outs: [part.txt]
  whole:
    cmd: cat parts/one parts/deep/* > whole.txt
    deps: [parts]
    outs: [whole.txt]
"""
        }
    )
    project.repro()
    passes(project, mode, 3)


def test_a_fresh_clone_has_each_part_that_a_stage_needs(project: Project, mode: str) -> None:
    project.write(
        {
            **{f"images/{name}": f"{name}\n" for name in "abc"},
            "dvc.yaml": """\
stages:
  first: {cmd: cp images/a one.txt, deps: [images/a], outs: [one.txt]}
  second: {cmd: cp images/b two.txt, deps: [images/b], outs: [two.txt]}
  both: {cmd: cat one.txt images/c > both.txt, deps: [one.txt, images/c], outs: [both.txt]}
""",
        }
    )
    project.dvc("add", "-q", "images")
    project.repro()
    shutil.rmtree(project.root / ".dvc" / "cache")
    passes(project, mode, 3)


def test_several_files_working_folders_and_outputs_in_git(project: Project, mode: str) -> None:
    project.write(
        {
            "dvc.yaml": "stages: {first: {cmd: python3 copy.py raw.txt mid.txt,"
            " deps: [copy.py, raw.txt], outs: [mid.txt]}}\n",
            "sub/dvc.yaml": """\
stages:
  second:
    wdir: work
    cmd:
      - wc -c < ../../mid.txt > n.txt
      - echo '{"n":' $(cat n.txt)'}' > ../m.json && echo a,b > p.csv
    deps: [../../mid.txt]
    outs: [n.txt]
    metrics: [../m.json: {cache: false}]
    plots: [p.csv]
""",
            "sub/work/.keep": "",
        }
    )
    project.dvc("repro", "-q", "-P")
    project.dvc("push", "-q")
    project.commit()
    passes(project, mode, 4)
    report = prove(project, mode=mode)
    assert stage(report, "sub/dvc.yaml:second").upstream == ("first",)
    assert [(m.key, m.locked, m.observed) for m in report.host.metrics] == [("n", 5.0, 5.0)]


def test_persistent_output_starts_absent(project: Project, mode: str) -> None:
    project.write(
        {
            "dvc.yaml": "stages: {log: {cmd: wc -c < raw.txt >> log.txt, deps: [raw.txt],"
            " outs: [log.txt: {persist: true}]}}\n"
        }
    )
    project.repro()
    passes(project, mode, 1)


def test_frozen_stage_is_named_and_can_be_accepted(project: Project, mode: str) -> None:
    project.write(
        {
            "dvc.yaml": """\
stages:
  first: {cmd: python3 copy.py raw.txt mid.txt, deps: [copy.py, raw.txt], outs: [mid.txt]}
  second: {cmd: python3 copy.py mid.txt end.txt, deps: [copy.py, mid.txt], outs: [end.txt]}
"""
        }
    )
    project.repro()
    project.dvc("freeze", "first")
    project.commit()
    report = prove(project, mode=mode)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert stage(report, "first").skipped is SkipReason.FROZEN
    assert verdicts(report) == {"mid.txt": "not checked", "end.txt": "identical"}
    assert "LP708" in rules(report)
    project.write({"lockproof.toml": '[reproduce]\nfrozen = "accept"\n'})
    project.commit()
    assert prove(project, mode=mode).verdict is Verdict.PASSED


def test_old_lock_of_dvc_2(project: Project, mode: str) -> None:
    """Entries without `hash:` are MD5 after CRLF became LF, at another place in the remote."""
    project.write(
        {
            "old.txt": "a\r\nb\r\n",
            "dvc.yaml": "stages: {first: {cmd: 'printf \"x\\r\\ny\\n\" > new.txt && cat old.txt'"
            " , deps: [old.txt], outs: [new.txt]}}\n",
            "dvc.lock": "",
        }
    )
    import hashlib

    old = hashlib.md5(b"a\nb\n").hexdigest()
    new = hashlib.md5(b"x\ny\n").hexdigest()
    (project.root / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  first:\n"
        '    cmd: printf "x\\r\\ny\\n" > new.txt && cat old.txt\n'
        f"    deps:\n    - path: old.txt\n      md5: '{old}'\n      size: 6\n"
        f"    outs:\n    - path: new.txt\n      md5: '{new}'\n      size: 5\n"
    )
    (project.root / "old.txt.dvc").write_text(
        f"outs:\n- md5: '{old}'\n  size: 6\n  path: old.txt\n"
    )
    (project.root / "old.txt").unlink()
    (project.root / ".gitignore").write_text("/raw.txt\n/old.txt\n/new.txt\n")
    stored = project.remote / old[:2] / old[2:]
    stored.parent.mkdir()
    stored.write_bytes(b"a\r\nb\r\n")
    project.dvc("push", "-q", "raw.txt")
    project.commit()
    passes(project, mode, 1)


def test_import_from_another_project(project: Project, tmp_path: Path, mode: str) -> None:
    source = new_project(tmp_path / "elsewhere", "source")
    source.write({"shared.txt": "shared\n"})
    source.dvc("add", "-q", "shared.txt")
    source.dvc("push", "-q")
    source.commit()
    project.dvc("import", "-q", str(source.root), "shared.txt")
    project.write(
        {
            "dvc.yaml": "stages: {first: {cmd: python3 copy.py shared.txt out.txt,"
            " deps: [copy.py, shared.txt], outs: [out.txt]}}\n"
        }
    )
    project.repro()
    for cached in (project.root / ".dvc" / "cache").rglob("*"):
        if cached.is_file():
            cached.chmod(0o644)
            cached.unlink()
    passes(project, mode, 1)


def test_project_in_a_subdirectory(tmp_path: Path, mode: str) -> None:
    outer = new_repository(tmp_path, "outer")
    inner = Project(outer.root / "ml", outer.remote)
    inner.root.mkdir()
    inner.dvc("init", "-q", "--subdir")
    inner.dvc("remote", "add", "-q", "-d", "store", str(outer.remote))
    inner.write(
        {
            "copy.py": COPY,
            "raw.txt": "raw\n",
            "dvc.yaml": "stages: {first: {cmd: python3 copy.py raw.txt out.txt,"
            " deps: [copy.py, raw.txt], outs: [out.txt]}}\n",
        }
    )
    inner.dvc("add", "-q", "raw.txt")
    inner.repro()
    report = prove(inner, mode=mode)
    assert report.verdict is Verdict.PASSED
    assert report.subject.root == "ml"


def test_submodule(project: Project, tmp_path: Path, mode: str) -> None:
    project.write(
        {
            "dvc.yaml": "stages: {first: {cmd: python3 lib/copy.py raw.txt out.txt,"
            " deps: [lib/copy.py, raw.txt], outs: [out.txt]}}\n"
        }
    )
    project.dvc("remote", "modify", "-q", "store", "url", str(project.remote))
    library = new_repository(tmp_path, "library")
    library.write({"copy.py": COPY})
    library.commit()
    add = ("-c", "protocol.file.allow=always", "submodule", "add", "-q")
    project.git(*add, str(library.root), "lib")
    project.repro()
    passes(project, mode, 1)
    bare = project.root.with_name("bare")
    project.git("clone", "-q", str(project.root), str(bare))
    with pytest.raises(UsageError, match=r"needs lib, .*: run 'git submodule update --init lib'$"):
        prove(Project(bare, project.remote), mode=mode)
    # And a DVC project that itself is a submodule.
    host = new_repository(tmp_path, "host")
    host.git(*add, str(project.root), "ml")
    inner = Project(host.root / "ml", project.remote)
    inner.git("-c", "protocol.file.allow=always", "submodule", "update", "-q", "--init")
    assert prove(inner, mode=mode).verdict is Verdict.PASSED


LFS = {
    "behind a link": ("cat data.csv", "deps: [data.csv]", "first needs big/data.csv, "),
    "behind a link in a folder": ("cat lib/*", "deps: [lib]", "first needs big/data.csv, "),
    "not declared": ("cat big/data.csv", "", "first finds big/data.csv, "),
}


@pytest.mark.parametrize("name", LFS)
def test_what_git_lfs_keeps_elsewhere_is_nobodys_fault(project: Project, name: str) -> None:
    command, deps, said = LFS[name]
    for key in ("process", "clean"):  # A git-lfs that is installed for all users stores content.
        project.git("config", f"filter.lfs.{key}", "")
    project.git("config", "filter.lfs.required", "false")
    stage = f"{{cmd: '{command} > out.txt', {deps + ', ' if deps else ''}outs: [out.txt]}}"
    project.write(
        {
            "dvc.yaml": f"stages: {{first: {stage}}}\n",
            ".gitattributes": "*.csv filter=lfs -text\n",
            "big/data.csv": "1\n",
            "lib/plain.txt": "plain\n",
        }
    )
    (project.root / "data.csv").symlink_to("big/data.csv")
    (project.root / "lib" / "data.csv").symlink_to("../big/data.csv")
    project.repro()
    oid = hashlib.sha256(b"1\n").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 2\n"
    project.write({"big/data.csv": pointer})
    project.commit("in LFS")
    with pytest.raises(UsageError, match=said):
        prove(project)


def test_what_is_not_here_and_no_stage_finds_is_not_needed(
    project: Project, tmp_path: Path
) -> None:
    project.write(
        {
            "dvc.yaml": "stages: {first: {cmd: python3 copy.py raw.txt out.txt,"
            " deps: [copy.py, raw.txt], outs: [out.txt]}}\n"
        }
    )
    library = new_repository(tmp_path, "library")
    library.write({"a.txt": "a\n"})
    library.commit()
    add = ("-c", "protocol.file.allow=always", "submodule", "add", "-q")
    project.git(*add, str(library.root), "lib")
    project.repro()
    project.git("submodule", "deinit", "-q", "-f", "lib")
    with pytest.raises(UsageError, match=r"first finds lib, .*add 'lib' to \[run\] hidden"):
        prove(project)
    project.write({"lockproof.toml": '[run]\nhidden = ["lib"]\n'})
    project.commit("hidden")
    assert prove(project).verdict is Verdict.PASSED


def test_path_with_spaces_and_other_letters(tmp_path: Path, mode: str) -> None:
    # DVC cannot write other letters into its configuration, so the remote has a plain name.
    project = new_project(tmp_path / "my dätä (1)", "prøject & (co)", "store")
    project.write(
        {
            "copy.py": COPY,
            "in put/rå w.txt": "raw\n",
            "dvc.yaml": 'stages: {first: {cmd: \'python3 copy.py "in put/rå w.txt" "öut put.txt"\','
            ' deps: [copy.py, "in put/rå w.txt"], outs: ["öut put.txt"]}}\n',
        }
    )
    project.dvc("add", "-q", "in put/rå w.txt")
    project.repro()
    passes(project, mode, 1)


def test_since_a_base_only_changed_stages_run(project: Project) -> None:
    project.write(
        {
            "two.py": COPY,
            "dvc.yaml": """\
stages:
  a: {cmd: python3 copy.py raw.txt a.txt, deps: [copy.py, raw.txt], outs: [a.txt]}
  b: {cmd: python3 two.py raw.txt b.txt, deps: [two.py, raw.txt], outs: [b.txt]}
  c: {cmd: python3 copy.py b.txt c.txt, deps: [copy.py, b.txt], outs: [c.txt]}
""",
        }
    )
    base = project.repro()
    project.write({"two.py": COPY.replace("'x'", "'y'")})
    project.repro()
    report = prove(project, since=base, mode="isolated")
    assert verdicts(report) == {"a.txt": "not checked", "b.txt": "identical", "c.txt": "identical"}
    assert report.verdict is Verdict.PASSED
    project.write({"README.md": "text\n"})
    base = project.git("rev-parse", "HEAD").strip()
    project.commit("text only")
    assert prove(project, since=base, mode="isolated").verdict is Verdict.INCONCLUSIVE
    assert prove(project, since=base, mode="chain").verdict is Verdict.INCONCLUSIVE


@pytest.mark.skipif(not anyio.run(find_isolation).level.own_root, reason="no verdict is kept here")
@pytest.mark.usefixtures("keeps_verdicts")
def test_reuse_says_so_and_ends_when_something_read_changes(project: Project) -> None:
    project.write(
        {
            "lockproof.toml": f'[environment]\ninterpreter = "{sys.executable}"\n',
            "helper.py": "END = 'x'\n",
            "copy.py": "import sys, helper\n"
            "open(sys.argv[2], 'w').write(open(sys.argv[1]).read() + helper.END)\n",
            "dvc.yaml": "stages: {first: {cmd: python3 copy.py raw.txt out.txt,"
            " deps: [copy.py, raw.txt], outs: [out.txt]}}\n",
        }
    )
    project.repro()
    first = prove(project, reuse=True)
    again = prove(project, reuse=True)
    assert first.host.stages["first"].reused is None
    assert again.host.stages["first"].reused is not None
    assert first.core() == again.core()
    varied = prove(project, reuse=True, vary=("umask",))
    assert varied.host.stages["first"].reused is None, "what is varied has to run"
    for reused in (False, True):
        chain = prove(project, reuse=True, mode="chain")
        assert (chain.host.stages["first"].reused is not None) is reused, "a mode for itself"
    project.write({"helper.py": "END = 'z'\n"})
    project.commit("an undeclared file")
    changed = prove(project, reuse=True)
    assert changed.host.stages["first"].reused is None
    assert changed.verdict is Verdict.FAILED


@pytest.mark.usefixtures("keeps_verdicts")
def test_nothing_is_reused_where_nothing_pins_the_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(run, "look_at_system")  # Nor does anybody look at the machine for it.
    project.write(
        {
            "dvc.yaml": "stages: {first: {cmd: python3 copy.py raw.txt out.txt,"
            " deps: [copy.py, raw.txt], outs: [out.txt]}}\n"
        }
    )
    project.repro()
    for _ in range(2):
        assert prove(project, reuse=True).host.stages["first"].reused is None


def test_both_modes_and_many_jobs_agree_on_the_core(project: Project) -> None:
    branches = "\n".join(
        f"  s{n}: {{cmd: python3 copy.py raw.txt o{n}.txt, deps: [copy.py, raw.txt],"
        f" outs: [o{n}.txt]}}"
        for n in range(6)
    )
    project.write({"dvc.yaml": f"stages:\n{branches}\n"})
    project.repro()
    one = prove(project, mode="isolated", jobs=1)
    many = prove(project, mode="isolated", jobs=4)
    assert one.core() == many.core()


def test_several_runs_show_what_varies_without_experiments(project: Project, mode: str) -> None:
    project.write(
        {
            "params.yaml": "k: 1\n",
            "lockproof.toml": "[reproduce]\nexplain = false\n",
            "dvc.yaml": """\
stages:
  same: {cmd: python3 copy.py raw.txt same.txt, deps: [copy.py, raw.txt], outs: [same.txt]}
  vary: {cmd: date +%N > vary.txt, outs: [vary.txt]}
""",
        }
    )
    project.repro()
    once, twice = prove(project, mode=mode), prove(project, mode=mode, runs=2)
    assert verdicts(once) == {"same.txt": "identical", "vary.txt": "different"}
    assert verdicts(twice) == {"same.txt": "identical", "vary.txt": "nondeterministic"}
    assert twice.verdict is Verdict.INCONCLUSIVE
    policy = '[reproduce]\nexplain = false\nruns = 2\nnondeterministic = "accept"\n'
    project.write({"lockproof.toml": policy})
    project.commit()
    assert prove(project, mode=mode).verdict is Verdict.PASSED


def test_the_run_is_logged_to_mlflow(project: Project) -> None:
    project.write(
        {
            "params.yaml": "k: 1\n",
            "dvc.yaml": """\
stages:
  score:
    cmd: echo '{"accuracy":0.5}' > m.json
    deps: [raw.txt]
    params: [k]
    metrics: [m.json: {cache: false}]
""",
        }
    )
    commit = project.repro()
    report = prove(project, log_mlflow=True)
    assert project.git("status", "--porcelain") == ""
    run = Tracking.open(MlflowPolicy(), project.root).get_run(report.host.mlflow["run_id"])
    assert run.status == "FINISHED"
    assert run.metrics == {"accuracy": 0.5}
    assert run.params == {"k": "1"}
    assert run.tags["lockproof.verdict"] == "passed"
    assert run.tags["mlflow.source.git.commit"] == commit
