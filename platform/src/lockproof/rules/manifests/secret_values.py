"""Secrets that stand in Git: what is one, and what is encrypted, a reference or public."""

import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, items, mapping

from .encrypted import is_encrypted_value, is_of_a_part, is_of_sops, left_clear
from .pods import Container, containers, pods
from .shape import at_place

_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")
_PUBLIC = re.compile(
    r"\s*+(?:-----BEGIN (?P<what>PUBLIC KEY|CERTIFICATE)-----[A-Za-z0-9+/=\s]*+"
    r"-----END (?P=what)-----\s*+)++"
)
_REFERENCE = re.compile(
    r"op://[^/\n]++/[^/\n]++/[^\n]++|ref\+(?!echo:)[a-z0-9]{1,20}://[^\n]++"
    r"|vault:[^\s/#]++/[^\s#]++#[^\s]++|<path:[^#>\n]++#[^>\n]++>"
    r"|\$\{[A-Za-z_]\w*+(?::[=-])?\}"
)
"""By which 1Password, vals, Vault and Flux put a secret in its place, when it is applied."""
_VARIABLE = re.compile(r"\s*\$\{[^{}]*+\}\s*")
"""What is a reference where something fills it in, and else is what stands there."""
_DEFAULTED = re.compile(r"\$\{[A-Za-z_]\w*+:?[=-]([^{}]++)\}")
"""Of Flux: a variable, and what is applied where it is not set."""
_AWS = re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")
_IN_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{0,30}+://[^/\s:@{}$]++:[^/\s:@{}$]++@")
_TOKENS = re.compile(r"\b(?:ghp_[0-9A-Za-z]{36}|glpat-[0-9A-Za-z_-]{20}|xox[bp]-[0-9A-Za-z-]{10,})")
_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:password|passwd|secret|token|api_?key|access_?key|private_?key)(?:$|[_-](?!file|path|name|ref|dir|ttl|url|id))",
    re.IGNORECASE,
)


def secret_findings(manifest: Manifest) -> Iterator[Finding]:
    """What is a secret, or has the name of one, and can be read in Git (LP625)."""
    if (manifest.group, manifest.kind) == ("", "Secret"):
        for field in ("data", "stringData"):
            held = mapping(manifest.value.get(field))
            for key, value in held.items():
                of_sops = is_of_sops(str(key)) and "sops_mac" in held
                if value and not (of_sops or _may_be_read(value)):
                    yield at_place(
                        "LP625",
                        manifest,
                        (field, key),
                        f"the value of '{key}' is in Git: keep it in a store of secrets",
                    )
        return
    if (manifest.group, manifest.kind) == ("", "ConfigMap"):
        yield from _settings(manifest)
    for pod in pods(manifest):
        for container in containers(pod):
            yield from _variables(container)
    for at, text in _texts(manifest.value, ()):
        if what := inline_secret(text):
            yield at_place(
                "LP625", manifest, at, f"{what} is in Git: revoke it, and refer to a Secret"
            )


def variables(manifest: Manifest) -> Iterator[tuple[At, str]]:
    """What would be secret if nothing filled it in: where it stands, and what it is the value of.

    Values that `secret_findings` takes for references; they themselves are never returned.
    """
    if manifest.group == "" and manifest.kind in ("Secret", "ConfigMap"):
        for field in ("data", "stringData"):
            for key, value in mapping(manifest.value.get(field)).items():
                named = manifest.kind == "Secret" or _SECRET_NAME.search(str(key))
                if named and _is_variable(value):
                    yield (field, key), f"the value of '{key}'"
    for pod in pods(manifest):
        for container in containers(pod):
            for at, variable in items(container.value.get("env"), (*container.at, "env")):
                name = str(variable.get("name"))
                if _SECRET_NAME.search(name) and _is_variable(variable.get("value")):
                    yield (*at, "value"), f"the value of {name}"


def _is_variable(value: Any) -> bool:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        return False
    return _REFERENCE.fullmatch(value.strip()) is not None


def _may_be_read(value: Any) -> bool:
    """Whether a text is encrypted, a reference, or public keys and certificates alone."""
    if not isinstance(value, str):
        return False
    if _REFERENCE.fullmatch(value.strip()):
        return True
    with suppress(ValueError):
        value = b64decode("".join(value.split()), validate=True).decode()
    return _PUBLIC.fullmatch(value) is not None or is_encrypted_value(value) or _is_closed(value)


def _is_closed(text: str) -> bool:
    """Whether a text is a file of which SOPS encrypted all that is secret."""
    clear = left_clear(text)
    if not clear or not is_of_a_part(text):
        return clear == []
    return not any(
        one.section in ("data", "stringData")
        or _SECRET_NAME.search(one.key)
        or inline_secret(one.text)
        for one in clear
    )


def inline_secret(text: str) -> str | None:
    """What kind of secret a text holds; None for none. The secret itself is never returned."""
    for pattern, what in (
        (_KEY, "a private key"),
        (_AWS, "an AWS access key"),
        (_IN_ADDRESS, "a password in an address"),
        (_TOKENS, "an access token"),
    ):
        if pattern.search(text):
            return what
    return None


def _settings(manifest: Manifest) -> Iterator[Finding]:
    """Passwords among what is no secret: by the names of single values."""
    for key, value in mapping(manifest.value.get("data")).items():
        if not isinstance(value, str) or not value.strip() or "\n" in value.strip():
            continue
        if default := _DEFAULTED.fullmatch(value.strip()):
            value = default[1]
        plain = value.strip().lower() in ("true", "false", "yes", "no", "none")
        if plain or value.strip().isdecimal() or "$" in value or inline_secret(value):
            continue
        if _SECRET_NAME.search(str(key)):
            yield at_place(
                "LP625",
                manifest,
                ("data", key),
                f"the value of '{key}' is in Git, and in a ConfigMap: keep it in a Secret, from a"
                " store of secrets",
            )


def _variables(container: Container) -> Iterator[Finding]:
    for at, variable in items(container.value.get("env"), (*container.at, "env")):
        name, value = variable.get("name"), variable.get("value")
        if not isinstance(name, str) or not isinstance(value, str) or not value:
            continue
        if "$(" in value or _REFERENCE.fullmatch(value.strip()) or inline_secret(value):
            continue
        if _SECRET_NAME.search(name):
            yield at_place(
                "LP625",
                container.pod.manifest,
                (*at, "value"),
                f"the variable {name} has its value in Git: use valueFrom.secretKeyRef",
                subject=f"{container.name} {name}",
            )


def _texts(value: Any, at: At) -> Iterator[tuple[At, str]]:
    for key, inner in enumerate(value) if isinstance(value, list) else mapping(value).items():
        if not isinstance(inner, str):
            yield from _texts(inner, (*at, key))
        elif len(inner) >= 16:
            yield (*at, key), inner
