"""Signed proofs: made by `attest`, looked at by `verify`, and taken by the gate."""

from .attest import Attested, attest
from .request import AttestRequest, VerifyRequest
from .verify import Verified, verify

__all__ = ["AttestRequest", "Attested", "Verified", "VerifyRequest", "attest", "verify"]
