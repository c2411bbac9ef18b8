"""Reads a `uv.lock` as far as it takes to know where its packages come from."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lockproof.errors import ConfigError
from lockproof.model.toml_text import read_toml

from .places import Places, host_of


@dataclass(frozen=True)
class UvLock:
    """What decides where the packages of a `uv.lock` come from."""

    local: tuple[str, ...]
    """Packages that are folders of the repository."""
    places: Places
    archives: tuple[Path, ...]
    """Files and folders of the repository that other packages come from."""
    projects: tuple[Path, ...]
    """The project files of `local`, by which uv knows a workspace."""


@dataclass
class _Sources:
    root: Path
    hosts: set[str] = field(default_factory=set)
    archives: set[Path] = field(default_factory=set)

    def note(self, address: str, start: Path, where: str) -> str:
        host = host_of(address, start, self.root, where)
        if host:
            self.hosts.add(host)
        else:
            self.archives.add(start / address)
        return host or ""

    def note_package(self, package: Mapping[str, Any], folder: Path, where: str) -> None:
        source = package["source"]
        registry = source.get("registry", "")
        start = folder if "://" in registry else folder / registry
        for key in ("registry", "url", "git", "path"):
            if key in source:
                self.note(source[key], folder, where)
        for file in (package.get("sdist", {}), *package.get("wheels", ())):
            for key in ("url", "path"):
                if key in file and "virtual" not in source:
                    self.note(file[key], start, where)


def read_uv_lock(lock: Path, root: Path) -> UvLock:
    """Where the packages of a `uv.lock` come from.

    Raises:
        ConfigError: the file is not a uv.lock, the project file beside it is no TOML, or a source
            is outside of `root` or of a kind that can run a program.
    """
    root = Path(os.path.realpath(root))
    folder = Path(os.path.realpath(lock.parent))
    found = _Sources(root)
    projects: set[Path] = set()
    local: set[str] = set()
    indexes: dict[str, str] = {}
    try:
        for package in read_toml(lock.read_text("utf-8")).get("package", []):
            name, source = str(package["name"]), package["source"]
            for kind in {"editable", "directory", "virtual"} & set(source):
                projects.add(folder / source[kind] / "pyproject.toml")
            if {"editable", "directory"} & set(source):
                local.add(name)
                continue
            found.note_package(package, folder, f"{lock.name}: {name}")
        project = read_toml(lock.with_name("pyproject.toml").read_text("utf-8"))
        for index in project.get("tool", {}).get("uv", {}).get("index", ()):
            named = re.sub(r"[^A-Z0-9]", "_", str(index.get("name", "")).upper())
            indexes[named] = found.note(index["url"], folder, "pyproject.toml: tool.uv.index")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"environment.uv-lock: {lock.name} is not a uv.lock: {error}") from error
    inside = [path for path in projects if Path(os.path.realpath(path)).is_relative_to(root)]
    return UvLock(
        tuple(sorted(local)),
        Places(frozenset(found.hosts), indexes),
        tuple(sorted(found.archives)),
        tuple(sorted(inside)),
    )
