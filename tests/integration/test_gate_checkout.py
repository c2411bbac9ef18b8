"""What the gate compares is what a checkout holds: links, line ends, encodings, Git LFS."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lockproof.adapters.git.blobs import Blobs, Unknown
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.model.digest import directory_digest

from .pipelines import Project, copy_of, new_repository
from .test_gate_good import passes, started
from .test_gate_reproduction import asked

ATTRIBUTES = """\
*.win text eol=crlf
*.bin -text eol=crlf
*.id ident
*.wide working-tree-encoding=UTF-16LE
"""
PIPELINE = """\
stages:
  first:
    cmd: cat code/* latest/a.txt raw.lnk run.sh > out.txt || true
    deps: [code, latest, raw.lnk, run.sh, code/x.win]
    outs: [out.txt]
"""
POLICY = '[gate]\noff = ["git", "record"]\n'
CONTENT = b"the content that Git LFS keeps\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pipeline that was run in a fresh checkout of files that Git converts and links."""
    files = {
        "lockproof.toml": POLICY,
        ".gitattributes": ATTRIBUTES,
        "code/x.win": "one\ntwo\n",
        "code/x.bin": "one\ntwo\n",
        "code/x.id": "$Id$\n",
        "code/x.wide": "wide\n",
        "code/plain.txt": "plain\n",
        "lib/helper.py": "help\n",
        "lib/other.py": "other\n",
        "v2/a.txt": "a\n",
        "v2/b.txt": "b\n",
        "real.sh": "echo\n",
        "dvc.yaml": PIPELINE,
    }
    made = started(tmp_path_factory.mktemp("checkout"), files)
    root = made.root
    (root / "code/x.wide").write_bytes("wide\n".encode("utf-16-le"))
    (root / "code/helper.py").symlink_to("../lib/helper.py")
    (root / "code/lib").symlink_to("../lib")
    (root / "latest").symlink_to("v2")
    (root / "raw.lnk").symlink_to("raw.txt")
    (root / "run.sh").symlink_to("./lib/../real.sh")
    made.dvc("push", "-q")
    made.commit("files")
    for name in made.git("ls-files", "code").split():
        (root / name).unlink()
    made.git("checkout", "-q", "--", "code")
    assert (root / "code/x.win").read_bytes() == b"one\r\ntwo\r\n"
    made.repro()
    return made


def _append(name: str) -> Callable[[Project], None]:
    def edit(project: Project) -> None:
        path = project.root / name
        path.write_bytes(path.read_bytes() + b"\0#\0" * 4)

    return edit


def _attributes(text: str) -> Callable[[Project], None]:
    def edit(project: Project) -> None:
        project.write({".gitattributes": text})
        # Nothing else: Git would convert the files in the work tree anew.
        project.git("add", ".gitattributes")
        project.git("commit", "-qm", "attributes")

    return edit


def _link(name: str, target: str) -> Callable[[Project], None]:
    def edit(project: Project) -> None:
        (project.root / name).unlink()
        (project.root / name).symlink_to(target)

    return edit


def test_of_what_was_run_in_a_checkout_nothing_is_said(project: Project) -> None:
    (line,) = passes(project)["lock"]["not_checked"]
    assert line.endswith("code/lib")


CHANGED: dict[str, tuple[Callable[[Project], None], str]] = {
    "what a link leads to": (_append("real.sh"), "LP104"),
    "what a link in a folder leads to": (_append("lib/helper.py"), "LP104"),
    "a file beside a link": (_append("code/plain.txt"), "LP104"),
    "a file in a folder behind a link": (_append("v2/a.txt"), "LP104"),
    "a new file in a folder behind a link": (
        lambda project: project.write({"v2/c.txt": "c"}),
        "LP104",
    ),
    "where a link leads": (_link("run.sh", "lib/other.py"), "LP104"),
    "a link to other data": (_link("raw.lnk", "lib/other.py"), "LP104"),
    "a link out of the repository": (_link("run.sh", "/etc/hostname"), "LP107"),
    "a link above the repository": (_link("run.sh", "../../x"), "LP107"),
    "a link in a circle": (_link("run.sh", "run.sh"), "LP107"),
    "a link to nowhere": (_link("run.sh", "nowhere"), "LP107"),
    "that DVC sees nothing of a folder": (
        lambda project: project.write({".dvcignore": "code\n!code/*\n", "code/plain.txt": "x\n"}),
        "LP104",
    ),
    "a converted file": (_append("code/x.bin"), "LP104"),
    "how line ends are converted": (_attributes(ATTRIBUTES.replace("eol=crlf", "")), "LP104"),
    "that an id is filled in": (_attributes(ATTRIBUTES.replace(" ident", "")), "LP104"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_of_what_a_checkout_holds_is_found(
    name: str, project: Project, tmp_path: Path
) -> None:
    edit, rule = CHANGED[name]
    copy = copy_of(project, tmp_path)
    before = copy.git("rev-parse", "HEAD")
    edit(copy)
    if copy.git("rev-parse", "HEAD") == before:
        copy.commit(name)
    code, found = asked(copy, None)
    assert code == 1
    assert {line[:5] for line in found} == {rule}, found


SAME_BLOB = """\
stages:
  make:
    cmd: echo 1 > plain/m; echo 2 > win/m
    outs: [plain/m, win/m]
  first:
    cmd: cat plain/* > first.out
    deps: [plain]
    outs: [first.out]
  second:
    cmd: cat win/* > second.out
    deps: [win]
    outs: [second.out]
"""


def test_what_git_converts_is_told_from_the_same_blob_elsewhere(tmp_path: Path) -> None:
    """Whichever of two files with one blob is asked for first."""
    text = dict.fromkeys(("plain/x.txt", "win/x.txt", "odd/x.txt"), "a\nb\n")
    attributes = "win/x.txt text eol=crlf\nodd/x.txt filter=mine\n"
    given = {".gitattributes": attributes, "dvc.yaml": SAME_BLOB, "lockproof.toml": POLICY}
    made = started(tmp_path, {**given, **text})
    made.commit("files")
    (made.root / "win/x.txt").unlink()
    made.git("checkout", "-q", "--", "win")
    assert (made.root / "win/x.txt").read_bytes() == b"a\r\nb\r\n"
    made.repro()
    passes(made)
    files = ("plain/x.txt", "win/x.txt")
    for order in (files, files[::-1]):
        blobs = Blobs(Snapshot(GitRepository(made.root), None), "", lambda _: False)
        for path in order:
            found = blobs.digest(path, "md5")
            assert found
            assert found.value == hashlib.md5((made.root / path).read_bytes()).hexdigest(), order
        with pytest.raises(Unknown, match=r"odd/x\.txt"):
            blobs.digest("odd/x.txt", "md5")
    content = {"m": b"2\n", "x.txt": text["win/x.txt"].encode()}
    other = directory_digest({at: hashlib.md5(each).hexdigest() for at, each in content.items()})
    locked = yaml.safe_load((made.root / "dvc.lock").read_text())
    (win,) = locked["stages"]["second"]["deps"]
    copy = copy_of(made, tmp_path / "copy")
    copy.edit_lock(win["md5"], other.value)
    copy.commit("the digest of another form")
    code, found = asked(copy, None)
    assert code == 1
    assert {line[:5] for line in found} == {"LP105"}, found


def test_a_filter_that_nobody_knows_proves_nothing(project: Project, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path)
    copy.write({".gitattributes": f"{ATTRIBUTES}real.sh filter=mine\n"})
    copy.commit("filtered")
    assert asked(copy, None) == (5, [])


def _in_lfs(project: Project, content: bytes) -> Path:
    """Keep `real.sh` in Git LFS, as if the stage had been run with `CONTENT`; its object."""
    oid = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    before = (project.root / "real.sh").read_bytes()
    then = "{}\n      size: {}\n".format
    project.edit_lock(
        then(hashlib.md5(before).hexdigest(), len(before)),
        then(hashlib.md5(CONTENT).hexdigest(), len(CONTENT)),
    )
    project.write(
        {
            "real.sh": pointer,
            ".gitattributes": f"{ATTRIBUTES}real.sh filter=lfs diff=lfs merge=lfs -text\n",
        }
    )
    project.commit("in LFS")
    stored = project.root / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    stored.parent.mkdir(parents=True)
    return stored


def test_what_git_lfs_keeps_is_read_from_the_clone(project: Project, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path / "same")
    stored = _in_lfs(copy, CONTENT)
    assert asked(copy, None) == (5, []), "its content is not here, so nothing proves it"
    stored.write_bytes(CONTENT)
    assert asked(copy, None) == (0, [])
    stored.write_bytes(CONTENT.replace(b"LFS", b"lfs"))
    assert asked(copy, None) == (5, []), "that is not the object"
    copy = copy_of(project, tmp_path / "other")
    stored = _in_lfs(copy, b"other\n")
    stored.write_bytes(b"other\n")
    code, found = asked(copy, None)
    assert code == 1
    assert {line[:5] for line in found} == {"LP104"}


def test_what_a_submodule_holds_is_read_from_its_clone(tmp_path: Path) -> None:
    stage = "{cmd: cat lib/a.txt > out.txt, deps: [lib/a.txt, lib, link.txt], outs: [out.txt]}"
    pipeline = f"stages: {{first: {stage}}}\n"
    made = started(tmp_path, {"lockproof.toml": POLICY, "dvc.yaml": pipeline})
    library = new_repository(tmp_path, "library")
    library.write({"a.txt": "a\n", "deep/b.txt": "b\n"})
    library.commit()
    made.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "../library", "lib")
    (made.root / "link.txt").symlink_to("lib/deep/b.txt")
    honest = made.repro()
    assert passes(made)["lock"]["not_checked"] == []
    inner = Project(made.root / "lib", made.remote)
    inner.write({"deep/b.txt": "c\n"})
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    inner.git(*who, "commit", "-qam", "other")
    made.commit("other code")
    code, found = asked(made, None)
    assert code == 1
    assert [line.partition(" changed")[0] for line in found] == [
        "LP104 first: lib",
        "LP104 first: link.txt",
    ]
    made.git("reset", "-q", "--hard", honest)
    made.git("submodule", "deinit", "-q", "-f", "lib")
    assert asked(made, None) == (5, []), "its content is not here, so nothing proves it"
    with pytest.raises(Unknown, match=r"'git submodule update --init' brings it"):
        Blobs(Snapshot(GitRepository(made.root), None), "", lambda _: False).digest("lib", "md5")


def test_a_submodule_in_a_dependency_proves_nothing(project: Project, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path)
    commit = copy.git("rev-parse", "HEAD").strip()
    copy.git("update-index", "--add", "--cacheinfo", f"160000,{commit},code/sub")
    copy.git("commit", "-qm", "submodule")
    assert asked(copy, None) == (5, [])
    blobs = Blobs(Snapshot(GitRepository(copy.root), None), "", lambda _: False)
    with pytest.raises(Unknown, match="code/sub is a submodule"):
        blobs.digest("code", "md5")
