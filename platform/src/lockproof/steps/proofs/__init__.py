"""Signed proofs: made by `attest`, looked at by `verify`, and taken by the gate."""

from .attest import Attested, attest
from .bring import bring
from .request import AttestRequest, BringRequest, VerifyRequest
from .verify import Verified, verify

__all__ = [
    "AttestRequest",
    "Attested",
    "BringRequest",
    "Verified",
    "VerifyRequest",
    "attest",
    "bring",
    "verify",
]
