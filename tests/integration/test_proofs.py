"""attest, verify and the gate with signed proofs: the way through, and every tampering refused."""

import base64
import hashlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from lockproof.adapters.signing.key_file import PASSPHRASE, KeyFile
from lockproof.cli.main import main
from lockproof.model.report import Report
from lockproof.model.statement import PROVENANCE, SUMMARY, VERDICT
from lockproof.model.verdict import Verdict
from lockproof.steps.gate.interface import Request
from lockproof.steps.gate.run import open_scene
from lockproof.steps.outputs import Outputs

from .pipelines import BIN, Project, Silence, copy_of, new_project, prove

PIPELINE = """\
stages:
  prepare:
    cmd: sort raw.csv > data.csv
    deps: [raw.csv]
    outs: [data.csv]
  train:
    cmd: mkdir -p net && cp data.csv net/w.txt && cp data.csv flat.txt
    deps: [data.csv]
    outs: [net, flat.txt]
"""
POLICY = """\
[gate]
reproduction = "required"
off = ["git", "record", "remote"]
[[model]]
name = "net"
paths = ["net"]
[[model]]
name = "flat"
paths = ["flat.txt"]
[[trust]]
key = "keys/ci.pem"
"""


def pem_of(private: Any, passphrase: bytes | None = None) -> bytes:
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    made: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
    return made


def public_of(private: Any) -> bytes:
    made: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return made


KEY, OTHER = generate_private_key(SECP256R1()), Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Report]:
    """A proved project with two models, and a key; the proof is in its remote and in a file."""
    project = new_project(tmp_path_factory.mktemp("proofs"))
    project.write({"lockproof.toml": POLICY, "dvc.yaml": PIPELINE, "raw.csv": "b\na\n"})
    project.write({".dvcignore": "*.tmp\n__pycache__/\n"})
    (project.root / "keys").mkdir()
    (project.root / "keys" / "ci.pem").write_bytes(public_of(KEY))
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    project.git("branch", "base")
    report = prove(project)
    assert report.verdict is Verdict.PASSED
    base = project.remote.parent
    (base / "report.json").write_text(report.model_dump_json())
    (base / "ci.key").write_bytes(pem_of(KEY))
    (base / "other.key").write_bytes(pem_of(OTHER))
    assert attest(project, "--bundle", str(base / "proof.jsonl")) == 0
    return project, report


def attest(project: Project, *more: str, key: str = "ci.key", report: str = "report.json") -> int:
    base = project.remote.parent
    argv = ["--report", str(base / report), "--key", str(base / key)]
    return main(["-C", str(project.root), "attest", *argv, *more])


def asked(project: Project, verb: str, *argv: str) -> tuple[int, list[str]]:
    """Exit code, and what is found."""
    out = project.remote.parent / "said.json"
    out.unlink(missing_ok=True)
    code = main(["-C", str(project.root), verb, *argv, "--output", str(out)])
    if not out.exists():
        return code, []
    return code, [f"{f['rule']} {f['message']}" for f in json.loads(out.read_text())["findings"]]


def lines_of(project: Project) -> list[dict[str, Any]]:
    text = (project.remote.parent / "proof.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def statement_in(bundle: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    return found


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# --- the way through ------------------------------------------------------------------------------


def test_a_proof_passes_verify_and_the_gate(made: tuple[Project, Report]) -> None:
    project, _ = made
    assert asked(project, "verify") == (0, [])
    assert asked(project, "verify", "net") == (0, [])
    assert asked(project, "verify", "flat.txt", "--bundle", str(file_of(project))) == (0, [])
    assert asked(project, "gate") == (0, [])
    assert asked(project, "gate", "--pr", "--base", "base") == (0, [])
    assert asked(project, "gate", "--proof", str(file_of(project))) == (0, [])


def test_a_page_shows_where_the_models_come_from(
    made: tuple[Project, Report], capsys: pytest.CaptureFixture[str]
) -> None:
    project, report = made
    page = project.remote.parent / "verified.html"
    assert main(["-C", str(project.root), "verify", "--output", str(page)]) == 0
    said = capsys.readouterr().out
    trees = re.findall(r"<pre[^>]*>(.*?)</pre>", page.read_text("utf-8"), re.DOTALL)
    assert trees
    assert all(tree.rstrip() in said for tree in map(html.unescape, trees))
    assert all(f"commit {(report.subject.commit or '')[:12]}" in tree for tree in trees)


def file_of(project: Project) -> Path:
    return project.remote.parent / "proof.jsonl"


def test_each_model_has_three_statements_on_the_same_subject(
    made: tuple[Project, Report],
) -> None:
    project, report = made
    found = [statement_in(line) for line in lines_of(project)]
    assert [f["predicateType"] for f in found] == [VERDICT, PROVENANCE, SUMMARY] * 2
    net, flat = found[0], found[3]
    assert net["subject"] == found[1]["subject"] == found[2]["subject"]
    content = (project.root / "flat.txt").read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    sha256 = hashlib.sha256(content).hexdigest()
    said = {"name": "flat.txt", "digest": {"sha256": sha256}, "annotations": {"dvc": f"md5:{md5}"}}
    assert flat["subject"] == [said]
    # The formula of the documentation, worked out by hand.
    manifest = hashlib.sha256(f'[["w.txt","{sha256}"]]'.encode()).hexdigest()
    assert net["subject"][0]["digest"]["sha256"] == manifest
    assert net["subject"][0]["annotations"]["dvc"].endswith(".dir")
    assert found[1]["predicate"]["buildDefinition"]["externalParameters"]["commands"] == {
        "train": list(next(s for s in report.stages if s.address == "train").command)
    }
    assert found[2]["predicate"]["verificationResult"] == "PASSED"


def test_a_second_attest_says_the_same_and_writes_nothing(made: tuple[Project, Report]) -> None:
    project, _ = made
    before = files_of(project.remote)
    assert attest(project) == 0
    assert files_of(project.remote) == before


def test_objects_of_dvc_are_left_alone(made: tuple[Project, Report]) -> None:
    project, _ = made
    tops = {path.name for path in project.remote.iterdir()}
    assert tops == {"files", "lockproof"}


def test_a_merge_with_the_same_tree_is_proved_and_another_tree_is_not(
    made: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(made[0], tmp_path)
    project.git("commit", "-q", "--allow-empty", "-m", "squashed")
    assert asked(project, "gate") == (0, [])
    assert asked(project, "verify") == (0, [])
    project.write({"README.md": "new\n"})
    project.commit()
    code, found = asked(project, "gate")
    assert code == 1
    assert [line.split(":")[0] for line in found] == [
        "LP710 no trusted, signed proof of prepare for this commit and lock",
        "LP710 no trusted, signed proof of train for this commit and lock",
    ]


def test_a_signer_counts_for_its_stages_only(made: tuple[Project, Report], tmp_path: Path) -> None:
    project = copy_of(made[0], tmp_path)
    policy = tmp_path / "elsewhere" / "lockproof.toml"
    policy.parent.joinpath("keys").mkdir(parents=True)
    (policy.parent / "keys" / "ci.pem").write_bytes(public_of(KEY))
    policy.write_text(POLICY + 'stages = ["prepare"]\n')
    code, found = asked(project, "gate", "--policy", str(policy))
    assert (code, len(found)) == (1, 1)
    assert found[0].startswith("LP710 no trusted, signed proof of train for")


def test_proofs_in_git_notes_are_found(made: tuple[Project, Report], tmp_path: Path) -> None:
    project = copy_of(made[0], tmp_path)
    base = project.remote.parent
    for name in ("report.json", "ci.key"):
        (base / name).write_bytes((made[0].remote.parent / name).read_bytes())
    assert attest(project, "--no-push", "--notes") == 0
    for path in (project.remote / "lockproof").rglob("*"):
        if path.is_file():
            path.unlink()
    assert asked(project, "gate") == (0, [])
    project.git("update-ref", "-d", "refs/notes/lockproof")
    assert asked(project, "verify")[0] == 1


# --- what is not signed ---------------------------------------------------------------------------

REPORTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "failed": (lambda r: r.update(verdict="failed"), "the report's verdict is 'failed'"),
    "another commit": (lambda r: r["subject"].update(commit="a" * 40), "about commit aaaaaaaaaaaa"),
    "another lock": (lambda r: r["subject"].update(lock_digest="b" * 64), "about another lock"),
    "a failed stage": (
        lambda r: r["stages"][0].update(verdict="failed"),
        "the stage's verdict is 'failed'",
    ),
    "a stage that did not run": (lambda r: r["host"].update(stages={}), "ran to its end"),
    "an output that differs": (
        lambda r: r["stages"][0]["outputs"][0].update(verdict="different"),
        "is 'different' by the trusted policy",
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_the_gate_would_not_take_is_not_signed(
    made: tuple[Project, Report], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project, report = made
    change, why = REPORTS[name]
    said = json.loads(report.model_dump_json())
    change(said)
    (project.remote.parent / "changed.json").write_text(json.dumps(said))
    before = files_of(project.remote)
    assert attest(project, report="changed.json") == 1
    error = capsys.readouterr().err
    assert "lockproof: not signed: " in error
    assert why in error
    assert files_of(project.remote) == before


def test_a_model_that_is_not_here_as_locked_is_not_signed(
    made: tuple[Project, Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_of(made[0], tmp_path)
    (project.root / "net" / "w.txt").chmod(0o644)
    (project.root / "net" / "w.txt").write_text("other\n")
    base = made[0].remote.parent
    argv = ["--report", str(base / "report.json"), "--key", str(base / "ci.key"), "--no-push"]
    argv += ["--bundle", str(tmp_path / "proof.jsonl")]
    assert main(["-C", str(project.root), "attest", *argv]) == 0, "the remote has it"
    (tmp_path / "proof.jsonl").unlink()
    for path in (project.remote / "files").rglob("*"):
        if path.is_file():
            path.unlink()
    shutil.rmtree(project.root / ".dvc" / "cache", ignore_errors=True)
    assert main(["-C", str(project.root), "attest", *argv]) == 2
    assert "is not in remote" in capsys.readouterr().err
    assert not (tmp_path / "proof.jsonl").exists()


# --- what DVC does not see ------------------------------------------------------------------------


def litter(project: Project) -> None:
    """Files in the folder of a model that `.dvcignore` hides, and a link."""
    project.write({"net/x.tmp": "one\n", "net/__pycache__/w.pyc": "two\n"})
    (project.root / "net" / "l.tmp").symlink_to("/etc/passwd")


def bytes_of(project: Project) -> list[str]:
    """What the last report says that was left out of the bytes."""
    said = json.loads((project.remote.parent / "said.json").read_text())
    (check,) = [c for c in said["checks"] if c["name"] == "bytes"]
    found: list[str] = check.get("not_checked", [])
    return found


def test_what_dvc_does_not_see_is_no_part_of_a_model(
    made: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(made[0], tmp_path)
    shutil.rmtree(project.remote)  # All of it comes from the work tree.
    litter(project)
    base = made[0].remote.parent
    argv = ["--report", str(base / "report.json"), "--key", str(base / "ci.key"), "--no-push"]
    argv += ["--bundle", str(tmp_path / "proof.jsonl"), "--oms", str(tmp_path / "oms")]
    assert main(["-C", str(project.root), "attest", *argv]) == 0
    lines = (tmp_path / "proof.jsonl").read_text().splitlines()
    signed = [statement_in(json.loads(line))["subject"] for line in lines]
    assert signed == [statement_in(line)["subject"] for line in lines_of(made[0])]
    project.remote.mkdir()
    for subject in ("HEAD", "net", "./net/"):
        assert asked(project, "verify", subject, "--bundle", str(tmp_path / "proof.jsonl")) == (
            0,
            [],
        )
        (line,) = bytes_of(project)
        assert line.startswith("net/__pycache__/w.pyc, net/l.tmp, net/x.tmp: .dvcignore hides it")
    # What is served, as others look at it.
    served = ["verify", "key", str(made[0].root / "net")]
    served += ["--signature", str(tmp_path / "oms" / "net.sig")]
    served += ["--public_key", str(project.root / "keys" / "ci.pem")]
    done = subprocess.run([sys.executable, "-m", "model_signing", *served], capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_dvc_does_not_see_counts_where_dvc_is_not_at_work(
    made: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(made[0], tmp_path)
    served = project.root / "served"
    shutil.copytree(project.root / "net", served)
    assert asked(project, "verify", "served") == (0, [])
    (served / "x.tmp").write_text("one\n")
    code, found = asked(project, "verify", "served")
    assert (code, [line[:5] for line in found]) == (1, ["LP725"])


def test_an_added_file_is_refused_until_it_is_gone(
    made: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(made[0], tmp_path)
    litter(project)
    project.write({"net/more.txt": "more\n"})
    for subject in ("HEAD", "net"):
        code, found = asked(project, "verify", subject)
        assert (code, [line[:5] for line in found]) == (1, ["LP725"])
        assert "'dvc checkout' brings the locked bytes back" in found[0]
    project.dvc("checkout", "-q", "--force", "net")
    assert asked(project, "verify", "net") == (0, [])


def test_a_pull_request_does_not_say_itself_what_nobody_looks_at(
    made: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(made[0], tmp_path)
    base = project.remote.parent
    project.write({".dvcignore": "*.tmp\n__pycache__/\n*.evil\n", "net/w.evil": "evil\n"})
    project.commit("hide a file of the model")
    (base / "report.json").write_text(prove(project).model_dump_json())
    (base / "ci.key").write_bytes(pem_of(KEY))
    argv = ("--oms", str(tmp_path / "oms"), "--bundle", str(base / "proof.jsonl"))
    assert attest(project, *argv) == 0
    assert [statement_in(line)["subject"] for line in lines_of(project)] == [
        statement_in(line)["subject"] for line in lines_of(made[0])
    ]
    dsse = json.loads((tmp_path / "oms" / "net.sig").read_text())["dsseEnvelope"]
    assert b"w.evil" not in base64.b64decode(dsse["payload"])
    assert asked(project, "verify", "net") == (0, [])
    for subject in ("HEAD", "net"):
        code, found = asked(project, "verify", subject, "--pr", "--base", "base")
        assert (code, [line[:5] for line in found]) == (1, ["LP725"]), found
        assert "remove net/w.evil, which .dvcignore hides here and not at the base" in found[0]
    (project.root / "net" / "w.evil").unlink()
    assert asked(project, "verify", "net", "--pr", "--base", "base") == (0, [])


def test_what_dvc_does_not_see_of_a_folder_in_git_is_not_brought(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    kept = PIPELINE.replace("outs: [net, flat.txt]", "outs: [net: {cache: false}, flat.txt]")
    assert kept != PIPELINE
    project.write({"dvc.yaml": kept, "raw.csv": "b\na\n", ".dvcignore": "*.tmp\n"})
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    project.write({"net/x.tmp": "one\n"})
    project.git("add", "-f", "net")
    project.commit()
    scene, _ = open_scene(Request(project.root), Silence())
    (net,) = [out for stage in scene.pipeline.stages for out in stage.outs if out.path == "net"]
    Outputs(scene).bring(net, tmp_path / "served")
    assert [path.name for path in (tmp_path / "served").iterdir()] == ["w.txt"]


# --- tamperings -----------------------------------------------------------------------------------

Bundle = dict[str, Any]
Change = Callable[[list[Bundle]], object]


def resigned(*changes: Callable[[dict[str, Any]], object], key: Any = KEY) -> Change:
    """The first statement changed, and signed by whoever has the key."""

    def change(lines: list[Bundle]) -> None:
        for at in (0, 3):
            statement = statement_in(lines[at])
            for each in changes:
                each(statement)
            payload = json.dumps(statement, sort_keys=True, separators=(",", ":"))
            lines[at].update(sealed(payload.encode(), key))

    return change


def sealed(payload: bytes, key: Any) -> Bundle:
    path = Path(os.environ["PROOFS_SCRATCH"]) / "key.pem"
    path.write_bytes(pem_of(key))
    found: Bundle = json.loads(KeyFile(path).seal(payload))
    return found


@pytest.fixture(autouse=True)
def _scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROOFS_SCRATCH", str(tmp_path_factory.mktemp("scratch")))


def envelope(**values: object) -> Change:
    return lambda lines: [line["dsseEnvelope"].update(values) for line in lines]


def predicate(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda statement: statement["predicate"].update(values)


def in_report(*path: str | int, value: object) -> Callable[[dict[str, Any]], object]:
    def change(statement: dict[str, Any]) -> None:
        place = statement["predicate"]["report"]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def in_output(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda statement: statement["predicate"]["outputs"][0].update(values)


def _flip(lines: list[Bundle]) -> None:
    for line in lines:
        payload = bytearray(base64.b64decode(line["dsseEnvelope"]["payload"]))
        payload[payload.index(b"in-toto")] ^= 1
        line["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()


def _swap(lines: list[Bundle]) -> None:
    for one, other in ((0, 3), (1, 4), (2, 5)):
        a, b = lines[one]["dsseEnvelope"], lines[other]["dsseEnvelope"]
        a["payload"], b["payload"] = b["payload"], a["payload"]


def _subject(statement: dict[str, Any]) -> None:
    statement["subject"][0]["digest"]["sha256"] = "0" * 64


def _tolerated(statement: dict[str, Any]) -> None:
    """As within a tolerance that no policy states."""
    for stage in statement["predicate"]["report"]["stages"]:
        for out in stage["outputs"]:
            out.update(verdict="within tolerance", tolerance={"rtol": 0.5, "atol": 0.0})
    for out in statement["predicate"]["outputs"]:
        out.update(verdict="within tolerance", tolerance={"rtol": 0.5, "atol": 0.0})


CHANGES: dict[str, tuple[Change, str, str]] = {
    "payload byte": (_flip, "LP722", "changed after they were signed"),
    "payloads swapped": (_swap, "LP722", "changed after they were signed"),
    "signature cut": (
        lambda lines: [
            line["dsseEnvelope"]["signatures"][0].update(sig="MAUCAQA=") for line in lines
        ],
        "LP722", "changed after they were signed",
    ),
    "payload type": (envelope(payloadType="text/plain"), "LP721", "its payloadType is not"),
    "no signature": (envelope(signatures=[]), "LP721", "it has 0 signatures and not one"),
    "no base64": (envelope(payload="%%%"), "LP721", "a part of it is no base64"),
    "media type": (
        lambda lines: [line.update(mediaType="application/json") for line in lines],
        "LP721", "its mediaType is not",
    ),
    "no material": (
        lambda lines: [line.pop("verificationMaterial") for line in lines],
        "LP721", "it has no 'verificationMaterial'",
    ),
    "another key": (resigned(key=OTHER), "LP723", "which no [[trust]] of the policy names"),
    "another key, hint kept": (
        lambda lines: [
            (resigned(key=OTHER)(lines)),
            *(
                line["verificationMaterial"]["publicKey"].update(
                    hint=lines[1]["verificationMaterial"]["publicKey"]["hint"]
                )
                for line in lines
            ),
        ],
        "LP722", "another key signed them",
    ),
    "certificate of nobody": (
        lambda lines: [
            line.update(verificationMaterial={"certificate": {"rawBytes": "MAA="}})
            for line in lines
        ],
        "LP723", "no [[trust]] of the policy names an identity",
    ),
    "subject": (resigned(_subject), "LP725", "its subjects are not the outputs"),
    "output digest": (resigned(in_output(sha256="0" * 64)), "LP725", "its subjects are not"),
    "output of another lock": (
        resigned(in_output(locked={"value": "0" * 32})), "LP724", "otherwise than the proof",
    ),
    "output of another stage": (
        resigned(in_output(stage="prepare")), "LP724", "otherwise than the proof",
    ),
    "another commit": (
        resigned(in_report("subject", "commit", value="a" * 40), predicate(tree="b" * 40)),
        "LP724", "about commit aaaaaaaaaaaa",
    ),
    "another lock": (
        resigned(in_report("subject", "lock_digest", value="c" * 64)), "LP724", "another lock",
    ),
    "another project": (
        resigned(in_report("subject", "root", value="ml")), "LP724", "the DVC project in ml",
    ),
    "some stages": (
        resigned(in_report("subject", "selected", value=["train"])), "LP724", "some of the stages",
    ),
    "failed": (resigned(in_report("verdict", value="failed")), "LP724", "verdict is 'failed'"),
    "another policy": (
        resigned(predicate(policy_digest="d" * 64)), "LP728", "another lockproof.toml",
    ),
    "failed stage": (
        resigned(in_report("stages", 0, "verdict", value="failed")), "LP728", "is 'failed'",
    ),
    "stage left out": (
        resigned(lambda s: s["predicate"]["report"]["stages"].pop(0)),
        "LP728", "its stages are not those of the pipeline",
    ),
    "stage that never ran": (
        resigned(in_report("host", value={})), "LP728", "nothing says that its command ran",
    ),
    "another command": (
        resigned(in_report("stages", 0, "command", value=["true"])), "LP728", "another command",
    ),
    "widened tolerance": (resigned(_tolerated), "LP728", "by the trusted policy"),
    "verdicts that contradict": (
        resigned(in_output(verdict="within tolerance")), "LP728", "contradict each other",
    ),
    "from the future": (
        resigned(predicate(signed_at="2999-01-01T00:00:00Z")), "LP726", "which is yet to come",
    ),
    "no time": (resigned(predicate(signed_at="soon")), "LP721", "its time is no RFC 3339"),
    "newer version": (resigned(predicate(version="2")), "LP721", "no verdict of version 1"),
    "unknown key": (resigned(predicate(also="this")), "LP721", "no verdict of version 1"),
    "another predicate": (
        resigned(lambda s: s.update(predicateType="https://x/y")), "LP721", "its predicate is",
    ),
    "no statement": (resigned(lambda s: s.update(_type="x")), "LP721", "no in-toto Statement v1"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_tampered_proof_is_refused(made: tuple[Project, Report], name: str) -> None:
    project, _ = made
    change, rule, why = CHANGES[name]
    lines = lines_of(project)
    change(lines)
    path = project.remote.parent / "tampered.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    for verb, option in (("verify", "--bundle"), ("gate", "--proof")):
        code, found = asked(project, verb, option, str(path))
        assert code == 1, found
        assert any(line.startswith(rule) and why in line for line in found), found


def test_the_same_statement_signed_again_is_a_proof(made: tuple[Project, Report]) -> None:
    # Else the table above could refuse everything that is signed again.
    project, _ = made
    lines = lines_of(project)
    resigned()(lines)
    path = project.remote.parent / "again.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert asked(project, "gate", "--proof", str(path)) == (0, [])


BYTES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda content: content[:-40], "is no bundle"),
    "empty": (lambda content: b"", "there is nothing in it"),
    "not UTF-8": (lambda content: b"\xff" + content, "it is not UTF-8"),
    "a key twice": (
        lambda content: content.replace(b'{"mediaType"', b'{"mediaType":"x","mediaType"', 1),
        "a key occurs twice",
    ),
    "nested": (lambda content: b"[" * 100_000, "nested too deeply"),
    "too many": (lambda content: b"{}\n" * 1001, "more than 1000 bundles"),
}


@pytest.mark.parametrize("name", BYTES)
def test_a_broken_file_is_no_proof(made: tuple[Project, Report], name: str) -> None:
    project, _ = made
    change, why = BYTES[name]
    path = project.remote.parent / "broken.jsonl"
    path.write_bytes(change(file_of(project).read_bytes()))
    code, found = asked(project, "verify", "--bundle", str(path))
    assert code == 1
    assert any(line.startswith("LP721") and why in line for line in found), found


def policy_with(folder: Path, more: str) -> Path:
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    (folder / "keys" / "ci.pem").write_bytes(public_of(KEY))
    (folder / "lockproof.toml").write_text(POLICY + more)
    return folder / "lockproof.toml"


def _revoked(project: Project) -> Iterator[tuple[str, str]]:
    statement = statement_in(lines_of(project)[3])
    yield "commit", statement["predicate"]["report"]["subject"]["commit"]
    yield "output", statement["subject"][0]["digest"]["sha256"]
    yield "key", lines_of(project)[0]["verificationMaterial"]["publicKey"]["hint"]
    payload = base64.b64decode(lines_of(project)[3]["dsseEnvelope"]["payload"])
    yield "proof", hashlib.sha256(payload).hexdigest()


@pytest.mark.parametrize("key", ["commit", "output", "key", "proof"])
def test_what_is_revoked_does_not_count(
    made: tuple[Project, Report], tmp_path: Path, key: str
) -> None:
    project, _ = made
    value = dict(_revoked(project))[key]
    more = f'[[revoked]]\n{key} = "{value}"\nreason = "it leaked"\n'
    policy = policy_with(tmp_path, more)
    code, found = asked(project, "verify", "flat.txt", "--policy", str(policy))
    assert code == 1
    assert any(line.startswith("LP727") and "it leaked" in line for line in found), found


@pytest.mark.parametrize(
    ("more", "rule", "why"),
    [
        ('max-age = "0.001s"\n', "LP726", "longer ago than [[trust]] max-age"),
        ('oldest-tool = "99.0"\n', "LP726", "older than [[trust]] oldest-tool 99.0"),
        ('models = ["other"]\n', "LP723", "may not prove the model"),
    ],
)
def test_the_policy_bounds_what_a_signer_proves(
    made: tuple[Project, Report], tmp_path: Path, more: str, rule: str, why: str
) -> None:
    project, _ = made
    policy = policy_with(tmp_path, more)
    code, found = asked(
        project, "verify", "--policy", str(policy), "--bundle", str(file_of(project))
    )
    assert code == 1
    assert any(line.startswith(rule) and why in line for line in found), found


@pytest.mark.parametrize("name", ["net/w.txt", "flat.txt"])
def test_other_bytes_than_the_proved_are_refused(
    made: tuple[Project, Report], tmp_path: Path, name: str
) -> None:
    project = copy_of(made[0], tmp_path)
    path = project.root / name
    content = path.read_bytes()
    path.unlink()  # It may be a link into the cache.
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    for argv in ((), (name.partition("/")[0],)):
        code, found = asked(project, "verify", *argv)
        assert code == 1
        assert [line.split()[0] for line in found] == ["LP725"]


def test_a_pull_request_brings_no_trust(made: tuple[Project, Report], tmp_path: Path) -> None:
    """Its key in its policy, its proof in the remote and in its notes."""
    project = copy_of(made[0], tmp_path)
    (project.root / "keys" / "mine.pem").write_bytes(public_of(OTHER))
    project.write({"lockproof.toml": f'{POLICY}[[trust]]\nkey = "keys/mine.pem"\n'})
    project.commit()
    base = project.remote.parent
    (base / "mine.key").write_bytes(pem_of(OTHER))
    (base / "report.json").write_text(prove(project).model_dump_json())
    assert attest(project, "--notes", "--bundle", str(base / "m.jsonl"), key="mine.key") == 0
    assert asked(project, "gate")[0] == 0, "its own policy trusts it"
    code, found = asked(project, "gate", "--pr", "--base", "base", "--proof", str(base / "m.jsonl"))
    assert code == 1
    assert any(line.startswith("LP723") for line in found)
    code, found = asked(project, "gate", "--pr", "--base", "base")
    assert code == 1
    assert sum(line.startswith("LP710") for line in found) == 2


def test_a_store_that_was_meddled_with_gives_no_proof(
    made: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(made[0], tmp_path)
    (path,) = (project.remote / "lockproof" / "proofs" / "objects").glob("*/*")
    path.write_bytes(path.read_bytes() + b"\n")
    code, found = asked(project, "verify")
    assert code == 1
    assert {line.split()[0] for line in found} == {"LP729"}


def _by_nobody(lines: list[Bundle]) -> None:
    sig = base64.b64encode(b"0" * 70).decode()
    for line in lines:
        line["dsseEnvelope"]["signatures"][0]["sig"] = sig


def _by_half(lines: list[Bundle]) -> None:
    _by_nobody(lines[1:3])


def _other_summary(lines: list[Bundle]) -> None:
    """Really signed, and of another statement than the one it is in the place of."""
    lines[2] = lines[1]


FORGED: dict[str, Change] = {
    "no signature holds": _by_nobody,
    "that of the verdict holds": _by_half,
    "no summary": _other_summary,
    "more in a bundle": lambda lines: lines[0].update(more="words"),
}


@pytest.mark.parametrize("name", FORGED)
def test_an_earlier_proof_of_somebody_else_is_not_taken_for_ones_own(
    made: tuple[Project, Report], tmp_path: Path, name: str
) -> None:
    project = copy_of(made[0], tmp_path)
    base = project.remote.parent
    for file in ("report.json", "ci.key"):
        shutil.copy(made[0].remote.parent / file, base)
    lines = lines_of(made[0])
    FORGED[name](lines)
    forged = "".join(f"{json.dumps(each, separators=(',', ':'))}\n" for each in lines).encode()
    digest = hashlib.sha256(forged).hexdigest()
    proofs = project.remote / "lockproof" / "proofs"
    for path in proofs.rglob("*"):
        if path.is_file() and "objects" not in path.parts:
            path.write_text(digest)
    (proofs / "objects" / digest[:2]).mkdir(exist_ok=True)
    (proofs / "objects" / digest[:2] / digest[2:]).write_bytes(forged)
    assert attest(project, "--bundle", str(base / "proof.jsonl")) == 0
    assert file_of(project).read_bytes() != forged
    assert asked(project, "verify") == (0, [])
    assert asked(project, "verify", "--bundle", str(file_of(project))) == (0, [])
    before = files_of(project.remote)
    assert attest(project) == 0
    assert files_of(project.remote) == before


def test_all_of_a_folder_is_looked_at_or_nothing(
    made: tuple[Project, Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_of(made[0], tmp_path)
    shutil.copytree(project.root / "net", project.root / "served")
    program = [str(BIN / "lockproof"), "-C", str(project.root), "verify"]
    if os.geteuid() == 0:  # It reads all, unless it may not.
        dropped = "-dac_override,-dac_read_search"
        program = ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}", *program]
    for name in ("net", "served"):
        closed = project.root / name / "sub"
        closed.mkdir()
        (closed / "x").write_text("evil\n")
        closed.chmod(0)
        done = subprocess.run([*program, name], capture_output=True, text=True, check=False)
        closed.chmod(0o700)
        if "setpriv" in done.stderr:
            pytest.skip(done.stderr)
        assert (done.returncode, "sub: Permission denied" in done.stderr) == (2, True), done.stderr
        assert asked(project, "verify", name)[0] == 1
        shutil.rmtree(closed)
        assert asked(project, "verify", name) == (0, [])
    _deep(project.root / "served")
    assert asked(project, "verify", "served")[0] == 2
    assert "File name too long" in capsys.readouterr().err
    shutil.rmtree(project.root / "served")  # Not every program that tidies up gets so deep.


def _deep(folder: Path) -> None:
    """Folders in a folder until their path is longer than the system takes."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=at)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)


# --- signers --------------------------------------------------------------------------------------


def test_a_passphrase_opens_a_key(
    tmp_path: Path, made: tuple[Project, Report], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (made[0].remote.parent / "locked.key").write_bytes(pem_of(KEY, b"word"))
    assert attest(made[0], key="locked.key") == 2
    assert f"set {PASSPHRASE}" in capsys.readouterr().err
    monkeypatch.setenv(PASSPHRASE, "other")
    assert attest(made[0], key="locked.key") == 2
    assert "does not open" in capsys.readouterr().err
    monkeypatch.setenv(PASSPHRASE, "word")
    assert attest(made[0], key="locked.key") == 0


def test_model_signing_accepts_the_signature_of_a_folder(
    made: tuple[Project, Report], tmp_path: Path
) -> None:
    project, _ = made
    assert attest(project, "--oms", str(tmp_path)) == 0
    argv = ["verify", "key", str(project.root / "net"), "--signature", str(tmp_path / "net.sig")]
    argv += ["--public_key", str(project.root / "keys" / "ci.pem")]
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", *argv], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "succeeded" in done.stdout + done.stderr


def test_sigstores_and_in_totos_readers_take_the_bundles(made: tuple[Project, Report]) -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey
    from sigstore.dsse import Statement as SigstoreStatement
    from sigstore_models.bundle.v1 import Bundle as SigstoreBundle

    project, _ = made
    for line in lines_of(project):
        SigstoreBundle.from_json(json.dumps(line))
        dsse = Envelope.from_dict(json.loads(json.dumps(line["dsseEnvelope"])))
        (keyid,) = dsse.signatures
        assert not keyid, "sigstore-go, and cosign with it, would pass over the signature"
        named = SSlibKey.from_crypto(KEY.public_key())
        key = SSlibKey(keyid, named.keytype, named.scheme, named.keyval)
        assert set(dsse.verify([key], 1)) == {keyid}
        SigstoreStatement(dsse.payload)


def test_in_totos_own_bindings_take_the_statements(made: tuple[Project, Report]) -> None:
    attestation = pytest.importorskip(
        "in_toto_attestation.v1.statement", reason="pip install in-toto-attestation"
    )
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
    from in_toto_attestation.v1.statement_pb2 import Statement

    found = set()
    for line in lines_of(made[0]):
        said = statement_in(line)
        # Parsing takes no field that the specification has not.
        attestation.Statement.copy_from_pb(ParseDict(said, Statement())).validate()
        found.add(said["predicateType"])
        if said["predicateType"] == PROVENANCE:
            ParseDict(said["predicate"], Provenance())
    assert found == {VERDICT, PROVENANCE, SUMMARY}


def test_without_ambient_identity_sigstore_is_not_asked(
    made: tuple[Project, Report],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "BUILDKITE"):
        monkeypatch.delenv(name, raising=False)
    project, _ = made
    report = str(project.remote.parent / "report.json")
    argv = ["-C", str(project.root), "attest", "--report", report, "--signer", "sigstore"]
    assert main(argv) == 2
    assert "no identity token is to be had here" in capsys.readouterr().err


def test_times_are_of_the_clock(made: tuple[Project, Report]) -> None:
    signed = statement_in(lines_of(made[0])[0])["predicate"]["signed_at"]
    at = datetime.strptime(signed, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert at <= datetime.now(UTC)
