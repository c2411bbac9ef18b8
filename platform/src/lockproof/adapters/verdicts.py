"""Passed verdicts of single stages, kept so that an unchanged stage need not run again.

An entry counts only with the code that `Secret` puts on it. The secret lies in the user's state
folder, which no isolated stage sees and which caches carried between CI runs leave behind: what a
stage, another person or an untrusted run has written is not believed.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from lockproof.adapters.files import cache_root, state_root, write_whole
from lockproof.model.base import Frozen
from lockproof.model.digest import Digest
from lockproof.model.verdict import OutputVerdict

_LONGEST = 16 << 20
"""Bytes of an entry; none of ours is larger."""


class ProvedStage(Frozen):
    """What was proved of a stage under one key."""

    proved_at: str
    """UTC, RFC 3339."""
    verdicts: Mapping[str, OutputVerdict]
    observed: Mapping[str, Digest]


class Secret:
    """32 random bytes of this user on this machine."""

    def __init__(self, key: bytes) -> None:
        """Take the bytes."""
        self._key = key

    def digest(self, content: bytes) -> str:
        """HMAC-SHA-256 (RFC 2104) of some bytes, in hexadecimal."""
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()

    @classmethod
    def load(cls) -> "Secret | None":
        """The user's secret, made where there is none; None where none can be kept."""
        path = state_root() / "verdicts.key"
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                # Whole from the first moment: written aside, then linked to its name.
                temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
                handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                try:
                    if not path.exists():
                        os.write(handle, secrets.token_bytes(32))
                        os.link(temporary, path)
                finally:
                    os.close(handle)
                    temporary.unlink()
            info = path.stat()
            # Somebody else's, or open to somebody else: no secret.
            if info.st_uid == os.geteuid() and not info.st_mode & 0o077 and info.st_size == 32:
                return cls(path.read_bytes())
        return None


def _path(key: str) -> Path:
    return cache_root() / "verdicts" / key[:2] / f"{key[2:]}.json"


def any_kept() -> bool:
    """Whether any verdict is kept here, of whatever."""
    with suppress(OSError):
        return any((cache_root() / "verdicts").iterdir())
    return False


def load(key: str, secret: Secret) -> ProvedStage | None:
    """The proof stored under a key; None where there is none or it is not ours."""
    try:
        path = _path(key)
        if not path.is_file() or path.stat().st_size > _LONGEST:
            return None
        code, _, content = path.read_bytes().partition(b"\n")
        if not hmac.compare_digest(code, _code(key, content, secret)):
            return None
        return ProvedStage.model_validate_json(content)
    except (OSError, ValidationError, json.JSONDecodeError):
        return None


def save(key: str, proved: ProvedStage, secret: Secret) -> None:
    """Store a proof.

    Raises:
        UsageError: the cache cannot be written.
    """
    content = proved.model_dump_json().encode()
    write_whole(_path(key), _code(key, content, secret) + b"\n" + content)


def _code(key: str, content: bytes, secret: Secret) -> bytes:
    return secret.digest(key.encode() + b"\0" + content).encode()
