"""`attest`: from a passed reproduction to a signed proof, and where it is kept."""

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lockproof.adapters.files import write_whole
from lockproof.adapters.git.origin import origin_of
from lockproof.adapters.proofs import places
from lockproof.adapters.proofs.notes import write_note
from lockproof.adapters.proofs.remote import proofs_in
from lockproof.adapters.scratch import work_folder
from lockproof.adapters.signing.interface import Sealer
from lockproof.config import FILE_NAME
from lockproof.errors import ConfigError, UsageError
from lockproof.model import statement as st
from lockproof.model.pipeline import Out
from lockproof.model.report import Report
from lockproof.model.sealed import Sealed
from lockproof.model.statement import ProvedOutput, VerdictPredicate
from lockproof.parse.bundle import read_bundles, read_statement, read_verdict
from lockproof.steps.gate.fitting import problems_of
from lockproof.steps.gate.interface import Request, Scene
from lockproof.steps.gate.proof import read_report
from lockproof.steps.gate.run import open_scene
from lockproof.steps.gate.signed import default_remote
from lockproof.steps.models import Model, every_model
from lockproof.steps.outputs import Outputs
from lockproof.steps.progress import Progress, during

from .content import files_in, hidden_by_dvc, read_output
from .record import run_of
from .request import AttestRequest


@dataclass(frozen=True)
class Attested:
    """What came of it."""

    refused: tuple[str, ...] = ()
    """Why nothing was signed: the gate would not take the report."""
    proofs: Mapping[str, str] = field(default_factory=dict)
    """Model -> SHA-256 of the statement of its verdict, which names the proof of it."""
    kept: tuple[str, ...] = ()
    """Where it is, a line each."""


def attest(request: AttestRequest, progress: Progress) -> Attested:
    """Sign what a report of `reproduce` proves of the models of a revision.

    The proof is whole before any of it is written, and its places are written after it: what ends
    early leaves nothing that the next run does not complete.

    Raises:
        UsageError: the repository, the report, the policy, a key or an output is not usable.
        UnavailableError: the signer or the remote does not answer.
    """
    gate = Request(request.directory, revision=request.revision, report=request.report)
    scene, _ = open_scene(gate, progress)
    report, _ = read_report(scene, request.report)
    problems = problems_of(scene, report)
    if problems:
        return Attested(refused=tuple(problems))
    models = every_model(scene.policy, scene.pipeline)
    remote = default_remote(scene) if request.push else None
    if request.push and remote is None:
        raise ConfigError(
            "no default remote to keep the proof in: 'dvc remote default', or --no-push"
        )
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    said = [_verdict(scene, report, model, now, progress) for model in models]
    content, kept = b"", []
    if remote is not None:
        policy = scene.policy.remote
        with proofs_in(
            remote, timeout=policy.timeout, attempts=policy.attempts, backoff=policy.backoff
        ) as proofs:
            names = _places(said, request.sealer.fingerprint)
            earlier = proofs.find(names[-1])
            content = _as_before(scene, earlier, said, request.sealer) or _sealed(
                scene, said, request.sealer.seal
            )
            proofs.keep(content, names)
        kept.append(f"remote {remote.name}: {places.object_path(_sha256(content))}")
    content = content or _sealed(scene, said, request.sealer.seal)
    if request.bundle is not None:
        write_whole(request.bundle, content)
        kept.append(str(request.bundle))
    if request.notes:
        assert scene.head.commit is not None
        write_note(scene.head.git, scene.head.commit, content)
        kept.append("Git note: share it with 'git push origin refs/notes/lockproof'")
    if request.oms is not None:
        kept += _oms(request, scene, models)
    read = [(each, _read(each)) for each in read_bundles(content, "the proof")]
    made = {verdict.model: sealed.digest for sealed, verdict in read if verdict is not None}
    return Attested((), made, tuple(kept))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _verdict(
    scene: Scene, report: Report, model: Model, now: str, progress: Progress
) -> VerdictPredicate:
    commit = scene.head.commit
    assert commit is not None
    policy = scene.head.read(scene.git_path(FILE_NAME))
    judged = {out.path: out for stage in report.stages for out in stage.outputs}
    outputs = []
    for stage, out in model.outs:
        assert out.locked is not None
        outputs.append(
            ProvedOutput(
                path=out.path,
                stage=stage.address,
                locked=out.locked,
                sha256=_at_hand(scene, out, progress),
                verdict=judged[out.path].verdict,
                tolerance=judged[out.path].tolerance,
            )
        )
    origin = origin_of(scene.head.git, commit)
    return VerdictPredicate(
        version="1",
        model=model.rule.name,
        outputs=tuple(outputs),
        repository=origin.repository,
        tree=scene.head.git.blob(commit, "") or "",
        policy_digest=_sha256(policy) if policy is not None else None,
        run=run_of(scene),
        signed_at=now,
        report=st.attested(report),
    )


def _at_hand(scene: Scene, out: Out, progress: Progress) -> str:
    """SHA-256 of an output's locked bytes: of the work tree, the cache, Git, else of its remote."""
    assert out.locked is not None
    with during(progress, "hash", out.path):
        found = [scene.root / out.path]
        if not out.locked.is_dir:
            found.append(scene.root / ".dvc" / "cache" / out.locked.object_path)
        hides = hidden_by_dvc(scene, out.path)
        for path in found:
            sha256 = read_output(path, out.locked, hides) if path.exists() else None
            if sha256 is not None:
                return sha256
        with work_folder() as scratch:
            path = scratch.path / "output"
            Outputs(scene).bring(out, path)
            sha256 = read_output(path, out.locked)
        if sha256 is None:
            raise ConfigError(f"{out.path} is not in its remote as dvc.lock names it: 'dvc push'")
        return sha256


def _places(said: Sequence[VerdictPredicate], signer: str) -> list[str]:
    """What names the proof; that of the commit comes last."""
    subject = said[0].report.subject
    commit = subject.commit or ""
    project = places.project_of(subject.root, subject.lock_digest or "")
    outputs = [out.sha256 for each in said for out in each.outputs]
    return [
        *(places.of_subject(sha256, signer) for sha256 in dict.fromkeys(outputs)),
        places.of_tree(said[0].tree, project, signer),
        places.of_commit(commit, project, signer),
    ]


def _as_before(
    scene: Scene, content: bytes | None, said: Sequence[VerdictPredicate], sealer: Sealer
) -> bytes | None:
    """An earlier proof, where this signer made it and it says the same but for its time.

    Anybody may have written it: the remote is not protected.
    """
    if content is None:
        return None
    try:
        bundles = read_bundles(content, "the earlier proof")
        times = [verdict.signed_at for verdict in map(_read, bundles) if verdict is not None]
    except ConfigError:
        return None
    if len(times) != len(said):
        return None
    then = [
        verdict.model_copy(update={"signed_at": at})
        for verdict, at in zip(said, times, strict=True)
    ]
    if [each.payload for each in bundles] != _payloads(scene, then):
        return None
    return content if all(sealer.sealed(each) for each in bundles) else None


def _read(sealed: Sealed) -> VerdictPredicate | None:
    statement = read_statement(sealed)
    return read_verdict(statement) if statement.predicate_type == st.VERDICT else None


def _sealed(scene: Scene, said: Sequence[VerdictPredicate], seal: Callable[[bytes], str]) -> bytes:
    """The proof: for each model three statements, a bundle a line."""
    return "".join(f"{seal(payload)}\n" for payload in _payloads(scene, said)).encode()


def _payloads(scene: Scene, said: Sequence[VerdictPredicate]) -> list[bytes]:
    found = []
    for verdict in said:
        made = (
            (st.VERDICT, st.verdict(verdict)),
            (st.PROVENANCE, st.provenance(verdict, scene.pipeline.stages)),
            (st.SUMMARY, st.summary(verdict)),
        )
        found += [st.payload(verdict.outputs, kind, what) for kind, what in made]
    return found


def _oms(request: AttestRequest, scene: Scene, models: Sequence[Model]) -> list[str]:
    from lockproof.adapters.signing.oms import UNSIGNED, sign_folder

    assert request.oms is not None
    if request.key is None:
        raise UsageError("--oms signs with a key file: add --key FILE, of an ECDSA key")
    lines = []
    for model in models:
        for _, out in model.outs:
            if out.locked is not None and out.locked.is_dir:
                target = Path(request.oms, f"{out.path.replace('/', '_')}.sig")
                with work_folder() as scratch:
                    made = scratch.path / "signature"
                    folder = _exactly(scene, out, scratch.path / "model")
                    sign_folder(folder, request.key, made)
                    write_whole(target, made.read_bytes())
                    open_ = ", ".join(name for name in UNSIGNED if (folder / name).exists())
                but = f" (without {open_}, which Model Signing leaves out)" if open_ else ""
                lines.append(f"OMS signature of {out.path}: {target}{but}")
    if not lines:
        raise UsageError("--oms signs folders, and no model has one: leave it out")
    return lines


def _exactly(scene: Scene, out: Out, scratch: Path) -> Path:
    """A folder with the locked files of an output and no other, of the output's name."""
    assert out.locked is not None
    here, copy = scene.root / out.path, scratch / out.path.rpartition("/")[2]
    with suppress(UsageError):  # A link that DVC does not see.
        if here.is_dir() and read_output(here, out.locked) is not None:
            return here
    if here.is_dir():
        for name, file in files_in(here, hidden_by_dvc(scene, out.path)).items():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy / name)
        if copy.is_dir() and read_output(copy, out.locked) is not None:
            return copy
        shutil.rmtree(copy, ignore_errors=True)
    Outputs(scene).bring(out, copy)
    if read_output(copy, out.locked) is None:
        raise ConfigError(f"{out.path} is not in its remote as dvc.lock names it: 'dvc push'")
    return copy
