"""Secrets in files, by Kingfisher: without network, and without comments that switch it off."""

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lockproof.errors import MissingExtraError

from .files import cache_root

# Made-up passwords in examples: `${TOKEN}`, `<password>`, `{{ secret }}`, `$PASSWORD`, `xxx`.
_PLACEHOLDER = re.compile(
    rb"[<{$%*].*|x+|\.+|(?:your[-_ ]?)?(?:password|passwd|pass|pw|secret|token)", re.IGNORECASE
)
# As DVC and rclone write it into their configuration: a name without `aws` beside it is nobody's.
_SECRET_KEY = re.compile(
    rb"\bsecret_access_key\s*[=:]\s*[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])"
)
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
        for found in self._scanner.scan(content, timeout=_SECONDS):
            # What is not visible is only looked for as a part of something else.
            if found.visible and not _PLACEHOLDER.fullmatch(found.secret.encode()):
                yield Secret(found.rule_id.partition(".")[2], found.location["line"])
        for match in _SECRET_KEY.finditer(content):
            yield Secret("secret-access-key", content.count(b"\n", 0, match.start()) + 1)

    @cached_property
    def _scanner(self) -> Any:
        from kingfisher_sdk import Rules, Scanner

        # A few seconds for the first time on a machine. No policy is given: it would believe
        # comments that a pull request can write.
        return Scanner(Rules(cache_dir=cache_root() / "secrets"), redact=False)
