"""Sigstore: a certificate for the identity that a CI system vouches for, in place of a key."""

import json
from datetime import UTC, datetime
from typing import Any

from lockproof.errors import UnavailableError, UsageError
from lockproof.model.sealed import Sealed

from .interface import identity_fingerprint

NAME = "sigstore"


class Keyless:
    """Signs as the CI job that it runs in (GitHub's and GitLab's ambient OpenID Connect)."""

    def __init__(self) -> None:
        """Ask the CI system who this is.

        Raises:
            UsageError: nothing here says so.
            UnavailableError: Sigstore, or the CI system, does not answer.
        """
        from sigstore.oidc import IdentityError, IdentityToken, detect_credential

        try:
            token = detect_credential()
        except IdentityError as error:
            raise UnavailableError(f"the CI system gives no identity token: {error}") from error
        if token is None:
            raise UsageError(
                "--signer sigstore: no identity token is to be had here: run it in a GitHub job"
                " with 'permissions: id-token: write', or in a GitLab job with id_tokens"
                " SIGSTORE_ID_TOKEN; or sign with --key"
            )
        self._token = IdentityToken(token)
        self.name = f"{self._token.identity} by {self._token.federated_issuer}"
        self.fingerprint = identity_fingerprint(self._token.identity, self._token.federated_issuer)

    def seal(self, payload: bytes) -> str:
        """Get a certificate, sign, and have it logged."""
        from sigstore.dsse import Statement
        from sigstore.models import ClientTrustConfig
        from sigstore.sign import SigningContext

        try:
            context = SigningContext.from_trust_config(ClientTrustConfig.production())
            with context.signer(self._token) as signer:
                return str(signer.sign_dsse(Statement(payload)).to_json())
        except Exception as error:  # Of four services, each with errors of its own.
            what = str(error) or type(error).__name__
            raise UnavailableError(f"Sigstore does not sign: {what}") from error

    def sealed(self, sealed: Sealed) -> bool:
        """Whether this identity made a bundle."""
        return signed_as(sealed, self._token.identity, self._token.federated_issuer) is None


def signed_as(sealed: Sealed, identity: str, issuer: str, verifier: Any = None) -> str | None:
    """Why a bundle is not signed by an identity; None where it is. Asks nobody.

    The certificate has to be of Sigstore's public instance, as the installed library knows it, and
    valid at the time that the transparency log states. Nothing in HOME or a cache counts.

    Args:
        sealed: the bundle.
        identity: whom the certificate has to name.
        issuer: who has to have vouched for it.
        verifier: Sigstore's, of another instance than the public one.

    Raises:
        UsageError: the library brings nothing to check by.
    """
    from sigstore.errors import Error, VerificationError
    from sigstore.models import Bundle, InvalidBundle
    from sigstore.verify.policy import Identity

    if not sealed.certified:
        return "it brings no certificate"
    verifier = verifier or public_instance()
    try:
        bundle = Bundle.from_json(sealed.line)
        _kind, payload = verifier.verify_dsse(bundle, Identity(identity=identity, issuer=issuer))
    except InvalidBundle as error:
        return f"its certificate or log entry cannot be read: {error}"
    except VerificationError as error:
        return _outside(sealed, bundle.signing_certificate) or str(error)
    except (Error, *_NO_TIME) as error:
        return f"Sigstore's library refuses it: {error}"
    return None if payload == sealed.payload else "its envelope holds something else"


def public_instance() -> Any:
    """What verifies by the trusted root that the installed library brings.

    The library's own way without the network takes an unverified one from the user's cache first,
    where others may write: another container with the same /tmp, a model version below HOME.

    Raises:
        UsageError: it brings none.
    """
    from importlib.resources import as_file, files

    from sigstore.errors import Error
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

    try:
        with as_file(files("sigstore").joinpath("_store", _PUBLIC, _ROOT)) as path:
            return Verifier(trusted_root=TrustedRoot.from_file(str(path)))
    except (Error, OSError, ValueError) as error:
        raise UsageError(
            f"the installed sigstore brings no trusted root of the public instance ({error}):"
            " install lockproof's extra 'signing' again"
        ) from error


_PUBLIC = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
"""Sigstore's public instance, as the library names its folder."""
_ROOT = "trusted_root.json"
_NO_TIME = (ValueError, OverflowError, OSError)
"""What a number of seconds beyond all clocks raises, which one as the machine has it."""


def _outside(sealed: Sealed, certificate: Any) -> str | None:
    """Whether it was signed when its certificate was not valid: the library's words are X.509's."""
    entries = json.loads(sealed.line)["verificationMaterial"].get("tlogEntries") or [{}]
    try:
        at = datetime.fromtimestamp(int(entries[0]["integratedTime"]), UTC)
    except (KeyError, *_NO_TIME):
        return None
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if begins <= at <= ends:
        return None
    first, last, then = (f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (begins, ends, at))
    return (
        f"its certificate was valid from {first} to {last}, and the log took the signature at"
        f" {then}: sign it again"
    )
