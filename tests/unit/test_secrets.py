"""The secret scanner: what it finds, and that it neither calls out nor believes comments."""

import pytest

pytest.importorskip("detect_secrets", reason="the extra 'secrets' is not installed")

from lockproof.adapters.secrets import Secret, SecretScanner

# Put together here, so that no scanner takes this file for a leak.
KEY = "AKIA" + "IOSFODNN7" + "ABCDEFG"
HUB = "ghp" + "_" + "aB3" * 12
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n"
JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0"
    ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)


@pytest.fixture(scope="module")
def scanner() -> SecretScanner:
    """One scanner for all."""
    return SecretScanner.open()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"key = {KEY}", "AWS Access Key"),
        (f"token: {HUB}", "GitHub Token"),
        (PEM, "Private Key"),
        (f"bearer {JWT}", "JSON Web Token"),
        ("url = https://bob:hunter2hunter2@db.acme.io/x", "Basic Auth Credentials"),
        ("xoxb-1234-abcdef1234", "Slack Token"),
        (f"key = {KEY}  # pragma: allowlist secret", "AWS Access Key"),
    ],
)
def test_it_finds(scanner: SecretScanner, text: str, kind: str) -> None:
    assert scanner.scan(f"first line\n{text}\nlast line\n") == [Secret(kind, 2)]


@pytest.mark.parametrize(
    "text",
    [
        "md5: a06bc138499c587c761e05fffcd32622",
        "uses: aws-actions/configure-aws-credentials@" + "8df5847569e6427dd6c4fb1cf565c83acfa8afa7",
        '"integrity": "sha512-' + "a/B" * 28 + 'aa=="',
        "https://user:${PASSWORD}@db.acme.io and https://user:<password>@db.acme.io",
        "https://bob:password@db.acme.io, git@github.com:a/b.git, ssh://git@db.acme.io:22/x",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n",
        "",
    ],
)
def test_it_leaves_alone(scanner: SecretScanner, text: str) -> None:
    assert scanner.scan(text) == []


def test_what_was_found_is_sent_nowhere(
    scanner: SecretScanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    kind = "AWS Access Key"
    assert scanner.scan(f"{KEY}\n{KEY}") == [Secret(kind, 1), Secret(kind, 2)]


def test_lines_that_no_person_writes_take_no_time(scanner: SecretScanner) -> None:
    long, many = "://a:" * 200_000, ("://" + "a:" * 1990 + "\n") * 200
    assert scanner.scan(f"{long}\n{'x' * 3999}\n{many}") == []
