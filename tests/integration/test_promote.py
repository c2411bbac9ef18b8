"""`lockproof promote` with a real registry and a real Git: what it edits, and what it refuses."""

import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockproof.cli.main import main

from .models import next_commit, proof_of, register, registry_of, toy_project, versions
from .models import without_settings as settings_away
from .pipelines import Project, copy_of

ROLLOUT = """\
# What serves.
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: toy, namespace: serving}
spec:
  template:
    spec:
      initContainers:
        - name: fetch
          env:
            - name: OTHER   # stays
              value: "a: b"
            - {name: MODEL_URI, value: models:/toy/9} # moves
            - name: MODEL_DIGEST
              value: "md5:00000000000000000000000000000000"
"""
SERVICE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: toy   # the one
spec:
  predictor:
    model:
      modelFormat: {name: sklearn}
      storageUri: s3://bucket/old
"""
INPUTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: inputs}
data:
  MODEL_URI: models:/toy/9
  MODEL_DIGEST: md5:00000000000000000000000000000000
---
kind: Namespace
apiVersion: v1
metadata: {name: x}
"""
LITERALS = """\
configMapGenerator:
  - name: model
    literals: [MODEL_URI=models:/toy/9, "MODEL_DIGEST=md5:00000000000000000000000000000000"]
"""
OVERLAY = "resources:\n  - ../base\n# the end\n"
FILES = {
    "deploy/base/rollout.yaml": ROLLOUT,
    "deploy/base/kustomization.yaml": "resources: [rollout.yaml]\n",
    "deploy/over/kustomization.yaml": OVERLAY,
    "deploy/service.yaml": SERVICE,
    "deploy/inputs.yaml": INPUTS,
    "deploy/literals/kustomization.yaml": LITERALS,
}


@pytest.fixture(autouse=True, scope="module")
def _no_outer_settings() -> Iterator[None]:
    with settings_away():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two versions registered, the alias at the second; manifests committed."""
    project = toy_project(tmp_path_factory.mktemp("made"))
    project.write(FILES)
    first = project.commit("manifests")
    assert register(project, proof_of(project), first, "--alias", "candidate") == 0
    second, report = next_commit(project, "c\nb\n")
    assert register(project, report, second, "--alias", "candidate") == 0
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    return copy_of(made, tmp_path)


def promote(project: Project, version: str, to: str, *more: str) -> int:
    return main(["-C", str(project.root), "promote", version, "--to", to, *more])


def digests(project: Project) -> list[str]:
    return [v.served_digest or "" for v in versions(project)]


@pytest.mark.parametrize(
    ("path", "text"),
    [("deploy/base/rollout.yaml", ROLLOUT), ("deploy/inputs.yaml", INPUTS)],
)
def test_two_values_change_and_no_other_byte(path: str, text: str, project: Project) -> None:
    one, two = digests(project)
    assert promote(project, "toy@candidate", path) == 0
    wanted = text.replace("models:/toy/9", "models:/toy/2")
    old = "md5:00000000000000000000000000000000"
    wanted = wanted.replace(f'"{old}"', two).replace(old, two)
    assert (project.root / path).read_text() == wanted
    assert promote(project, "models:/toy/1", path) == 0
    assert (project.root / path).read_text() == wanted.replace("toy/2", "toy/1").replace(two, one)


def test_literals_of_a_generator_keep_their_quotes(project: Project) -> None:
    path = "deploy/literals/kustomization.yaml"
    assert promote(project, "toy@candidate", path) == 0
    (_, two), text = digests(project), (project.root / path).read_text()
    assert f"literals: [MODEL_URI=models:/toy/2, MODEL_DIGEST={two}]" in text


def test_an_inference_service_gets_annotations_and_needs_a_bucket(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert promote(project, "toy@candidate", "deploy/service.yaml") == 2
    assert "KServe loads nothing from file:" in capsys.readouterr().err
    assert (project.root / "deploy/service.yaml").read_text() == SERVICE
    with registry_of(project).session() as session:
        version = session.version("toy", 2)
        assert version is not None
        copied = ("toy", "s3://models/2", version.run_id or "", version.tags, "")
        made = session.make_version(*copied)
    assert promote(project, made.uri, "deploy/service.yaml") == 1
    assert "it says the same as version 2" in capsys.readouterr().err
    with registry_of(project).session() as session:
        session.delete_version(version)  # As if its files had been in a bucket from the start.
    assert promote(project, made.uri, "deploy/service.yaml") == 0
    head, rest = SERVICE.split("  name: toy   # the one\n")
    notes = (
        "  annotations:\n    lockproof.dev/model: models:/toy/3\n"
        f"    lockproof.dev/model-digest: {digests(project)[1]}\n"
    )
    wanted = f"{head}{notes}  name: toy   # the one\n{rest.replace('bucket/old', 'models/2')}"
    assert (project.root / "deploy/service.yaml").read_text() == wanted
    # And once more: nothing is there twice.
    assert promote(project, made.uri, "deploy/service.yaml") == 0
    assert (project.root / "deploy/service.yaml").read_text() == wanted


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl, which builds kustomizations")
def test_an_overlay_patches_what_it_includes_and_builds(project: Project) -> None:
    over = "deploy/over/kustomization.yaml"
    assert promote(project, "toy@candidate", over, "--commit") == 0
    text = (project.root / over).read_text()
    assert text.startswith(OVERLAY)
    built = project.run("kubectl", "kustomize", "deploy/over")
    assert "models:/toy/2" in built
    assert digests(project)[1] in built
    assert (project.root / "deploy/base/rollout.yaml").read_text() == ROLLOUT
    assert promote(project, "models:/toy/1", over, "--commit") == 0
    assert (project.root / over).read_text() == text
    assert "models:/toy/1" in project.run("kubectl", "kustomize", "deploy/over")


def test_a_commit_holds_these_files_alone_and_a_branch_leaves_the_work_tree(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "deploy/base/rollout.yaml"
    project.write({"staged.txt": "mine"})
    project.git("add", "staged.txt")
    before = project.git("rev-parse", "HEAD").strip()
    assert promote(project, "toy@candidate", path, "--branch", "serve-2") == 0
    said = capsys.readouterr()
    assert "### Serve `models:/toy/2`" in said.out
    assert "on branch serve-2" in said.err
    assert project.git("status", "--porcelain").split() == ["A", "staged.txt"]
    assert project.git("diff", "--name-only", "HEAD", "serve-2").split() == [path]
    assert promote(project, "toy@candidate", path, "--branch", "serve-2") == 0  # As after a kill.
    assert promote(project, "models:/toy/1", path, "--branch", "serve-2") == 2
    assert promote(project, "toy@candidate", path, "--commit") == 0
    assert project.git("rev-parse", "HEAD^").strip() == before
    assert project.git("show", "--name-only", "--format=%s", "HEAD").split("\n\n") == [
        "Serve version 2 of toy",
        f"{path}\n",
    ]
    assert project.git("status", "--porcelain").split() == ["A", "staged.txt"]
    capsys.readouterr()
    assert promote(project, "toy@candidate", path, "--commit") == 0
    assert "already" in capsys.readouterr().err
    project.write({path: ROLLOUT + "# mine\n"})
    assert promote(project, "models:/toy/1", path, "--commit") == 2
    assert "has changes of yours" in capsys.readouterr().err
    project.git("checkout", "-qf", "--detach")
    assert promote(project, "models:/toy/1", path, "--commit") == 2
    assert "HEAD is detached" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_an_edit_that_git_was_told_not_to_look_at_stays(
    flag: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "deploy/base/rollout.yaml"
    mine = ROLLOUT + "# mine\n"
    project.git("update-index", f"--{flag}", path)
    project.write({path: mine})
    assert project.git("status", "--porcelain") == ""
    head = project.git("rev-parse", "HEAD")
    assert promote(project, "toy@candidate", path, "--commit") == 2
    said = capsys.readouterr().err
    assert (project.root / path).read_text() == mine
    assert project.git("rev-parse", "HEAD") == head
    # What it says lets Git see it, and leads on.
    _, command, _ = said.split("'")
    project.run("sh", "-c", command)
    assert promote(project, "toy@candidate", path, "--commit") == 2
    assert "commit or stash them first" in capsys.readouterr().err
    project.git("stash", "-q")
    assert promote(project, "toy@candidate", path, "--commit") == 0
    assert "+# mine" in project.git("stash", "show", "-p")


FORMS = {
    "filter": ("*.yaml filter=upper\n", ROLLOUT.replace("stays", "STAYS").encode()),
    # Not to be told from an edit by what Git says, which sees none.
    "edit that its filter leaves out": (
        "*.yaml filter=upper\n",
        ROLLOUT.replace("stays", "StAYS").encode(),
    ),
    "mixed line ends": ("*.yaml text\n", ROLLOUT.encode().replace(b"\n", b"\r\n", 3)),
}


@pytest.mark.parametrize("how", FORMS)
def test_a_form_of_a_file_that_is_not_known_is_said_to_be_unknown(
    how: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "deploy/base/rollout.yaml"
    attributes, here = FORMS[how]
    project.git("config", "filter.upper.clean", "sed 's/[Ss][Tt]AYS/stays/'")
    project.git("config", "filter.upper.smudge", "sed s/stays/STAYS/")
    project.write({".gitattributes": attributes})
    project.commit("attributes")
    (project.root / path).write_bytes(here)
    project.git("update-index", "--assume-unchanged", path)
    assert project.git("status", "--porcelain") == ""
    head = project.git("rev-parse", "HEAD")
    assert promote(project, "toy@candidate", path, "--commit") == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert f"{path} is not as Git keeps it, though Git sees no change in it" in said
    assert "whether edits of yours are in it is not known" in said
    assert "told not to look" not in said
    assert (project.root / path).read_bytes() == here
    # What it says leads on, and leaves the file alone.
    assert "--branch NAME" in said
    assert promote(project, "toy@candidate", path, "--branch", "next") == 0
    assert project.git("rev-parse", "next^") == head
    assert "models:/toy/2" in project.git("show", f"next:{path}")
    assert (project.root / path).read_bytes() == here


def test_a_file_that_git_ignores_is_not_overwritten(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = "deploy/over/model-toy.yaml"
    project.write({".gitignore": (project.root / ".gitignore").read_text() + "model-toy.yaml\n"})
    project.commit("ignore")
    project.write({patch: "mine\n"})
    assert promote(project, "toy@candidate", "deploy/over/kustomization.yaml", "--commit") == 2
    assert f"{patch} is here, and Git ignores it" in capsys.readouterr().err
    assert (project.root / patch).read_text() == "mine\n"
    (project.root / patch).unlink()
    assert promote(project, "toy@candidate", "deploy/over/kustomization.yaml", "--commit") == 0


@pytest.mark.parametrize("how", ["eol=crlf", "autocrlf", "sparse"])
def test_what_a_checkout_makes_of_a_file_is_no_edit(how: str, project: Project) -> None:
    path = "deploy/base/rollout.yaml"
    if how == "eol=crlf":
        project.write({".gitattributes": "*.yaml eol=crlf\n"})
        project.commit("attributes")
    elif how == "autocrlf":
        project.git("config", "core.autocrlf", "true")
    (project.root / path).unlink()
    project.git("checkout", "-q", "--", path)
    if how == "sparse":
        project.git("update-index", "--skip-worktree", path)
        (project.root / path).unlink()
    else:
        assert b"\r\n" in (project.root / path).read_bytes()
    assert project.git("status", "--porcelain") == ""
    assert promote(project, "toy@candidate", path, "--commit") == 0
    assert "models:/toy/2" in project.git("show", f"HEAD:{path}")


@pytest.mark.parametrize("path", ["deploy/base/rollout.yaml", "deploy/over/kustomization.yaml"])
def test_a_revert_names_what_was_there_and_says_so_on_the_version(
    path: str, project: Project
) -> None:
    def named() -> str:
        texts = (project.root / "deploy").rglob("*.yaml")
        return "\n".join(t.read_text() for t in texts if t.parent == (project.root / path).parent)

    assert promote(project, "models:/toy/1", path, "--commit") == 0
    assert promote(project, "toy@candidate", path, "--commit") == 0
    assert promote(project, "toy@candidate", path, "--commit", "--revert", "too slow") == 0
    assert "models:/toy/1" in named()
    assert "models:/toy/2" not in named()
    assert versions(project)[1].tags["lockproof.reverted"] == f"too slow ({path})"
    head = project.git("rev-parse", "HEAD")
    # Run again, it does not go one further back.
    assert promote(project, "toy@candidate", path, "--commit", "--revert", "too slow") == 0
    assert project.git("rev-parse", "HEAD") == head
    assert "models:/toy/1" in named()
    # What was never there is not said to have been taken back.
    third, report = next_commit(project, "d\n")
    assert register(project, report, third) == 0
    assert promote(project, "models:/toy/3", path, "--commit", "--revert", "typo") == 2
    assert "lockproof.reverted" not in versions(project)[2].tags


@pytest.fixture(scope="module")
def three(made: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three versions."""
    project = copy_of(made, tmp_path_factory.mktemp("three"))
    commit, report = next_commit(project, "d\nb\n")
    assert register(project, report, commit) == 0
    return project


INPUT = "deploy/inputs.yaml"


def _served(project: Project) -> str:
    (line,) = [n for n in (project.root / INPUT).read_text().splitlines() if "models:/" in n]
    return line.split()[-1]


def _let(project: Project, number: int, *more: str) -> str:
    assert promote(project, f"models:/toy/{number}", INPUT, *more) == 0
    return _served(project)


def test_reverts_in_the_work_tree_go_further_back_each_time(three: Project, tmp_path: Path) -> None:
    project = copy_of(three, tmp_path)
    for number in (1, 2, 3):
        _let(project, number, "--commit")
    assert _let(project, 3, "--revert", "slow") == "models:/toy/2"
    assert _let(project, 2, "--revert", "slow as well") == "models:/toy/1"


def test_a_revert_goes_back_along_the_branch_that_is_served(three: Project, tmp_path: Path) -> None:
    project = copy_of(three, tmp_path)
    _let(project, 1, "--commit")
    for number in (2, 3):
        project.git("branch", f"serve-{number}")
    for number in (2, 3):
        project.git("switch", "-q", f"serve-{number}")
        _let(project, number, "--commit")
        project.git("switch", "-q", "-")
        merge = ("--no-ff", "-X", "theirs", f"serve-{number}", "-m", f"serve {number}")
        project.git("merge", "-q", *merge)
    assert _served(project) == "models:/toy/3"
    assert _let(project, 3, "--commit", "--revert", "bad") == "models:/toy/2"


@pytest.mark.parametrize("whose", ["merged here", "merged there"])
def test_a_revert_does_not_go_back_to_what_was_taken_back_beside_a_branch(
    whose: str, three: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The branch was begun while version 2 was served, and knows nothing of its end."""
    project = copy_of(three, tmp_path)
    _let(project, 1, "--commit")
    _let(project, 2, "--commit")
    project.git("branch", "next")
    assert _let(project, 2, "--commit", "--revert", "2 is bad") == "models:/toy/1"
    served = project.git("branch", "--show-current").strip()
    project.git("switch", "-q", "next")
    _let(project, 3, "--commit")
    if whose == "merged here":
        project.git("switch", "-q", served)
        project.git("merge", "-q", "-X", "theirs", "next", "-m", "merge")
    else:
        project.git("merge", "-q", "-X", "ours", served, "-m", "merge")
    assert _served(project) == "models:/toy/3"
    capsys.readouterr()
    assert _let(project, 3, "--commit", "--revert", "3 is bad") == "models:/toy/1"
    told = (
        "not gone back to models:/toy/2: it was taken back, on another branch or without a commit"
    )
    assert (told in capsys.readouterr().err) == (whose == "merged there")


def test_a_revert_goes_back_to_what_was_promoted_again_after_it_was_taken_back(
    three: Project, tmp_path: Path
) -> None:
    project = copy_of(three, tmp_path)
    _let(project, 1, "--commit")
    _let(project, 2, "--commit")
    assert _let(project, 2, "--commit", "--revert", "it was the load") == "models:/toy/1"
    _let(project, 2, "--commit")
    _let(project, 3, "--commit")
    assert _let(project, 3, "--commit", "--revert", "bad") == "models:/toy/2"


KILLS = ["second file", "commit-tree", "update-ref", "after update-ref"]
if os.environ.get("LOCKPROOF_TEST_RACES"):
    KILLS += ["first file", "read-tree", "hash-object", "update-index", "write-tree", "tag"]


@pytest.mark.parametrize("where", KILLS)
def test_killed_in_the_middle_the_next_run_completes_it(where: str, project: Project) -> None:
    over = "deploy/over/kustomization.yaml"
    argv = ["-C", str(project.root), "promote", "toy@candidate", "--to", over, "--commit"]
    if where == "tag":
        assert promote(project, "models:/toy/1", over, "--commit") == 0
        assert main(argv) == 0
        argv += ["--revert", "slow"]
    head = project.git("rev-parse", "HEAD").strip()
    files = iter(["first file", "second file"])

    def deadly(real, step):
        def call(*args, **named):
            now = step(args)
            if now == where:
                os.kill(os.getpid(), signal.SIGKILL)
            found = real(*args, **named)
            if f"after {now}" == where:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return call

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of a fork beside threads.
        child = os.fork()
    if not child:
        try:
            from lockproof.adapters.git import commit
            from lockproof.adapters.mlflow.registry import Session
            from lockproof.steps.promote import run

            commit.run_git = deadly(commit.run_git, lambda args: args[1])
            run.write_whole = deadly(run.write_whole, lambda args: next(files))
            Session.set_tag = deadly(Session.set_tag, lambda args: "tag")
            main(argv)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"never came to {where}"
    assert main(argv) == 0
    assert project.git("rev-parse", "HEAD^").strip() == head
    assert project.git("status", "--porcelain") == ""
    number = 1 if where == "tag" else 2
    assert f"models:/toy/{number}" in (project.root / "deploy/over/model-toy.yaml").read_text()
    assert "path: model-toy.yaml" in (project.root / over).read_text()
    if where == "tag":
        assert "lockproof.reverted" in versions(project)[1].tags


def _tag(name: str, value: str):
    def change(project: Project) -> None:
        with registry_of(project).session() as session:
            version = session.version("toy", 2)
            assert version is not None
            session.set_tag(version, f"lockproof.{name}", value)

    return change


FORGED = {
    "what it loads": (_tag("loads", "raw.txt"), "no MD5 names the one file or folder"),
    "commit": (_tag("commit", "a" * 40), "they do not give its key"),
    "outputs": (_tag("outputs", '{"model.txt": "md5:' + "0" * 32 + '"}'), "do not give its key"),
    "lock": (_tag("lock_digest", "b" * 64), "the lock of commit"),
    "verdict": (_tag("verdict", "inconclusive"), "its verdict is 'inconclusive'"),
    "no outputs": (_tag("outputs", "[]"), "do not say which outputs"),
    "no key": (_tag("commit", "main"), "nothing says of which commit"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_version_that_does_not_hold_is_refused(
    case: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = FORGED[case]
    change(project)
    assert promote(project, "toy@candidate", "deploy/base/rollout.yaml") == 1
    assert message in capsys.readouterr().err
    assert (project.root / "deploy/base/rollout.yaml").read_text() == ROLLOUT


def test_what_cannot_be_promoted_is_one_line(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for argv, message in {
        ("toy", "deploy/base/rollout.yaml"): "say MODEL@ALIAS or models:/MODEL/NUMBER",
        ("toy@champion", "deploy/base/rollout.yaml"): "there is toy@candidate",
        ("models:/toy/7", "deploy/base/rollout.yaml"): "has no 'models:/toy/7'",
        ("toy@candidate", "deploy/none.yaml"): "there is no file deploy/none.yaml",
        ("toy@candidate", "no/none.yaml"): "there is no folder",
        ("toy@candidate", "raw.txt.dvc"): "names a version of toy: put MODEL_URI",
        ("toy@candidate", "../elsewhere.yaml"): "is not in a Git repository",
    }.items():
        assert promote(project, *argv) == 2, argv
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
    project.git("clone", "-q", "--depth", "1", f"file://{project.root}", "../shallow")
    shutil.copytree(project.root / ".lockproof", project.root.parent / "shallow/.lockproof")
    shallow = Project(project.root.parent / "shallow", project.remote)
    assert promote(shallow, "models:/toy/1", "deploy/base/rollout.yaml") == 1
    assert "is not in this clone" in capsys.readouterr().err
