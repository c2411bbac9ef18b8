"""Secrets in texts, by detect-secrets; without network, and without comments that switch it off."""

import importlib
import importlib.util
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lockproof.errors import MissingExtraError

# Detectors of what has a shape of its own. Those that take any random-looking text for a secret
# would find every digest of a lock file.
_DETECTORS = (
    "artifactory.ArtifactoryDetector",
    "aws.AWSKeyDetector",
    "azure_storage_key.AzureStorageKeyDetector",
    "basic_auth.BasicAuthDetector",
    "discord.DiscordBotTokenDetector",
    "github_token.GitHubTokenDetector",
    "jwt.JwtTokenDetector",
    "npm.NpmDetector",
    "sendgrid.SendGridDetector",
    "slack.SlackDetector",
    "square_oauth.SquareOAuthDetector",
    "stripe.StripeDetector",
    "twilio.TwilioKeyDetector",
)
# A whole key in one text: the scanner's own detector opens the file on disk.
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s*[A-Za-z0-9+/:]")
# Made-up passwords in examples: `${TOKEN}`, `<password>`, `{{ secret }}`, `$PASSWORD`, `xxx`.
_PLACEHOLDER = re.compile(
    r"[<{$%*].*|x+|\.+|(?:your[-_ ]?)?(?:password|passwd|pass|pw|secret|token)"
)
# AWS's own examples, and commits.
_INNOCENT = re.compile(r"EXAMPLE(?:KEY)?$|^[0-9a-f]{40}$")
_LONGEST_LINE = 4000


@dataclass(frozen=True)
class Secret:
    """A secret that was found. What it is stays out of this value, and so out of reports."""

    kind: str
    """Such as `AWS Access Key`."""
    line: int
    """From 1."""


@dataclass(frozen=True)
class SecretScanner:
    """The detectors."""

    @classmethod
    def open(cls) -> "SecretScanner":
        """Find the scanner.

        Raises:
            MissingExtraError: it is not installed.
        """
        if importlib.util.find_spec("detect_secrets") is None:
            raise MissingExtraError("secrets", "looking for secrets")
        return cls()

    def scan(self, text: str) -> list[Secret]:
        """What is secret in a text, each kind once per line.

        Lines of more than 4,000 characters are not looked at.
        """
        text = "\n".join(line if len(line) <= _LONGEST_LINE else "" for line in text.split("\n"))
        found = {Secret(kind, text.count("\n", 0, at) + 1) for kind, at in self._matches(text)}
        return sorted(found, key=lambda secret: (secret.line, secret.kind))

    def _matches(self, text: str) -> Iterator[tuple[str, int]]:
        from detect_secrets.settings import transient_settings

        for match in _PRIVATE_KEY.finditer(text):
            yield "Private Key", match.start()
        # Without filters: one of them would send what was found to its issuer to see if it works,
        # and another believes comments that a pull request can write.
        with transient_settings({"plugins_used": [], "filters_used": []}):
            for detector in self._detectors:
                for pattern in detector.denylist:
                    for match in pattern.finditer(text):
                        if self._is_secret(detector, text, match):
                            yield str(detector.secret_type), match.start()

    def _is_secret(self, detector: Any, text: str, match: re.Match[str]) -> bool:
        value = next((group for group in reversed(match.groups()) if group), match[0])
        if _PLACEHOLDER.fullmatch(value.lower()) or _INNOCENT.search(value):
            return False
        start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
        lines = text[start : end if end >= 0 else None]
        # Some detectors look around a match before they take it for a secret.
        return bool(detector.analyze_line(filename="", line=lines, line_number=1))

    @cached_property
    def _detectors(self) -> Sequence[Any]:
        found = []
        for name in _DETECTORS:
            module, _, plugin = name.partition(".")
            found.append(
                getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), plugin)()
            )
        return found
