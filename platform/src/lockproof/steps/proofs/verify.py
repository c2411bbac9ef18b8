"""`verify`: whether a model, or all models of a revision, are proved by somebody who may."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from lockproof.adapters.hashing import Hashing
from lockproof.adapters.proofs import places
from lockproof.errors import UsageError
from lockproof.model.canary_statement import CanaryPredicate
from lockproof.model.check import Check
from lockproof.model.finding import Finding
from lockproof.model.registration import ModelVersion
from lockproof.model.report import Report
from lockproof.model.sealed import Sealed
from lockproof.model.verdict import Verdict
from lockproof.parse.ignore import IGNORE_FILE
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
from lockproof.steps.gate.weigh import Weighed, of_models, weigh
from lockproof.steps.models import Model, every_model
from lockproof.steps.progress import Progress, during

from .canary import canary_of
from .content import (
    as_git_writes_it,
    hidden_by_dvc,
    left_out,
    made_by_filter,
    named_by,
    nothing,
    only_hidden_here,
    sums_at,
)
from .request import VerifyRequest
from .said import proofs_check, report_of
from .subject import is_revision, path_of, version_of
from .today import court_of, proof_of


@dataclass(frozen=True)
class Verified:
    """The report, and what is told beside it."""

    report: Report
    canary: tuple[CanaryPredicate, Sealed] | None = None
    """The signed statement about the canary of a version; it decides nothing."""


@dataclass(frozen=True)
class _Held:
    """A file or folder that is asked about."""

    path: Path
    own: str
    """The same from the DVC root, POSIX."""
    sums: Mapping[str, str]
    """As `sums_at` gives them."""
    left_out: tuple[str, ...]
    """A line about what is in the folder and was not looked at."""

    @property
    def sha256(self) -> str:
        """As a statement names it."""
        return named_by(self.sums)


def verify(request: VerifyRequest, progress: Progress) -> Verified:
    """Check proofs and the bytes that they are about. Nothing is run, fetched or unpickled.

    Raises:
        UsageError: the repository, the policy, the subject or the file of the proof is not usable.
        UnavailableError: the remote, where proofs are, does not answer.
    """
    clock = Clock()
    path = path_of(request)
    version = None if path else version_of(request)
    if not path and version is None and not is_revision(request, request.subject):
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
    held = None
    if path and request.bundle is None:  # By its bytes the proof is found.
        held = _held(scene, path, request.hashing, progress)
    bundles = bundles_of(_found(scene, signers, request, held), refused.append)
    weighed = of_models(scene, weigh(scene, bundles, signers))
    if path:
        held = held or _held(scene, path, request.hashing, progress)
        findings, proofs, checks = _of_bytes(scene, held, weighed)
    elif version is not None:
        findings, proofs, checks = _of_version(version, weighed)
    else:
        findings, proofs, checks = _of_revision(scene, weighed)
    refused += [refusal for each in weighed for refusal in each.refused]
    # What a proof that counts leaves over matters to nobody: it may be another signer's.
    if not proofs or request.bundle is not None:
        findings = list({f.message: f for f in [*found_refusals(refused), *findings]}.values())
    canary = None
    if version is not None and proofs:
        given = bundles if request.bundle is not None else None
        canary = canary_of(scene, signers, version, proofs[0], given)
    return Verified(report_of(scene, checks, findings, clock, proofs), canary)


def _held(scene: Scene, path: Path, hashing: Hashing | None, progress: Progress) -> _Held:
    own = os.path.relpath(Path(os.path.realpath(path.parent), path.name), scene.root)
    own = own.replace(os.sep, "/")
    # Anywhere else DVC is not at work, and all that is in a folder is served.
    at_home = _is_output(scene, own)
    hides = hidden_by_dvc(scene, own) if at_home else nothing
    with during(progress, "hash", path.name):
        if hashing is not None and hashing.path == path:
            return _Held(path, own, {"": hashing.sha256()}, ())
        return _Held(path, own, sums_at(path, hides), left_out(path, own, hides))


def _is_output(scene: Scene, path: str) -> bool:
    return any(path == out.path for stage in scene.pipeline.stages for out in stage.outs)


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
    return findings, proofs, [proofs_check(weighed, proofs), bytes_]


def _found(
    scene: Scene, signers: Sequence[Signer], request: VerifyRequest, held: _Held | None
) -> Iterable[Found]:
    if request.bundle is not None:
        return [(request.bundle.name, read_proof(request.bundle))]
    if held is None:
        return look_for(scene, signers, None)
    names = dict.fromkeys(signer.fingerprint for signer in signers)
    found = beside_the_data(scene, [places.of_subject(held.sha256, name) for name in names])
    # Of equal bytes the latest proof is named there, which may be another commit's.
    return [*found, *look_for(scene, signers, None)]


def _of_bytes(
    scene: Scene, held: _Held, weighed: Sequence[Weighed]
) -> tuple[list[Finding], list[Weighed], list[Check]]:
    path, own, sha256 = held.path, held.own, held.sha256
    counting = [each for each in weighed if each.counts and each.verdict]
    # Where an output belongs, a model's or not, no other output's bytes do.
    at_home = held.left_out or _is_output(scene, own)
    fitting = [
        each
        for each in counting
        if each.verdict
        and any(
            o.locked.is_dir == path.is_dir()
            and (not at_home or o.path == own)
            and (o.sha256 == sha256 or as_git_writes_it(scene, own, o.sha256, held.sums))
            for o in each.verdict.outputs
        )
    ]
    findings: list[Finding] = []
    if counting and not fitting:
        names = [o.path for each in counting if each.verdict for o in each.verdict.outputs]
        text = (
            f"{path.name} has SHA-256 {sha256[:12]}…, and what is proved of this commit"
            f" ({', '.join(names[:3])}) has others"
        )
        findings.append(_other_bytes(scene, path, own, text, held.sums))
    elif not weighed:
        findings.append(_none(path.name))
    bytes_ = Check(
        name="bytes",
        verdict=Verdict.PASSED,
        checked=1,
        unit="output",
        summary=sha256,
        not_checked=held.left_out,
    )
    return findings, fitting, [proofs_check(weighed, fitting), bytes_]


def _other_bytes(
    scene: Scene, path: Path, own: str, text: str, found: Mapping[str, str]
) -> Finding:
    name = only_hidden_here(scene, path, own)
    made = None if own.startswith("../") else made_by_filter(scene, own, found)
    if name is not None:
        how = f"remove {own}/{name}, which {IGNORE_FILE} hides here and not at the base"
    elif made is not None:
        file, why = made
        how = (
            f"{file} {why}, so whether a checkout has these bytes is not known: 'git cat-file blob"
            f" {quote(f'HEAD:{file}')}' prints those that Git keeps, which can be put there"
        )
    elif path.is_dir():
        how = "'dvc checkout' brings the locked bytes back, and removes what was added (--force)"
    else:
        how = "'dvc checkout' brings the locked bytes back"
    return finding("LP725", path.name if own.startswith("../") else own, f"{text}: {how}")


def _of_revision(
    scene: Scene, weighed: Sequence[Weighed]
) -> tuple[list[Finding], list[Weighed], list[Check]]:
    findings: list[Finding] = []
    proofs: list[Weighed] = []
    checked, not_here = 0, []
    aside: tuple[str, ...] = ()
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
            hides = hidden_by_dvc(scene, out.path)
            aside += left_out(path, out.path, hides)
            found = sums_at(path, hides)
            same = named_by(found) == out.sha256
            if not same and not as_git_writes_it(scene, out.path, out.sha256, found):
                text = f"{out.path} in the work tree is not what is proved"
                findings.append(_other_bytes(scene, path, out.path, text, found))
    bytes_ = Check(
        name="bytes",
        verdict=Verdict.PASSED if checked else Verdict.INCONCLUSIVE,
        checked=checked,
        unit="output",
        demanded=False,
        not_checked=(*not_here, *aside),
    )
    return findings, proofs, [proofs_check(weighed, proofs), bytes_]


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
