"""Signed proofs of any revision, weighed by whom the policy trusts now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lockproof.config import Policy
from lockproof.model.registration import ModelVersion
from lockproof.steps.gate.interface import Request, Scene
from lockproof.steps.gate.run import open_scene
from lockproof.steps.gate.signed import Found, bundles_of, look_for, noted
from lockproof.steps.gate.signers import Refusal, Signer, trusted_signers
from lockproof.steps.gate.weigh import Weighed, of_models, weigh
from lockproof.steps.progress import Progress


@dataclass(frozen=True)
class Court:
    """A revision, and who may prove what of it."""

    scene: Scene
    """With `[[trust]]` and `[[revoked]]` as they are now."""
    signers: tuple[Signer, ...]


def court_of(scene: Scene, progress: Progress) -> Court:
    """Who may prove what of a revision; signers, their keys and what is revoked are those of HEAD.

    An old commit's own policy does not know what was revoked since, nor whose key is new. Where the
    scene was opened with a base or a policy, those count.

    Raises:
        UsageError, ConfigError: HEAD, its policy or a key is not usable.
        MissingExtraError: what checks signatures is not installed.
    """
    now = _now(scene, progress)
    today = {"trust": now.policy.trust, "revoked": now.policy.revoked}
    policy = scene.policy.model_copy(update=today)
    return Court(replace(scene, policy=policy), trusted_signers(now))


def _now(scene: Scene, progress: Progress) -> Scene:
    asked = scene.request
    if asked.pull_request or asked.policy is not None or asked.revision == "HEAD":
        return scene
    return open_scene(replace(asked, revision="HEAD"), progress)[0]


def policy_of(scene: Scene, progress: Progress) -> Policy:
    """The policy by which proofs of a revision count.

    Raises:
        UsageError, ConfigError: HEAD or its policy is not usable.
    """
    return _now(scene, progress).policy


def weighed(court: Court, given: Path | None) -> tuple[list[Weighed], list[Refusal]]:
    """The proofs of a revision, and why some do not count.

    Args:
        court: the revision.
        given: a file with the proof; None: beside the data, and in Git notes.

    Raises:
        UsageError: the file cannot be read.
        UnavailableError: the remote does not answer.
    """
    return _weighed(court, look_for(court.scene, court.signers, given))


def _weighed(court: Court, places: Iterable[Found]) -> tuple[list[Weighed], list[Refusal]]:
    refused: list[Refusal] = []
    bundles = bundles_of(places, refused.append)
    found = of_models(court.scene, weigh(court.scene, bundles, court.signers))
    return found, [*refused, *(refusal for each in found for refusal in each.refused)]


def proof_of(found: Sequence[Weighed], name: str, outputs: dict[str, str]) -> Weighed | None:
    """The proof that counts for a model.

    Args:
        found: what was weighed.
        name: the model's.
        outputs: output -> digest, as text; the proof has to be about just these.
    """
    for each in found:
        verdict = each.verdict
        if each.counts and verdict is not None and verdict.model == name:
            said = {out.path: str(out.locked) for out in verdict.outputs}
            if said == outputs:
                return each
    return None


def refusal_of(version: ModelVersion, directory: Path, progress: Progress) -> str | None:
    """Why no signed proof stands behind a model version; None where one does.

    Args:
        version: its commit has to be in the clone.
        directory: in the DVC project that it is of.
        progress: hears of the remote.

    Raises:
        UsageError, ConfigError, UnavailableError: as `court_of` and `weighed`.
    """
    scene, _ = open_scene(Request(directory, revision=version.commit or ""), progress)
    court, outputs = court_of(scene, progress), version.digests("outputs") or {}
    # A proof in Git's notes is enough, also while the remote does not answer.
    found, refused = _weighed(court, noted(scene))
    if proof_of(found, version.name, outputs) is None:
        found, refused = weighed(court, None)
    if proof_of(found, version.name, outputs) is not None:
        return None
    why = f": {refused[0].why}" if refused else ""
    return f"no signed proof of it counts by [[trust]]{why}"
