"""How a canary ended, written onto the model version, signed, shown, and reverted in Git."""

import json
import re
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockproof.cli.main import main

from .models import POLICY, next_commit, proof_of, registry_of, toy_project, versions
from .models import without_settings as plain
from .pipelines import Project, copy_of
from .test_proofs import pem_of, public_of

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "canary.md"
KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
TRUST = '[[trust]]\nkey = "ci.pem"\n'
CHECKS = """\
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: digits}
spec:
  arms: {canary: 'arm="canary"', stable: 'arm="stable"'}
  interval: 60
  comparisons:
    - name: errors
      smallestEffect: 0.05
      ratio:
        events: sum(increase(e_total{$arm}[$interval]))
        total: sum(increase(t_total{$arm}[$interval]))
"""
ROLLOUT = """\
kind: Rollout
env:
  - {name: MODEL_URI, value: models:/digits/1}
  - {name: MODEL_DIGEST, value: md5:00000000000000000000000000000000}
"""


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    with plain():
        yield


def samples(minutes: int, errors: int, since: str = "2026-11-29T12:00:00Z") -> str:
    """Of a hundred requests a minute, so many failed; of stable's one did."""
    arms = {
        name: {"events": [count] * minutes, "total": [100] * minutes}
        for name, count in (("canary", errors), ("stable", 1))
    }
    said = {"apiVersion": "lockproof.dev/v1alpha1", "kind": "CanarySamples", "since": since}
    return json.dumps({**said, "interval": 60, "measures": {"errors": arms}})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model, proved and signed, not registered yet."""
    policy = POLICY.replace('"toy"', '"digits"') + TRUST
    project = toy_project(tmp_path_factory.mktemp("recorded"), policy)
    (project.root / "ci.pem").write_bytes(public_of(KEY))
    project.write({"rollout.yaml": ROLLOUT})
    project.commit("trust")
    keys = project.remote.parent
    (keys / "ci.key").write_bytes(pem_of(KEY))
    with plain():
        argv = ("--report", str(proof_of(project)), "--bundle", str(keys / "proof.jsonl"))
        assert run(project, "attest", *argv, "--key", str(keys / "ci.key")) == 0
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    """The same with its version, and the files that canaries are judged by outside of Git."""
    project = copy_of(made, tmp_path)
    beside = project.remote.parent
    (beside / "ci.key").write_bytes(pem_of(KEY))
    (beside / "other.key").write_bytes(pem_of(OTHER))
    (beside / "canary-checks.yaml").write_text(CHECKS)
    shutil.copy(made.remote.parent / "proof.jsonl", beside)
    assert run(project, "register", "--model", "digits") == 0
    made_before(project)
    return project


def made_before(project: Project) -> None:
    """Have MLflow say of all versions that they are from before the looks."""
    with sqlite3.connect(project.root / ".lockproof" / "mlflow.db") as database:
        early = int(datetime(2026, 11, 29, tzinfo=UTC).timestamp() * 1000)
        assert database.execute("update model_versions set creation_time = ?", (early,)).rowcount
    database.close()


def run(project: Project, *argv: str) -> int:
    return main(["-C", str(project.root), *argv])


def look(project: Project, name: str, minutes: int, errors: int, **more: str) -> str:
    """The report of a look, outside the repository."""
    beside = project.remote.parent
    (beside / "samples.json").write_text(samples(minutes, errors, **more))
    report = str(beside / name)
    argv = ("--checks", str(beside / "canary-checks.yaml"), "--output", report)
    run(project, "canary", "check", *argv, "--samples", str(beside / "samples.json"))
    return report


def record(project: Project, report: str, *more: str) -> int:
    argv = ("--report", report, "--model", "models:/digits/1", *more)
    return run(project, "canary", "record", *argv)


def key(project: Project, name: str = "ci.key") -> tuple[str, str]:
    return ("--key", str(project.remote.parent / name))


def said(project: Project) -> tuple[str, str]:
    """Verdict and end of what the version tells of, by both of its tags."""
    (version,) = versions(project, "digits")
    end = version.canary
    assert end is not None
    assert version.tags["lockproof.canary.verdict"] == end.verdict
    return end.verdict, end.until


def test_a_version_tells_of_the_look_that_ends_last(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    early, late = look(project, "early.json", 10, 1), look(project, "late.json", 90, 40)
    assert record(project, early) == 0
    assert said(project) == ("inconclusive", "2026-11-29T12:10:00Z")
    assert record(project, late) == 0
    assert said(project) == ("failed", "2026-11-29T13:30:00Z")
    capsys.readouterr()
    for report, words in ((late, "says already: failed"), (early, "a later look, which stays")):
        assert record(project, report) == 0
        assert words in capsys.readouterr().out
    assert said(project) == ("failed", "2026-11-29T13:30:00Z")
    # By looser checks the same time passes, which undoes no failure.
    checks = project.remote.parent / "canary-checks.yaml"
    checks.write_text(CHECKS.replace("0.05", "0.9"))
    assert record(project, look(project, "loose.json", 90, 40)) == 0
    assert "ends at the same time and came to worse, which stays" in capsys.readouterr().out
    assert said(project) == ("failed", "2026-11-29T13:30:00Z")
    checks.write_text(CHECKS)
    # Another canary of the same version.
    again = look(project, "again.json", 240, 1, since="2026-11-29T18:00:00Z")
    assert record(project, again) == 0
    assert said(project) == ("passed", "2026-11-29T22:00:00Z")
    assert run(project, "lineage", "digits") == 0
    assert "canary  passed  digits  2026-11-29T18:00:00Z to" in capsys.readouterr().out
    # What somebody wrote there by hand says nothing, and is replaced.
    (version,) = versions(project, "digits")
    with registry_of(project).session() as session:
        session.set_tag(version, "lockproof.canary", '{"until": "9999"}')
    assert record(project, early) == 0
    assert said(project) == ("inconclusive", "2026-11-29T12:10:00Z")
    # Nor does a look that ends in the future, which would stay for ever.
    (version,) = versions(project, "digits")
    assert version.canary is not None
    future = replace(version.canary, until="2200-01-01T00:00:00Z", verdict="passed")
    with registry_of(project).session() as session:
        session.set_tag(version, "lockproof.canary", future.text)
    assert record(project, early) == 0
    assert said(project) == ("inconclusive", "2026-11-29T12:10:00Z")


def test_what_is_signed_is_shown_and_signed_once(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, bundle = look(project, "late.json", 90, 40), tmp_path / "canary.jsonl"
    assert record(project, report, *key(project), "--bundle", str(bundle)) == 0
    statement = re.findall(r"^statement (\w{64})$", capsys.readouterr().out, re.MULTILINE)
    (version,) = versions(project, "digits")
    assert version.canary is not None
    assert [version.canary.statement] == statement
    first = bundle.read_bytes()
    assert record(project, report, *key(project), "--bundle", str(bundle)) == 0
    assert bundle.read_bytes() == first
    assert record(project, report) == 0
    capsys.readouterr()
    assert run(project, "verify", "models:/digits/1") == 0
    line = "canary of models:/digits/1: failed, by digits, 2026-11-29T12:00:00Z to 2026-11-29T13"
    out = capsys.readouterr().out
    assert line in out
    assert f"(statement {statement[0]})" in out
    assert "figures of a file of samples, " in out
    # By a key that nobody trusts: it is kept, and shown to nobody.
    later, theirs = look(project, "later.json", 100, 40), tmp_path / "theirs.jsonl"
    argv = (*key(project, "other.key"), "--bundle", str(theirs))
    assert record(project, later, *argv) == 0
    proof = (project.remote.parent / "proof.jsonl").read_bytes()
    for given in (b"", proof + theirs.read_bytes(), proof + theirs.read_bytes() + first):
        (tmp_path / "given.jsonl").write_bytes(given)
        capsys.readouterr()
        more = ("--bundle", str(tmp_path / "given.jsonl")) if given else ()
        found = run(project, "verify", "models:/digits/1", *more)
        out = capsys.readouterr().out
        # What is given by hand is named where it does not count, as of proofs.
        assert (found, line in out) == ((1, given.endswith(first)) if given else (0, True))
        assert "2026-11-29T13:40:00Z" not in out


def test_a_canary_that_passed_proves_no_model(project: Project, tmp_path: Path) -> None:
    bundle = tmp_path / "canary.jsonl"
    report = look(project, "good.json", 240, 1)
    assert record(project, report, *key(project), "--no-push", "--bundle", str(bundle)) == 0
    assert run(project, "verify", "--bundle", str(bundle)) == 1


def one(report: dict[str, Any]) -> dict[str, Any]:
    """Its one measure."""
    found: dict[str, Any] = report["host"]["canary"]["measures"][0]
    return found


BAD: dict[str, tuple[Any, str]] = {
    "another step": (lambda r: r.update(step="gate"), "write one with 'lockproof canary check"),
    "passed, though a measure failed": (
        lambda r: r.update(verdict="passed"),
        "says passed, and its measures do not",
    ),
    "no measure": (lambda r: r["host"]["canary"].update(measures=[]), "its measures do not"),
    "failed, called inconclusive": (
        lambda r: r.update(verdict="inconclusive"),
        "says inconclusive, and its measures do not",
    ),
    "more intervals than there were": (
        lambda r: one(r).update(intervals=91),
        "counts more intervals than there were",
    ),
    "no interval": (
        lambda r: r["host"]["canary"].update(interval=0),
        "has intervals of no length",
    ),
    "a measure twice": (lambda r: r["host"]["canary"]["measures"].append(one(r)), "twice"),
    "a check of another verdict": (
        lambda r: r["checks"][0].update(verdict="passed"),
        "has checks that say otherwise than its measures",
    ),
    "a larger risk": (
        lambda r: one(r).update(upper_error=0.99),
        "takes a larger risk than the canary does",
    ),
    "less risk said than taken": (
        lambda r: r["host"]["canary"].update(false_abort=1e-12),
        "takes a larger risk than the canary does",
    ),
    "no report": (lambda r: r.clear(), "is no report: write one with 'lockproof canary check"),
}


@pytest.mark.parametrize("what", BAD)
def test_another_report_is_refused_in_one_line(
    project: Project, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(look(project, "late.json", 90, 40))
    report = json.loads(path.read_bytes())
    BAD[what][0](report)
    path.write_text(json.dumps(report))
    capsys.readouterr()
    assert record(project, str(path)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert BAD[what][1] in line
    (version,) = versions(project, "digits")
    assert version.canary is None


def test_a_look_from_before_the_version_was_made_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    report = look(project, "old.json", 90, 1, since="2026-11-28T12:00:00Z")
    capsys.readouterr()
    assert record(project, report, *key(project)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "ends at 2026-11-28T13:30:00Z, and models:/digits/1 was made later" in line
    (version,) = versions(project, "digits")
    assert version.canary is None


def test_nothing_is_signed_about_a_version_that_no_proof_stands_behind(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    report = look(project, "late.json", 90, 40)
    commit = project.git("rev-parse", "HEAD").strip()
    policy = (project.root / "lockproof.toml").read_text()
    revoked = f'{policy}[[revoked]]\ncommit = "{commit}"\nreason = "bad labels"\n'
    project.write({"lockproof.toml": revoked})
    project.commit("revoke")
    assert record(project, report, *key(project)) == 1
    assert "bad labels" in capsys.readouterr().err
    (version,) = versions(project, "digits")
    assert version.canary is None
    # The version may say it all the same.
    assert record(project, report) == 0
    assert said(project)[0] == "failed"


def test_the_walk_through_of_the_guide_ends_with_the_earlier_version_in_git(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = project.remote.parent
    assert run(project, "promote", "models:/digits/1", "--to", "rollout.yaml", "--commit") == 0
    _, proof = next_commit(project, "c\nb\na\n")
    assert run(project, "attest", "--report", str(proof), *key(project)) == 0
    assert run(project, "register", "--model", "digits") == 0
    assert run(project, "promote", "models:/digits/2", "--to", "rollout.yaml", "--commit") == 0
    made_before(project)
    (beside / "samples.json").write_text(samples(90, 40))
    section = GUIDE.read_text("utf-8").partition("\n## After a failed canary\n")[2]
    block = section.partition("```bash\n")[2].partition("```")[0]
    commands = block.replace("\\\n", " ").splitlines()
    monkeypatch.chdir(project.root)
    codes = []
    for command in commands:
        program, *argv = shlex.split(command, comments=True)
        assert program == "lockproof"
        codes.append(main(argv))
    assert codes == [1, 0, 0, 0]
    assert "canary of models:/digits/2: failed" in capsys.readouterr().out
    served = project.git("show", "revert-digits-2:rollout.yaml")
    assert "models:/digits/1" in served
    assert "models:/digits/2" in (project.root / "rollout.yaml").read_text(), "not merged"
    version = versions(project, "digits")[-1]
    assert version.number == 2
    assert version.canary is not None
    assert version.canary.verdict == "failed"
    assert "errors" in version.tags["lockproof.reverted"]
