"""Whose proofs count: the signers that the trusted policy names, and who signed a proof."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lockproof.adapters.signing.interface import PublicKey, identity_fingerprint
from lockproof.config import FILE_NAME, Policy
from lockproof.errors import ConfigError
from lockproof.model.sealed import Sealed

from .interface import Scene

if TYPE_CHECKING:
    from lockproof.config import TrustRule


class Refusal(NamedTuple):
    """Why a proof does not count."""

    rule: str
    why: str


@dataclass(frozen=True)
class Signer:
    """A signer, by one table of the trusted policy."""

    rule: "TrustRule"
    fingerprint: str
    key: PublicKey | None
    """None where it is an identity."""

    @property
    def name(self) -> str:
        """For people."""
        return self.rule.key or f"{self.rule.identity} by {self.rule.issuer}"


def trusted_signers(scene: Scene) -> tuple[Signer, ...]:
    """The signers that the trusted policy names; their keys are read from where that is.

    Raises:
        ConfigError: a key is not there, or none.
        MissingExtraError: what checks signatures is not installed.
    """
    own = scene.request.policy
    if own is not None:  # A policy from elsewhere has its keys beside it.
        return signers_of(scene.policy, lambda name: key_beside(own, name))
    return signers_of(scene.policy, lambda name: _committed(scene, name))


def signers_of(policy: Policy, read: Callable[[str], bytes]) -> tuple[Signer, ...]:
    """The signers that a policy names; `read` gives the bytes of a key by its name there.

    Raises:
        ConfigError, MissingExtraError: as `trusted_signers`.
    """
    from lockproof.adapters.signing.keys import public_key, require_signing

    require_signing("a signed proof")
    if not policy.trust:
        raise ConfigError(
            f"{FILE_NAME} trusts no signer: name the keys or identities that may prove in [[trust]]"
        )
    found = []
    for rule in policy.trust:
        if rule.key is None:
            assert rule.identity is not None
            assert rule.issuer is not None
            name = identity_fingerprint(rule.identity, rule.issuer)
            found.append(Signer(rule, name, None))
            continue
        key = public_key(read(rule.key), f"the key {rule.key} of [[trust]]")
        found.append(Signer(rule, key.keyid, key))
    return tuple(found)


def key_beside(policy: Path, name: str) -> bytes:
    """The bytes of a key beside a policy file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return Path(os.path.realpath(policy)).parent.joinpath(name).read_bytes()
    except OSError as error:
        what = error.strerror or error
        raise ConfigError(f"cannot read the key {name} of [[trust]]: {what}") from error


def _committed(scene: Scene, name: str) -> bytes:
    content = scene.trusted.read(scene.git_path(name))
    if content is None:
        raise ConfigError(
            f"the key {name} of [[trust]] is not in Git where the policy is: commit the public key"
        )
    return content


def signed_by(sealed: Sealed, signers: Sequence[Signer]) -> tuple[Signer, ...] | Refusal:
    """The signers whose signature this is: one, by as many tables as name it."""
    from lockproof.adapters.signing.keys import signed_by as by_key

    found = [signer for signer in signers if signer.key and by_key(sealed, signer.key)]
    if found:
        return tuple(found)
    if sealed.certified:
        return _certified(sealed, signers)
    if any(signer.key and sealed.hint in (signer.fingerprint, "") for signer in signers):
        return Refusal(
            "LP722",
            "the signature is not of these bytes: they were changed after they were signed, or"
            " another key signed them",
        )
    return Refusal(
        "LP723",
        f"it is signed by the key {sealed.hint[:64]!r}, which no [[trust]] of the policy names",
    )


def _certified(sealed: Sealed, signers: Sequence[Signer]) -> tuple[Signer, ...] | Refusal:
    from lockproof.adapters.signing.keyless import signed_as

    why = "no [[trust]] of the policy names an identity, and it brings a certificate"
    found = []
    for signer in signers:
        if signer.rule.identity is None or signer.rule.issuer is None:
            continue
        refused = signed_as(sealed, signer.rule.identity, signer.rule.issuer)
        if refused is None:
            found.append(signer)
        else:
            why = f"its certificate is not that of {signer.name}: {refused}"
    return tuple(found) or Refusal("LP723", why)
