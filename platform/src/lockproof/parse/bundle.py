"""Signed proofs as they are stored: lines of JSON, each a Sigstore bundle around a statement.

Nothing is believed here: whoever reads checks the signatures first.
"""

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, TypeVar

from lockproof.errors import ConfigError, unreadable
from lockproof.model.base import Frozen
from lockproof.model.canary_statement import CANARY, CanaryPredicate
from lockproof.model.metrics import without_duplicates
from lockproof.model.sealed import MEDIA_TYPE, MOST_BYTES, Sealed
from lockproof.model.statement import PAYLOAD_TYPE, VERDICT, Statement, VerdictPredicate

if TYPE_CHECKING:
    from pydantic import ValidationError

MOST_LINES = 1000
_Model = TypeVar("_Model", bound=Frozen)


def read_bundles(content: bytes, name: str) -> tuple[Sealed, ...]:
    """The bundles of a file: one, or one in each line.

    Raises:
        ConfigError: it is too large, or a line is no Sigstore bundle (v0.3) with a DSSE envelope
            of an in-toto statement.
    """
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{name} is larger than 64 MiB, which no proof is")
    try:
        lines = _lines(content.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is no proof: it is not UTF-8") from error
    if not lines or len(lines) > MOST_LINES:
        what = f"more than {MOST_LINES} bundles" if lines else "nothing"
        raise ConfigError(f"{name} is no proof: there is {what} in it")
    return tuple(_sealed(line, f"{name}:{number}") for number, line in enumerate(lines, 1))


def _lines(text: str) -> list[str]:
    # One bundle may stand in many lines, as other tools write it.
    if text.lstrip().startswith("{\n") or text.lstrip().startswith("{\r"):
        return [text]
    return [line for line in text.split("\n") if line.strip()]


def _sealed(line: str, where: str) -> Sealed:
    try:
        bundle = _json(line)
        if bundle["mediaType"] != MEDIA_TYPE:
            raise ValueError(f"its mediaType is not {MEDIA_TYPE}")
        envelope, material = bundle["dsseEnvelope"], bundle["verificationMaterial"]
        if envelope["payloadType"] != PAYLOAD_TYPE:
            raise ValueError(f"its payloadType is not {PAYLOAD_TYPE}")
        signatures = tuple(_bytes(each["sig"]) for each in envelope["signatures"])
        if len(signatures) != 1:
            raise ValueError(f"it has {len(signatures)} signatures and not one")
        key = material.get("publicKey")
        return Sealed(
            line=line,
            payload=_bytes(envelope["payload"]),
            signatures=signatures,
            hint=_text(key.get("hint", "")) if key else "",
            certified="certificate" in material or "x509CertificateChain" in material,
        )
    except KeyError as error:
        raise ConfigError(f"{where} is no bundle: it has no {str(error)[:80]}") from error
    except (TypeError, AttributeError) as error:
        raise ConfigError(f"{where} is no bundle: a part of it has the wrong type") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where} is no bundle: {unreadable(error)}") from error


def read_statement(sealed: Sealed) -> Statement:
    """The statement in an envelope.

    Raises:
        ConfigError: it is no in-toto Statement v1, or not in its canonical form where it is ours.
    """
    from pydantic import ValidationError  # Where there is no proof, none of it is needed.

    try:
        return Statement.model_validate(_json(sealed.payload.decode()))
    except ValidationError as error:
        raise ConfigError(f"no in-toto Statement v1: {_first(error)}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"no in-toto Statement v1: {unreadable(error)}") from error


def read_verdict(statement: Statement) -> VerdictPredicate:
    """The verdict that a statement holds.

    Raises:
        ConfigError: it is another predicate, one of another version, or not well formed.
    """
    return _predicate(statement, VERDICT, VerdictPredicate, "verdict")


def read_canary(statement: Statement) -> CanaryPredicate:
    """What a statement says of a canary.

    Raises:
        ConfigError: it is another predicate, one of another version, or not well formed.
    """
    return _predicate(statement, CANARY, CanaryPredicate, "canary")


def _predicate(statement: Statement, kind: str, model: type[_Model], noun: str) -> _Model:
    from pydantic import ValidationError

    if statement.predicate_type != kind:
        raise ConfigError(f"its predicate is {statement.predicate_type[:200]!r} and not {kind}")
    try:
        return model.model_validate_json(json.dumps(statement.predicate), strict=True)
    except ValidationError as error:
        raise ConfigError(f"no {noun} of version 1: {_first(error)}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"no {noun} of version 1: {unreadable(error)}") from error


def _json(text: str) -> dict[str, Any]:
    value = json.loads(text, object_pairs_hook=without_duplicates)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value


def _bytes(text: object) -> bytes:
    try:
        return base64.b64decode(_text(text), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("a part of it is no base64") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _first(error: "ValidationError") -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{where[:200]}: {first['msg'][:200]}"
