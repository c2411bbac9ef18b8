"""What a signed proof says: in-toto statements about a model and how it was proved.

Three for each model, on the same subjects: SLSA Provenance v1 for the making, a verdict of our own
for the proof, and a SLSA Verification Summary for tools that know nothing of ours.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from .base import Frozen, canonical_json, sha256_of
from .comparison import Tolerance
from .digest import DIR_SUFFIX, Digest
from .fields import Asked
from .finding import HELP_ROOT
from .pipeline import Stage
from .report import Host, HostStage, Report, Timing
from .verdict import OutputVerdict

REFERENCE = f"{HELP_ROOT.rpartition('/')[0]}/reference"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
SUMMARY = "https://slsa.dev/verification_summary/v1"
VERDICT = f"{REFERENCE}/verdict.schema.json#1"
BUILD_TYPE = f"{REFERENCE}/verdict.schema.json#stage"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
LEVEL = "LOCKPROOF_REPRODUCED"
"""The level that the summary states: one of our own, since SLSA has none for this."""

Json = Mapping[str, Any]


class ProvedOutput(Frozen):
    """One output of a model."""

    path: str
    """POSIX, relative to the DVC root."""
    stage: str
    """The address of the stage that makes it."""
    locked: Digest
    """As `dvc.lock` names it."""
    sha256: Annotated[str, Asked(pattern=r"^[0-9a-f]{64}$")]
    """Of the file; of a directory, `manifest_sha256` of its files."""
    verdict: OutputVerdict
    """How the one that was made again compares with it."""
    tolerance: Tolerance | None = None
    """The tolerance that was used, where it is within one."""


class VerdictPredicate(Frozen):
    """That a model was made again from what its commit names, and how that was found out."""

    version: Literal["1"]
    """Of this predicate."""
    model: str
    """The name that the policy gives the model."""
    outputs: tuple[ProvedOutput, ...]
    """Its outputs, by path."""
    repository: str
    """The URL of `origin`, without credentials; empty where there is none."""
    tree: str
    """Git's id of the commit's tree: equal trees hold equal files."""
    policy_digest: str | None
    """SHA-256 of the commit's `lockproof.toml`; None where it has none."""
    run: str | None
    """The MLflow run that made it, where a run record names one."""
    signed_at: str
    """UTC, RFC 3339, by the signer's clock."""
    report: Report
    """What the reproduction found: all of its core, and of the rest what says that each stage ran,
    with which network and how far kept apart from the machine."""


class Subject(Frozen):
    """What a statement is about."""

    name: str
    digest: Annotated[Mapping[str, str], Asked(min_length=1)]
    annotations: Mapping[str, str] = {}


class Statement(Frozen):
    """An in-toto Statement v1, its predicate not looked into."""

    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Asked(alias="_type")]
    subject: Annotated[tuple[Subject, ...], Asked(min_length=1)]
    predicate_type: Annotated[str, Asked(alias="predicateType")]
    predicate: Mapping[str, Any]


def manifest_sha256(files: Mapping[str, str]) -> str:
    r"""The SHA-256 that names a directory.

    SHA-256 of the UTF-8 bytes of the JSON text `[["PATH","SHA256"],…]`, without space between its
    parts: one pair for each file, sorted by path, in the order of Unicode code points; PATH is
    POSIX, below the directory, SHA256 that of the file's bytes in 64 hex digits. Only `"`, `\` and
    control characters are escaped.
    """
    return sha256_of(sorted(files.items()))


def dvc_digest(locked: Digest) -> dict[str, str]:
    """DVC's digest as an in-toto DigestSet, by the name of its algorithm.

    `md5` is the MD5 of a file; `dvcDirMd5` that of DVC's listing of a directory; `dvcMd5Dos2unix`
    and `dvcDirMd5Dos2unix` are DVC 2's.
    """
    old = locked.algorithm == "md5-dos2unix"
    if locked.is_dir:
        name = "dvcDirMd5Dos2unix" if old else "dvcDirMd5"
    else:
        name = "dvcMd5Dos2unix" if old else locked.algorithm
    return {name: locked.value.removesuffix(DIR_SUFFIX)}


def subjects_of(outputs: Iterable[ProvedOutput]) -> list[dict[str, Any]]:
    """The subjects of a model's statements, by path."""
    return [
        {
            "name": out.path,
            # Sigstore's library refuses a subject with a digest of another name here.
            "digest": {"sha256": out.sha256},
            "annotations": {"dvc": str(out.locked)},
        }
        for out in sorted(outputs, key=lambda out: out.path)
    ]


def payload(outputs: Iterable[ProvedOutput], predicate_type: str, predicate: Json) -> bytes:
    """The bytes of a statement that are signed: its canonical JSON in UTF-8.

    Raises:
        ValueError: the predicate holds what JSON cannot say.
    """
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": subjects_of(outputs),
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return canonical_json(statement).encode()


def attested(report: Report) -> Report:
    """A report without what is of no use to whoever checks it elsewhere."""
    stages = {
        address: HostStage(
            executed=seen.executed,
            exit_code=seen.exit_code,
            reused=seen.reused,
            network=seen.network,
            isolation=seen.isolation,
        )
        for address, seen in report.host.stages.items()
    }
    timing = Timing(started=report.timing.started, seconds=report.timing.seconds)
    host = Host(stages=stages, environment=report.host.environment)
    return report.model_copy(update={"host": host, "timing": timing})


def verdict(predicate: VerdictPredicate) -> Json:
    """A verdict as JSON, without what has its default value."""
    found: dict[str, Any] = plain(predicate.model_dump(mode="json", exclude_defaults=True))
    return found


def provenance(predicate: VerdictPredicate, stages: Iterable[Stage]) -> Json:
    """SLSA Provenance v1 of a model (https://slsa.dev/spec/v1.0/provenance).

    Args:
        predicate: what was proved of it.
        stages: those that make its outputs.
    """
    report = predicate.report
    made = [stage for stage in stages if stage.address in {o.stage for o in predicate.outputs}]
    source = predicate.repository or "git"
    materials: list[dict[str, Any]] = [
        {"name": "source", "uri": source, "digest": {"gitCommit": report.subject.commit}},
        {"name": "dvc.lock", "digest": {"lockproofLock": report.subject.lock_digest}},
    ]
    inputs = {d.path: d.locked for stage in made for d in stage.deps if d.locked}
    for path, locked in sorted(inputs.items()):
        materials.append({"name": path, "digest": dvc_digest(locked)})
    if report.subject.environment:
        pinned = {"lockproofEnvironment": report.subject.environment}
        materials.append({"name": "environment", "digest": pinned})
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "commands": {stage.address: list(stage.command) for stage in made},
                "parameters": {
                    stage.address: {p.path: plain(p.locked or {}) for p in stage.params}
                    for stage in made
                },
            },
            "resolvedDependencies": materials,
        },
        "runDetails": {
            "builder": {"id": f"{REFERENCE}/cli.md#reproduce", "version": {"tool": report.tool}},
            "metadata": {"startedOn": report.timing.started},
        },
    }


def summary(predicate: VerdictPredicate) -> Json:
    """SLSA Verification Summary v1 (https://slsa.dev/spec/v1.0/verification_summary)."""
    policy: dict[str, Any] = {"uri": "lockproof.toml"}
    if predicate.policy_digest:
        policy["digest"] = {"sha256": predicate.policy_digest}
    source, root = predicate.repository or "git", HELP_ROOT.rpartition("/")[0]
    return {
        "verifier": {"id": root, "version": {"tool": predicate.report.tool}},
        "timeVerified": predicate.signed_at,
        "resourceUri": f"{source}@{predicate.report.subject.commit}#{predicate.model}",
        "policy": policy,
        "verificationResult": "PASSED",
        "verifiedLevels": [LEVEL],
    }


def plain(value: Any) -> Any:
    """The same as JSON can say it: no number that is not finite."""
    if isinstance(value, float) and value - value != 0:
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
