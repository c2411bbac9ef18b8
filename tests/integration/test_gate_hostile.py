"""Pull requests that mean harm: bounded in time and memory, and answered with one clear line."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lockproof.model.digest import Digest
from tests.integration.pipelines import BIN, Project, copy_of, new_project

from .remotes import Folder, claim_listing, digest_of

OFF = '[gate]\noff = ["record", "metrics", "manifests", "reproduction"]\n[git]\nsecrets = false\n'
OFF += "[rules.LP304]\noff = true\n"
YAML = "stages:\n  make:\n    cmd: cp raw out\n    deps: [raw]\n    outs: [out]\n"
SECONDS = 60
MEMORY = 700 << 20
"""Bytes of address space above what the interpreter and its libraries map."""
LISTING = "outs:\n- md5: {md5}\n  size: {size}\n  nfiles: {nfiles}\n  hash: md5\n  path: {path}\n"
HARMFUL = "\x1b]0;x\x07\x1b[31m<script>alert(1)</script>|`[a](b)\u202e\r"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("hostile"))
    project.write({"dvc.yaml": YAML, "lockproof.toml": OFF, "raw": "raw"})
    project.dvc("add", "-q", "raw")
    project.repro()
    project.git("branch", "base")
    return project


@pytest.fixture
def project(original: Project, tmp_path: Path) -> Project:
    return copy_of(original, tmp_path)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY + (2 << 30), MEMORY + (2 << 30)))


def gate(project: Project, *arguments: str) -> tuple[int, str, str]:
    """Run the gate as its own process, within limits that the kernel enforces."""
    before = project.state()["remote"]
    done = subprocess.run(
        [str(BIN / "lockproof"), "gate", "--pr", "--base", "base", *arguments],
        cwd=project.root,
        env=project.environment() | {"CI": "true", "NO_COLOR": "1"},
        capture_output=True,
        timeout=5 * SECONDS,
        preexec_fn=_limit,
        check=False,
    )
    assert project.state()["remote"] == before
    out, err = done.stdout.decode("utf-8", "surrogatepass"), done.stderr.decode()
    assert "Traceback" not in err, err
    assert done.returncode in (0, 1, 2, 5), (done.returncode, err)
    return done.returncode, out, err


def _lock(old: str, new: str) -> Callable[[Project], None]:
    return lambda project: project.edit_lock(old, new)


def _bytes(name: str, content: bytes) -> Callable[[Project], None]:
    def write(project: Project) -> None:
        (project.root / name).write_bytes(content)

    return write


def _link(name: str, target: str) -> Callable[[Project], None]:
    def link(project: Project) -> None:
        (project.root / name).unlink()
        (project.root / name).symlink_to(target)

    return link


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c, c, b", ".join([b"*%c" % (c - 1)] * 10)) for c in range(98, 108)
)
MD5 = digest_of(b"raw").value
CASES: dict[str, tuple[Callable[[Project], None], str]] = {
    "an output above the repository": (_lock("path: out", "path: ../../out"), "../../out"),
    "an absolute output": (_lock("path: out", "path: /etc/passwd"), "/etc/passwd"),
    "a digest that is a path": (_lock(f"md5: {MD5}", "md5: ../../../../etc/passwd"), "no digest"),
    "a YAML bomb for a lock": (_bytes("dvc.lock", BOMB), "values, anchors included"),
    "a YAML bomb for a pipeline": (_bytes("dvc.yaml", BOMB), "values, anchors included"),
    "a lock of 100 MB": (
        _bytes("dvc.lock", b"schema: '2.0'\nstages:\n" + b"  # padding\n" * (100 << 20 >> 3)),
        "larger than",
    ),
    "a key twice": (_lock("schema: '2.0'", "schema: '2.0'\nschema: '2.0'"), "schema"),
    "no UTF-8": (_bytes("dvc.lock", b"schema: '2.0'\n\xff\xfe: 1\n"), "not UTF-8"),
    "deep nesting": (_bytes("dvc.lock", b"[" * 100_000), "nested deeper"),
    "a lock that is a link out": (_link("dvc.lock", "/etc/passwd"), "dvc.lock"),
    "a .dvc file that is a link out": (_link("raw.dvc", "/etc/passwd"), "raw.dvc"),
    "a tag that runs code": (
        _bytes("dvc.lock", b"!!python/object/apply:os.system [x]"),
        "dvc.lock",
    ),
    "a size that is no number": (
        _lock("size: 3", "size: -1e999"),
        "dvc.lock, line 6: has under 'size' what DVC does not take: '-inf'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_hostile_files_are_findings_or_errors(project: Project, name: str) -> None:
    spoil, word = CASES[name]
    spoil(project)
    project.commit("harm")
    code, out, err = gate(project, "--format", "json")
    assert code in (1, 2)
    if code == 1:
        findings = json.loads(out)["findings"]
        assert any(word in f["message"] for f in findings if f["severity"] == "error")
        assert all("\n" not in f["message"] for f in findings)
        assert "root:x:" not in out
    else:
        (line,) = [line for line in err.splitlines() if line.startswith("lockproof: ")]
        assert word in line


def _claim(project: Project, path: str, listing: bytes, nfiles: int, size: int) -> Digest:
    claim = claim_listing(Folder(project.remote), path, listing)
    assert claim.digest
    text = LISTING.format(md5=claim.digest.value, size=size, nfiles=nfiles, path=json.dumps(path))
    (project.root / "more.dvc").write_text(text, "utf-8")
    project.commit("harm")
    return claim.digest


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../../out", "outside"),
        ("/etc/passwd", "outside"),
        ("a/../../b", "outside"),
        ("", "outside"),
    ],
)
def test_hostile_directory_objects(project: Project, name: str, why: str) -> None:
    listing = json.dumps([{"md5": MD5, "relpath": name}]).encode()
    _claim(project, "more", listing, 1, 3)
    code, out, _ = gate(project, "--format", "json")
    (finding,) = [f for f in json.loads(out)["findings"] if f["rule"] == "LP204"]
    assert code == 1
    assert "outside of its directory" in finding["message"]


def test_a_directory_of_a_million_files(project: Project) -> None:
    entries = (f'{{"md5": "{MD5}", "relpath": "{n:07}"}}' for n in range(10**6))
    _claim(project, "more", f"[{', '.join(entries)}]".encode(), 10**6, 3 * 10**6)
    code, out, _ = gate(project, "--format", "json")
    report = json.loads(out)
    (check,) = [c for c in report["checks"] if c["name"] == "remote"]
    assert check["verdict"] == "passed", report["findings"]
    assert code in (0, 5)


def test_a_directory_of_a_million_lost_files(project: Project) -> None:
    """One finding, not a million."""
    entries = (f'{{"md5": "{n:032x}", "relpath": "{n:07}"}}' for n in range(200_000))
    _claim(project, "more", f"[{', '.join(entries)}]".encode(), 200_000, 1)
    code, out, _ = gate(project, "--format", "json")
    (finding,) = [f for f in json.loads(out)["findings"] if f["rule"] == "LP201"]
    assert code == 1
    assert "200,000 of 200,000 files of more (0000000, 0000001, 0000002, …)" in finding["message"]


FORMATS = ("table", "json", "markdown", "html", "junit", "sarif", "gitlab", "github")


def test_names_that_would_be_markup(project: Project) -> None:
    name = f"d/{HARMFUL}"
    listing = json.dumps([{"md5": "0" * 32, "relpath": HARMFUL}]).encode()
    _claim(project, name, listing, 1, 3)
    for form in FORMATS:
        code, shown, err = gate(project, "--format", form)
        assert code == 1
        assert "LP201" in shown, form
        assert not {"\x1b", "\x07", "\r"} & set(shown + err), form
        if form in ("html", "markdown", "junit"):
            assert "<script>alert(1)" not in shown, form


def test_the_limits_are_limits() -> None:
    """What `gate` above relies on: the kernel ends a process that takes too much memory."""
    done = subprocess.run(
        [sys.executable, "-c", "b'0' * (4 << 30)"],
        preexec_fn=_limit,
        capture_output=True,
        check=False,
    )
    assert b"MemoryError" in done.stderr
