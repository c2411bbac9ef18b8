"""Secrets that stand in Git: what is one, and what is encrypted, a reference or public."""

import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.later import later
from lockproof.model.manifest import At, Manifest, items, mapping

from .encrypted import is_encrypted_value, is_of_sops, left_clear
from .pods import Container, containers, pods
from .shape import at_place

_KEY = later(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----")
_PUBLIC = later(
    r"\s*+(?:-----BEGIN (?P<what>PUBLIC KEY|CERTIFICATE)-----[A-Za-z0-9+/=\s]*+"
    r"-----END (?P=what)-----\s*+)++"
)
_REFERENCE = later(
    r"op://[^/\n]++/[^/\n]++/[^\n]++|ref\+(?!echo:)[a-z0-9]{1,20}://[^\n]++"
    r"|vault:[^\s/#]++/[^\s#]++#[^\s]++|<path:[^#>\n]++#[^>\n]++>"
    r"|\$\{[A-Za-z_]\w*+(?::[=-])?\}"
)
"""By which 1Password, vals, Vault and Flux put a secret in its place, when it is applied."""
_FILLED_IN = later(
    r"(?<!\$)\$\((?P<variable>[A-Za-z_][\w.-]*+)\)|\$\{(?:[A-Za-z_]\w*+(?::[=-])?|(?:env|file):[\w./-]++)\}"
    r"|\$__(?:env|file)\{[^{}]++\}"
)
"""Variables of a container, of Flux, of the program that reads it, and of Grafana."""
_SCHEMES = later(r"\b(?:Basic|Bearer|Token)\b", re.IGNORECASE)
_DEFAULTED = later(r"\$\{[A-Za-z_]\w*+:?[=-]([^{}]++)\}")
"""Of Flux: a variable, and what is applied where it is not set."""
_AWS = later(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")
_IN_ADDRESS = later(
    r"\b[a-z][a-z0-9+.-]{0,30}+://[^/\s:@\"'`,;|?#()\[\]]*+:(?P<password>[^/\s@\"`]++)@(?!sha256:)"
    r"(?P<host>[\w.<>{}$-]*+)"
)
"""The user has no mark that stands after an address, as in JSON without spaces."""
_PLACES = later(
    r"\$?\{{1,2}+[^{}]*+\}{1,2}+|\$\([^()]*+\)|\$[A-Za-z_]\w*+|<[^<>]*+>|%[sdv]"
    r"|^(?:x++|redacted|your[-_ ]?\w++)$",
    re.IGNORECASE,
)
"""For a password to be put in an address, by a shell, a template or a person."""
_EXAMPLE = later(r"(?:my)?[-_ ]?(?:password|passwd|pass|pwd|pw|secret|token)", re.IGNORECASE)
_NOWHERE = later(
    r"(?:my|your)?[-_]?(?:host(?:[-_]?name)?|server|address)|(?:[\w-]++\.)*?example(?:\.[a-z]{2,4})?",
    re.IGNORECASE,
)
"""A host of examples, as in comments and in descriptions of fields."""
_TOKENS = later(r"\b(?:ghp_[0-9A-Za-z]{36}|glpat-[0-9A-Za-z_-]{20}|xox[bp]-[0-9A-Za-z-]{10,})")
_SIGNS = ("-----BEGIN ", "AKIA", "ASIA", "ghp_", "glpat-", "xox", "://")
"""One of these is in all that any of the patterns finds."""
_SECRET_NAME = later(
    r"(?:^|[._-])(?:password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key)"
    r"(?:$|[_-](?!file|path|name|ref|dir|ttl|url|id))|^pass$|(?<!proxy)[._-](?:pass|pwd)$"
    # Of PostgreSQL's and Redis's clients, and of sshpass.
    r"|^(?:pgpassword|rediscli_auth|sshpass)$",
    re.IGNORECASE,
)
_WORDS = frozenset({"", "true", "false", "yes", "no", "on", "off", "none", "null"})
"""What says whether there is to be a secret."""


def secret_findings(manifest: Manifest) -> Iterator[Finding]:
    """What is a secret, or has the name of one, and can be read in Git (LP625)."""
    if (manifest.group, manifest.kind) == ("", "Secret"):
        for field in ("data", "stringData"):
            held = mapping(manifest.value.get(field))
            for key, value in held.items():
                of_sops = is_of_sops(str(key)) and _may_be_read(held.get("sops_mac"))
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
    # Nearly all hold none, and where each text stands takes long to say.
    if any(map(inline_secret, _every_text(manifest.value))):
        for at, text in _texts(manifest.value, ()):
            if what := inline_secret(text):
                yield at_place("LP625", manifest, at, _revoke(what))


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
    return isinstance(value, str) and "${" in value and _is_filled_in(value)


def _is_filled_in(text: str, declared: Container | None = None) -> bool:
    """Whether a text is variables, and nothing that could be a secret beside them.

    Of a container's own a variable that it does not have is what it says.
    """

    def left(found: re.Match[str]) -> str:
        name = found["variable"]
        return found[0] if name and declared and not _has(declared, name) else ""

    rest = _FILLED_IN.sub(left, text)
    return rest != text and re.search(r"\w", _SCHEMES.sub("", rest)) is None


def _has(container: Container, name: str) -> bool:
    """Whether it may have a variable: what `envFrom` brings is not looked up."""
    stated = container.value
    names = (one.get("name") for _, one in items(stated.get("env"), ()))
    return (
        bool(stated.get("envFrom"))
        or name in names
        or re.search("_SERVICE_|_PORT", name) is not None
    )


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
    return clear is not None and not any(
        not one.is_left
        or one.section in ("data", "stringData")
        or _SECRET_NAME.search(one.key)
        or inline_secret(one.text)
        for one in clear
    )


def inline_secret(text: str) -> str | None:
    """What kind of secret a text holds; None for none. The secret itself is never returned."""
    if not any(sign in text for sign in _SIGNS):
        return None
    for pattern, what in (
        (_KEY, "a private key"),
        (_AWS, "an AWS access key"),
        (_TOKENS, "an access token"),
    ):
        if pattern.search(text):
            return what
    for found in _IN_ADDRESS.finditer(text) if "://" in text else ():
        password, host = found["password"], found["host"]
        shown = _EXAMPLE.fullmatch(password) and _NOWHERE.fullmatch(host)
        if not shown and re.search(r"\w", _PLACES.sub("", password)):
            return "a password in an address"
    return None


def _is_given(name: str, value: str, container: Container | None = None) -> bool:
    """Whether a value is the secret that its name says it is."""
    named = _SECRET_NAME.search(name)
    text = value.strip()
    if default := _DEFAULTED.fullmatch(text):
        text = default[1].strip()
    if not named or text.lower() in _WORDS or text.startswith("#!"):
        return False
    # Numbers are mostly lengths and times: token_days, password_min_length.
    if text.isdecimal() and (len(text) < 4 or named.end() < len(name)):
        return False
    return not (_is_filled_in(text, container) or _may_be_read(text) or inline_secret(text))


def _settings(manifest: Manifest) -> Iterator[Finding]:
    """Passwords among what is no secret: by the names of values."""
    for key, value in mapping(manifest.value.get("data")).items():
        if isinstance(value, str) and _is_given(str(key), value):
            yield _in_settings(manifest, ("data", key))
    for key, value in mapping(manifest.value.get("binaryData")).items():
        with suppress(ValueError, TypeError):
            text = b64decode("".join(value.split()), validate=True).decode("utf-8", "replace")
            if what := inline_secret(text):
                yield at_place("LP625", manifest, ("binaryData", key), _revoke(what))
            elif _is_given(str(key), text):
                yield _in_settings(manifest, ("binaryData", key))


def _in_settings(manifest: Manifest, at: At) -> Finding:
    text = f"the value of '{at[-1]}' is in Git, and in a ConfigMap"
    return at_place("LP625", manifest, at, f"{text}: keep it in a Secret, from a store of secrets")


def _revoke(what: str) -> str:
    return f"{what} is in Git: revoke it, and refer to a Secret"


def _variables(container: Container) -> Iterator[Finding]:
    for at, variable in items(container.value.get("env"), (*container.at, "env")):
        name, value = variable.get("name"), variable.get("value")
        if isinstance(name, str) and isinstance(value, str) and _is_given(name, value, container):
            yield at_place(
                "LP625",
                container.pod.manifest,
                (*at, "value"),
                f"the variable {name} has its value in Git: use valueFrom.secretKeyRef",
                subject=f"{container.name} {name}",
            )


def _every_text(value: Any) -> Iterator[str]:
    """Those of a value, wherever they stand."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            left += one
        else:
            left += mapping(one).values()


def _texts(value: Any, at: At) -> Iterator[tuple[At, str]]:
    for key, inner in enumerate(value) if isinstance(value, list) else mapping(value).items():
        if not isinstance(inner, str):
            yield from _texts(inner, (*at, key))
        elif len(inner) >= 16 or "://" in inner:
            yield (*at, key), inner
