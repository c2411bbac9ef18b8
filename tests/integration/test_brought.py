"""`lockproof verify --to`: what a serving pod is given of a model version, and what it is not.

The registry is MLflow's own, in an SQLite file; what a version holds is what somebody who may write
to it left there. Proofs are signed for the tests; those of `attest` are brought in
test_folder_models and test_verify_component.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lockproof.adapters.mlflow.registry import Registry
from lockproof.adapters.signing import keyless
from lockproof.adapters.signing.key_file import KeyFile
from lockproof.cli.main import main
from lockproof.config import MlflowPolicy
from lockproof.model.digest import Digest
from lockproof.model.report import (
    Host,
    HostStage,
    OutputReport,
    Report,
    StageReport,
    Subject,
    Timing,
)
from lockproof.model.sealed import Sealed
from lockproof.model.statement import (
    PROVENANCE,
    VERDICT,
    ProvedOutput,
    VerdictPredicate,
    manifest_sha256,
    payload,
    verdict,
)
from lockproof.model.verdict import OutputVerdict, Verdict
from unit.sigstore_stand_in import Sigstore
from unit.test_model_in_pods import (
    BESIDE,
    BYTES,
    EVIL,
    FILE,
    FOLDER,
    GOOD,
    NAMES,
    put,
    tree,
    tree_of,
    version,
)
from unit.test_proof_in_pods import PAIRS

from .models import without_settings
from .test_proofs import pem_of

TRUST = '[[trust]]\nkey = "ci.pem"\n'
MARK = {".lockproof-brought"}
SHA256 = hashlib.sha256(BYTES).hexdigest()
FOLDER_SHA256 = manifest_sha256({p: hashlib.sha256(c).hexdigest() for p, c in GOOD.items()})
NOW = datetime.now(UTC)
COMMIT = "1" * 40


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the files of `models:/toy/1`, in a registry that the environment names."""
    base = tmp_path_factory.mktemp("registry")
    files = base / "files"
    files.mkdir()
    with without_settings(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{base}/mlflow.db")
        with Registry.open(MlflowPolicy(), base).session() as session:
            session.make_model("toy")
            run = session.client.create_run(session.client.create_experiment("toy"))
            session.make_version("toy", files.as_uri(), run.info.run_id, {}, "")
        yield files


class Pod:
    """What the first step of a pod is given: a version with its proof, and a policy with keys."""

    def __init__(self, files: Path, base: Path, key: str = "Ed25519") -> None:
        shutil.rmtree(files)
        files.mkdir()
        self.files, self.model, self.trust = files, base / "model", base / "trust"
        self.trust.mkdir()
        self.policy = self.trust / "lockproof.toml"
        self.policy.write_text(TRUST)
        (base / "key.pem").write_bytes(pem_of(PAIRS[key]))
        self.sealer = KeyFile(base / "key.pem")
        self.trusts(key)
        self.digest, self.sha256 = FILE, SHA256
        self.said: dict[str, Any] = {}

    def trusts(self, key: str) -> None:
        form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.trust / "ci.pem").write_bytes(PAIRS[key].public_key().public_bytes(*form))

    @property
    def proof(self) -> Path:
        return self.files / "lockproof-proof.jsonl"

    def predicate(self) -> VerdictPredicate:
        locked = Digest(value=self.digest.removeprefix("md5:"))
        output = ProvedOutput(
            path="out/w", stage="train", locked=locked, sha256=self.sha256,
            verdict=OutputVerdict.IDENTICAL,
        )  # fmt: skip
        seen = OutputReport(path="out/w", locked=locked, verdict=OutputVerdict.IDENTICAL)
        stage = StageReport(
            address="train", command=("true",), verdict=Verdict.PASSED, outputs=(seen,)
        )
        report = Report(
            tool="lockproof 0.1.0",
            subject=Subject(commit=COMMIT, lock_digest="2" * 64),
            verdict=Verdict.PASSED,
            stages=(stage,),
            findings=(),
            host=Host(stages={"train": HostStage(executed=1, exit_code=0)}),
            timing=Timing(started="2026-11-30T00:00:00Z", seconds=1.0),
        )
        return VerdictPredicate(
            version="1", model="toy", outputs=(output,), repository="", tree="3" * 40,
            policy_digest=None, run=None, signed_at=f"{NOW:%Y-%m-%dT%H:%M:%SZ}", report=report,
        )  # fmt: skip

    def payload(self) -> bytes:
        predicate = self.predicate()
        return payload(predicate.outputs, VERDICT, verdict(predicate))

    def seal(self, change: Callable[[dict[str, Any]], object] = lambda statement: None) -> None:
        statement = json.loads(self.payload())
        change(statement)
        self.proof.write_text(f"{self.sealer.seal(json.dumps(statement).encode())}\n")

    def run(self, *more: str, digest: str | None = None, uri: str = "models:/toy/1") -> int:
        given = ["--digest", digest or self.digest, "--policy", str(self.policy)]
        return main(["verify", uri, *given, "--to", str(self.model), *more])

    def is_left(self) -> set[str]:
        return tree(self.model) if self.model.exists() else set()


@pytest.fixture
def pod(shelf: Path, tmp_path: Path) -> Pod:
    made = Pod(shelf, tmp_path)
    put(shelf, BESIDE | {"weights": BYTES})
    made.seal()
    return made


@pytest.mark.parametrize("key", PAIRS)
@pytest.mark.parametrize("digest", [FILE, f"sha256:{SHA256}"])
def test_what_is_proved_is_brought(
    shelf: Path, tmp_path: Path, key: str, digest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pod = Pod(shelf, tmp_path, key)
    put(shelf, BESIDE | {"weights": BYTES, "evil.py": b"", "deep/er/x": b""})
    pod.seal()
    assert pod.run(digest=digest) == 0
    out = capsys.readouterr().out
    assert f"signed by ci.pem ({pod.sealer.fingerprint[:12]})" in out
    assert f"commit {COMMIT[:12]}" in out
    assert pod.is_left() == {*BESIDE, "weights", *MARK}
    assert (pod.model / "weights").read_bytes() == BYTES


@pytest.mark.parametrize(("issuer", "code"), [("https://ci.example", 0), ("https://x.example", 1)])
def test_what_an_identity_signed_is_brought(
    pod: Pod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issuer: str, code: int
) -> None:
    """Of an instance of Sigstore of the tests' own, which stands in for the public one."""
    instance = Sigstore(tmp_path)
    monkeypatch.setattr(keyless, "public_instance", instance.verifier)
    at = datetime(2026, 6, 1, 12, tzinfo=UTC)
    sealed = instance.seal(
        pod.payload(), "ci@example.org", "https://ci.example", issued=at, logged=at
    )
    pod.proof.write_text(f"{sealed}\n")
    who = f'[[trust]]\nidentity = "ci@example.org"\nissuer = "{issuer}"\n'
    pod.policy.write_text(who)
    assert pod.run() == code
    assert ("weights" in pod.is_left()) is (code == 0)


def test_a_pod_that_starts_again_brings_it_again(pod: Pod) -> None:
    assert pod.run() == 0
    (pod.model / "weights").write_text("other")
    (pod.model / "more").write_text("more")
    assert pod.run() == 0
    assert pod.is_left() == {*BESIDE, "weights", *MARK}
    assert (pod.model / "weights").read_bytes() == BYTES


OURS = (".lockproof-brought", ".lockproof-brought.new")


@pytest.mark.parametrize("below", ["", "/x", "/.lockproof-brought", "/.lockproof-brought.new"])
@pytest.mark.parametrize("name", OURS)
def test_a_version_brings_nothing_by_the_name_of_our_mark(pod: Pod, name: str, below: str) -> None:
    put(pod.files, {f"{name}{below}": b"evil"})
    for _ in range(2):
        assert pod.run() == 0
        assert pod.is_left() == {*BESIDE, "weights", *MARK}
        assert (pod.model / ".lockproof-brought").read_bytes() == b""


def test_a_proof_that_nobody_looked_at_is_not_left(pod: Pod, tmp_path: Path) -> None:
    given = tmp_path / "given.jsonl"
    pod.proof.replace(given)
    pod.proof.write_text("evil")
    assert pod.run("--bundle", str(given)) == 0
    assert pod.is_left() == {*BESIDE, "weights", *MARK} - {pod.proof.name}


def test_what_is_there_of_others_stays(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    put(pod.model, {"mine": b""})
    assert pod.run() == 2
    assert "is not empty: give --to a folder for the model alone" in capsys.readouterr().err
    assert pod.is_left() == {"mine"}


def test_a_folder_is_taken_as_it_is(shelf: Path, tmp_path: Path) -> None:
    pod = Pod(shelf, tmp_path)
    pod.digest, pod.sha256 = FOLDER, FOLDER_SHA256
    put(shelf, BESIDE | GOOD)
    pod.seal()
    assert pod.run() == 0
    assert pod.is_left() == {*tree_of(GOOD), *BESIDE, *MARK}


def test_only_the_folder_that_was_proved_is_left(shelf: Path, tmp_path: Path) -> None:
    """The genuine one below, and another model where a server looks: at the top."""
    pod = Pod(shelf, tmp_path)
    pod.digest, pod.sha256 = FOLDER, FOLDER_SHA256
    put(shelf, BESIDE | {f"x/y/{path}": content for path, content in GOOD.items()})
    put(shelf, {"MLmodel": b"evil", "requirements.txt": b"", "x/evil.py": b"", "x/MLmodel": b""})
    pod.seal()
    assert pod.run() == 0
    genuine = {f"x/y/{path}" for path in tree_of(GOOD)}
    assert pod.is_left() == {*BESIDE, *genuine, "x", "x/y", *MARK}


@pytest.mark.parametrize("flavour", NAMES)
def test_a_file_is_taken_with_what_has_mlflow_load_it(
    flavour: str, shelf: Path, tmp_path: Path
) -> None:
    pod = Pod(shelf, tmp_path)
    version(flavour, NAMES[flavour])(shelf)
    whole = tree(shelf)
    put(shelf, {"weights.bin": b"", "code/evil.py": b"", "x/MLmodel": b""})
    pod.seal()
    assert pod.run() == 0
    assert pod.is_left() == whole | MARK


@pytest.mark.parametrize("what", EVIL)
def test_a_file_is_not_served_with_what_could_load_another(
    what: str, shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flavour, tamper = EVIL[what]
    pod = Pod(shelf, tmp_path)
    version(flavour, NAMES[flavour])(shelf)
    tamper(shelf)
    pod.seal()
    assert pod.run("--format", "short") == 1
    assert "the MLmodel of models:/toy/1 is not as" in capsys.readouterr().out
    assert pod.is_left() == set()


def _policy(text: str, **more: str) -> Callable[[Pod], object]:
    def apply(pod: Pod) -> None:
        named = {"key": pod.sealer.fingerprint, "proof": Sealed("", _signed(pod), ()).digest}
        text_ = text.format(**named, **more)
        pod.policy.write_text(text_ if "[[trust]]" in text else f"{TRUST}{text_}")

    return apply


def _signed(pod: Pod) -> bytes:
    return json.dumps(json.loads(pod.payload())).encode()


def _revoked(what: str) -> Callable[[Pod], object]:
    return _policy(f'[[revoked]]\n{what}\nreason = "bad labels"\n')


def _said(change: Callable[[dict[str, Any]], object]) -> Callable[[Pod], object]:
    return lambda pod: pod.seal(change)


def _reported(change: Callable[[dict[str, Any]], object]) -> Callable[[Pod], object]:
    return _said(lambda statement: change(statement["predicate"]["report"]))


def _bundle(change: Callable[[dict[str, Any]], object]) -> Callable[[Pod], object]:
    def apply(pod: Pod) -> None:
        bundle = json.loads(pod.proof.read_text())
        change(bundle)
        pod.proof.write_text(json.dumps(bundle))

    return apply


def _at(days: float) -> Callable[[Pod], object]:
    at = NOW + timedelta(days=days)
    return _said(lambda s: s["predicate"].update(signed_at=f"{at:%Y-%m-%dT%H:%M:%SZ}"))


def _both(*steps: Callable[[Pod], object]) -> Callable[[Pod], object]:
    return lambda pod: [step(pod) for step in steps]


def _second(statement: dict[str, Any]) -> None:
    """A model of two outputs, of which a pod has one."""
    for name in ("outputs",):
        (one,) = statement["predicate"][name]
        statement["predicate"][name].append({**one, "path": "out/x"})
    (subject,) = statement["subject"]
    statement["subject"].append({**subject, "name": "out/x"})
    (seen,) = statement["predicate"]["report"]["stages"][0]["outputs"]
    statement["predicate"]["report"]["stages"][0]["outputs"].append({**seen, "path": "out/x"})


def _verdicts(value: str) -> Callable[[Pod], object]:
    """As whoever may sign can say it: the proof and its report agree."""

    def change(statement: dict[str, Any]) -> None:
        predicate = statement["predicate"]
        predicate["outputs"][0]["verdict"] = value
        predicate["report"]["stages"][0]["outputs"][0]["verdict"] = value

    return _said(change)


def _stage(**values: object) -> Callable[[Pod], object]:
    return _reported(lambda report: report["stages"][0].update(values))


NONE = "no lockproof-proof.jsonl beside models:/toy/1 has a verdict"
OTHER = "what is proved is another model, or has other bytes"
IDENTITY = '[[trust]]\nidentity = "ci@example.org"\nissuer = "https://issuer.example"\n'
REFUSED: dict[str, tuple[Callable[[Pod], object], str]] = {
    "no proof": (lambda pod: pod.proof.unlink(), NONE),
    "an empty one": (lambda pod: pod.proof.write_text(""), "there is nothing in it"),
    "a part of one": (
        lambda pod: pod.proof.write_bytes(pod.proof.read_bytes()[:-30]), "is no bundle",
    ),
    "nested": (lambda pod: pod.proof.write_text("[" * 100_000), "is no bundle"),
    "another key": (lambda pod: pod.trusts("P-256"), "which no [[trust]] of the policy names"),
    "another key by the name of the first": (
        _both(
            lambda pod: pod.trusts("P-256"),
            _bundle(lambda b: b["verificationMaterial"]["publicKey"].update(hint="")),
        ),
        "the signature is not of these bytes",
    ),
    "another signature": (
        _bundle(lambda b: b["dsseEnvelope"]["signatures"][0].update(sig="AAAA")),
        "the signature is not of these bytes",
    ),
    "another payload": (
        _bundle(lambda b: b["dsseEnvelope"].update(payload="e30=")),
        "the signature is not of these bytes",
    ),
    "another type": (
        _bundle(lambda b: b["dsseEnvelope"].update(payloadType="text/plain")), "payloadType is not",
    ),
    "a certificate that says nothing": (
        _both(
            _policy(IDENTITY),
            _bundle(lambda b: b["verificationMaterial"].update(certificate={"rawBytes": "AA=="})),
        ),
        "its certificate is not that of ci@example.org",
    ),
    "another predicate": (
        _said(lambda s: s.update(predicateType=PROVENANCE)), NONE,
    ),
    "another model": (_said(lambda s: s["predicate"].update(model="other")), OTHER),
    "other bytes of the same MD5": (
        _said(
            lambda s: (
                s["predicate"]["outputs"][0].update(sha256="0" * 64),
                s["subject"][0]["digest"].update(sha256="0" * 64),
            )
        ),
        OTHER,
    ),
    "two outputs": (_said(_second), OTHER),
    "a subject of its own": (
        _said(lambda s: s["subject"][0]["digest"].update(sha256="0" * 64)),
        "its subjects are not the outputs",
    ),
    "a failure": (_reported(lambda r: r.update(verdict="failed")), "report's verdict is 'failed'"),
    "an inconclusive stage": (
        _reported(lambda r: r["stages"][0].update(verdict="inconclusive")),
        "the stage's verdict is 'inconclusive'",
    ),
    "an output that differed": (
        _reported(lambda r: r["stages"][0]["outputs"][0].update(verdict="different")),
        "its two verdicts on out/w contradict each other",
    ),
    **{
        f"an output that is {value} in both": (
            _verdicts(value), f"train: out/w is '{value}' by the trusted policy",
        )
        for value in sorted(set(OutputVerdict) - {OutputVerdict.IDENTICAL})
    },
    "a stage that was skipped": (_stage(skipped="unaffected"), "it did not run (unaffected)"),
    "a frozen stage": (_stage(skipped="frozen"), "it did not run (frozen)"),
    "a stage that nothing ran": (
        _reported(lambda r: r["host"].update(stages={})),
        "nothing says that its command ran to its end",
    ),
    "too few runs": (
        _policy(f"[reproduce]\nruns = 2\n{TRUST}"),
        "its stages ran 1 times",
    ),
    "no stage": (
        _reported(lambda r: r.update(stages=[])), "its two verdicts on out/w contradict each other",
    ),
    "some of the stages": (
        _reported(lambda r: r["subject"].update(selected=["train"])), "some of the stages only",
    ),
    "a gate": (_reported(lambda r: r.update(step="gate")), "its report is of 'lockproof gate'"),
    "tomorrow": (_at(1), "which is yet to come"),
    "too old": (
        _both(_at(-3), _policy(f'{TRUST}max-age = "1d"\n')), "longer ago than [[trust]] max-age",
    ),
    "a tool that is too old": (
        _policy(f'{TRUST}oldest-tool = "9.0"\n'), "older than [[trust]] oldest-tool 9.0",
    ),
    "a signer of other models": (
        _policy(f'{TRUST}models = ["other"]\n'), "may not prove the model 'toy'",
    ),
    "a signer of other stages": (
        _policy(f'{TRUST}stages = ["other"]\n'), "may not prove the stage train",
    ),
    "a signer of a branch": (
        _policy(f'{TRUST}branch = "main"\n'), "asks for the branch main, which only a clone knows",
    ),
    "a revoked key": (_revoked('key = "{key}"'), "names the key"),
    "a revoked proof": (_revoked('proof = "{proof}"'), "names this proof"),
    "a revoked output": (_revoked(f'output = "{SHA256}"'), "names the output"),
    "a revoked commit": (_revoked(f'commit = "{COMMIT}"'), "names commit 111111111111"),
    "another byte": (
        lambda pod: (pod.files / "weights").write_bytes(b"Weights"), "not the model that Git names",
    ),
    "nothing": (lambda pod: (pod.files / "weights").unlink(), "not the model that Git names"),
    "a folder of that name": (
        lambda pod: (
            (pod.files / "weights").unlink(), put(pod.files, {"weights/x": b"weights!"}),
        ),
        "not the model that Git names",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_anything_else_is_refused_and_not_left(
    what: str, pod: Pod, capsys: pytest.CaptureFixture[str]
) -> None:
    change, why = REFUSED[what]
    change(pod)
    assert pod.run("--format", "short") == 1
    assert why in capsys.readouterr().out
    assert pod.is_left() == set()


TOLERANCE = '[[tolerance]]\npaths = ["out/*"]\nrtol = 0.5\n'


def _within(pod: Pod) -> None:
    tolerance = {"rtol": 0.5, "atol": 0.0}

    def change(statement: dict[str, Any]) -> None:
        predicate = statement["predicate"]
        for output in (predicate["outputs"][0], predicate["report"]["stages"][0]["outputs"][0]):
            output.update(verdict="within tolerance", tolerance=tolerance)

    pod.seal(change)


ACCEPTED: dict[str, tuple[Callable[[Pod], object], str]] = {
    "nondeterministic": (
        _verdicts("nondeterministic"), '[reproduce]\nnondeterministic = "accept"\n',
    ),
    "not comparable": (_verdicts("not comparable"), '[reproduce]\nnot-comparable = "accept"\n'),
    "within tolerance": (_within, TOLERANCE),
    "frozen": (_stage(skipped="frozen"), '[reproduce]\nfrozen = "accept"\n'),
}  # fmt: skip


@pytest.mark.parametrize("what", ACCEPTED)
def test_what_the_policy_lets_pass_has_to_be_in_the_pods_too(
    what: str, pod: Pod, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the gate by that policy."""
    change, policy = ACCEPTED[what]
    change(pod)
    assert pod.run("--format", "short") == 1
    assert "lets pass by [reproduce], [[tolerance]] or [[judged-by]]" in capsys.readouterr().out
    pod.policy.write_text(f"{policy}{TRUST}")
    assert pod.run() == 0


WRONG: dict[str, tuple[Callable[[Pod], object], dict[str, str], str]] = {
    "an alias": (lambda pod: None, {"uri": "toy@champion"}, "an alias can move"),
    "no version": (lambda pod: None, {"uri": "models:/toy/9"}, "cannot take this"),
    "no number": (lambda pod: None, {"uri": "models:/toy/latest"}, "models:/MODEL/NUMBER"),
    "no digest": (lambda pod: None, {"digest": "weights"}, "--digest takes md5:HEX"),
    "a digest in capitals": (lambda pod: None, {"digest": FILE.upper()}, "--digest takes md5:HEX"),
    "nobody trusted": (lambda pod: pod.policy.write_text(""), {}, "trusts no signer"),
    "no policy": (lambda pod: pod.policy.unlink(), {}, "no such policy file"),
    "no TOML": (lambda pod: pod.policy.write_text("["), {}, "is not valid TOML"),
    "a word that is none": (
        lambda pod: pod.policy.write_text(f"{TRUST}[[revoke]]\n"), {}, "no such key",
    ),
    "no key": (lambda pod: (pod.trust / "ci.pem").unlink(), {}, "cannot read the key ci.pem"),
    "no key in it": (
        lambda pod: (pod.trust / "ci.pem").write_text("x"), {}, "is no public key in PEM",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_setting_is_said_in_one_line(
    what: str, pod: Pod, capsys: pytest.CaptureFixture[str]
) -> None:
    change, given, why = WRONG[what]
    change(pod)
    assert pod.run(**given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line
    assert pod.is_left() == set()


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["--to", "m"], "go together"),
        (["--digest", FILE], "go together"),
        (["--to", "m", "--digest", FILE], "go together"),
        (["--to", "m", "--digest", FILE, "--policy", "p", "--pr"], "leave --pr and --base out"),
    ],
)
def test_what_goes_together(
    argv: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-C", str(tmp_path), "verify", "models:/toy/1", *argv]) == 2
    assert why in capsys.readouterr().err


def test_a_link_is_not_served(
    pod: Pod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What brings it is a stand-in: MLflow's own of a folder here copies what a link leads to."""

    def bring(_: Registry, __: str, folder: Path) -> None:
        shutil.copytree(pod.files, folder, dirs_exist_ok=True)
        (folder / "more").symlink_to("/etc/passwd")

    monkeypatch.setattr(Registry, "bring", bring)
    assert pod.run("--format", "short") == 1
    assert "'more' of models:/toy/1 is a link or no regular file" in capsys.readouterr().out
    assert pod.is_left() == set()


def test_after_an_interrupted_download_the_next_run_begins_anew(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's threads write on: what they leave lay without a mark, and every next run refused."""

    def bring(_: Registry, __: str, folder: Path) -> None:
        (folder / "some").write_text("of it")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "bring", bring)
        assert pod.run() == 130
    assert pod.is_left() == MARK
    (pod.model / "late").write_text("by a thread")
    assert pod.run() == 0
    assert pod.is_left() == {*BESIDE, "weights", *MARK}


def test_a_registry_that_does_not_answer(
    pod: Pod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert pod.run() == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert "does not answer" in line
    assert pod.is_left() == set()


def test_what_no_clone_can_see_is_said(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    _revoked(f'commit = "{"9" * 40}"')(pod)
    assert pod.run("--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    (check,) = [each for each in report["checks"] if each["name"] == "commit"]
    assert ["promote" in line or "squash" in line for line in check["not_checked"]] == [True, True]
