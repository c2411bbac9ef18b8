"""How the canary of a model version ended: onto the version, and into a signed statement."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lockproof.adapters.dvc.project import find_root
from lockproof.adapters.files import write_whole
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.mlflow.registry import Registry
from lockproof.adapters.proofs import places
from lockproof.adapters.proofs.remote import proofs_in
from lockproof.adapters.signing.interface import Sealer
from lockproof.config import FILE_NAME, load_policy, matches_any
from lockproof.errors import ConfigError, ExitCode, LockproofError, UsageError
from lockproof.model.canary import CanarySeen
from lockproof.model.canary_statement import CANARY, CanaryPredicate, canary_payload
from lockproof.model.registration import CANARY as CANARY_TAG
from lockproof.model.registration import CANARY_VERDICT, CanaryEnd, ModelVersion, moment
from lockproof.model.report import Report
from lockproof.model.sealed import Sealed
from lockproof.model.statement import ProvedOutput, subjects_of
from lockproof.parse.bundle import read_bundles, read_canary, read_statement
from lockproof.steps.gate.interface import Request as GateRequest
from lockproof.steps.gate.interface import Scene
from lockproof.steps.gate.proof import read_report
from lockproof.steps.gate.run import open_scene
from lockproof.steps.gate.signed import beside_the_data, bundles_of, default_remote
from lockproof.steps.gate.signers import Refusal, Signer, signed_by
from lockproof.steps.gate.weigh import Weighed
from lockproof.steps.progress import Progress
from lockproof.steps.registered import version_named
from lockproof.steps.standing import Standing

from .canary_report import judged, to_come
from .today import court_of, policy_of, proof_of, weighed

_RANK = {"passed": 0, "inconclusive": 1, "failed": 2}


class NotSignedError(LockproofError):
    """Nothing proves the version that the statement would be about."""

    exit_code = ExitCode.FAILED


@dataclass(frozen=True)
class RecordRequest:
    """What `lockproof canary record` is asked for."""

    directory: Path
    report: Path
    """Of a look at the canary, JSON."""
    version: str
    """Which version the canary served: `MODEL@ALIAS`, or `models:/NAME/NUMBER`."""
    sealer: Sealer | None = None
    """Who signs; None: nobody does."""
    push: bool = True
    """Whether the statement goes beside the data, in the default remote."""
    bundle: Path | None = None
    """Where to write it as well."""


@dataclass(frozen=True)
class Recorded:
    """What came of it."""

    version: ModelVersion
    end: CanaryEnd
    """What the version says now."""
    written: bool
    """Whether it did not before."""
    stays: str = ""
    """What look the version tells of that stays, so that nothing was signed; empty: none does."""
    kept: tuple[str, ...] = ()
    """Where the statement is, a line each."""


def record(request: RecordRequest, progress: Progress) -> Recorded:
    """Say on a model version how its canary ended, and sign that.

    Which version the canary served is the word of whoever asks: no figure of Prometheus says it.
    The version tells of one look, the one that ends last; of several that end at once, the worst,
    or looser checks would undo a failure. The statement is written before the
    version names it, so what ends early the next run completes.

    Raises:
        NotSignedError: no signed proof of the version counts.
        UsageError, ConfigError: the report, the version, the policy or a key is not usable.
        UnavailableError: the registry, the remote or the signer does not answer.
    """
    own = GitRepository.discover(request.directory.absolute())
    root = find_root(Path(os.path.realpath(request.directory)), own.root)
    here, _ = open_scene(GateRequest(request.directory), progress)
    report, digest = read_report(here, request.report, "canary check")
    seen = judged(report, request.report)
    registry = Registry.open(load_policy(root / FILE_NAME).mlflow, root)
    version = version_named(request.version, registry)
    until, made = moment(seen.until), moment(version.created)
    if until is not None and made is not None and until <= made:
        raise UsageError(
            f"{request.report} ends at {seen.until}, and {version.uri} was made later, at"
            f" {version.created}: it looked at another version"
        )
    end = CanaryEnd(
        verdict=report.verdict.value,
        checks=seen.checks[:200],
        digest=seen.digest,
        since=seen.since,
        until=seen.until,
        report=digest,
    )
    before = version.canary
    if before is not None and to_come(before.until):
        before = None  # Which nothing that happens would ever follow.
    stays = "" if before is None else _stays(before, end)
    if before is not None and stays:
        return Recorded(version, before, written=False, stays=stays)
    kept: tuple[str, ...] = ()
    if request.sealer is not None:
        statement, kept = _signed(
            request, request.sealer, version, (report, digest, seen), progress
        )
        end = replace(end, statement=statement)
    elif before is not None and before.report == end.report:
        end = replace(end, statement=before.statement)
    wanted = {CANARY_TAG: end.text, CANARY_VERDICT: end.verdict}
    missing = {name: text for name, text in wanted.items() if version.tags.get(name) != text}
    if missing:
        with registry.session(patient=True) as session:
            for name, text in missing.items():
                session.set_tag(version, name, text)
    return Recorded(version, end, written=bool(missing), kept=kept)


def _stays(before: CanaryEnd, end: CanaryEnd) -> str:
    """In words, which look the version tells of that is not replaced; empty: it is."""
    if before.until > end.until:
        return "a later look"
    ranks = [_RANK.get(each.verdict, -1) for each in (before, end)]
    if before.until == end.until and ranks[0] > ranks[1]:
        return "a look that ends at the same time and came to worse"
    return ""


def _signed(
    request: RecordRequest,
    sealer: Sealer,
    version: ModelVersion,
    look: tuple[Report, str, CanarySeen],
    progress: Progress,
) -> tuple[str, tuple[str, ...]]:
    """SHA-256 of the statement, and where it is kept."""
    proof, scene = _proved(request, version, progress)
    assert proof.verdict is not None
    report, digest, seen = look
    predicate = CanaryPredicate(
        version="1",
        model=version.name,
        served=version.uri,
        key=version.key or "",
        proof=proof.sealed.digest,
        verdict=report.verdict,
        canary=seen,
        report=digest,
        tool=report.tool,
        signed_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )

    def sealed() -> bytes:
        return f"{sealer.seal(canary_payload(outputs, predicate))}\n".encode()

    outputs, content = proof.verdict.outputs, b""
    kept: list[str] = []
    if request.push:
        remote, policy = default_remote(scene), scene.policy.remote
        if remote is None:
            raise ConfigError(
                "no default remote to keep the statement in: 'dvc remote default', or --no-push"
            )
        place = places.of_canary(predicate.key, sealer.fingerprint)
        with proofs_in(
            remote, timeout=policy.timeout, attempts=policy.attempts, backoff=policy.backoff
        ) as proofs:
            earlier = proofs.find(place)
            content = _as_before(earlier, outputs, predicate, sealer) or sealed()
            kept.append(
                f"remote {remote.name}: {places.object_path(proofs.keep(content, [place]))}"
            )
    content = content or sealed()
    if request.bundle is not None:
        write_whole(request.bundle, content)
        kept.append(str(request.bundle))
    (one,) = read_bundles(content, "the statement")
    return one.digest, tuple(kept)


def _proved(
    request: RecordRequest, version: ModelVersion, progress: Progress
) -> tuple[Weighed, Scene]:
    """The signed proof of a version, and the scene of its commit."""
    problems = Standing(GitRepository.discover(request.directory.absolute())).problems(version)
    if problems:
        raise NotSignedError(f"nothing is signed about {version.uri}: {problems[0]}")
    asked = GateRequest(request.directory, revision=version.commit or "")
    scene, _ = open_scene(asked, progress)
    if not policy_of(scene, progress).trust:
        raise ConfigError(
            f"{FILE_NAME} trusts no signer, so no signature counts: name keys in [[trust]], or"
            " leave --key and --signer out"
        )
    found, refused = weighed(court_of(scene, progress), None)
    proof = proof_of(found, version.name, version.digests("outputs") or {})
    if proof is None:
        why = f": {refused[0].why}" if refused else ""
        raise NotSignedError(
            f"nothing is signed about {version.uri}: no signed proof of it counts by"
            f" [[trust]]{why}; 'lockproof attest' makes one"
        )
    return proof, scene


def _as_before(
    content: bytes | None,
    outputs: Sequence[ProvedOutput],
    predicate: CanaryPredicate,
    sealer: Sealer,
) -> bytes | None:
    """An earlier statement, where this signer made it and it says the same but for its time."""
    if content is None:
        return None
    try:
        (one,) = read_bundles(content, "the earlier statement")
        then = read_canary(read_statement(one)).signed_at
    except (ConfigError, ValueError):
        return None
    same = canary_payload(outputs, predicate.model_copy(update={"signed_at": then}))
    return content if one.payload == same and sealer.sealed(one) else None


def canary_of(
    scene: Scene,
    signers: Sequence[Signer],
    version: ModelVersion,
    proof: Weighed,
    given: Sequence[Sealed] | None,
) -> tuple[CanaryPredicate, Sealed] | None:
    """The latest statement about a version's canary by a trusted signer; None: there is none.

    Of several that end at once it is the worst, and none that ends in the future counts.

    Args:
        scene: of the version's commit.
        signers: those that the policy trusts.
        version: the version.
        proof: the one by which it is proved.
        given: the bundles of a file, where one was named; None: beside the data.

    Raises:
        UnavailableError: the remote does not answer.
    """
    names = dict.fromkeys(signer.fingerprint for signer in signers)
    key = version.key or ""
    if given is None:
        asked = [places.of_canary(key, name) for name in names]
        given = bundles_of(beside_the_data(scene, asked), lambda _why: None)
    revoked = {name for rule in scene.policy.revoked for name in (rule.key, rule.proof)}
    found = []
    for sealed in given:
        by = signed_by(sealed, signers)
        if isinstance(by, Refusal) or {by[0].fingerprint, sealed.digest} & revoked:
            continue
        try:
            statement = read_statement(sealed)
            if statement.predicate_type != CANARY:
                continue
            predicate = read_canary(statement)
        except ConfigError:
            continue
        assert proof.verdict is not None
        said = [subject.model_dump() for subject in statement.subject]
        if (
            said == subjects_of(proof.verdict.outputs)
            and (predicate.key, predicate.model) == (key, version.name)
            and any(matches_any(version.name, signer.rule.models) for signer in by)
            and moment(predicate.canary.until) is not None
            and not to_come(predicate.canary.until)
        ):
            found.append((predicate, sealed))
    return max(
        found,
        key=lambda each: (each[0].canary.until, _RANK[each[0].verdict.value]),
        default=None,
    )
