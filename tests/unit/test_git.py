"""Git as lockproof reads it: any commit of any repository, and nothing written to it."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lockproof.adapters.git.blobs import Blobs, Unknown
from lockproof.adapters.git.origin import origin_of
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.errors import UsageError
from lockproof.model.digest import Digest
from lockproof.model.report import Origin

STRANGE = ["a b", "new\nline", 'quo"te', "-rf", "*", "tab\t", "é", os.fsdecode(b"\xff\xfe")]
WHO = {
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.com",
    "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com",
    "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without Git configuration."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    return folder


def git(folder: Path, *argv: str) -> str:
    done = subprocess.run(
        ["git", *argv], cwd=folder, env={**os.environ, **WHO}, capture_output=True, check=False
    )
    assert done.returncode == 0, (argv, done.stderr)
    return os.fsdecode(done.stdout).strip()


@dataclass(frozen=True)
class Made:
    """A repository of two commits on `main`."""

    root: Path
    first: str
    second: str


def make(root: Path, *options: str) -> Made:
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main", "--template=", *options)
    commits = []
    for content in ("one\n", "two\n"):
        (root / "f").write_text(content)
        (root / "sub" / "deep").mkdir(parents=True, exist_ok=True)
        (root / "sub" / "deep" / "g").write_text("same\n")
        git(root, "add", "-A")
        git(root, "commit", "-qm", f"make {content.strip()}")
        commits.append(git(root, "rev-parse", "HEAD"))
    return Made(root, *commits)


@pytest.fixture
def repo(tmp_path: Path) -> Made:
    return make(tmp_path / "repo")


def state(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, time of change and content of everything below a folder, `.git` included."""
    found = {}
    for path in [root, *root.rglob("*")]:
        info = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (info.st_mode, info.st_mtime_ns, content)
    return found


def files(root: Path) -> dict[str, bytes]:
    """Content of the files of a checkout."""
    paths = [path for path in root.rglob("*") if ".git" not in path.relative_to(root).parts]
    return {str(p.relative_to(root)): p.read_bytes() for p in paths if p.is_file()}


def check_out(root: Path, revision: str, target: Path) -> dict[str, bytes]:
    """The files of a checkout that is clean, detached and of the right commit."""
    found = GitRepository.discover(root)
    commit = found.resolve(revision)
    found.check_out(commit, target)
    assert git(target, "rev-parse", "HEAD") == commit
    assert git(target, "status", "--porcelain") == ""
    assert GitRepository(target).branch() is None
    return files(target)


ONE = {"f": b"one\n", "sub/deep/g": b"same\n"}
TWO = {"f": b"two\n", "sub/deep/g": b"same\n"}


def test_a_repository_is_found_from_inside(repo: Made, tmp_path: Path) -> None:
    found = GitRepository.discover(repo.root / "sub" / "deep")
    assert found.root == repo.root
    (tmp_path / "link").symlink_to(repo.root / "sub")
    assert GitRepository.discover(tmp_path / "link").root == repo.root


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("home", r"home is not in a Git repository: run this in a clone, or use -C DIR$"),
        ("nothing", r"^no such directory: .*nothing$"),
        ("repo/f", r"^not a directory: .*repo/f$"),
    ],
)
def test_elsewhere_it_says_what_to_do(repo: Made, tmp_path: Path, place: str, message: str) -> None:
    assert repo.root == tmp_path / "repo"
    with pytest.raises(UsageError, match=message):
        GitRepository.discover(tmp_path / place)


def test_without_git_it_says_so(repo: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo.root))
    with pytest.raises(UsageError, match=r"^git is not installed"):
        GitRepository.discover(repo.root)


def test_revisions_are_resolved_to_commits(repo: Made) -> None:
    git(repo.root, "tag", "-a", "v1", "-m", "tag", repo.first)
    found = GitRepository(repo.root)
    for revision in ("HEAD", "main", "@", repo.second, repo.second[:10], "HEAD^{}"):
        assert found.resolve(revision) == repo.second
    for revision in ("HEAD~1", "v1", "main^", "v1^{commit}"):
        assert found.resolve(revision) == repo.first
    assert found.parent(repo.second) == repo.first
    assert found.parent(repo.first) is None


@pytest.mark.parametrize("name", ["refs/remotes/origin/release", "refs/heads/release"])
def test_a_tag_called_like_a_branch_is_not_that_branch(repo: Made, name: str) -> None:
    git(repo.root, "update-ref", f"refs/tags/{name}", repo.second)
    found = GitRepository(repo.root)
    for asked in (name, f"{name}~1", f"{name}^{{commit}}"):
        with pytest.raises(UsageError, match="has no commit"):
            found.resolve(asked)
    git(repo.root, "update-ref", name, repo.second)
    git(repo.root, "update-ref", f"refs/tags/{name}", repo.first)
    assert found.resolve(name) == found.resolve(f"{name}^{{commit}}") == repo.second
    assert found.resolve(f"{name}~1") == repo.first
    assert found.resolve(f"refs/tags/{name}") == repo.first


@pytest.mark.parametrize("as_tag", ["main", "origin/main"])
def test_a_name_of_several_commits_is_refused(repo: Made, as_tag: str) -> None:
    """Git takes the tag, by which whoever may push one would say what a base is."""
    remote = "refs/remotes/origin/main"
    git(repo.root, "update-ref", remote, repo.second)
    found = GitRepository(repo.root)
    assert found.resolve(as_tag) == repo.second
    git(repo.root, "tag", "-a", as_tag, "-m", "not that", repo.first)
    branch = "refs/heads/main" if as_tag == "main" else remote
    for asked in (as_tag, f"{as_tag}^{{commit}}", f"{as_tag}~0", f"{as_tag}@{{0}}"):
        with pytest.raises(UsageError, match=f"write {branch} or refs/tags/{as_tag}$"):
            found.resolve(asked)
    assert found.resolve(branch) == repo.second
    assert found.resolve(f"refs/tags/{as_tag}") == repo.first
    git(repo.root, "tag", "--force", as_tag, repo.second)  # Of one commit there is no doubt.
    assert found.resolve(as_tag) == repo.second


def test_a_branch_called_like_a_remotes_is_refused_too(repo: Made) -> None:
    """CI makes a local branch of the name that a pull request's has."""
    git(repo.root, "update-ref", "refs/remotes/origin/main", repo.first)
    git(repo.root, "branch", "origin/main", repo.second)
    with pytest.raises(UsageError, match="has several commits called 'origin/main'"):
        GitRepository(repo.root).resolve("origin/main")


@pytest.mark.parametrize("form", ["{}", "v1.0-3-g{}"])
@pytest.mark.parametrize("kind", ["tags", "heads"])
def test_a_branch_called_like_the_beginning_of_an_id_is_refused(
    repo: Made, kind: str, form: str
) -> None:
    """Git takes the branch, and warns of it where nobody looks."""
    found = GitRepository(repo.root)
    short = form.format(repo.first[:10])
    assert found.resolve(short) == repo.first
    git(repo.root, "update-ref", f"refs/{kind}/{short}", repo.second)
    for asked in (short, f"{short}~0", f"{short}^{{commit}}"):
        with pytest.raises(UsageError, match=f"write {repo.first} or refs/{kind}/{short}$"):
            found.resolve(asked)
    git(repo.root, "update-ref", f"refs/{kind}/{short}", repo.first)
    assert found.resolve(short) == repo.first


@pytest.mark.parametrize("name", ["HEAD", "@", "{second}", "refs/heads/main"])
def test_what_stands_for_one_commit_is_taken_whatever_tags_are_called(
    repo: Made, name: str
) -> None:
    asked = name.format(second=repo.second)
    git(repo.root, "update-ref", f"refs/tags/{asked}", repo.first)
    assert GitRepository(repo.root).resolve(asked) == repo.second


@pytest.mark.parametrize("revision", ["-h", "--all", "--git-dir", "-", "--output=/tmp/x", "^HEAD"])
def test_an_option_is_no_revision(repo: Made, revision: str) -> None:
    with pytest.raises(UsageError, match=r"^not a revision: '[-^]"):
        GitRepository(repo.root).resolve(revision)


@pytest.mark.parametrize(
    "revision",
    ["nope", "", "main..HEAD", "HEAD:f", "HEAD^{tree}", "0" * 40, "HEAD~9", "a b"],
)
def test_what_is_no_commit_is_said(repo: Made, revision: str) -> None:
    with pytest.raises(UsageError, match=r"repo has no commit '.*git fetch --unshallow"):
        GitRepository(repo.root).resolve(revision)


def test_a_repository_without_commits_says_so(tmp_path: Path) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    found = GitRepository.discover(root)
    assert found.branch() == "main"
    with pytest.raises(UsageError, match="empty has no commit yet"):
        found.resolve("HEAD")


def test_a_commit_that_no_branch_holds_is_checked_out(repo: Made, tmp_path: Path) -> None:
    git(repo.root, "checkout", "-q", "--detach")
    (repo.root / "f").write_text("of a pull request\n")
    git(repo.root, "commit", "-qam", "pull request")
    commit = git(repo.root, "rev-parse", "HEAD")
    git(repo.root, "checkout", "-q", "main")
    shutil.rmtree(repo.root / ".git" / "logs")
    assert git(repo.root, "branch", "-a", "--contains", commit) == ""
    assert check_out(repo.root, commit, tmp_path / "x") == {**ONE, "f": b"of a pull request\n"}


def test_the_users_repository_stays_as_it_is_byte_by_byte(repo: Made, tmp_path: Path) -> None:
    git(repo.root, "update-ref", "refs/pull/1/head", repo.first)
    (repo.root / "f").write_text("not committed\n")
    (repo.root / "untracked").write_text("x")
    os.utime(repo.root / "sub" / "deep" / "g")  # The index would like to be refreshed.
    before = state(repo.root)
    assert check_out(repo.root, repo.first, tmp_path / "x") == ONE
    found = GitRepository.discover(repo.root)
    assert found.is_dirty()
    assert found.tree("HEAD")
    assert found.diff(repo.first, repo.second, "f")
    assert list(found.history("HEAD", "f"))
    assert found.subject("HEAD")
    assert found.restore(repo.second, "f", tmp_path / "x") == {}
    assert found.check_out_path(repo.second, "sub", tmp_path / "y") == {}
    assert (found.branch(), found.remote_url()) == ("main", None)
    assert state(repo.root) == before


def test_a_stage_may_use_git_in_its_checkout(repo: Made, tmp_path: Path) -> None:
    before = {path: (mode, content) for path, (mode, _, content) in state(repo.root).items()}
    checkout = tmp_path / "x"
    GitRepository(repo.root).check_out(repo.first, checkout)
    (checkout / "f").write_text("by the stage\n")
    git(checkout, "commit", "-qam", "by the stage")
    git(checkout, "gc", "-q", "--prune=now")
    git(checkout, "branch", "-f", "main")
    # Git renews the time of an object that it need not write again, also of a borrowed one.
    after = {path: (mode, content) for path, (mode, _, content) in state(repo.root).items()}
    assert after == before
    git(repo.root, "fsck", "--strict")


def test_hooks_and_settings_of_the_user_play_no_part(
    repo: Made, home: Path, tmp_path: Path
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n hooksPath = {hooks}\n pager = false\n"
        "[color]\n ui = always\n[diff]\n noprefix = true\n external = false\n"
        "[log]\n follow = true\n[status]\n short = true\n branch = true\n"
    )
    found = GitRepository.discover(repo.root)
    found.check_out(repo.second, tmp_path / "x")
    assert found.restore(repo.first, "f", tmp_path / "x") == {}
    assert files(tmp_path / "x") == ONE
    assert not found.is_dirty()
    assert not (tmp_path / "ran").exists()
    git(repo.root, "checkout", "-q", "--detach")
    assert (tmp_path / "ran").exists(), "these hooks never run"
    assert list(found.history("HEAD", "f")) == [repo.second, repo.first]
    assert "\x1b" not in found.diff(repo.first, repo.second, "f")
    assert "\x1b" not in found.subject("HEAD")


def looked_at(found: GitRepository, commit: str, target: Path) -> None:
    """Everything that lockproof asks Git."""
    for path in found.tree(commit):
        found.read(commit, path)
    found.check_out(commit, target)
    found.restore(commit, "f", target)
    found.is_dirty()
    found.subject(commit)
    found.diff(f"{commit}^", commit, "f")
    list(found.history(commit, "f"))


@pytest.mark.parametrize(
    "settings",
    [
        "[core]\n fsmonitor = RUN\n",
        "[core]\n hooksPath = HOOKS\n pager = RUN\n editor = RUN\n",
        "[core]\n sshCommand = RUN\n askPass = RUN\n[credential]\n helper = RUN\n",
        "[log]\n showSignature = true\n[gpg]\n program = RUN\n",
        '[diff]\n external = RUN\n[diff "x"]\n textconv = RUN\n command = RUN\n',
        '[merge "x"]\n driver = RUN\n[alias]\n log = !RUN\n status = !RUN\n',
        "[core]\n alternateRefsCommand = RUN\n[uploadpack]\n packObjectsHook = RUN\n",
        '[submodule "m"]\n update = !RUN\n url = ext::RUN\n active = true\n',
    ],
)
def test_nothing_of_a_hostile_commit_or_clone_runs(
    repo: Made, tmp_path: Path, settings: str
) -> None:
    run = tmp_path / "run"
    run.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    run.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watch"):
        shutil.copy(run, hooks / name)
    (repo.root / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    (repo.root / ".gitmodules").write_text(
        f'[submodule "m"]\n path = m\n url = ext::{run}\n update = !{run}\n'
    )
    git(repo.root, "add", "-A")
    git(repo.root, "update-index", "--add", "--cacheinfo", f"160000,{repo.first},m")
    (repo.root / "f").write_text("three\n")
    git(repo.root, "commit", "-qam", "hostile")
    with (repo.root / ".git" / "config").open("a") as file:
        file.write(settings.replace("RUN", str(run)).replace("HOOKS", str(hooks)))
    (repo.root / "f").write_text("work tree\n")
    commit = git(repo.root, "rev-parse", "HEAD")
    (tmp_path / "ran").unlink(missing_ok=True)  # The test's own Git may have run it.
    looked_at(GitRepository.discover(repo.root), commit, tmp_path / "x")
    assert not (tmp_path / "ran").exists()


def test_what_a_clone_lacks_is_not_fetched_by_a_program(tmp_path: Path) -> None:
    """Git before 2.44 fetches in the middle of `cat-file`, from wherever the clone says."""
    made = make(tmp_path / "source")
    git(made.root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "partial"
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{made.root}", str(clone))
    run = tmp_path / "run"
    run.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    run.chmod(0o755)
    git(clone, "config", "protocol.ext.allow", "always")
    git(clone, "config", "remote.origin.url", f"ext::{run}")
    found = GitRepository(clone)
    assert found.read(made.first, "f") is None
    assert not (tmp_path / "ran").exists()
    subprocess.run(["git", "cat-file", "blob", f"{made.first}:f"], cwd=clone, capture_output=True)
    assert (tmp_path / "ran").exists(), "this program is never run"


def test_a_folder_of_a_commit_is_no_repository(repo: Made, tmp_path: Path) -> None:
    """Tracked files that look like a repository bring a configuration that runs programs."""
    inner = repo.root / "inner"
    git(repo.root, "init", "-q", "--bare", "--template=", str(inner))
    run = tmp_path / "run"
    run.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    run.chmod(0o755)
    (repo.root / ".gitattributes").write_text("* filter=x\n")
    with (inner / "config").open("a") as file:
        file.write(f'[core]\n bare = false\n worktree = ..\n[filter "x"]\n clean = {run}\n')
    git(repo.root, "--git-dir", str(inner), "--work-tree", str(repo.root), "add", "f")
    (tmp_path / "ran").unlink()
    (repo.root / "f").write_text("changed\n")
    with pytest.raises(UsageError, match="bare"):
        GitRepository.discover(inner).is_dirty()
    assert not (tmp_path / "ran").exists()


def test_inside_a_hook_the_users_repository_is_not_taken_for_the_checkout(
    repo: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make(tmp_path / "other")
    (other.root / "f").write_text("other\n")
    git(other.root, "add", "-A")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git" / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.root / ".git" / "objects"))
    monkeypatch.setenv("GIT_PREFIX", "sub/")
    before = state(other.root), state(repo.root)
    found = GitRepository.discover(repo.root)
    assert found.root == repo.root
    found.check_out(found.resolve("HEAD~1"), tmp_path / "x")
    assert files(tmp_path / "x") == ONE
    assert not found.is_dirty()
    assert (state(other.root), state(repo.root)) == before


def test_a_real_hook_can_check_its_own_repository_out(repo: Made, tmp_path: Path) -> None:
    hook = repo.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!{sys.executable}\n"
        "from pathlib import Path\n"
        "from lockproof.adapters.git.repository import GitRepository\n"
        "found = GitRepository.discover(Path())\n"
        f"found.check_out(found.resolve('HEAD'), Path({str(tmp_path / 'x')!r}))\n"
    )
    hook.chmod(0o755)
    (repo.root / "f").write_text("three\n")
    git(repo.root, "commit", "-qam", "three")
    assert files(tmp_path / "x") == TWO
    assert git(repo.root, "show", "HEAD:f") == "three"


def test_a_shallow_clone_is_checked_out(repo: Made, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", repo.root.as_uri(), str(clone))
    assert check_out(clone, "HEAD", tmp_path / "x") == TWO
    found = GitRepository(clone)
    assert found.parent(repo.second) is None
    assert list(found.history("HEAD", "f")) == [repo.second]
    assert list(GitRepository(tmp_path / "x").history("HEAD", "f")) == [repo.second]
    with pytest.raises(UsageError, match="--unshallow"):
        found.resolve(repo.first)


def test_a_linked_worktree_is_checked_out(repo: Made, tmp_path: Path) -> None:
    linked = tmp_path / "linked tree"
    git(repo.root, "worktree", "add", "-q", "-b", "topic", str(linked), repo.first)
    (linked / "f").write_text("topic\n")
    git(linked, "commit", "-qam", "topic")
    before = state(repo.root)
    assert check_out(linked, "HEAD", tmp_path / "x") == {**ONE, "f": b"topic\n"}
    assert GitRepository.discover(linked).branch() == "topic"
    assert check_out(linked, "main", tmp_path / "y") == TWO
    assert state(repo.root) == before


@pytest.mark.parametrize("relative", [False, True])
def test_objects_borrowed_from_elsewhere_are_found(
    repo: Made, tmp_path: Path, relative: bool
) -> None:
    bare, middle, clone = tmp_path / "bare.git", tmp_path / "middle", tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--bare", str(repo.root), str(bare))
    git(tmp_path, "clone", "-q", "--shared", str(bare), str(middle))
    git(tmp_path, "clone", "-q", "--shared", str(middle), str(clone))
    if relative:
        alternates = clone / ".git" / "objects" / "info" / "alternates"
        alternates.write_text("../../../bare.git/objects\n")
    assert not list((clone / ".git" / "objects").glob("??")), "nothing is borrowed"
    assert check_out(clone, "HEAD~1", tmp_path / "x") == ONE


def test_packed_objects_and_refs_are_found(repo: Made, tmp_path: Path) -> None:
    git(repo.root, "gc", "-q")
    assert check_out(repo.root, "main~1", tmp_path / "x") == ONE


def test_a_sha256_repository_is_checked_out(tmp_path: Path) -> None:
    made = make(tmp_path / "repo", "--object-format=sha256")
    assert len(made.second) == 64
    assert check_out(made.root, "HEAD~1", tmp_path / "x") == ONE
    assert GitRepository(made.root).check_out_path(made.second, "f", tmp_path / "y") == {}
    assert files(tmp_path / "y") == {"f": b"two\n"}


@pytest.mark.parametrize("name", ["a b", " a", "#a", '"a"', "a:b", "$(a)`", "\\a", "é", "\udcff"])
def test_a_repository_may_lie_anywhere(tmp_path: Path, name: str) -> None:
    made = make(tmp_path / name)
    assert GitRepository.discover(made.root / "sub").root == made.root
    assert check_out(made.root, "HEAD~1", tmp_path / f"x{name}") == ONE


def test_tracked_paths_may_have_any_name(repo: Made, tmp_path: Path) -> None:
    for name in STRANGE:
        (repo.root / name).write_text("old")
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", "strange names")
    old = git(repo.root, "rev-parse", "HEAD")
    for name in STRANGE:
        (repo.root / name).write_text(f"new {STRANGE.index(name)}")
    git(repo.root, "commit", "-qam", "new content")
    found = GitRepository.discover(repo.root)
    new = found.resolve("HEAD")
    tree = found.tree(new)
    assert set(STRANGE) < set(tree)
    checkout = check_out(repo.root, old, tmp_path / "x")
    assert found.restore(new, "*", tmp_path / "x") == {}
    assert files(tmp_path / "x") == {**checkout, "*": f"new {STRANGE.index('*')}".encode()}
    for index, name in enumerate(STRANGE):
        assert checkout[name] == b"old"
        assert found.read(new, name) == f"new {index}".encode()
        assert found.blob(new, name) == tree[name]
        assert list(found.history(new, name)) == [new, old]
        assert f"+new {index}\n" in found.diff(old, new, name)
        assert found.restore(new, name, tmp_path / "x") == {}
        assert (tmp_path / "x" / name).read_text() == f"new {index}"


def test_a_tree_names_folders_files_links_and_submodules(repo: Made, tmp_path: Path) -> None:
    inner = make(tmp_path / "inner")
    (repo.root / "link").symlink_to("f")
    allow = ("-c", "protocol.file.allow=always")
    git(repo.root, *allow, "submodule", "add", "-q", str(inner.root), "lib/in ner")
    git(repo.root, "add", "link")
    git(repo.root, "commit", "-qm", "submodule")
    before = state(repo.root)
    tree = GitRepository(repo.root).tree("HEAD")
    assert set(tree) == {
        *("f", "link", "sub", "sub/deep", "sub/deep/g", ".gitmodules", "lib", "lib/in ner"),
    }
    assert tree["lib/in ner"] == f"commit:{inner.second}"
    assert tree["sub"] == GitRepository(repo.root).blob("HEAD", "sub")
    checkout = check_out(repo.root, "HEAD", tmp_path / "x")
    assert checkout["lib/in ner/f"] == b"two\n"
    assert os.readlink(tmp_path / "x" / "link") == "f"
    assert state(repo.root) == before


def test_a_submodule_that_is_not_here_stays_empty(repo: Made, tmp_path: Path) -> None:
    inner = make(tmp_path / "inner")
    allow = ("-c", "protocol.file.allow=always")
    git(repo.root, *allow, "submodule", "add", "-q", str(inner.root), "lib")
    git(repo.root, "commit", "-qm", "submodule")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repo.root), str(clone))
    found = GitRepository(clone)
    absent = found.check_out(found.resolve("HEAD"), tmp_path / "x")
    assert os.listdir(tmp_path / "x" / "lib") == []
    assert absent == {"lib": "git submodule update --init lib"}
    git(clone, *allow, *absent["lib"].split()[1:])
    assert found.check_out(found.resolve("HEAD"), tmp_path / "y") == {}
    git(clone, "update-index", "--cacheinfo", f"160000,{'1' * 40},lib")
    git(clone, "commit", "-qm", "a commit that is not here")
    assert list(found.check_out(found.resolve("HEAD"), tmp_path / "z")) == ["lib"]


@pytest.mark.parametrize("filtered", [False, True])
def test_what_git_lfs_keeps_is_laid_out_and_its_filter_is_not_run(
    repo: Made, tmp_path: Path, filtered: bool
) -> None:
    content = b"kept by LFS"
    oid = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 11\n"
    attributes = "*.big filter=lfs\n*.small filter=lfs\n"
    for name, text in {".gitattributes": attributes, "sub/a.big": pointer, "b.small": "b"}.items():
        (repo.root / name).write_text(text)
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", "LFS")
    if filtered:  # As the installer of git-lfs sets it up.
        for key, value in {"process": "false", "smudge": "false", "required": "true"}.items():
            git(repo.root, "config", "--global", f"filter.lfs.{key}", value)
    found = GitRepository(repo.root)
    head = found.resolve("HEAD")
    assert found.check_out(head, tmp_path / "x") == {"sub/a.big": "git lfs fetch"}
    assert (tmp_path / "x/sub/a.big").read_text() == pointer
    stored = repo.root / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"made by me!")
    assert list(found.check_out(head, tmp_path / "y")) == ["sub/a.big"], "another's content"
    stored.write_bytes(content)
    assert found.check_out(head, tmp_path / "z") == {}
    assert (tmp_path / "z/sub/a.big").read_bytes() == content
    assert (tmp_path / "z/b.small").read_text() == "b"
    (tmp_path / "z/sub/a.big").unlink()
    assert found.restore(head, "sub", tmp_path / "z") == {}
    assert (tmp_path / "z/sub/a.big").read_bytes() == content


OID = hashlib.sha256(b"kept by LFS").hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 11\n"
POINTERS = {
    "no end of line": POINTER[:-1],
    "Windows": POINTER.replace("\n", "\r\n"),
    "empty lines": POINTER.replace("\n", "\n\n"),
    "space before": f"\n {POINTER}",
    "an older version": POINTER.replace("git-lfs.github.com/spec/v1", "hawser.github.com/spec/v1"),
    "the oldest version": POINTER.replace(
        "https://git-lfs.github.com/spec/v1", "http://git-media.io/v/2"
    ),
    "an extension": POINTER.replace("oid", f"ext-0-foo sha256:{'0' * 64}\noid"),
    "a size with zeros": POINTER.replace("11", "0011"),
    "longer than any pointer": POINTER + "\n" * 2000,
}


@pytest.mark.parametrize("name", POINTERS)
def test_what_git_lfs_may_take_for_a_pointer_is_not_taken_for_content(
    repo: Made, tmp_path: Path, name: str
) -> None:
    files = {".gitattributes": "*.big filter=lfs -text\n", "a b.big": POINTERS[name]}
    for path, text in {**files, "b.big": "git-lfs, but no pointer"}.items():
        (repo.root / path).write_bytes(text.encode())
    # A git-lfs that is installed for all users would store what is longer than a pointer.
    none = ("-c", "filter.lfs.process=", "-c", "filter.lfs.clean=")
    git(repo.root, *none, "-c", "filter.lfs.required=false", "add", "-A")
    git(repo.root, "commit", "-qm", "LFS")
    stored = repo.root / ".git/lfs/objects" / OID[:2] / OID[2:4] / OID
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"kept by LFS")
    found = GitRepository(repo.root)
    head = found.resolve("HEAD")
    way = "git lfs pull && git add --renormalize 'a b.big' && git commit"
    assert found.check_out(head, tmp_path / "x") == {"a b.big": way}
    blobs = Blobs(Snapshot(found, head), "", lambda _: False)
    with pytest.raises(Unknown, match="is no pointer as Git LFS writes them"):
        blobs.digest("a b.big", "md5")
    assert blobs.digest("b.big", "md5") == Digest.of(
        "md5", hashlib.md5(b"git-lfs, but no pointer").hexdigest()
    )


def test_a_file_that_is_called_like_an_object_has_its_own_content(repo: Made) -> None:
    (repo.root / "named").write_bytes(b"one\n")
    oid = git(repo.root, "hash-object", "named").strip()
    (repo.root / oid).write_bytes(b"another\n")
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", "an object's name")
    blobs = Blobs(Snapshot(GitRepository(repo.root), "HEAD"), "", lambda _: False)
    blobs.prepare([("named", "md5"), (oid, "md5")])
    for path, content in (("named", b"one\n"), (oid, b"another\n")):
        assert blobs.digest(path, "md5") == Digest.of("md5", hashlib.md5(content).hexdigest())
        assert blobs.size(path, "md5") == len(content)
        assert not blobs.is_converted(path)


@pytest.mark.parametrize("end", ["-g{}", "-g{}^0", "-g{}^{{}}", "-g{}~0", "..main", "^!"])
@pytest.mark.parametrize("other", ["HEAD", "HEAD:f", "HEAD:sub"])
def test_a_path_that_ends_like_the_name_of_an_object_has_its_own_content(
    repo: Made, end: str, other: str
) -> None:
    named = git(repo.root, "rev-parse", other)
    path = f"f{end.format(named)}"
    (repo.root / path).write_bytes(b"its own\n")
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", "a name")
    found, head = GitRepository(repo.root), git(repo.root, "rev-parse", "HEAD")
    assert found.read(head, path) == b"its own\n"
    assert found.blob(head, path) == git(repo.root, "hash-object", path)
    assert found.read(repo.second, path) is None
    assert found.blob(repo.second, path) is None
    # And folders, as of a revision's files.
    assert found.blob(head, "sub") == git(repo.root, "rev-parse", "HEAD:sub")
    assert found.blob(head, "") == git(repo.root, "rev-parse", "HEAD^{tree}")


def test_a_reference_whose_name_has_a_line_of_unicode_ends_nothing(repo: Made) -> None:
    git(repo.root, "update-ref", "refs/tags/main/a\u2028b", repo.first)
    assert GitRepository(repo.root).resolve("main") == repo.second


def test_a_file_that_is_called_like_a_commit_does_not_hide_it(repo: Made) -> None:
    (repo.root / repo.second).touch()
    found = GitRepository(repo.root)
    assert found.subject(repo.second).endswith("make two (Ann, 2024-01-02)")
    assert origin_of(found, repo.second).title == "make two"


@pytest.mark.parametrize("how", ["--literal-pathspecs", "--noglob-pathspecs", "--icase-pathspecs"])
def test_a_hook_of_git_that_takes_paths_otherwise_sees_all(repo: Made, how: str) -> None:
    script = (
        "from pathlib import Path\n"
        "from lockproof.adapters.git.repository import GitRepository\n"
        "from lockproof.adapters.git.snapshot import Snapshot\n"
        "print(*Snapshot(GitRepository(Path.cwd()), None).entries)\n"
    )
    git(repo.root, "config", "alias.seen", f"!{sys.executable} -c '{script}'")
    assert git(repo.root, how, "seen") == "f sub/deep/g"


INNER = {
    "behind a link": ({}, "slink", "leads by a link into a submodule"),
    "behind a link in a folder": ({}, "around/slink/sub", "leads by a link into a submodule"),
    "ignore file": ({"deep/.dvcignore": "*.tmp\n"}, "lib", "with .dvc or .dvcignore"),
    "project": ({".dvc/config": ""}, "lib/f", "with .dvc or .dvcignore"),
    "link out": ({}, "lib/out", "leads out of the repository"),
}


@pytest.mark.parametrize("name", INNER)
def test_of_a_submodule_that_dvc_may_see_otherwise_nothing_is_said(
    repo: Made, tmp_path: Path, name: str
) -> None:
    files, asked, why = INNER[name]
    inner = make(tmp_path / "inner")
    for path, text in files.items():
        (inner.root / path).parent.mkdir(exist_ok=True)
        (inner.root / path).write_text(text)
    if name == "link out":
        (inner.root / "out").symlink_to("../f")
    git(inner.root, "add", "-A")
    git(inner.root, "commit", "-q", "--allow-empty", "-m", "more")
    git(
        repo.root,
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "add",
        "-q",
        str(inner.root),
        "lib",
    )
    (repo.root / "slink").symlink_to("lib")
    (repo.root / "around").mkdir()
    (repo.root / "around" / "slink").symlink_to("../lib")
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", "submodule")
    blobs = Blobs(Snapshot(GitRepository(repo.root), "HEAD"), "", lambda _: False)
    assert blobs.holds(asked), "that it is not there would be another's fault"
    for ask in (blobs.digest, blobs.children, blobs.size):
        with pytest.raises(Unknown, match=why):
            ask(asked, "md5")


def test_what_is_not_at_a_commit_is_none(repo: Made, tmp_path: Path) -> None:
    found = GitRepository(repo.root)
    for path in ("nope", "f/x", "../f", "sub/../f", "F"):
        assert found.blob("HEAD", path) is None
        assert found.read("HEAD", path) is None
    assert found.read("HEAD", "sub") is None
    assert found.read("nope", "f") is None
    assert list(found.history("HEAD", "nope")) == []
    found.check_out(repo.second, tmp_path / "x")
    assert found.restore(repo.second, "nope", tmp_path / "x") is None
    assert found.check_out_path(repo.second, "nope", tmp_path / "y") is None


def test_one_path_is_put_back_and_nothing_else(repo: Made, tmp_path: Path) -> None:
    target = tmp_path / "x"
    found = GitRepository(repo.root)
    found.check_out(repo.second, target)
    (target / "f").write_text("changed by a stage")
    (target / "sub" / "deep" / "g").write_text("changed by a stage")
    assert found.restore(repo.first, "f", target) == {}
    assert files(target) == {"f": b"one\n", "sub/deep/g": b"changed by a stage"}
    assert git(target, "rev-parse", "HEAD") == repo.second
    assert git(target, "diff", "--cached", "--name-only") == "", "the index is the commit's"
    shutil.rmtree(target / "sub")
    assert found.restore(repo.first, "sub", target) == {}
    assert files(target) == ONE


def test_history_is_newest_first_and_limited(repo: Made) -> None:
    found = GitRepository(repo.root)
    assert list(found.history("HEAD", "f")) == [repo.second, repo.first]
    assert list(found.history(repo.first, "f")) == [repo.first]
    assert list(found.history("HEAD", "f", limit=1)) == [repo.second]
    assert list(found.history("HEAD", "sub")) == [repo.first]


def test_what_people_see_of_a_commit(repo: Made) -> None:
    found = GitRepository(repo.root)
    assert found.subject(repo.first) == f"{repo.first[:7]} make one (Ann, 2024-01-02)"
    diff = found.diff(repo.first, repo.second, "f")
    assert "\n-one\n+two\n" in diff
    cut = found.diff(repo.first, repo.second, "f", limit=20)
    assert cut == diff[:20] + "\n… (cut)"
    assert found.diff(repo.first, repo.second, "sub") == ""


def test_dirty_means_that_tracked_files_differ(repo: Made) -> None:
    found = GitRepository(repo.root)
    (repo.root / "untracked").write_text("x")
    os.utime(repo.root / "f")
    assert not found.is_dirty()
    (repo.root / "f").write_text("changed")
    assert found.is_dirty()
    git(repo.root, "add", "f")
    assert found.is_dirty()
    git(repo.root, "commit", "-qm", "x")
    (repo.root / "f").unlink()
    assert found.is_dirty()


def test_branch_and_remote(repo: Made, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repo.root), str(clone))
    found = GitRepository(clone)
    assert (found.branch(), found.remote_url()) == ("main", str(repo.root))
    git(clone, "checkout", "-q", "-b", "topic/é")
    assert found.branch() == "topic/é"
    git(clone, "checkout", "-q", "--detach")
    git(clone, "remote", "rename", "origin", "upstream")
    assert (found.branch(), found.remote_url()) == (None, None)


def test_a_checkout_that_cannot_be_made_says_why(repo: Made, tmp_path: Path) -> None:
    found = GitRepository(repo.root)
    with pytest.raises(UsageError, match=r"^git .*reference is not a tree"):
        found.check_out("1" * 40, tmp_path / "x")


def test_a_partial_clone_that_lacks_files_is_told(tmp_path: Path) -> None:
    made = make(tmp_path / "source")
    git(made.root, "config", "uploadpack.allowFilter", "true")
    source = f"file://{made.root}"
    git(tmp_path, "clone", "-q", "--filter=blob:none", source, str(tmp_path / "partial"))
    repository = GitRepository.discover(tmp_path / "partial")
    (tmp_path / "source").rename(tmp_path / "away")
    with pytest.raises(UsageError, match=r"--filter|checkout"):
        repository.check_out(made.first, tmp_path / "target")


def test_settings_given_by_the_environment_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(tmp_path / "source")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "remote.origin.url")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://example.com/x")
    assert GitRepository.discover(made.root).remote_url() == "https://example.com/x"


def test_a_branch_that_is_no_utf8(tmp_path: Path) -> None:
    made = make(tmp_path / "source")
    name = os.fsdecode(b"br\xff")
    git(made.root, "checkout", "-q", "-b", name)
    assert GitRepository.discover(made.root).branch() == name


def test_a_repository_whose_path_has_a_line_break(tmp_path: Path) -> None:
    made = make(tmp_path / 'a\n"b\\')
    target = tmp_path / "target"
    GitRepository.discover(made.root).check_out(made.second, target)
    assert (target / "f").read_text() == "two\n"


def test_where_a_commit_comes_from_is_told_without_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(tmp_path / "r")
    repository = GitRepository.discover(made.root)
    for name in ("GITHUB_HEAD_REF", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH"):
        monkeypatch.delenv(name, raising=False)
    assert origin_of(repository, None) == Origin(branch="main")

    git(made.root, "commit", "-q", "--allow-empty", "-m", "A title: <b>\n\nits body")
    now = git(made.root, "rev-parse", "HEAD")
    for url, told in (
        ("https://user:token@host.example/a/b.git", "https://host.example/a/b.git"),
        ("https://token@host.example/a@b.git", "https://host.example/a@b.git"),
        ("ssh://git@host.example/a.git", "ssh://host.example/a.git"),
        ("git@host.example:a/b.git", "git@host.example:a/b.git"),
    ):
        git(made.root, "config", "remote.origin.url", url)
        told_of = origin_of(repository, now)
        assert told_of == Origin(repository=told, branch="main", title="A title: <b>", author="Ann")
    # What is not checked out has no branch: that of the work tree is another's.
    assert origin_of(repository, made.first).branch == ""

    # CI systems check out no branch, and name it; the first that does is believed.
    git(made.root, "checkout", "-q", "--detach")
    assert origin_of(repository, now).branch == ""
    monkeypatch.setenv("CI_COMMIT_BRANCH", "other")
    monkeypatch.setenv("GITHUB_HEAD_REF", "topic")
    assert origin_of(repository, now).branch == "topic"
    assert origin_of(repository, made.first).branch == ""
