"""Trees and indexes that Git itself does not make: nothing in them is taken for what it is not."""

import subprocess
from pathlib import Path

import pytest

from lockproof.cli.main import main
from lockproof.rules.capitals import with_other_capitals

from .pipelines import Project, copy_of
from .test_gate_good import started
from .test_gate_reproduction import asked

POLICY = '[gate]\noff = ["git", "record"]\n'
PIPELINE = (
    "stages: {first: {cmd: cp raw.txt out.txt, deps: [raw.txt, empty.py], outs: [out.txt]}}\n"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    files = {"lockproof.toml": POLICY, "dvc.yaml": PIPELINE, "empty.py": "", "kept.py": ""}
    made = started(tmp_path_factory.mktemp("trees"), files)
    made.repro()
    return made


def raw_tree(project: Project, entries: list[tuple[str, str, str]]) -> str:
    """A tree of just these entries (mode, name, object id), as no command of Git would make it."""
    content = b"".join(
        f"{mode} {name}\0".encode() + bytes.fromhex(oid) for mode, name, oid in entries
    )
    made = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        cwd=project.root,
        input=content,
        capture_output=True,
        check=True,
    )
    return made.stdout.decode().strip()


def entries_of(project: Project) -> list[tuple[str, str, str]]:
    listing = project.git("ls-tree", "HEAD").splitlines()
    split = [(line.split("\t")[0].split(), line.split("\t")[1]) for line in listing]
    return [(meta[0].lstrip("0"), name, meta[2]) for meta, name in split]


HOSTILE = {
    "the lock twice": ("100644", "dvc.lock"),
    "code twice": ("100644", "empty.py"),
    "a folder that is a file as well": ("100644", ".dvc"),
    "a file above the repository": ("40000", ".."),
    "a .git folder": ("40000", ".git"),
    "a .GIT folder": ("40000", ".GIT"),
    "a folder of itself": ("40000", "."),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_tree_is_one_error_and_never_followed(
    name: str, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = copy_of(project, tmp_path)
    (copy.root.parent / "evil").write_text("evil\n")
    blob = copy.git("hash-object", "-w", "../evil").strip()
    mode, called = HOSTILE[name]
    inner = raw_tree(copy, [("100644", "config", blob)])
    entries = [*entries_of(copy), (mode, called, inner if mode == "40000" else blob)]
    tree = raw_tree(copy, sorted(entries, key=lambda entry: entry[1]))
    commit = copy.git("commit-tree", "-m", "x", "-p", "HEAD", tree).strip()
    for how in ((commit,), (commit, "--pr", "--base", "HEAD"), ("HEAD", "--base", commit)):
        assert main(["-C", str(copy.root), "gate", *how]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "is broken" in line
        assert called in line


def test_what_is_only_announced_is_not_staged(project: Project, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path)
    assert asked(copy, None, "--staged") == (0, [])
    copy.git("rm", "-q", "--cached", "empty.py")
    copy.git("commit", "-qm", "without it")
    copy.git("add", "-N", "empty.py")
    code, found = asked(copy, None, "--staged")
    assert code == 1
    assert "LP107" in found[0], found
    copy.git("add", "empty.py")
    assert asked(copy, None, "--staged") == (0, [])


def test_a_file_that_is_announced_in_place_of_a_committed_one_is_not_staged(
    project: Project, tmp_path: Path
) -> None:
    copy = copy_of(project, tmp_path)
    copy.git("rm", "-q", "--cached", "empty.py")
    copy.git("add", "-N", "empty.py")
    code, found = asked(copy, None, "--staged")
    assert code == 1
    assert "LP107" in found[0], found


def test_a_pull_request_cannot_choose_another_project(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = copy_of(project, tmp_path)
    copy.write({"ci/keep": ""})
    copy.commit("where CI starts")
    copy.write({"ci/.dvc/config": "", "ci/x.dvc": "outs: []\n"})
    copy.git("add", "-f", "ci/.dvc/config")
    copy.commit("a project there, with a policy of its own")
    assert main(["-C", str(copy.root / "ci"), "gate", "--pr", "--base", "HEAD~1"]) == 2
    assert "is a DVC project at this revision and was none" in capsys.readouterr().err


def test_what_is_hidden_from_dvc_is_said_to_be(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of the pipeline is looked at then."""
    copy = copy_of(project, tmp_path)
    copy.write({".dvcignore": "dvc.yaml\ndvc.lock\n", "empty.py": "changed = 1\n"})
    copy.commit("what DVC does not see")
    main(["-C", str(copy.root), "gate"])
    said = " ".join(capsys.readouterr().out.split())
    assert "dvc.yaml: hidden by .dvcignore, from DVC as well" in said


def test_of_a_project_that_moves_no_way_is_told_that_leads_nowhere(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = copy_of(project, tmp_path)
    copy.git("checkout", "-q", "-b", "moved")
    (copy.root / "ml").mkdir()
    copy.git("mv", ".dvc", "ml/.dvc")
    copy.commit("the project lies in a folder")
    assert main(["-C", str(copy.root / "ml"), "gate", "--pr", "--base", "HEAD~1"]) == 2
    said = capsys.readouterr().err
    assert "a person has to look at the move" in said
    assert "use -C" not in said


def test_code_with_other_capitals_is_named_as_git_has_it(project: Project, tmp_path: Path) -> None:
    """On Windows and macOS DVC finds it all the same."""
    copy = copy_of(project, tmp_path)
    for name in ("dvc.yaml", "dvc.lock"):
        text = (copy.root / name).read_text().replace("empty.py", "Empty.py")
        (copy.root / name).write_text(text)
    copy.commit("as a file system without capitals has it")
    code, found = asked(copy, None)
    assert code == 1
    (line,) = [line for line in found if "LP107" in line]
    assert "needs Empty.py, and this revision has empty.py: only some file" in line


def test_names_that_some_file_systems_take_for_one() -> None:
    tracked = ("src/a.py", "src/deep/b.py", "straße.py", "cafe\u0301/x", "other")
    asked = {"SRC": "SRC", "Deep": "src/Deep", "strasse.py": "strasse.py", "x": "caf\u00e9/x"}
    assert with_other_capitals(asked, tracked) == {
        "SRC": "src",
        "Deep": "src/deep",
        "x": "cafe\u0301/x",
    }
    assert with_other_capitals({"Src": "Src"}, ("Srcs/a", "a/src")) == {}


def test_a_change_that_freezes_a_stage_is_found_where_that_is_accepted(
    project: Project, tmp_path: Path
) -> None:
    copy = copy_of(project, tmp_path)
    copy.write({"lockproof.toml": f'{POLICY}[reproduce]\nfrozen = "accept"\n'})
    copy.commit("accepted")
    copy.write({"dvc.yaml": PIPELINE.replace("{cmd:", "{frozen: true, cmd:")})
    copy.commit("frozen")
    code, found = asked(copy, None, "--base", "HEAD~1")
    assert (code, [line[:5] for line in found]) == (1, ["LP112"])
