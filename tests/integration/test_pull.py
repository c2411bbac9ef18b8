"""Fetching what stages need: in little memory however much it is, and not twice."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from integration.pipelines import SORT_AND_TRAIN, TRAIN, Project, new_project, prove
from lockproof.adapters.dvc import downloads
from lockproof.adapters.dvc.downloads import Downloads, Item, Problem
from lockproof.adapters.dvc.objects import Need, ObjectStore
from lockproof.adapters.files import cache_root
from lockproof.errors import UnavailableError
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Out, Stage
from lockproof.model.verdict import Verdict
from lockproof.parse.listing import read_listing


def put(cache: Path, content: bytes, suffix: str = "") -> str:
    """An object of a cache or a folder remote; its digest."""
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    path = cache / "files" / "md5" / digest[:2] / f"{digest[2:]}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"{digest}{suffix}"


def directory(cache: Path, digests: list[str], entries: int) -> Need:
    """A directory of so many files with these contents in turn."""
    listing = [
        {"md5": digests[n % len(digests)], "relpath": f"{n // 100:06}/{n:08}"}
        for n in range(entries)
    ]
    name = put(cache, json.dumps(listing).encode(), ".dir")
    out = Out(path="raw", locked=Digest(value=name))
    return Need(out, Stage(address="raw.dvc", kind="data", file="raw.dvc", outs=(out,)))


def peak(tmp_path: Path, entries: int) -> int:
    """The same of a process that does nothing else: threads of other tests may run in this one."""
    tests = Path(__file__).resolve().parents[1]
    code = (
        "import sys; from pathlib import Path; from integration.test_pull import peak_here;"
        " print(peak_here(Path(sys.argv[1]), int(sys.argv[2])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(entries)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tests), str(tests.parent)))},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def peak_here(tmp_path: Path, entries: int) -> int:
    """Bytes that fetching took at most; all of it is in the cache."""
    cache = tmp_path / f"cache-{entries}"
    need = directory(cache, [put(cache, b"%d" % n) for n in range(20)], entries)
    nobody: Any = None  # No remote is asked.
    store = ObjectStore(nobody, tmp_path / "scratch", lambda: cache, read_listing)
    tracemalloc.start()
    try:
        assert store.fetch([need]) == ()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_hardly_grows_with_the_number_of_files(tmp_path: Path) -> None:
    """Every entry of a listing was kept as values until the last was fetched."""
    few, many = peak(tmp_path, 15_000), peak(tmp_path, 45_000)
    assert (many - few) / 30_000 < 200, "bytes for each file more"


def remote_of(project: Project) -> Any:
    """A project as `Downloads` asks it, by DVC's own repository object."""
    from dvc.repo import Repo

    return SimpleNamespace(
        repo=Repo(str(project.root)),
        root=project.root,
        is_foreign=lambda _: False,
        may_import=lambda _: True,
    )


def test_where_much_of_a_directory_is_lost_the_rest_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new_project(tmp_path)
    put(project.remote, b"there")
    monkeypatch.setattr(downloads, "_BATCH", 10)
    read = 0

    def wanted() -> Iterator[Item]:
        nonlocal read
        for number in range(1000):
            read += 1
            yield None, f"raw/{number}", Digest(value=f"{number:032x}")

    bringing = Downloads(remote_of(project), tmp_path / "scratch")
    lost = bringing.bring(wanted(), lambda _: False, lambda _: None, most_lost=25)
    assert (len(lost), read) == (30, 30)
    assert set(lost.values()) == {Problem.MISSING}


def test_a_damaged_copy_of_an_earlier_run_is_fetched_anew(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    scratch, damaged = tmp_path / "scratch", {}
    need = directory(project.remote, [put(project.remote, b"sound")], 1)
    locked = need.out.locked
    assert locked is not None
    for path in project.remote.rglob("*"):
        if path.is_file():
            damaged[path] = scratch / path.relative_to(project.remote)
            damaged[path].parent.mkdir(parents=True)
            damaged[path].write_bytes(b"damaged")
    store = ObjectStore(remote_of(project), scratch, lambda: tmp_path / "cache", read_listing)
    assert store.fetch([need]) == ()
    assert len(damaged) == 2
    for sound, fetched in damaged.items():
        assert fetched.read_bytes() == sound.read_bytes()
    assert store.copy(locked, "raw", tmp_path / "made")
    assert (tmp_path / "made" / "000000" / "00000000").read_bytes() == b"sound"


@pytest.mark.parametrize("at", ["", "files", "files/md5", "files/md5/{}", "{}"])
def test_a_link_in_what_was_kept_leads_no_object_elsewhere(at: str, tmp_path: Path) -> None:
    """Only what runs without isolation could have put it there."""
    project = new_project(tmp_path)
    digest = Digest(value=put(project.remote, b"sound"))
    scratch, elsewhere = tmp_path / "scratch", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other").write_bytes(b"mine")
    link = scratch / at.format(digest.object_path if at == "{}" else digest.value[:2])
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere / "other" if at == "{}" else elsewhere)
    assert Downloads(remote_of(project), scratch).download(None, digest) is None
    assert (scratch / digest.object_path).read_bytes() == b"sound"
    assert not (scratch / digest.object_path).is_symlink()
    assert [path.name for path in elsewhere.iterdir()] == ["other"]
    assert (elsewhere / "other").read_bytes() == b"mine"
    assert not list(scratch.glob(".new-*"))


@pytest.mark.parametrize("content", [b"damaged", None], ids=["damaged", "unreadable"])
def test_a_copy_that_is_put_right_is_found(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    digest = Digest(value=put(cache, b"sound"))
    copy = cache / digest.object_path
    nobody: Any = None
    store = ObjectStore(nobody, tmp_path / "scratch", lambda: cache, read_listing)
    with monkeypatch.context() as patch:
        if content is None:  # Whoever is root reads what is closed.
            patch.setattr(Path, "open", refused)
        else:
            copy.write_bytes(content)
        assert store.find(digest) is None
        assert store.find(digest) is None
    copy.unlink()
    put(cache, b"sound")
    assert store.find(digest) == copy


def refused(*_: object) -> None:
    """As a file of another user's is opened, or one of a disk that fails."""
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_what_dvc_takes_for_sound_is_looked_at(tmp_path: Path) -> None:
    """It believes what is read-only, as it leaves what it fetches."""
    project, source = new_project(tmp_path / "to"), new_project(tmp_path / "from", "source")
    source.write({"raw/a": "a\n", "raw/b": "b\n"})
    source.dvc("add", "-q", "raw")
    source.dvc("push", "-q")
    source.commit()
    project.dvc("import", "-q", str(source.root), "raw")
    cache = project.root / ".dvc" / "cache"
    digest = Digest(value=yaml.safe_load((project.root / "raw.dvc").read_text())["outs"][0]["md5"])
    copies = [path for path in (cache / "files").rglob("*") if path.is_file()]
    assert len(copies) == 3
    out = Out(path="raw", locked=digest)
    need = Need(out, Stage(address="raw.dvc", kind="import", file="raw.dvc", outs=(out,)))
    for copy in copies:
        copy.chmod(0o644)
        copy.write_bytes(b"damaged")
        copy.chmod(0o444)
    # DVC's own cache is where lockproof has it fetch to.
    store = ObjectStore(remote_of(project), cache, lambda: tmp_path / "none", read_listing)
    assert store.fetch([need]) == ()
    assert store.copy(digest, "raw", tmp_path / "made")
    assert (tmp_path / "made" / "b").read_bytes() == b"b\n"


def test_what_came_before_a_run_ended_early_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A cache of its own: runs that other tests ended early leave what came for their next ones.
    monkeypatch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path / "cache"))
    project = new_project(tmp_path)
    project.write({"dvc.yaml": SORT_AND_TRAIN, "train.py": TRAIN, "raw.csv": "b\na\n"})
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    asked: list[str] = []
    fails = True
    real = Downloads.download

    def download(self: Downloads, remote: str | None, digest: Digest) -> Problem | None:
        """A remote that stops answering after one object."""
        asked.append(digest.value)
        if fails and len(asked) > 1:
            raise UnavailableError("remote 'store' does not answer")
        return real(self, remote, digest)

    monkeypatch.setattr(Downloads, "download", download)
    monkeypatch.setattr(Downloads, "jobs", 1)
    for path in (project.root / ".dvc" / "cache" / "files").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    with pytest.raises(UnavailableError):
        prove(project)
    first = asked[0]
    asked, fails = [], False
    assert prove(project).verdict is Verdict.PASSED
    assert asked
    assert first not in asked
    assert list((cache_root() / "fetched").iterdir()) == []
