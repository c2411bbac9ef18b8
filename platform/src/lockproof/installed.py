"""How the lockproof that runs here was installed, and how more of it is added.

It is on no package index, where anybody could take its name: what is advised names a source.
"""

from typing import Any

REPOSITORY = "https://github.com/lockproof/lockproof"


def direct_url() -> dict[str, Any]:
    """pip's note of where it took lockproof from (PEP 610); empty where there is none."""
    import json  # Slow to load, and seldom asked for, as is what `how_to_add` imports.
    from importlib import metadata

    try:
        note = json.loads(metadata.distribution("lockproof").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError, OSError):
        return {}
    return note if isinstance(note, dict) else {}


def how_to_add(extra: str) -> str:
    """The command that adds extras, such as `dvc` or `kustomize,secrets`, to what runs here."""
    import shlex
    from pathlib import Path
    from urllib.parse import unquote, urlsplit

    note = direct_url()
    url, named = str(note.get("url", "")), f"lockproof[{extra}]"
    commit = note.get("vcs_info", {}).get("commit_id")
    if commit:
        return f"pip install {shlex.quote(f'{named} @ git+{url}@{commit}')}"
    path = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else None
    if path and path.exists():
        if note.get("dir_info", {}).get("editable"):
            return f"pip install --editable {shlex.quote(f'{path}[{extra}]')}"
        return f"pip install {shlex.quote(f'{named} @ {url}')}"
    if url.startswith("https://"):
        return f"pip install {shlex.quote(f'{named} @ {url}')}"
    return f"pip install '{named} @ git+{REPOSITORY}@COMMIT', with the full hash of your commit"
