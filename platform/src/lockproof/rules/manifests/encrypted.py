"""Objects that SOPS encrypted: what is applied is what it makes of them, without its own field."""

from collections.abc import Mapping
from typing import Any

_VALUE = "ENC[AES256_GCM,"
_LATER = "${SOPS}"


def is_encrypted(value: Mapping[str, Any]) -> bool:
    """Whether an object was encrypted by SOPS."""
    stated = value.get("sops")
    return isinstance(stated, Mapping) and "mac" in stated


def as_applied(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """An object as it is applied, what is encrypted in it as something that is filled in later."""
    if not is_encrypted(value):
        return value
    return {key: _filled(inner) for key, inner in value.items() if key != "sops"}


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner) for inner in value]
    return _LATER if isinstance(value, str) and value.startswith(_VALUE) else value


def holds_encrypted(text: str) -> bool:
    """Whether a text is a value that SOPS encrypted, or a whole file that it did."""
    return text.startswith(_VALUE) or (_VALUE in text and "sops" in text)
