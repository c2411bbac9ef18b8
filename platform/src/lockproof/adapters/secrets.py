"""Secrets in files, by Kingfisher: without network, and without comments that switch it off."""

import base64
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lockproof.errors import MissingExtraError

from .files import cache_root

# Made-up passwords in examples: `${TOKEN}`, `<password>`, `{{ secret }}`, `$PASSWORD`, `xxx`. A
# password in an address may begin with `%40`, which is an @.
_PLACEHOLDER = re.compile(
    rb"[<{].*|\\*\$(?:[{(].*|\$?[A-Za-z_]\w*)?|%(?:\(.*|\{.*|\w+%|[sdv])?|[x*]+|\.+"
    rb"|(?:(?:your|my)?[-_ ]?)(?:password|passwd|pass|pwd|pw|secret|token)"
    rb"|change[-_ ]?(?:me|it)|redacted|example|placeholder",
    re.IGNORECASE,
)
_NEAR = re.compile(r"[\w-]+|127\.[\d.]+|\[::1\]|host\.docker\.internal", re.ASCII)
"""This machine, or a name that only those beside it know, as of a service in a compose file."""
_NO_USER = re.compile(r"[\"'`,;|?#()\[\]]")
"""Between an address and a later `@`, as in JSON without spaces and in CSV."""
# Kingfisher asks for the id of the key beside it, which another file may have.
_SECRET_KEY = re.compile(
    rb"[sS](?:ecret[-_]access[-_]key|ECRET_ACCESS_KEY|ecretAccessKey)[\"']?\s*[=:]\s*[\"']?"
    rb"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
_OF_DVC = re.compile(
    rb"^[ \t]*\[[ \t]*[\"']*(?:(?:remote|db)[ \t]*\"|studio[ \t]*[\"']*\])",
    re.MULTILINE | re.IGNORECASE,
)
_OPTION = re.compile(
    rb"^[ \t]*[\"']?(password|passphrase|(?:sas_|session_)?token|account_key|connection_string"
    rb"|sse_customer_key|(?:gdrive_)?client_secret|oss_key_secret)[\"']?[ \t]*=[ \t]*[\"']*"
    rb"([^\s\"']+)",
    re.MULTILINE | re.IGNORECASE,
)
"""In DVC's configuration (dvc/config_schema.py), which takes names in any case; Kingfisher knows
none of them."""
_NETRC = re.compile(
    rb"\bmachine\s{1,99}\S{1,256}\s{1,99}login\s{1,99}\S{1,256}\s{1,99}password\s{1,99}([^\s\"'`]+)"
)
_DOCKER = re.compile(rb"\"auth\"\s*:\s*\"([A-Za-z0-9+/]{4,}={0,2})\"")
"""A login for a registry, `user:password` in base64."""
_ADDRESS = re.compile(
    rb"://([^\s:/@\"'`,;|?#()\[\]]{0,256}):([^\s/@\"`]{1,256})@([^\s/@]{1,256})"
    rb"|\bjdbc:[^\s\"'`<>?&;]{1,256}[?&;](?:[^\s\"'`<>?&;]{1,99}[?&;]){0,9}password="
    rb"([^\s\"'`<>&;]{1,256})",
    re.IGNORECASE,
)
"""What stands before the path of an address, whatever its scheme, with a user and a password; or a
password in what follows it, as drivers of Java take it."""
_SECONDS = 60.0
"""For one file; the scanner takes milliseconds for a megabyte."""


@dataclass(frozen=True)
class Secret:
    """A secret that was found. What it is stays out of this value, and so out of reports."""

    kind: str
    """Such as `github-pat`."""
    line: int
    """From 1."""


@dataclass(frozen=True)
class SecretScanner:
    """Kingfisher's rules."""

    @classmethod
    def open(cls) -> "SecretScanner":
        """Find the scanner.

        Raises:
            MissingExtraError: it is not installed.
        """
        if importlib.util.find_spec("kingfisher_sdk") is None:
            raise MissingExtraError("secrets", "looking for secrets")
        return cls()

    def scan(self, content: bytes) -> list[Secret]:
        """What is secret in a file, each kind once per line.

        Raises:
            TimeoutError: the file takes more than a minute.
        """
        return sorted(set(self._found(content)), key=lambda secret: (secret.line, secret.kind))

    def _found(self, content: bytes) -> Iterator[Secret]:
        yield from self._by_rules(content)
        for line, match in _numbered(_SECRET_KEY, content):
            if not (b"EXAMPLE" in match[1] or _PLACEHOLDER.fullmatch(match[1])):
                yield Secret("secret-access-key", line)
        for line, match in _numbered(_OPTION, content) if _OF_DVC.search(content) else ():
            if not _PLACEHOLDER.fullmatch(match[2]):
                yield Secret(match[1].decode().lower().replace("_", "-"), line)
        for line, match in _numbered(_NETRC, content):
            if not _PLACEHOLDER.fullmatch(match[1]):
                yield Secret("netrc-password", line)
        for line, match in _numbered(_DOCKER, content) if b'"auths"' in content else ():
            if _is_login(match[1]):
                yield Secret("docker-login", line)
        # Kingfisher knows a password in the address of a few schemes, https among them.
        addresses = list(_numbered(_ADDRESS, content))
        if addresses:
            parts = [
                (m[1] or b"user", (m[2] or m[4]).replace(b":", b"%3A"), m[3] or b"db.invalid")
                for _, m in addresses
            ]
            shown = b"".join(b"https://%b:%b@%b/\n" % each for each in parts)
            for found in self._by_rules(shown):
                yield Secret(found.kind, addresses[found.line - 1][0])

    def _by_rules(self, content: bytes) -> Iterator[Secret]:
        for found in self._scanner.scan(content, timeout=_SECONDS):
            # What is not visible is only looked for as a part of something else.
            if found.visible and not _is_made_up(found.secret, found.captures):
                yield Secret(found.rule_id.partition(".")[2], found.location["line"])

    @cached_property
    def _scanner(self) -> Any:
        from kingfisher_sdk import Rules, Scanner

        # A few seconds for the first time on a machine. No policy is given: it would believe
        # comments that a pull request can write.
        return Scanner(Rules(cache_dir=cache_root() / "secrets"), redact=False)


def _numbered(pattern: re.Pattern[bytes], content: bytes) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Where a pattern is found: the line, from 1, and the match."""
    line, last = 1, 0
    for match in pattern.finditer(content):
        at = match.start(match.lastindex or 0)
        line, last = line + content.count(b"\n", last, at), at
        yield line, match


def _is_made_up(secret: str, parts: Mapping[str, str]) -> bool:
    """Whether it stands for a secret, or is what services near by are set up with by default."""
    password = parts.get("password", secret)
    user, host = parts.get("username"), parts.get("host", "").rpartition("@")[2]
    if user and _NO_USER.search(user):
        return True
    if password == user and _NEAR.fullmatch(re.sub(r":\d+$", "", host)):
        return True
    return _PLACEHOLDER.fullmatch(password.encode()) is not None


def _is_login(text: bytes) -> bool:
    try:
        user, colon, password = base64.b64decode(text, validate=True).partition(b":")
    except ValueError:
        return False
    return bool(user and colon and password) and not _PLACEHOLDER.fullmatch(password.rstrip())
