"""Every kind of signer, by what the command line says."""

from pathlib import Path

from lockproof.errors import UsageError

from .interface import Sealer
from .keys import require_signing


def open_sealer(key: Path | None, uri: str | None, public: Path | None) -> Sealer:
    """The signer that is asked for; one of `key` and `uri` is given.

    Raises:
        UsageError: it cannot be used.
        MissingExtraError: what signs is not installed.
    """
    from .key_file import KeyFile
    from .keyless import NAME, Keyless
    from .uri import FORMS, UriSigner

    require_signing("attest")
    if (key is None) == (uri is None):
        raise UsageError("say who signs: --key FILE, or --signer URI (one of them)")
    if key is not None:
        return KeyFile(key)
    assert uri is not None
    if uri == NAME:
        return Keyless()
    if uri.partition(":")[0] in FORMS:
        return UriSigner(uri, public)
    known = ", ".join((NAME, *(f"{scheme}:…" for scheme in FORMS)))
    raise UsageError(f"--signer {uri[:80]}: no such kind; there are {known}")
