"""`verify`: whether a model, or all models of a revision, are proved by somebody who may."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lockproof import __version__
from lockproof.adapters.dvc.project import find_root
from lockproof.adapters.git.origin import origin_of
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.worktree import is_changed
from lockproof.adapters.mlflow.registry import Registry
from lockproof.adapters.proofs import places
from lockproof.config import FILE_NAME, load_policy
from lockproof.errors import ExitCode, LockproofError, UsageError
from lockproof.model.baseline import Baseline
from lockproof.model.check import Check
from lockproof.model.digest import lock_digest
from lockproof.model.finding import Finding
from lockproof.model.registration import ModelVersion, aliased, version_uri
from lockproof.model.report import Host, Report, Subject
from lockproof.model.verdict import Verdict, worst
from lockproof.rules.catalog import finding
from lockproof.steps.clock import Clock
from lockproof.steps.gate.interface import Request, Scene
from lockproof.steps.gate.run import open_scene
from lockproof.steps.gate.signed import (
    Found,
    beside_the_data,
    bundles_of,
    found_refusals,
    look_for,
    read_proof,
)
from lockproof.steps.gate.signers import Refusal, Signer
from lockproof.steps.gate.stages import stage_reports
from lockproof.steps.gate.weigh import Weighed, of_models, weigh
from lockproof.steps.models import Model, every_model
from lockproof.steps.progress import Progress
from lockproof.steps.registered import version_named
from lockproof.steps.standing import Standing
from lockproof.steps.weighing import Weighing

from .content import sha256_at
from .request import VerifyRequest
from .today import court_of, proof_of


class NotStandingError(LockproofError):
    """What a model version says of itself does not hold against Git."""

    exit_code = ExitCode.FAILED


@dataclass(frozen=True)
class Verified:
    """The report, and the proofs that count."""

    report: Report
    proofs: tuple[Weighed, ...]


def verify(request: VerifyRequest, progress: Progress) -> Verified:
    """Check proofs and the bytes that they are about. Nothing is run, fetched or unpickled.

    Raises:
        UsageError: the repository, the policy, the subject or the file of the proof is not usable.
        UnavailableError: the remote, where proofs are, does not answer.
    """
    clock = Clock()
    path = _path(request)
    version = None if path else _version(request)
    if not path and version is None and not _is_revision(request, request.subject):
        raise UsageError(
            f"{request.subject[:100]!r} is no file here, no revision and no model version: 'dvc"
            " pull' brings outputs, 'git fetch --unshallow' commits"
        )
    revision = version.commit if version else request.subject
    gate = Request(
        directory=request.directory,
        revision="HEAD" if path else revision or "",
        pull_request=request.pull_request,
        base=request.base,
        policy=request.policy,
        proof=request.bundle,
    )
    court = court_of(open_scene(gate, progress)[0], progress)
    scene, signers = court.scene, court.signers
    refused: list[Refusal] = []
    sha256 = None
    if path:
        progress.show("hash", path.name)
        sha256 = sha256_at(path)
        progress.end("hash")
    bundles = bundles_of(_found(scene, signers, request, sha256), refused.append)
    weighed = of_models(weigh(scene, bundles, signers))
    if path:
        findings, proofs, checks = _of_bytes(scene, path, sha256 or "", weighed)
    elif version is not None:
        findings, proofs, checks = _of_version(version, weighed)
    else:
        findings, proofs, checks = _of_revision(scene, weighed)
    refused += [refusal for each in weighed for refusal in each.refused]
    # What a proof that counts leaves over matters to nobody: it may be another signer's.
    if not proofs or request.bundle is not None:
        findings = list({f.message: f for f in [*found_refusals(refused), *findings]}.values())
    return Verified(_report(scene, checks, findings, clock), tuple(proofs))


def _path(request: VerifyRequest) -> Path | None:
    """The file or folder that is meant; None where it is a revision or a version.

    Raises:
        UsageError: it may be either.
    """
    text = request.subject
    path = Path(os.path.abspath(Path(request.directory, text)))
    plain = not text.startswith(("./", "../", "/"))
    if text == "HEAD" or text.startswith("models:/") or not path.exists():
        return None
    if plain and (aliased(text) is not None or _is_revision(request, text)):
        raise UsageError(
            f"{text} is a file here, and may be a revision or a model version: write ./{text} for"
            f" the file, 'refs/heads/{text}' for a branch, 'models:/{text}' for a version"
        )
    return path


def _is_revision(request: VerifyRequest, text: str) -> bool:
    git = GitRepository.discover(request.directory.absolute())
    with suppress(UsageError):
        return bool(git.resolve(text))
    return False


def _version(request: VerifyRequest) -> ModelVersion | None:
    """The model version that is meant; None where it is something else.

    Raises:
        UsageError: there is no such version, or nothing says of which commit it is.
    """
    text = request.subject
    if version_uri(text) is None and (text.startswith("@") or aliased(text) is None):
        return None
    git = GitRepository.discover(request.directory.absolute())
    if not text.startswith("models:/") and _is_revision(request, text):
        if "@{" in text:
            return None  # Git's `main@{1}`.
        raise UsageError(
            f"{text} is a revision of Git and may be a model version: write 'refs/heads/{text}' or"
            f" 'refs/tags/{text}', or 'models:/{text}'"
        )
    root = find_root(Path(os.path.realpath(request.directory)), git.root)
    version = version_named(text, Registry.open(load_policy(root / FILE_NAME).mlflow, root))
    problems = Standing(git).problems(version)
    if problems:
        raise NotStandingError(f"{version.uri}: {problems[0]}")
    return version


def _of_version(
    version: ModelVersion, weighed: Sequence[Weighed]
) -> tuple[list[Finding], list[Weighed], list[Check]]:
    proof = proof_of(weighed, version.name, version.digests("outputs") or {})
    proofs = [proof] if proof is not None else []
    findings = [] if proof is not None else [_none(version.uri)]
    why = f"the bytes that MLflow has: whoever serves {version.uri} checks them by digest"
    bytes_ = Check(
        name="bytes",
        verdict=Verdict.INCONCLUSIVE,
        checked=0,
        unit="output",
        demanded=False,
        not_checked=(why,),
    )
    return findings, proofs, [_proofs(weighed, proofs), bytes_]


def _found(
    scene: Scene, signers: Sequence[Signer], request: VerifyRequest, sha256: str | None
) -> Iterable[Found]:
    if request.bundle is not None:
        return [(request.bundle.name, read_proof(request.bundle))]
    if sha256 is None:
        return look_for(scene, signers, None)
    names = dict.fromkeys(signer.fingerprint for signer in signers)
    found = beside_the_data(scene, [places.of_subject(sha256, name) for name in names])
    # Of equal bytes the latest proof is named there, which may be another commit's.
    return [*found, *look_for(scene, signers, None)]


def _of_bytes(
    scene: Scene, path: Path, sha256: str, weighed: Sequence[Weighed]
) -> tuple[list[Finding], list[Weighed], list[Check]]:
    counting = [each for each in weighed if each.counts and each.verdict]
    # Where an output belongs, no other output's bytes do.
    own = os.path.relpath(path, scene.root).replace(os.sep, "/")
    at_home = any(own == o.path for each in counting if each.verdict for o in each.verdict.outputs)
    fitting = [
        each
        for each in counting
        if each.verdict
        and any(
            (o.sha256 == sha256 or _as_git_writes_it(scene, own, o.sha256))
            and o.locked.is_dir == path.is_dir()
            and (not at_home or o.path == own)
            for o in each.verdict.outputs
        )
    ]
    findings: list[Finding] = []
    if counting and not fitting:
        names = [o.path for each in counting if each.verdict for o in each.verdict.outputs]
        text = (
            f"{path.name} has SHA-256 {sha256[:12]}…, and what is proved of this commit"
            f" ({', '.join(names[:3])}) has others: 'dvc checkout' brings the locked bytes back"
        )
        findings.append(finding("LP725", path.name, text))
    elif not weighed:
        findings.append(_none(path.name))
    checks = [
        _proofs(weighed, fitting),
        Check(name="bytes", verdict=Verdict.PASSED, checked=1, unit="output", summary=sha256),
    ]
    return findings, fitting, checks


def _of_revision(
    scene: Scene, weighed: Sequence[Weighed]
) -> tuple[list[Finding], list[Weighed], list[Check]]:
    findings: list[Finding] = []
    proofs: list[Weighed] = []
    checked, not_here = 0, []
    here = scene.head.commit == scene.head.git.resolve("HEAD")
    for model in every_model(scene.policy, scene.pipeline):
        own = [w for w in weighed if w.counts and w.verdict and w.verdict.model == model.rule.name]
        fitting = [w for w in own if _covers(w, model)]
        if not fitting:
            name = f"the model {model.rule.name}"
            about = [w for w in weighed if w.verdict and w.verdict.model == model.rule.name]
            refused = [refusal for w in about for refusal in w.refused]
            if refused:
                findings += found_refusals(refused)
                continue
            if own:
                text = f"{name}: [[model]] names other outputs than the proof: attest again"
                findings.append(finding("LP724", name, text))
            else:
                findings.append(_none(name))
            continue
        proofs += fitting
        verdict = fitting[0].verdict
        assert verdict is not None
        for out in verdict.outputs:
            path = scene.root / out.path
            if not here:
                not_here.append(f"{out.path}: another commit is checked out")
                continue
            if not path.exists():
                not_here.append(f"{out.path}: it is not here ('dvc pull' brings it)")
                continue
            checked += 1
            if sha256_at(path) != out.sha256 and not _as_git_writes_it(scene, out.path, out.sha256):
                text = f"{out.path} in the work tree is not what is proved: 'dvc checkout' it"
                findings.append(finding("LP725", out.path, text))
    bytes_ = Check(
        name="bytes",
        verdict=Verdict.PASSED if checked else Verdict.INCONCLUSIVE,
        checked=checked,
        unit="output",
        demanded=False,
        not_checked=tuple(not_here),
    )
    return findings, proofs, [_proofs(weighed, proofs), bytes_]


def _as_git_writes_it(scene: Scene, path: str, sha256: str) -> bool:
    """Whether a file is what Git made of the proved bytes, such as with other line ends."""
    content = scene.head.read(scene.git_path(path))
    if content is None or hashlib.sha256(content).hexdigest() != sha256:
        return False
    return not is_changed(scene.head.git, scene.git_path(path))


def _covers(weighed: Weighed, model: Model) -> bool:
    assert weighed.verdict is not None
    said = {out.path for out in weighed.verdict.outputs}
    return said == {out.path for _, out in model.outs}


def _none(name: str) -> Finding:
    text = (
        f"no proof of {name} by a signer that [[trust]] names, in the remote, in Git notes or given"
        " by --bundle: 'lockproof attest' makes one"
    )
    return finding("LP729", name, text)


def _proofs(weighed: Sequence[Weighed], counting: Sequence[Weighed]) -> Check:
    by = sorted({f"{s.name} ({s.fingerprint[:12]})" for each in counting for s in each.signers})
    times = sorted({each.verdict.signed_at for each in counting if each.verdict})
    said = f"signed by {', '.join(by)} at {', '.join(times)}" if by else ""
    return Check(
        name="proof",
        verdict=Verdict.PASSED if counting else Verdict.INCONCLUSIVE,
        checked=len(weighed),
        unit="signed statement",
        summary=said,
    )


def _report(
    scene: Scene, checks: Sequence[Check], findings: Sequence[Finding], clock: Clock
) -> Report:
    policy = scene.policy.model_copy(update={"rules": {}, "waiver": ()})
    weighing = Weighing(policy, clock.started.date(), Baseline(), FILE_NAME)
    verdicts = []
    for number, check in enumerate(checks):
        own = findings if number == 0 else ()
        verdict = weighing.add(check, own, "LP72")
        if check.demanded or verdict is Verdict.FAILED:
            verdicts.append(verdict)
    return Report(
        tool=f"lockproof {__version__}",
        step="verify",
        subject=Subject(
            commit=scene.head.commit,
            lock_digest=lock_digest(scene.reading.lock_files),
            root=scene.prefix or ".",
            base=scene.base.commit if scene.base else None,
        ),
        verdict=worst(verdicts),
        checks=tuple(weighing.checks),
        stages=stage_reports(scene.pipeline, ()),
        findings=tuple(weighing.findings),
        host=Host(origin=origin_of(scene.head.git, scene.head.commit)),
        timing=clock.timing(),
    )
