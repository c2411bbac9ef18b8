"""Wheels made by hand, so that real installers need no index."""

import base64
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel(
    folder: Path, name: str, version: str, *requires: str, code: str = "", at_start: str = ""
) -> str:
    """Write a wheel; returns its requirement line with the hash.

    `at_start` is a line that every Python runs which finds it.
    """
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    files = {
        f"{name}.py": code or f"VERSION = {version!r}\n",
        f"{info}/METADATA": "\n".join([*lines, *(f"Requires-Dist: {r}" for r in requires), ""]),
        f"{info}/WHEEL": WHEEL,
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-tool = {name}:main\n",
    }
    if at_start:
        files[f"{name}.pth"] = at_start + "\n"
    record = [f"{path},{_record_hash(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file), text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def sdist(folder: Path, name: str, at_build: str) -> str:
    """A source package whose build runs `at_build`; returns its requirement line."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    backend = f"""
import pathlib, sys, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    {at_build}
    path = pathlib.Path(folder, "{name}-1.0-py3-none-any.whl")
    info = "{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("{name}.py", "VERSION = '1.0'")
        archive.writestr(info + "/METADATA", {metadata!r})
        archive.writestr(info + "/WHEEL", {WHEEL!r})
        archive.writestr(info + "/RECORD", "")
    return path.name
"""
    files = {
        "PKG-INFO": metadata,
        "backend.py": backend,
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
        'backend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\n',
    }
    path = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in files.items():
            member = tarfile.TarInfo(f"{name}-1.0/{file}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}==1.0 --hash=sha256:{digest}\n"


def _record_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
