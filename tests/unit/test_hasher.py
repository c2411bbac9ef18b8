"""Digests as DVC itself computes them: `dvc add` and its comparison are the reference."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.adapters.dvc.project import Hasher
from lockproof.adapters.hashing import file_md5
from lockproof.errors import UsageError
from lockproof.model.digest import Digest

# DVC's own, in its check of the graph.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")

TEXT_BLOCK = b"line\r\n" * 100


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("site")))
        patch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path_factory.mktemp("global")))
        patch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path_factory.mktemp("system")))
        yield


@pytest.fixture(scope="module")
def blank(quiet: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty DVC project without Git, to be copied."""
    folder = tmp_path_factory.mktemp("blank")
    dvc(folder, "init", "-q", "--no-scm")
    return folder


@pytest.fixture
def root(blank: Path, tmp_path: Path) -> Path:
    return shutil.copytree(blank, tmp_path / "project")


def dvc(root: Path, *argv: str) -> None:
    from dvc.cli import main

    with contextlib.chdir(root):
        assert main(list(argv)) == 0, argv


def write(root: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def added(root: Path, *paths: str) -> dict[str, dict[str, Any]]:
    """What `dvc add` writes down for each path."""
    dvc(root, "add", "-q", *paths)
    return {p: yaml.safe_load((root / f"{p}.dvc").read_bytes())["outs"][0] for p in paths}


def agree(root: Path, *paths: str) -> None:
    """Lockproof's digests are those of `dvc add`."""
    mine = {path: Hasher(root).digest(path) for path in paths}
    for path, entry in added(root, *paths).items():
        assert mine[path] == Digest(value=entry["md5"]), path
        assert entry["hash"] == "md5"
        assert mine[path] == Hasher(root).digest(path), "adding it changes nothing"


def test_files(root: Path) -> None:
    contents = {
        "empty": b"",
        "text": b"a\r\nb\n",
        "binary": bytes(range(256)) * 5,
        "large": b"0123456789abcdef" * 200_000,
        "with space é": b"x",
        "crlf": TEXT_BLOCK,
    }
    write(root, contents)
    agree(root, *contents)
    assert Hasher(root).digest("crlf") == Digest(value=hashlib.md5(TEXT_BLOCK).hexdigest())


def test_folders(root: Path) -> None:
    write(
        root,
        {
            "flat/a": b"1",
            "flat/b": b"2",
            "deep/x/y/z": b"3",
            "deep/x.y": b"4",
            "deep/x/.hidden": b"5",
            "names/ä b": b"6",
            "names/new\nline": b"7",
            'names/"quoted"': b"8",
            "names/\U0001f512": b"9",
            "same/a": b"1",
            "same/sub/a": b"1",
        },
    )
    (root / "empty").mkdir()
    (root / "hollow" / "sub").mkdir(parents=True)
    agree(root, "flat", "deep", "names", "same", "empty", "hollow")
    assert Hasher(root).digest("empty") == Hasher(root).digest("hollow")


def test_a_folder_inside_another_and_its_parts(root: Path) -> None:
    write(root, {"a/b/c": b"1", "a/b/d": b"2", "a/e": b"3"})
    digest, children = Hasher(root).tree("a")
    assert digest is not None
    assert digest.is_dir
    assert children == {
        name: hashlib.md5(content).hexdigest()
        for name, content in {"b/c": b"1", "b/d": b"2", "e": b"3"}.items()
    }
    assert Hasher(root).tree("a/e") == (Digest(value=children["e"]), {})
    agree(root, "a/b")


def test_links_count_as_what_they_lead_to(root: Path) -> None:
    write(root, {"out/file": b"1", "elsewhere/x": b"2"})
    (root / "out" / "link").symlink_to("file")
    (root / "out" / "folder").symlink_to(root / "elsewhere")
    agree(root, "out")


def test_permissions_do_not_count(root: Path) -> None:
    write(root, {"out/run.sh": b"#!/bin/sh\n"})
    before = Hasher(root).digest("out")
    (root / "out" / "run.sh").chmod(0o755)
    assert Hasher(root).digest("out") == before
    agree(root, "out")


IGNORED = {
    "out/keep": b"1",
    "out/skip.tmp": b"2",
    "out/keep.tmp": b"3",
    "out/cache/x": b"4",
    "out/sub/cache": b"5",
    "out/sub/local": b"6",
    "out/sub/deep/local": b"7",
    "out/.git/config": b"8",
}


def test_dvcignore_is_respected(root: Path) -> None:
    write(root, IGNORED)
    plain = Hasher(root).digest("out")
    (root / ".dvcignore").write_text("# comment\n*.tmp\n!keep.tmp\n/out/cache/\n/out/sub/local\n")
    found, children = Hasher(root).tree("out")
    assert found != plain
    assert {"keep", "keep.tmp", "sub/cache", "sub/deep/local"} <= set(children)
    assert not {"skip.tmp", "cache/x", "sub/local", ".git/config"} & set(children)
    agree(root, "out")


def test_dvcignore_of_a_folder_above_reaches_down(root: Path) -> None:
    write(root, {"a/b/out/x": b"1", "a/b/out/y": b"2", "a/.dvcignore": b"**/y\n"})
    assert set(Hasher(root).tree("a/b/out")[1]) == {"x"}
    agree(root, "a/b/out")


def test_what_is_not_there_has_no_digest(root: Path) -> None:
    (root / "broken").symlink_to("nowhere")
    for path in ("nope", "nope/deeper", "broken"):
        assert Hasher(root).tree(path) == (None, {})


def test_a_link_to_nowhere_in_a_folder_cannot_be_read(root: Path) -> None:
    write(root, {"out/x": b"1"})
    (root / "out" / "broken").symlink_to("nowhere")
    with pytest.raises(UsageError, match=r"^cannot read out: "):
        Hasher(root).digest("out")


def test_a_change_is_seen_by_the_same_hasher(root: Path) -> None:
    write(root, {"out/x": b"1"})
    hasher = Hasher(root)
    before, info = hasher.digest("out"), (root / "out" / "x").stat()
    write(root, {"out/x": b"2"})
    os.utime(root / "out" / "x", ns=(info.st_atime_ns, info.st_mtime_ns))
    assert hasher.digest("out") != before, "same size and time, other content"
    write(root, {"out/x": b"1", "out/new": b""})
    assert hasher.digest("out") != before
    (root / "out" / "new").unlink()
    assert hasher.digest("out") == before


def test_nothing_is_written_or_remembered(root: Path) -> None:
    def state() -> dict[str, int]:
        return {str(path): path.lstat().st_mtime_ns for path in [root, *root.rglob("*")]}

    write(root, {"out/x": b"1", "file": b"2"})
    before = state()
    for path in ("out", "file"):
        Hasher(root).digest(path)
    assert state() == before


LEGACY = {
    "unix": b"a\nb\n",
    "windows": b"a\r\nb\r\n",
    "mixed": b"a\r\nb\nc\r",
    "long": TEXT_BLOCK * 50,
    "empty": b"",
    "binary": b"\x00\x01\r\n" * 50,
    "late binary": b"text\r\n" * 100 + b"\x00\xff",
    "two chunks": (b"a\r\n" * 400_000)[: 1 << 20] + b"\x00\r\n" * 9,
    "latin": "é\r\n".encode("latin-1") * 3,
}


def legacy_agrees(root: Path, path: str, digest: str) -> bool:
    """Whether DVC finds a path to be what a `.dvc` file of DVC 2 says it is."""
    from dvc.repo import Repo

    (root / f"{path}.dvc").write_text(yaml.safe_dump({"outs": [{"md5": digest, "path": path}]}))
    with contextlib.closing(Repo(str(root))) as repo, contextlib.chdir(root):
        (out,) = (out for out in repo.index.outs if out.def_path == path)
        return not out.workspace_status()


def test_digests_of_dvc_2(root: Path) -> None:
    write(root, LEGACY)
    for name in LEGACY:
        found = Hasher(root).digest(name, "md5-dos2unix")
        assert found is not None
        assert found.algorithm == "md5-dos2unix"
        assert legacy_agrees(root, name, found.value), name
        assert not legacy_agrees(root, name, "0" * 32), "the reference says yes to anything"
        assert file_md5(root / name, "md5-dos2unix") == found.value


def test_text_had_unix_line_ends_in_dvc_2(root: Path) -> None:
    write(root, LEGACY)
    legacy = {name: Hasher(root).digest(name, "md5-dos2unix") for name in LEGACY}
    assert legacy["windows"] == legacy["unix"]
    assert legacy["unix"] == Digest(
        algorithm="md5-dos2unix", value=hashlib.md5(b"a\nb\n").hexdigest()
    )
    binary = hashlib.md5(LEGACY["binary"]).hexdigest()
    assert legacy["binary"] == Digest(algorithm="md5-dos2unix", value=binary)


def test_folders_of_dvc_2(root: Path) -> None:
    write(root, {"out/text": b"a\r\nb\r\n", "out/sub/binary": b"\x00\r\n"})
    found, children = Hasher(root).tree("out", "md5-dos2unix")
    assert found is not None
    assert found.is_dir
    assert found != Hasher(root).digest("out")
    assert children["text"] == hashlib.md5(b"a\nb\n").hexdigest()
    assert legacy_agrees(root, "out", found.value)


def test_digests_that_only_a_remote_can_compute_become_md5(root: Path) -> None:
    write(root, {"x": b"1"})
    assert Hasher(root).digest("x", "etag") == Hasher(root).digest("x") != None  # noqa: E711


@pytest.fixture(scope="module")
def shared(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project for many examples."""
    return shutil.copytree(blank, tmp_path_factory.mktemp("shared") / "project")


NAMES = st.text("ab.é \n", min_size=1, max_size=4).filter(lambda name: name.strip(".") != "")
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=12), max_size=5
)


@given(TREES)
@settings(max_examples=12, deadline=None)
def test_any_folder(shared: Path, files: dict[str, bytes]) -> None:
    from dvc.repo import Repo

    shutil.rmtree(shared / "out", ignore_errors=True)
    (shared / "out").mkdir()
    for name, content in files.items():
        path = shared / "out" / name
        with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    mine = Hasher(shared).digest("out")
    with contextlib.closing(Repo(str(shared))) as repo:
        (stage,) = repo.add([str(shared / "out")])
    assert mine == Digest(value=stage.outs[0].hash_info.value)


def test_a_folder_of_dvc_2_keeps_its_algorithm(root: Path) -> None:
    write(root, {"d/a.txt": b"x\r\n", "d/b.txt": b"y\n"})
    found = Hasher(root).digest("d", "md5-dos2unix")
    assert found is not None
    assert found.algorithm == "md5-dos2unix"
    assert found.is_dir


def test_a_pipe_in_a_folder_is_refused_and_not_waited_for(root: Path) -> None:
    (root / "d").mkdir()
    os.mkfifo(root / "d" / "pipe")
    with pytest.raises(UsageError, match="d holds pipe"):
        Hasher(root).digest("d")
    os.mkfifo(root / "alone")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        Hasher(root).digest("alone")


def test_an_ignore_file_inside_an_output_is_told(root: Path) -> None:
    write(root, {"d/.dvcignore": b"a\n", "d/a": b"x"})
    with pytest.raises(UsageError, match=r"\.dvcignore"):
        Hasher(root).digest("d")
