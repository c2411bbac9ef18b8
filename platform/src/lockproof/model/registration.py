"""A model version as a registry is told of it, and as it reads back."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

from lockproof.model.base import canonical_json, sha256_of
from lockproof.model.digest import Digest
from lockproof.model.environment import Environment
from lockproof.model.run import DataInput
from lockproof.model.verdict import Verdict

KEY = "lockproof.key"
"""The tag that makes a version be there once."""
COMMIT = "lockproof.commit"
ALIAS_ASKED = "lockproof.alias."
"""Before an alias: the version was asked to have it."""
ROLLED_BACK = "lockproof.rolled_back."
"""Before an alias: why it was taken from the version."""
CANARY = "lockproof.canary"
"""How the canary of the version ended: a `CanaryEnd` as JSON."""
CANARY_VERDICT = "lockproof.canary.verdict"
"""Its verdict alone, which MLflow can search for."""
REVERTED = "lockproof.reverted"
"""Why the desired state stopped naming the version."""

STATEMENT = "lockproof-model.json"
"""Beside the files of a version: of what commit and data they are; put there last."""
PROOF = "lockproof-proof.jsonl"
"""Beside them: the signed proof, where the version was registered by one."""

_PREFIX = "lockproof."
TAG_LIMIT = 5000
"""Characters of a tag's value that every store keeps."""
_SERVED = re.compile(r"md5:[0-9a-f]{32}(?:\.dir)?")
_GIVEN = re.compile(r"md5:[0-9a-f]{32}(?:\.dir)?|sha256:[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_VERSION = re.compile(r"models:/(?P<name>[^/@]+)/(?P<number>[0-9]{1,10})")
_ALIASED = re.compile(r"(?:models:/)?(?P<name>[^/@]+)@(?P<alias>[^/@]+)")


@dataclass(frozen=True)
class Proof:
    """What shows that a commit's outputs are what its lock says, whatever form it has."""

    commit: str
    lock_digest: str
    verdict: Verdict
    evidence: str
    """SHA-256 of the evidence's bytes, in hex."""
    kind: Literal["report", "signed proof"]
    """What the evidence is."""
    environment: Environment | None = None
    """Where it was proved."""


@dataclass(frozen=True)
class Registration:
    """All that is said of one model version; it names the version once and for all."""

    name: str
    flavour: str
    root: str
    """The DVC root, relative to the Git root."""
    outputs: Mapping[str, Digest]
    """The model: output, POSIX below the DVC root -> as locked."""
    loads: str | None
    """The output that the flavour loads; None where that is a matter of the reader."""
    stages: tuple[str, ...]
    """Addresses of the stages that make it."""
    inputs: tuple[DataInput, ...]
    """The data that led to it."""
    environment_digest: str | None
    """SHA-256 that pins the pipeline environment."""
    image: str | None
    proof: Proof
    repository: str | None = None
    """Without credentials."""
    ci_url: str | None = None

    @cached_property
    def key(self) -> str:
        """SHA-256 of what makes it another version: name, commit, model, environment."""
        outputs = {path: str(digest) for path, digest in self.outputs.items()}
        return sha256_of([self.name, self.proof.commit, outputs, self.environment_digest])

    def tags(self) -> dict[str, str]:
        """The tags of the version; what does not fit is a digest of itself."""
        said = {
            "key": self.key,
            "commit": self.proof.commit,
            "root": self.root,
            "lock_digest": self.proof.lock_digest,
            "flavour": self.flavour,
            "stages": canonical_json(list(self.stages)),
            "outputs": canonical_json({p: str(d) for p, d in self.outputs.items()}),
            "inputs": canonical_json({i.path: str(i.digest) for i in self.inputs}),
            "loads": self.loads,
            "environment_digest": self.environment_digest,
            "image": self.image,
            "verdict": self.proof.verdict.value,
            "evidence": f"{self.proof.kind} sha256:{self.proof.evidence}",
            "repository": self.repository,
            "ci_url": self.ci_url,
        }
        fitting = {
            name: value if len(value) <= TAG_LIMIT else f"sha256:{sha256_of(value)}"
            for name, value in said.items()
            if value
        }
        tags = {f"{_PREFIX}{name}": value for name, value in fitting.items()}
        return {**tags, "mlflow.source.git.commit": self.proof.commit}


@dataclass(frozen=True)
class CanaryEnd:
    """What a version says of its canary, by one look at it."""

    verdict: str
    checks: str
    """The name of the file of checks."""
    digest: str
    """SHA-256 of that file."""
    since: str
    """Start of what was looked at, UTC, RFC 3339."""
    until: str
    """Its end."""
    report: str
    """SHA-256 of the report."""
    statement: str = ""
    """SHA-256 of the signed statement about it; empty where none was signed."""

    @property
    def text(self) -> str:
        """As the tag has it."""
        return canonical_json(asdict(self))

    @classmethod
    def read(cls, text: str) -> "CanaryEnd | None":
        """What a tag says; None where it is none of ours."""
        try:
            found = cls(**json.loads(text))
        except (ValueError, TypeError, RecursionError):
            return None
        if not all(isinstance(value, str) for value in asdict(found).values()):
            return None
        since, until = moment(found.since), moment(found.until)
        return found if since and until and since <= until else None


@dataclass(frozen=True)
class ModelVersion:
    """A version as a registry has it."""

    name: str
    number: int
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    run_id: str | None = None
    source: str = ""
    """Where its files are."""
    created: str = ""
    """UTC, RFC 3339."""

    @property
    def uri(self) -> str:
        """MLflow's address of it, which cannot move."""
        return f"models:/{self.name}/{self.number}"

    @property
    def key(self) -> str | None:
        """What it was registered as; None where not by lockproof."""
        return self.tags.get(KEY)

    @property
    def commit(self) -> str | None:
        """The full Git commit; None where none is named."""
        commit = self.said("commit") or ""
        return commit if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit) else None

    def said(self, name: str) -> str | None:
        """A tag of lockproof's."""
        return self.tags.get(f"{_PREFIX}{name}")

    @property
    def canary(self) -> CanaryEnd | None:
        """How its canary ended; None where nothing says so."""
        return CanaryEnd.read(self.tags.get(CANARY, ""))

    @property
    def served_digest(self) -> str | None:
        """`md5:…` of the file, or `md5:….dir` of the folder, that whoever serves it can check.

        None where there is none, and of several outputs: one would be checked, and the others
        served unchecked or not at all. Not a tag of its own, so that it is no other than what the
        lock says of the model.
        """
        outputs = self.digests("outputs") or {}
        if len(outputs) != 1:
            return None
        digest = outputs.get(self.said("loads") or next(iter(outputs)), "")
        return digest if _SERVED.fullmatch(digest) else None

    def digests(self, name: str) -> dict[str, str] | None:
        """Path -> digest of `inputs` or `outputs`; None where they are not told, or not all."""
        try:
            found = json.loads(self.said(name) or "")
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict) or not all(isinstance(d, str) for d in found.values()):
            return None
        return found


@dataclass(frozen=True)
class Wanted:
    """What a desired state names, or is to name, of a model."""

    uri: str
    """`models:/NAME/NUMBER`; empty where an InferenceService does not say."""
    digest: str
    """`md5:…` or `md5:….dir`, as `MODEL_DIGEST` has it; empty likewise."""
    source: str
    """What an InferenceService would load; may be nothing that it can."""


def moment(text: str) -> datetime | None:
    """The time that `2026-11-29T12:00:00Z` names; None where it names none."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # A thirteenth month.
        return None


def served_form(text: str) -> str | None:
    """The text where it is a digest that `MODEL_DIGEST` may have; else None."""
    return text if _GIVEN.fullmatch(text) else None


def version_uri(text: str) -> tuple[str, int] | None:
    """Name and number of `models:/NAME/NUMBER`; None where it is something else."""
    match = _VERSION.fullmatch(text)
    return (match["name"], int(match["number"])) if match else None


def aliased(text: str) -> tuple[str, str] | None:
    """Model and alias of `MODEL@ALIAS`, with or without `models:/` before it; else None."""
    match = _ALIASED.fullmatch(text)
    return (match["name"], match["alias"]) if match else None
