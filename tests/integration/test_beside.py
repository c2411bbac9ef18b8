"""What DVC sees beside its root and in submodules, in folders of any name."""

import hashlib
import json
import re
import shutil
import subprocess
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest

from lockproof.cli.main import main
from lockproof.model.cause import Certainty
from lockproof.model.verdict import Verdict
from lockproof.steps.affected import affected

from .pipelines import BIN, Project, new_repository, prove, stage
from .test_gate_good import passes, started
from .test_gate_reproduction import asked

POLICY = '[gate]\noff = ["git", "record"]\n[reproduce]\nunaffected = "accept"\n'
STAGES = """\
stages:
  first:
    wdir: src
    cmd: cat ../../shared.py ../../lib/* ../raw.txt ../../{name}/own.txt > ../out.txt
    deps: [../../shared.py, ../../lib, ../raw.txt, "../../{name}/own.txt"]
    params: [../../params.yaml: [lr]]
    outs: [../out.txt]
  other:
    cmd: cp raw.txt other.txt
    deps: [raw.txt]
    outs: [other.txt]
"""
NAMES = ("ml", "[x]", "*")


@pytest.fixture(scope="module", params=NAMES)
def inner(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Project:
    """A DVC project in a folder of a repository, with code and parameters beside it."""
    base, name = tmp_path_factory.mktemp("beside"), request.param
    outer = new_repository(base, "outer")
    made = Project(outer.root / name, outer.remote)
    made.root.mkdir()
    made.dvc("init", "-q", "--subdir")
    made.dvc("remote", "add", "-q", "-d", "store", str(outer.remote))
    outer.write({"shared.py": "shared\n", "lib/a.py": "a\n", "params.yaml": "{lr: 1, other: 1}\n"})
    for other in ("x", "b", "aa"):  # What the name would match as a pattern.
        outer.write({f"{other}/own.txt": "another\n"})
    quoted = f"'{name}'"
    pipeline = STAGES.replace("../../{name}/own.txt >", f"../../{quoted}/own.txt >")
    made.write(
        {
            "lockproof.toml": POLICY,
            "src/kept.txt": "",
            "own.txt": "own\n",
            "raw.txt": "raw\n",
            "dvc.yaml": pipeline.replace("{name}", name),
        }
    )
    made.dvc("add", "-q", "raw.txt")
    made.repro()
    return made


def test_honest_ones_pass(inner: Project) -> None:
    assert passes(inner)["lock"]["not_checked"] == []
    assert prove(inner).verdict is Verdict.PASSED


CHANGES = {
    "../shared.py": "LP104 first: ../shared.py changed",
    "../lib/b.py": "LP104 first: ../lib changed",
    "../params.yaml": "LP103 first: lr in ../params.yaml differs",
    "own.txt": "LP104 first: own.txt changed",
}


@pytest.mark.parametrize("path", CHANGES)
def test_what_lies_beside_is_compared_like_any_other(inner: Project, path: str) -> None:
    before = inner.git("rev-parse", "HEAD").strip()
    inner.write({path: "lr: 2\n"})
    inner.commit("not run again")
    try:
        code, found = asked(inner, None)
        assert code == 1
        assert [line[: len(CHANGES[path])] for line in found] == [CHANGES[path]]
        touched = affected(inner.root, "HEAD", before)
        every = path == "../params.yaml"  # Its other keys may be read by any.
        assert [s.address for s in touched.stages] == ["first", *(["other"] if every else [])]
        report = prove(inner)
        assert report.verdict is Verdict.FAILED
        assert {f.rule for f in report.findings} >= {CHANGES[path][:5]}
    finally:
        inner.git("reset", "-q", "--hard", before)


@pytest.mark.parametrize("inner", ["ml"], indirect=True)
def test_what_no_commit_holds_is_said_to_be_unknown(inner: Project, tmp_path: Path) -> None:
    before = inner.git("rev-parse", "HEAD").strip()
    outside = tmp_path / "outside.txt"
    outside.write_text("outside\n")
    inner.write(
        {
            "dvc.yaml": "stages: {first: {cmd: 'cat own.txt > out.txt',"
            f" deps: [own.txt, '{outside}', ../../beyond.txt], outs: [out.txt]}}}}\n",
        }
    )
    (inner.root / "../../beyond.txt").write_text("beyond\n")
    (inner.root / "dvc.lock").unlink()
    inner.repro()
    try:
        (said,) = passes(inner)["lock"]["not_checked"]
        assert said.startswith("2 dependencies are named by an absolute path, or outside of")
    finally:
        inner.git("reset", "-q", "--hard", before)


@pytest.mark.parametrize("inner", ["ml"], indirect=True)
@pytest.mark.parametrize("path", ["own.txt", "../beside.txt"])
def test_an_absolute_path_into_this_clone_is_compared_like_any_other(
    inner: Project, path: str
) -> None:
    before = inner.git("rev-parse", "HEAD").strip()
    inner.write({path: "one\n"})
    where = (inner.root / path).resolve()
    inner.write(
        {
            "dvc.yaml": "stages: {first: {cmd: 'echo one > out.txt',"
            f" deps: ['{where}'], outs: [out.txt]}}}}\n",
        }
    )
    (inner.root / "dvc.lock").unlink()
    inner.repro()
    try:
        assert passes(inner)["lock"]["not_checked"] == []
        inner.write({path: "two\n"})
        inner.commit("not run again")
        code, (line,) = asked(inner, None)
        assert code == 1
        # In its own project, DVC names it by a relative path in the lock.
        assert line.startswith(f"LP104 first: {path if path == 'own.txt' else where} "), line
    finally:
        inner.git("reset", "-q", "--hard", before)


@pytest.mark.parametrize("inner", ["ml"], indirect=True)
def test_absolute_paths_that_end_alike_are_named_as_dvc_names_them(inner: Project) -> None:
    before = inner.git("rev-parse", "HEAD").strip()
    inner.write({"sub/own.txt": "other\n", "sub/params.yaml": "{lr: 1}\n"})
    root = inner.root.resolve()
    inner.write(
        {
            "dvc.yaml": "stages: {first: {wdir: src, cmd: 'echo one > ../sub/out.txt',"
            f" deps: ['{root}/own.txt', '{root}/src/../sub/own.txt'],"
            f" params: ['{root}/sub/params.yaml': [lr]], outs: ['{root}/sub/out.txt']}}}}\n",
        }
    )
    (inner.root / "dvc.lock").unlink()
    inner.repro()
    try:
        assert passes(inner)["lock"]["not_checked"] == []
        inner.write({"sub/params.yaml": "{lr: 2}\n", "sub/own.txt": "new\n"})
        inner.commit("not run again")
        code, found = asked(inner, None)
        assert (code, len(found)) == (1, 2)
        assert found[0].startswith("LP103 first: lr in sub/params.yaml differs"), found
        assert found[1].startswith("LP104 first: sub/own.txt changed"), found
    finally:
        inner.git("reset", "-q", "--hard", before)


@pytest.mark.parametrize("inner", ["ml"], indirect=True)
def test_an_absolute_path_elsewhere_is_not_what_has_its_end_here(
    inner: Project, tmp_path: Path
) -> None:
    before = inner.git("rev-parse", "HEAD").strip()
    text = "stages: {{first: {{cmd: 'echo one > out.txt', deps: ['{}'], outs: [out.txt]}}}}\n"
    inner.write({"dvc.yaml": text.format("own.txt")})
    (inner.root / "dvc.lock").unlink()
    inner.repro()
    (tmp_path / "own.txt").write_text("own\n")
    inner.write({"dvc.yaml": text.format(tmp_path / "own.txt")})
    inner.commit("of another file")
    try:
        argv = [str(BIN / "dvc"), "status", "--json"]
        done = subprocess.run(
            argv, cwd=inner.root, env=inner.environment(), capture_output=True, check=True
        )
        assert "first" in json.loads(done.stdout)
        code, found = asked(inner, None)
        assert code == 1
        assert {line[:5] for line in found} == {"LP108"}
    finally:
        inner.git("reset", "-q", "--hard", before)


def _with_submodule(base: Path, files: dict[str, str]) -> Project:
    made = started(
        base,
        {
            "lockproof.toml": POLICY,
            "dvc.yaml": "stages: {first: {cmd: cp raw.txt out.txt, deps: [raw.txt],"
            " outs: [out.txt]}}\n",
        },
    )
    library = new_repository(base, "library")
    library.write({"kept.txt": "kept\n", **files})
    library.commit()
    made.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "../library", "lib")
    made.dvc("repro", "-q", "first")
    made.dvc("push", "-q", "first")
    made.commit("with a submodule")
    return made


INSIDE = "stages: {inside: {cmd: echo 1 > o.txt, outs: [o.txt]}}\n"
DECLARING = {
    "a stage": {"deep/dvc.yaml": INSIDE},
    "data": {"data.dvc": "outs: [{md5: d41d8cd98f00b204e9800998ecf8427e, path: data}]\n"},
}
UNSEEN = {
    "nothing of DVC": {},
    "a project of its own": {".dvc/config": "", "dvc.yaml": INSIDE},
    "a project inside": {"deep/.dvc/config": "", "deep/dvc.yaml": INSIDE},
    "what it hides itself": {".dvcignore": "/deep/\n", "deep/dvc.yaml": INSIDE},
    "a lock alone": {"dvc.lock": "schema: '2.0'\nstages: {}\n"},
}


def _stages_by_dvc(project: Project) -> str:
    argv = [str(BIN / "dvc"), "stage", "list", "--all", "--name-only"]
    done = subprocess.run(
        argv, cwd=project.root, env=project.environment(), capture_output=True, check=True
    )
    return done.stdout.decode()


@pytest.mark.parametrize("name", DECLARING)
def test_stages_of_a_submodule_are_not_left_out_without_a_word(name: str, tmp_path: Path) -> None:
    project = _with_submodule(tmp_path, DECLARING[name])
    assert "lib/" in _stages_by_dvc(project)
    code, found = asked(project, None)
    assert code == 1
    assert [line[:10] for line in found] == ["LP111 lib/"]
    for verb in ("reproduce", "affected"):
        with redirect_stderr(StringIO()) as told:
            assert main(["-C", str(project.root), verb]) == 2
        assert "lies in the submodule lib, whose stages" in told.getvalue()
    project.write({".dvcignore": "/lib/\n"})
    project.commit("hidden")
    assert "lib/" not in _stages_by_dvc(project)
    assert passes(project)["lock"]["not_checked"] == []
    assert prove(project).verdict is Verdict.PASSED


@pytest.mark.parametrize("name", UNSEEN)
def test_what_dvc_does_not_see_of_a_submodule_is_no_matter(name: str, tmp_path: Path) -> None:
    project = _with_submodule(tmp_path, UNSEEN[name])
    assert "lib/" not in _stages_by_dvc(project)
    assert passes(project)["lock"]["not_checked"] == []
    assert prove(project).verdict is Verdict.PASSED


def test_of_a_submodule_that_is_not_here_nobody_knows(tmp_path: Path) -> None:
    project = _with_submodule(tmp_path, DECLARING["a stage"])
    project.git("submodule", "deinit", "-q", "-f", "lib")
    assert asked(project, None) == (5, [])
    with redirect_stderr(StringIO()) as told:
        assert main(["-C", str(project.root), "affected"]) == 0
    assert "whether the submodule lib has stages or data" in told.getvalue()
    project.write({".dvcignore": "/lib/\n"})
    project.commit("hidden")
    assert passes(project)["lock"]["not_checked"] == []


def _nested(base: Path, name: str, inner: str, **files: str) -> Project:
    """A project with the submodule `name`, which has such files and the submodule `inner`."""
    own = {
        "lockproof.toml": POLICY,
        "dvc.yaml": "stages: {first: {cmd: cp raw.txt out.txt, deps: [raw.txt],"
        " outs: [out.txt]}}\n",
    }
    project = started(base, own)
    library, middle = new_repository(base, "library"), new_repository(base, "middle")
    library.write({"dvc.yaml": INSIDE})
    library.commit()
    add = ("-c", "protocol.file.allow=always", "submodule", "add", "-q")
    middle.write(files)
    middle.git(*add, "../library", inner)
    middle.commit()
    project.git(*add, "../middle", name)
    project.git("-c", "protocol.file.allow=always", "submodule", "update", "--init", "--recursive")
    project.dvc("repro", "-q", "first")
    project.dvc("push", "-q", "first")
    project.commit("with a submodule in a submodule")
    return project


@pytest.mark.parametrize("name", ["lib", "[lib]", "a*b", "a b?"])
def test_the_advice_for_submodules_of_any_name_holds(name: str, tmp_path: Path) -> None:
    project = _nested(tmp_path, name, "in ner")
    Project(project.root / name, project.remote).git("submodule", "deinit", "-q", "-f", "in ner")

    with redirect_stderr(StringIO()) as told:
        assert main(["-C", str(project.root), "affected"]) == 0
    said = re.search(r'is not known: run "(.+?)", or add the line (.+) to', told.getvalue())
    assert said
    subprocess.run(said[1], shell=True, cwd=project.root, env=project.environment(), check=True)
    assert "in ner/" in _stages_by_dvc(project)
    code, found = asked(project, None)
    assert code == 1
    (line,) = found
    assert line.endswith(f"add the line {said[2]} to .dvcignore"), line
    project.write({".dvcignore": f"{said[2]}\n"})
    project.commit("hidden")
    assert "in ner/" not in _stages_by_dvc(project)
    assert passes(project)["lock"]["not_checked"] == []


def test_a_submodule_below_another_project_of_a_submodule_is_no_matter(tmp_path: Path) -> None:
    project = _nested(tmp_path, "lib", "proj/nested", **{"proj/.dvc/config": ""})
    assert "nested" not in _stages_by_dvc(project)
    assert passes(project)["lock"]["not_checked"] == []


@pytest.fixture(scope="module")
def siblings(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A DVC project that depends on what another one beside it keeps."""
    base = tmp_path_factory.mktemp("siblings")
    outer = new_repository(base, "outer")
    for name in ("data", "ml"):
        made = Project(outer.root / name, outer.remote)
        made.root.mkdir()
        made.dvc("init", "-q", "--subdir")
        made.dvc("remote", "add", "-q", "-d", "store", str(outer.remote))
    outer.write({"data/raw.csv": "1\n", "data/many/a": "a\n", "data/many/b": "b\n"})
    Project(outer.root / "data", outer.remote).dvc("add", "-q", "raw.csv", "many")
    outer.write({".gitignore": "made.txt\n", "made.txt": "made\n"})
    made.write({"lockproof.toml": POLICY})
    _depends(made, "../data/raw.csv")
    return made


def _depends(project: Project, path: str) -> None:
    _runs(project, f"cp {path} out.txt, deps: [{path}]")


def _runs(project: Project, command: str) -> None:
    project.write({"dvc.yaml": f"stages: {{train: {{cmd: {command}, outs: [out.txt]}}}}\n"})
    project.repro()


def test_what_a_sibling_project_makes_is_compared_with_its_lock(siblings: Project) -> None:
    before = siblings.git("rev-parse", "HEAD").strip()
    (said,) = passes(siblings)["lock"]["not_checked"]
    assert said.startswith("1 dependency is compared by the locks of other DVC projects")
    assert "their own gates have to pass as well" in said
    assert said.endswith("../data/raw.csv of data/raw.csv.dvc")
    report = prove(siblings)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [f.rule for f in report.findings] == ["LP708", "LP709"]  # And so nothing was checked.
    (siblings.root / "../data/raw.csv").write_text("2\n")
    Project(siblings.root.parent / "data", siblings.remote).dvc("add", "-q", "raw.csv")
    siblings.git("add", "-A", ":/")
    siblings.git("commit", "-qm", "other data")
    try:
        code, (line,) = asked(siblings, None)
        assert code == 1
        assert line.startswith("LP105 train: ../data/raw.csv is locked as"), line
        siblings.repro()
        passes(siblings)
    finally:
        siblings.git("reset", "-q", "--hard", before)


@pytest.mark.parametrize("mode", ["isolated", "chain"])
def test_an_input_that_is_nowhere_hides_no_lost_object(siblings: Project, mode: str) -> None:
    """The stage cannot run for what another project keeps, and its own data is lost as well."""
    before = siblings.git("rev-parse", "HEAD").strip()
    siblings.write({"own.csv": "own\n"})
    siblings.dvc("add", "-q", "own.csv")
    _runs(siblings, "cat ../data/raw.csv own.csv > out.txt, deps: [../data/raw.csv, own.csv]")
    name = hashlib.md5(b"own\n", usedforsecurity=False).hexdigest()
    for store in (siblings.remote, siblings.root / ".dvc/cache"):
        (store / "files/md5" / name[:2] / name[2:]).unlink()
    try:
        report = prove(siblings, mode=mode)
        assert report.verdict is Verdict.FAILED
        (found,) = (f for f in report.findings if f.rule == "LP201")
        assert found.message.startswith("own.csv: object ")
    finally:
        siblings.git("reset", "-q", "--hard", before)


def test_what_nobody_names_beside_is_not_known(siblings: Project) -> None:
    path = "../made.txt"
    before = siblings.git("rev-parse", "HEAD").strip()
    _depends(siblings, path)
    try:
        assert asked(siblings, None) == (5, [])
        report = prove(siblings)
        assert report.verdict is Verdict.INCONCLUSIVE
        found = next(f for f in report.findings if f.rule == "LP708")
        assert f"run 'git add -f {path}' and commit" in found.message
        siblings.git("add", "-f", path)
        siblings.git("commit", "-qm", "kept in Git")
        passes(siblings)
        assert prove(siblings).verdict is Verdict.PASSED
    finally:
        siblings.git("reset", "-q", "--hard", before)


def _unsure(project: Project) -> str:
    """Gate the last commit, about which one thing is not known; what the lock family says."""
    assert asked(project, None) == (5, [])
    report = json.loads((project.remote.parent / "gate.json").read_text())
    (said,) = next(c["not_checked"] for c in report["checks"] if c["name"] == "lock")
    return str(said)


def _unchecked(project: Project) -> str:
    """Reproduce the last commit, of which no stage can be run; why."""
    report = prove(project)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [f.rule for f in report.findings] == ["LP708", "LP709"]
    return report.findings[0].message


@pytest.mark.parametrize("target", ["/etc/passwd", "nowhere", "raw.csv", "../../out"])
def test_a_link_in_git_is_not_what_a_sibling_project_makes(siblings: Project, target: str) -> None:
    before = siblings.git("rev-parse", "HEAD").strip()
    raw = siblings.root.parent / "data/raw.csv"
    raw.unlink()
    raw.symlink_to(target)
    siblings.git("add", "-f", "../data/raw.csv")
    siblings.git("commit", "-qm", "a link")
    try:
        assert _unsure(siblings).startswith(
            "../data/raw.csv: Git has the link data/raw.csv, by which"
        )
        if target != "/etc/passwd":  # Which is there, and not what is locked.
            assert "Git has the link data/raw.csv, by which" in _unchecked(siblings)
        siblings.git("rm", "-q", "../data/raw.csv")
        Project(siblings.root.parent / "data", siblings.remote).dvc("checkout", "-q")
        siblings.git("commit", "-qm", "the file itself in its place")
        passes(siblings)
    finally:
        siblings.git("reset", "-q", "--hard", before)
        Project(siblings.root.parent / "data", siblings.remote).dvc("checkout", "-q", "-f")


def test_nor_is_what_lies_behind_a_link_in_git(siblings: Project, tmp_path: Path) -> None:
    before = siblings.git("rev-parse", "HEAD").strip()
    data = Project(siblings.root.parent / "data", siblings.remote)
    declared = (data.root / "raw.csv.dvc").read_text().replace("path: ", "path: deep/")
    data.write(
        {"deep/raw.csv": "1\n", "deep.dvc": declared, ".gitignore": "/raw.csv\n/many\n/deep/\n"}
    )
    _depends(siblings, "../data/deep/raw.csv")
    try:
        passes(siblings)
        shutil.rmtree(data.root / "deep")
        (data.root / "deep").symlink_to(tmp_path)
        siblings.commit("a link on its way")
        assert "Git has the link data/deep, by which" in _unsure(siblings)
        assert "Git has the link data/deep, by which" in _unchecked(siblings)
    finally:
        siblings.git("reset", "-q", "--hard", before)


def test_a_link_to_what_a_sibling_project_makes_is_followed_by_hand(siblings: Project) -> None:
    before = siblings.git("rev-parse", "HEAD").strip()
    (siblings.root.parent / "data/link.csv").symlink_to("raw.csv")
    _depends(siblings, "../data/link.csv")
    try:
        assert "depend on what it leads to" in _unsure(siblings)
        _depends(siblings, "../data/raw.csv")
        passes(siblings)
    finally:
        siblings.git("reset", "-q", "--hard", before)


DOUBTS = {
    "two files": ("twice.dvc", "outs: [{md5: d41d8cd98f00b204e9800998ecf8427e, path: raw.csv}]\n"),
    "a conflict": ("raw.csv.dvc", "<<<<<<< HEAD\n=======\n>>>>>>> other\n"),
    "another one's conflict": ("many.dvc", "<<<<<<< HEAD\n=======\n>>>>>>> other\n"),
    "no YAML": ("raw.csv.dvc", "outs: [\n"),
    "hidden": (".dvcignore", "/raw.csv.dvc\n"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_of_a_sibling_project_in_doubt_nothing_is_taken(siblings: Project, name: str) -> None:
    before = siblings.git("rev-parse", "HEAD").strip()
    file, content = DOUBTS[name]
    siblings.write({f"../data/{file}": content})
    siblings.commit("in doubt")
    try:
        told = (
            "neither this commit nor" if name == "hidden" else "of another DVC project, is in doubt"
        )
        assert told in _unsure(siblings)
        assert told in _unchecked(siblings)
    finally:
        siblings.git("reset", "-q", "--hard", before)


@pytest.mark.parametrize("by_link", [False, True], ids=["itself", "by a link"])
def test_a_folder_that_a_sibling_project_shares_with_git(siblings: Project, by_link: bool) -> None:
    before = siblings.git("rev-parse", "HEAD").strip()
    data = Project(siblings.root.parent / "data", siblings.remote)
    data.write({"sets/README.txt": "read\n", "sets/own.csv": "1\n"})
    data.dvc("add", "-q", "sets/own.csv")
    path = "../data/sets"
    if by_link:
        path = "sets"
        (siblings.root / path).symlink_to("../data/sets")
    command = "ls {0}/ > out.txt, deps: [{0}]"
    _runs(siblings, command.format(path))
    try:
        told = "data/sets/own.csv.dvc, of another DVC project, names sets/own.csv"
        assert told in _unsure(siblings)
        assert told in _unchecked(siblings)
        _runs(
            siblings,
            "ls ../data/sets > out.txt, deps: [../data/sets/README.txt, ../data/sets/own.csv]",
        )
        passes(siblings)
    finally:
        siblings.git("reset", "-q", "--hard", before)
        shutil.rmtree(data.root / "sets", ignore_errors=True)


def test_a_folder_around_a_sibling_project_is_not_known(siblings: Project) -> None:
    before = siblings.git("rev-parse", "HEAD").strip()
    (siblings.root.parent / "data/.dvcignore").unlink()  # With which DVC refuses it.
    _runs(siblings, "ls ../data > out.txt, deps: [../data]")
    try:
        assert _unsure(siblings).startswith("../data: it holds the DVC project data, ")
        assert "it holds the DVC project data, " in _unchecked(siblings)
    finally:
        siblings.git("reset", "-q", "--hard", before)


@pytest.mark.parametrize("path", ["raw.csv", "many/a"])
def test_the_advice_for_what_a_sibling_project_makes_holds(siblings: Project, path: str) -> None:
    before = siblings.git("rev-parse", "HEAD").strip()
    data = Project(siblings.root.parent / "data", siblings.remote)
    whole = path.partition("/")[0]
    if whole != path:
        _depends(siblings, f"../data/{path}")
    try:
        told = _unchecked(siblings)
        assert f"data/{whole}.dvc, of another DVC project, names {whole}, and" in told
        assert "git add" not in told
        for name in (whole, f"{whole}.dvc"):
            shutil.move(data.root / name, siblings.root / name)
        siblings.write({".gitignore": f"/{whole}\n/out.txt\n"})
        _depends(siblings, path)
        passes(siblings)
        assert prove(siblings).verdict is Verdict.PASSED
        for project in (data, siblings):
            project.dvc("commit", "-q", "-f")
        assert siblings.git("status", "--porcelain") == ""
    finally:
        siblings.git("reset", "-q", "--hard", before)
        siblings.git("clean", "-qfdx", "-e", "ml/.dvc", "-e", "data/.dvc", "-e", "made.txt", "..")
        data.dvc("checkout", "-q", "-f")


def _stored(project: Project, content: str) -> Path:
    oid = hashlib.sha256(content.encode()).hexdigest()
    return project.root / f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}"


def _pointed(project: Project, content: str) -> None:
    """Have Git LFS keep `big.csv`."""
    stored = _stored(project, content)
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text(content)
    said = f"oid sha256:{stored.name}\nsize {len(content)}\n"
    project.write({"big.csv": f"version https://git-lfs.github.com/spec/v1\n{said}"})


@pytest.mark.parametrize("deps", ["deps: [big.csv], ", ""], ids=["declared", "not declared"])
def test_what_an_earlier_commit_had_may_not_be_here(deps: str, tmp_path: Path) -> None:
    pipeline = f"stages: {{first: {{cmd: cat big.csv > out.txt, {deps}outs: [out.txt]}}}}\n"
    files = {"lockproof.toml": POLICY, "dvc.yaml": pipeline, "big.csv": "1\n"}
    project = started(tmp_path, {**files, ".gitattributes": "*.csv filter=lfs -text\n"})
    project.repro()
    _pointed(project, "1\n")
    project.git("commit", "-qa", "--amend", "--no-edit")
    _pointed(project, "2\n")
    project.commit("other content")
    known = stage(prove(project), "first").causes[0]
    assert (known.subject, known.certainty) == ("big.csv", Certainty.PROVEN)
    _stored(project, "1\n").unlink()
    report = prove(project)
    assert report.verdict is Verdict.FAILED
    cause = stage(report, "first").causes[0]
    assert (cause.subject, cause.certainty) == ("big.csv", Certainty.POSSIBLE)
    lines = [line.text for line in report.host.stages["first"].evidence]
    assert any("is not in this clone: git lfs fetch origin " in line for line in lines), lines
