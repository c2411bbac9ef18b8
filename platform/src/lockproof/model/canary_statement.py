"""What a signed statement says of a canary: how a served version did beside the one before it."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from .base import Frozen
from .canary import CanarySeen
from .fields import Asked
from .statement import REFERENCE, ProvedOutput, payload, plain
from .verdict import Verdict

CANARY = f"{REFERENCE}/canary.schema.json#1"


class CanaryPredicate(Frozen):
    """How the canary of a model version ended, and by what that was judged."""

    version: Literal["1"]
    """Of this predicate."""
    model: str
    """The name of the registered model."""
    served: str
    """The version that the canary served, `models:/NAME/NUMBER`, as whoever signs says."""
    key: Annotated[str, Asked(pattern=r"^[0-9a-f]{64}$")]
    """What the version was registered as: its tag `lockproof.key`."""
    proof: Annotated[str, Asked(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the signed statement by which the version is proved."""
    verdict: Verdict
    """What followed for the canary."""
    canary: CanarySeen
    """Every measure, with its queries, figures and bounds."""
    report: Annotated[str, Asked(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the report that was signed, a JSON file."""
    tool: str
    """The lockproof that judged."""
    signed_at: str
    """UTC, RFC 3339, by the signer's clock."""


def canary_payload(outputs: Iterable[ProvedOutput], predicate: CanaryPredicate) -> bytes:
    """The bytes of the statement that are signed; its subjects are those of the proof."""
    said: Mapping[str, Any] = plain(predicate.model_dump(mode="json", exclude_defaults=True))
    return payload(outputs, CANARY, said)
