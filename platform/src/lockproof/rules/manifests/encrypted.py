"""Objects and files that SOPS encrypted: what is applied is what it makes of them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_VALUE = "ENC[AES256_GCM,"
_LATER = "${SOPS}"
_WHOLE = re.compile(
    r"ENC\[AES256_GCM,data:[A-Za-z0-9+/=]*+,iv:[A-Za-z0-9+/=]++,tag:[A-Za-z0-9+/=]++,"
    r"type:[a-z]{3,7}\]"
)
_OF_SOPS = re.compile(
    r"sops_(?:mac|version|lastmodified|shamir_threshold|mac_only_encrypted"
    r"|(?:un)?encrypted_(?:comment_)?(?:regex|suffix)"
    r"|(?:age|pgp|kms|gcp_kms|azure_kv|hc_vault|hckms)__list_\d++__map_\w++)"
)
"""Keys of its own among those of a file of variables."""
_PARTS = re.compile(
    r"^[ \t]*+\"?(?:sops_)?(?:encrypted_regex|encrypted_suffix|unencrypted_regex)\b", re.MULTILINE
)
_HEAD = re.compile(r"\[[\w. -]++\]\s*+")
"""Of a section of INI."""
_NOTHING = frozenset({"", "''", '""', "[]", "{}", "null", "~", "[", "{", "]", "}"})
"""What SOPS leaves as it is."""


class Clear(NamedTuple):
    """A value that stands in clear in a file that SOPS encrypted."""

    section: str
    """The field of the file's top that it stands in."""
    key: str
    text: str


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


def is_encrypted_value(text: str) -> bool:
    """Whether a text is one value that SOPS encrypted, and nothing else."""
    return _WHOLE.fullmatch(text.strip()) is not None


def is_of_sops(key: str) -> bool:
    """Whether a variable is one that SOPS adds to a file of them."""
    return _OF_SOPS.fullmatch(key) is not None


def left_clear(text: str) -> list[Clear] | None:
    """What stands in clear in a file that SOPS encrypted; None where it is no such file.

    SOPS writes each value in a line of its own, whatever the format: YAML, JSON, variables or
    INI. Where its settings say that it is to encrypt a part, only what stands in the `data` and
    `stringData` of a Secret has to be; the caller looks at the rest.
    """
    if _VALUE not in text or "sops" not in text:
        return None
    if text.lstrip().startswith("{"):
        return _in_json(text)
    found: list[Clear] = []
    for document in re.split(r"^---[^\n]*$", text, flags=re.MULTILINE):
        if document.strip():
            lines = list(_in_lines(document))
            if None in lines:
                found += [one for one in lines if one]
            else:
                return None
    return found


def is_of_a_part(text: str) -> bool:
    """Whether a file says of itself that SOPS was to encrypt a part of it."""
    return _PARTS.search(text) is not None


def _in_json(text: str) -> list[Clear] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not is_encrypted(value):
        return None
    return [
        clear for key, inner in value.items() if key != "sops" for clear in _leaves(inner, key, key)
    ]


def _leaves(value: Any, section: str, key: str) -> Iterator[Clear]:
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, section, key if isinstance(value, list) else str(name))
    elif value not in ("", None) and not is_encrypted_value(str(value)):
        yield Clear(section, key, str(value))


def _in_lines(document: str) -> Iterator[Clear | None]:
    """What is in clear, and None where its signature stands."""
    section = ""
    for line in document.splitlines():
        content = line.strip()
        if line[:1] not in ("", " ", "\t", "-", "#") and (section != "[sops]" or line[0] == "["):
            section = "[sops]" if content == "[sops]" else line.partition(":")[0].strip("\"' ")
        if section in ("sops", "[sops]") or is_of_sops(content.partition("=")[0]):
            if content.startswith(("mac:", "mac ", "mac=", "sops_mac=")) and _VALUE in content:
                yield None
        elif not (_is_closed(content) or _HEAD.fullmatch(line)):
            key = min((content.lstrip("- ").partition(mark)[0] for mark in ":="), key=len)
            yield Clear(section, key.strip("\"' "), content)


def _is_closed(content: str) -> bool:
    """Whether a line has no value in clear."""
    at = content.find(_VALUE)
    if at >= 0:
        before = content[:at].rstrip().rstrip("'\"").rstrip()
        return before[-1:] in ("", ":", "=", "-", "#", ";") and is_encrypted_value(
            content[at:].rstrip("'\", ")
        )
    if content.startswith(("#", ";")):
        return not content.strip("#; ")
    key, colon, value = content.lstrip("- ").partition(": ")
    return value.strip() in _NOTHING and (bool(colon) or key.endswith(":") or key in _NOTHING)
