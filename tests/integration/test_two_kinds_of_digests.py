"""Locks that hold digests of DVC 2 and of DVC 3, which hash text with CRLF in two ways."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.model.digest import Digest, same_content
from lockproof.model.verdict import Verdict

from .pipelines import Project, causes, new_project, prove, rules, verdicts
from .test_gate_reproduction import asked

POLICY = '[gate]\noff = ["git", "record"]\n[reproduce]\nexplain = false\n'
PIPELINE = """\
stages:
  first: {cmd: wc -c < raw.txt > n.txt, deps: [raw.txt], outs: [n.txt]}
"""


def _old(content: bytes) -> str:
    return hashlib.md5(content.replace(b"\r\n", b"\n")).hexdigest()


def _of_both(base: Path, content: bytes, folder: bool = False) -> Project:
    """A `.dvc` file that DVC 2 wrote, beside a lock that DVC 3 wrote for the same data."""
    project = new_project(base)
    name = "raw.txt/deep/x.txt" if folder else "raw.txt"
    pipeline = PIPELINE.replace("wc -c < raw.txt", "cat raw.txt/deep/x.txt") if folder else PIPELINE
    project.write({"dvc.yaml": pipeline, "lockproof.toml": POLICY})
    (project.root / name).parent.mkdir(parents=True, exist_ok=True)
    (project.root / name).write_bytes(content)
    old, more = _old(content), ""
    if folder:
        import json

        listing = json.dumps([{"md5": old, "relpath": "deep/x.txt"}]).encode()
        _store(project, old, content)
        old, content, more = f"{hashlib.md5(listing).hexdigest()}.dir", listing, "  nfiles: 1\n"
    size = sum(p.stat().st_size for p in (project.root / "raw.txt").rglob("*") if p.is_file())
    _store(project, old, content)
    project.write(
        {
            "raw.txt.dvc": f"outs:\n- md5: {old}\n  size: {size or len(content)}\n{more}"
            "  path: raw.txt\n",
            ".gitignore": "/raw.txt\n",
        }
    )
    project.dvc("repro", "-q")
    assert "hash: md5" in (project.root / "dvc.lock").read_text()
    project.dvc("push", "-q", "n.txt")
    project.commit()
    return project


def _store(project: Project, name: str, content: bytes) -> None:
    for place in (project.remote, project.root / ".dvc" / "cache"):
        path = place / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # DVC lets nobody write into an object.
        path.write_bytes(content)


@pytest.mark.parametrize("folder", [False, True])
def test_the_same_data_is_the_same_where_no_line_ends_differ(folder: bool, tmp_path: Path) -> None:
    project = _of_both(tmp_path, b"a\nb\n", folder)
    assert asked(project, None) == (0, [])
    report = prove(project)
    assert (report.verdict, rules(report) - {"LP709"}) == (Verdict.PASSED, set())


@pytest.mark.parametrize("folder", [False, True])
def test_what_only_the_content_tells_is_left_open_by_the_gate(folder: bool, tmp_path: Path) -> None:
    project = _of_both(tmp_path, b"a\r\nb\r\n", folder)
    assert asked(project, None) == (5, [])
    report = prove(project)
    assert (report.verdict, rules(report) - {"LP709"}) == (Verdict.PASSED, set())
    # As the gate advises.
    project.dvc("cache", "migrate", "--dvc-files")
    project.dvc("push", "-q")
    project.commit("migrated")
    assert asked(project, None) == (0, [])


def test_other_data_is_found(tmp_path: Path) -> None:
    project = _of_both(tmp_path, b"a\r\nb\r\n")
    old = _old(b"a\r\nb\r\n")
    _store(project, _old(b"other\n"), b"other\n")
    project.edit_lock(f"md5: {old}\n  size: 6", f"md5: {_old(b'other.')}\n  size: 6", "raw.txt.dvc")
    _store(project, _old(b"other."), b"other.")
    project.commit("of the same size")
    assert asked(project, None)[0] == 5
    assert "LP105" in rules(prove(project))
    project.edit_lock("size: 6", "size: 7", "raw.txt.dvc")
    project.commit("of another size")
    code, found = asked(project, None)
    assert code == 1
    assert "LP105" in {line[:5] for line in found}


def test_line_ends_are_not_the_same_data(tmp_path: Path) -> None:
    """Both digests are equal, so that the finding has to say in what they differ."""
    project = _of_both(tmp_path, b"a\nb\n")
    old = _old(b"a\nb\n")
    project.edit_lock("size: 4", "size: 6", "raw.txt.dvc")
    _store(project, old, b"a\r\nb\r\n")
    project.commit("CRLF")
    code, found = asked(project, None)
    assert code == 1
    (line,) = found
    assert f"locked as md5:{old}, 4 bytes, but raw.txt.dvc has it as md5-dos2unix:{old}, 6" in line


TEXT = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\r"]), max_size=6).map(b"".join)


@given(TEXT, TEXT)
def test_sizes_never_call_different_what_is_the_same_nor_the_same_what_differs(
    one: bytes, other: bytes
) -> None:
    plain = Digest(value=hashlib.md5(one).hexdigest())
    legacy = Digest(algorithm="md5-dos2unix", value=_old(other))
    said = same_content(plain, legacy, len(one), len(other))
    assert said == same_content(legacy, plain, len(other), len(one))
    assert said in (None, one == other)
    assert same_content(plain, legacy, None, len(other)) is None


def test_data_under_the_other_kind_of_digest_is_no_cause(tmp_path: Path) -> None:
    project = _of_both(tmp_path, b"a\r\nb\r\n")
    project.write({"lockproof.toml": "[reproduce]\nexperiments = 2\n"})
    lock = (project.root / "dvc.lock").read_text()
    project.edit_lock(hashlib.md5(b"6\n").hexdigest(), "deadbeef" * 4)
    assert lock != (project.root / "dvc.lock").read_text()
    project.commit("by hand")
    assert causes(prove(project), "first") == [("unknown", "n.txt", "possible")]


def test_the_gate_names_line_ends_of_windows_and_its_advice_works(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write({"dvc.yaml": PIPELINE, "lockproof.toml": POLICY})
    (project.root / "raw.txt").write_bytes(b"a\r\nb\r\n")
    project.dvc("repro", "-q")
    (project.root / "raw.txt").write_bytes(b"a\nb\n")
    project.dvc("push", "-q")
    project.commit("made where a checkout has CRLF")
    code, found = asked(project, None)
    assert (code, [line[:5] for line in found]) == (1, ["LP104"])
    assert "raw.txt is locked with the line ends of Windows (CRLF), which a clone lacks" in found[0]
    project.repro()
    assert asked(project, None) == (0, [])


RANDOM = """\
stages:
  first: {cmd: printf 'a\\r\\nb\\r\\n' > a.txt, outs: [a.txt]}
  second:
    cmd: (cat a.txt; cat /proc/sys/kernel/random/uuid) > b.txt
    deps: [a.txt]
    outs: [b.txt]
"""


def test_causes_and_verdict_in_chain_mode_are_the_same_for_locks_of_both(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write({"dvc.yaml": RANDOM})
    project.repro()
    new = prove(project, mode="chain")
    assert causes(new, "second") == [("nondeterminism", "b.txt", "proven")]
    lock = (project.root / "dvc.lock").read_text().replace("hash: md5", "")
    for name in ("a.txt", "b.txt"):
        content = (project.root / name).read_bytes()
        md5 = hashlib.md5(content).hexdigest()
        assert md5 in lock
        lock = lock.replace(md5, _old(content))
        _store(project, _old(content), content)
    project.write({"dvc.lock": lock})
    project.commit("as DVC 2 wrote it")
    old = prove(project, mode="chain")
    assert old.verdict is new.verdict
    assert [s.causes for s in old.stages] == [s.causes for s in new.stages]
    assert verdicts(old) == verdicts(new)


def test_a_forged_size_makes_no_equal_digests_the_same_content(tmp_path: Path) -> None:
    """One digest of DVC 2 for CRLF, one of DVC 3 for LF: equal, and only their sizes tell."""
    project = _of_both(tmp_path, b"a\r\nb\r\n")
    old = _old(b"a\r\nb\r\n")
    dep, out = hashlib.md5(b"a\r\nb\r\n").hexdigest(), (project.root / "n.txt").read_bytes()
    made = hashlib.md5(out).hexdigest()
    project.edit_lock(dep, old)
    project.edit_lock(f"{made}\n      size: {len(out)}", f"{old}\n      size: 4")
    project.write({"lockproof.toml": POLICY.replace('"git"', '"git", "remote"')})
    project.commit("made of other content, and called as large")
    code, found = asked(project, None)
    assert code == 1
    assert any("locked with 6 bytes, and what has that digest has 4" in line for line in found)
