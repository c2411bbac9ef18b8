"""`verify` of a large model beside hashing it once, and the gate with and without signed proofs.

Whole processes, start included, the least of some runs in turn. Processor time also on a busy
machine; what passes of the clock only where nothing else runs, and there are two processors.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockproof.cli.main import main
from lockproof.model.digest import lock_digest
from tests.bench.timing import BIN, Cost, cost
from tests.integration.models import POLICY, proof_of, toy_project
from tests.integration.pipelines import Project, copy_of
from tests.integration.test_proofs import pem_of, public_of

GIB = 1 << 30
RUNS = 10
KEY = Ed25519PrivateKey.generate()
TRUST = '[[trust]]\nkey = "ci.pem"\n'
GATE = '[gate]\nreproduction = "{}"\noff = ["git", "record", "remote"]\n'
HASH = "import hashlib, sys\nhashlib.file_digest(open(sys.argv[1], 'rb'), 'sha256').hexdigest()"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A proved, signed model of a few bytes."""
    policy = POLICY + GATE.format("required") + TRUST
    project = toy_project(tmp_path_factory.mktemp("small"), policy)
    (project.root / "ci.pem").write_bytes(public_of(KEY))
    project.commit("trust")
    proof_of(project)
    (project.remote.parent / "ci.key").write_bytes(pem_of(KEY))
    sign(project)
    return project


def sign(project: Project) -> None:
    base = project.remote.parent
    argv = ["--report", str(base / "proof.json"), "--key", str(base / "ci.key")]
    argv += ["--bundle", str(base / "proof.jsonl")]
    assert main(["-C", str(project.root), "attest", *argv]) == 0


def large(small: Project, folder: Path) -> Project:
    """The same with a model of 1 GiB, as if its stage had made that: to run it is not measured."""
    project = copy_of(small, folder)
    model, block = project.root / "model.txt", bytes(range(256)) * 4096
    model.unlink()
    md5 = hashlib.md5(usedforsecurity=False)
    with model.open("wb") as file:
        for _ in range(GIB // len(block)):
            file.write(block)
            md5.update(block)
    lock = project.root / "dvc.lock"
    report = json.loads((small.remote.parent / "proof.json").read_text())
    (out,) = [o for s in report["stages"] for o in s["outputs"] if o["path"] == "model.txt"]
    old = out["locked"]["value"]
    size = lock.read_text().partition(old)[2].partition("size: ")[2].partition("\n")[0]
    text = lock.read_text().replace(
        f"{old}\n      size: {size}", f"{md5.hexdigest()}\n      size: {GIB}"
    )
    assert text != lock.read_text()
    lock.write_text(text)
    commit = project.commit("a large model")
    said = json.dumps(report).replace(old, md5.hexdigest())
    report = json.loads(said)
    report["subject"]["commit"] = commit
    files = {p.name: p.read_bytes() for p in project.root.glob("?*.dvc")}
    report["subject"]["lock_digest"] = lock_digest({**files, "dvc.lock": lock.read_bytes()})
    (project.remote.parent / "proof.json").write_text(json.dumps(report))
    shutil.copy(small.remote.parent / "ci.key", project.remote.parent)
    sign(project)
    return project


def least(*asked: tuple[list[str], Project]) -> list[Cost]:
    """Of each the least wall clock and the least processor time; they are run in turn."""
    runs = [[cost(argv, project.root) for argv, project in asked] for _ in range(RUNS)]
    return [Cost(*map(min, zip(*each, strict=True))) for each in zip(*runs, strict=True)]


def test_bench_a_model_of_one_gigabyte(small: Project, tmp_path: Path) -> None:
    project = large(small, tmp_path)
    verify = [str(BIN / "lockproof"), "verify", "./model.txt", "--bundle", "../proof.jsonl"]
    asked = {
        "hashlib": ([sys.executable, "-c", HASH, "model.txt"], project),
        "openssl": (["openssl", "dgst", "-sha256", "model.txt"], project),
        "sha256sum": (["sha256sum", "model.txt"], project),
        "verify": (verify, project),
        "verify of 4 bytes": (verify, small),
    }
    here = {name: each for name, each in asked.items() if shutil.which(each[0][0])}
    found = dict(zip(here, least(*here.values()), strict=True))
    for name, each in found.items():
        ratios = [f"{a / b:.2f}" for a, b in zip(found["verify"], each, strict=True)]
        print(
            f"\n1 GiB, {name}: clock {each.wall:.2f} s, processor {each.cpu:.2f} s; verify takes"
            f" {ratios[0]} and {ratios[1]} of it",
            end="",
        )


def test_bench_the_gate_with_signed_proofs(small: Project, tmp_path: Path) -> None:
    folder = tmp_path / "off"
    folder.mkdir()
    (folder / "lockproof.toml").write_text(POLICY + GATE.format("off"))
    gate = [str(BIN / "lockproof"), "gate"]
    off, proof = str(folder / "lockproof.toml"), str(small.remote.parent / "proof.json")
    without, report, signed = least(
        ([*gate, "--policy", off], small), ([*gate, "--report", proof], small), (gate, small)
    )
    print(
        f"\ngate, processor time: asks for no proof {without.cpu:.3f} s; takes a report"
        f" {report.cpu:.3f} s; finds and takes a signed proof {signed.cpu:.3f} s"
        f" (+{1000 * (signed.cpu - without.cpu):.0f} ms)"
    )
