"""Signatures of model folders as the OpenSSF has them (OMS), by the `model-signing` library."""

import os
from pathlib import Path

from lockproof.errors import UsageError

from .key_file import PASSPHRASE

UNSIGNED = (".git", ".gitattributes", ".github", ".gitignore")
"""What no such signature covers at the top of a folder: `model_signing verify` looks over it."""


def sign_folder(folder: Path, key: Path, signature: Path) -> None:
    """Sign a folder; `model_signing verify` accepts the signature.

    Args:
        folder: the model.
        key: a file with an ECDSA key: the specification knows no Ed25519.
        signature: where to write it.

    Raises:
        UsageError: the key does not fit, or a file cannot be read or written.
    """
    from model_signing.signing import Config

    given = os.environ.get(PASSPHRASE)
    try:
        config = Config().use_elliptic_key_signer(
            private_key=key, password=given.encode() if given else None
        )
        signature.parent.mkdir(parents=True, exist_ok=True)
        config.sign(folder, signature)
    except (AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"--oms: {key} is no ECDSA key that opens: {error}") from error
    except OSError as error:
        raise UsageError(f"--oms: cannot sign {folder}: {error.strerror or error}") from error
