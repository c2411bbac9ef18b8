"""Objects and files that SOPS encrypted: what is applied is what it makes of them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from lockproof.model.later import later

_VALUE = "ENC[AES256_GCM,"
_LATER = "${SOPS}"
_WHOLE = later(
    r"ENC\[AES256_GCM,data:[A-Za-z0-9+/=]*+,iv:[A-Za-z0-9+/=]++,tag:[A-Za-z0-9+/=]++,"
    r"type:[a-z]{3,7}\]"
)
_KEYS = ("age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "hckms", "key_groups")
"""What it keeps lists of, of those who may decrypt."""
_PARTS = frozenset(
    f"{which}_{by}"
    for which in ("encrypted", "unencrypted")
    for by in ("regex", "suffix", "comment_regex")
) - {"unencrypted_suffix"}
"""Settings by which it encrypts a part. One of those that are left out is there by default."""
_SETTINGS = {"version", "lastmodified", "shamir_threshold", "mac_only_encrypted"} | {
    *_PARTS,
    "unencrypted_suffix",
}
_OF_KEYS = (
    "recipient|enc|created_at|fp|arn|role|aws_profile|resource_id|vault_?[uU][rR][lL]|name|version"
    "|vault_address|engine_path|key_name|key_id"
)
_OF_LIST = later(_OF_KEYS)
_FLAT = later(rf"(?:{'|'.join(_KEYS)})__list_\d++__(?:map_(?:{_OF_KEYS}))")
"""Of a list in a file of variables or INI."""
_ARMOUR = later(r"-----(?:BEGIN|END) [A-Z ]++-----|=?[A-Za-z0-9+/]++={0,2}|(?:Version|Comment): .*")
_HEAD = later(r"\[[\w. -]++\]\s*+")
"""Of a section of INI."""
_MANY = '"""'
"""Around a text of several lines in INI."""
_ITEM = later(r"\s*+(?:- )*+")
"""What a line of YAML begins with."""
_QUOTED = later(r""""(?:[^"\\]|\\.)*+"|'(?:[^']|'')*+'""")
_COMMENT = later(r"(?<!\s)\s++[#;]\s*+(ENC\[.*)")
_NOTHING = frozenset({"", "''", '""', "[]", "{}", "null", "~", "[", "{", "]", "}"})
"""What SOPS leaves as it is."""


class Clear(NamedTuple):
    """A value that stands in clear in a file that SOPS encrypted."""

    section: str
    """The field of the file's top that it stands in."""
    key: str
    text: str
    is_left: bool
    """Whether SOPS was told to encrypt a part, and may have left it: the caller looks at it."""


def is_encrypted(value: Mapping[str, Any]) -> bool:
    """Whether an object was encrypted by SOPS."""
    stated = value.get("sops")
    return isinstance(stated, Mapping) and str(stated.get("mac")).startswith(_VALUE)


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
    return _LATER if isinstance(value, str) and is_encrypted_value(value) else value


def is_encrypted_value(text: str) -> bool:
    """Whether a text is one value that SOPS encrypted, and nothing else."""
    return _WHOLE.fullmatch(text.strip()) is not None


def is_of_sops(key: str) -> bool:
    """Whether a variable is one that SOPS adds to a file of them, and leaves in clear."""
    name = key.removeprefix("sops_")
    return name != key and (name in _SETTINGS or _FLAT.fullmatch(name) is not None)


def left_clear(text: str) -> list[Clear] | None:
    """What stands in clear in a file that SOPS encrypted; None where it is no such file.

    SOPS writes each value in a line of its own, whatever the format: YAML, JSON, variables or
    INI. What is in such a line beside a key and one encrypted value is in clear, and so is what
    stands among the settings of SOPS and is none. Keys are no values.
    """
    if _VALUE not in text or "sops" not in text:
        return None
    if text.lstrip().startswith("{"):
        return _in_json(text)
    found: list[Clear] = []
    for document in re.split(r"^---[ \t\r]*$", text, flags=re.MULTILINE):
        if document.strip():
            clear = _in_lines(document)
            if clear is None:
                return None
            found += clear
    return found


def _in_json(text: str) -> list[Clear] | None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(made := dict(pairs)) != len(pairs):
            raise ValueError("a key twice, of which the first is lost")
        return made

    try:
        value = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not is_encrypted(value):
        return None
    in_part = not _PARTS.isdisjoint(value["sops"])
    return [
        Clear(key, name, leaf, in_part or _is_left(key, name))
        for key, inner in value.items()
        if key != "sops"
        for name, leaf in _leaves(inner, key)
    ] + [Clear("sops", *other, False) for other in _foreign(value["sops"])]


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, key if isinstance(value, list) else str(name))
    elif value not in ("", None) and not is_encrypted_value(str(value)):
        yield key, str(value)


def _foreign(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What stands among the settings of SOPS and is none."""
    for key, value in settings.items():
        if key in _KEYS:
            for item in value if isinstance(value, list) else [value]:
                yield from _foreign(item) if isinstance(item, dict) else _leaves(item, key)
        elif key != "context" and not (_is_setting(key) and not isinstance(value, dict | list)):
            yield from _leaves(value, key)


def _is_left(section: str, key: str) -> bool:
    """Whether a value is one that SOPS leaves where nothing else is said."""
    return section.endswith("_unencrypted") or key.endswith("_unencrypted")


def _is_setting(key: str) -> bool:
    return key in _SETTINGS or _OF_LIST.fullmatch(key) is not None


def _in_lines(document: str) -> list[Clear] | None:
    section, own = "", list[str]()
    found: list[tuple[str, str, str]] = []
    for line in document.splitlines():
        content = line.strip()
        if line[:1] not in ("", " ", "\t", "-", "#") and (section != "[sops]" or line[0] == "["):
            section = "[sops]" if content == "[sops]" else line.partition(":")[0].strip("\"' ")
            if section in ("sops", "[sops]") and content in ("sops:", "[sops]"):
                continue
        if section in ("sops", "[sops]"):
            own.append(line)
        elif content.startswith("sops_") and "=" in content:
            own.append(content.removeprefix("sops_"))
        elif not (_is_closed(content) or _HEAD.fullmatch(line)):
            key = min((content.lstrip("- ").partition(mark)[0] for mark in ":="), key=len)
            found.append((section, key.strip("\"' "), content))
    names, foreign = _settings_in(own)
    if "mac" not in names:
        return None
    in_part = not _PARTS.isdisjoint(names)
    return [Clear(*one, in_part or _is_left(*one[:2])) for one in found] + [
        Clear("sops", key, text, False) for key, text in foreign
    ]


def _settings_in(lines: Iterable[str]) -> tuple[set[str], list[tuple[str, str]]]:
    """The names among lines of settings of SOPS, and what is none of them."""
    names, foreign = set[str](), list[tuple[str, str]]()
    around, above = "", 0  # What holds a text of several lines or any names, and its indentation.
    for line in lines:
        indent = _ITEM.match(line).end()  # type: ignore[union-attr]  # It matches nothing as well.
        content = line[indent:].rstrip()
        if around and content and indent <= above:
            around = ""
        if around == _MANY and content.endswith(_MANY):
            around = ""
            content = content.removesuffix(_MANY)
            if _ARMOUR.fullmatch(content):
                continue
        if not content or around == "context" or (around and _ARMOUR.fullmatch(content)):
            continue
        mark = min((found for found in map(content.find, ":=") if found > 0), default=len(content))
        key, value = content[:mark].strip("\"' "), content[mark + 1 :].strip("\"' ")
        if (key == "mac" and is_encrypted_value(value)) or (key in _KEYS and value in _NOTHING):
            names.add(key)
        elif (key == "context" and not value) or (key == "enc" and value[:1] in ("|", ">")):
            around, above = key, indent
        elif _is_setting(key) or _FLAT.fullmatch(key):
            names.add(key)
            raw = content[mark + 1 :].lstrip()
            if raw.startswith(_MANY) and raw.count(_MANY) == 1:
                around, above = _MANY, -1
        else:
            foreign.append((key, content))
    return names, foreign


def _is_closed(content: str) -> bool:
    """Whether a line has no value in clear."""
    at = content.find(_VALUE)
    if at >= 0:
        value = content[at:]
        if comment := _COMMENT.search(value):
            if not is_encrypted_value(comment[1]):
                return False
            value = value[: comment.start()]
        return _is_head(content[:at]) and is_encrypted_value(value.rstrip("'\", "))
    if content.startswith(("#", ";")):
        return not content.strip("#; ")
    key, colon, value = content.lstrip("- ").partition(": ")
    return value.strip() in _NOTHING and (bool(colon) or key.endswith(":") or key in _NOTHING)


def _is_head(text: str) -> bool:
    """Whether what stands before a value is its key alone, or the mark of a comment or a list."""
    text = text.lstrip("- ")
    if text and text[-1] in "\"'":
        text = text[:-1]
    text = text.rstrip()
    if text in ("", "#", ";"):
        return True
    key = text[:-1].rstrip()
    if text[-1] not in ":=" or _QUOTED.fullmatch(key):
        return text[-1] in ":="
    # Nor is `k: :` one, as is `k =` of INI.
    return not any(mark in text[:-1] for mark in ("=", ": ", " #", '"', "'"))
