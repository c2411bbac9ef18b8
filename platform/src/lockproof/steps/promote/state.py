"""The files of a desired state, and their content with another version in it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

from lockproof.adapters.git.repository import GitRepository
from lockproof.errors import ConfigError, UsageError
from lockproof.model.registration import Wanted, version_uri
from lockproof.parse.desired_state import (
    Named,
    named_in,
    patch_for,
    plainly,
    with_patch,
    with_version,
)
from lockproof.parse.document import ParseError
from lockproof.parse.kustomization import FILE_NAMES, INCLUDES, is_remote
from lockproof.parse.yaml_document import read_yaml

_MOST_FILES = 1000
_LARGEST = 1 << 20

Read = Callable[[str], bytes | None]
"""Path from the Git root -> content; None where there is no such file."""


@dataclass
class State:
    """One manifest, or a kustomization with its patch of ours."""

    read: Read
    path: str
    """Of the file that was named, from the Git root."""
    model: str
    texts: dict[str, str] = field(default_factory=dict)

    def named(self) -> tuple[Wanted, ...]:
        """What the state names of the model, itself or else by what it includes."""
        found = [p for _, p in self._own()]
        if not found and self._is_kustomization:
            found = [p for _, p in self._included(self.path, set())]
        return tuple(
            Wanted(p.version, p.digest.value if p.digest else "", p.uri.value) for p in found
        )

    def with_wanted(self, wanted: Wanted) -> dict[str, bytes]:
        """Path -> new content, for the files that differ.

        Raises:
            ConfigError: nothing there names a version of the model, or it cannot be edited.
        """
        own = list(self._own())
        if own:
            texts = {path: self.text(path) for path, _ in own}
            self._refuse_stale(own)
            for path in texts:
                places = [place for at, place in own if at == path]
                texts[path] = self._edited(path, texts[path], places, wanted)
        else:
            texts = self._patched(wanted)
        return {path: text.encode() for path, text in texts.items() if text != self._was(path)}

    def text(self, path: str) -> str:
        """A file of the state.

        Raises:
            ConfigError: it is not there, too large, or no UTF-8.
        """
        if path not in self.texts:
            content = self.read(path)
            if content is None:
                raise ConfigError(f"there is no file {path}: name one with --to")
            if len(content) > _LARGEST:
                raise ConfigError(f"{path} is larger than 1 MiB, which no manifest need be")
            try:
                self.texts[path] = content.decode()
            except UnicodeDecodeError as error:
                raise ConfigError(f"{path} is not UTF-8") from error
        return self.texts[path]

    def _was(self, path: str) -> str | None:
        return self.text(path) if self.read(path) is not None else None

    @property
    def patch(self) -> str:
        """The file beside a kustomization that is ours."""
        name = "".join(c if c.isalnum() or c in "-_." else "-" for c in self.model)
        return join(dirname(self.path), f"model-{name}.yaml")

    @property
    def is_patched(self) -> bool:
        """Whether it is a kustomization that applies our patch."""
        if not self._is_kustomization or self.read(self.patch) is None:
            return False
        patches = self._kustomization(self.path).get("patches")
        entries = patches if isinstance(patches, list) else []
        beside = self.patch.rpartition("/")[2]
        return any(isinstance(e, Mapping) and e.get("path") == beside for e in entries)

    @property
    def _is_kustomization(self) -> bool:
        return self.path.rpartition("/")[2] in FILE_NAMES

    def _own(self) -> Iterator[tuple[str, Named]]:
        paths = [self.path, self.patch] if self.is_patched else [self.path]
        for path in paths:
            for place in self._places(path):
                if place.kind != "lone" and self._is_of_model(path, place):
                    yield path, place

    def _refuse_stale(self, found: Sequence[tuple[str, Named]]) -> None:
        """Refuse where something of the same state would stay at the old version."""
        for path in dict.fromkeys(path for path, _ in found):
            if any(p.kind == "lone" and self._is_of_model(path, p) for p in self._places(path)):
                raise ConfigError(
                    f"{path}: a MODEL_URI of {self.model} has no MODEL_DIGEST beside it, so it"
                    " would stay at its version: write one there"
                )
        self._refuse_overriding()
        patched = sum(path == self.patch for path, _ in found)
        if self.is_patched and len(list(self._included(self.path, set()))) > patched:
            raise ConfigError(
                f"{self.patch} patches {patched} place(s), and more name {self.model} now: remove"
                f" it and its entry in {self.path}, and promote again"
            )

    def _places(self, path: str) -> tuple[Named, ...]:
        try:
            return named_in(self.text(path), path)
        except ParseError as error:
            raise ConfigError(str(error)) from error

    def _is_of_model(self, path: str, place: Named) -> bool:
        said = version_uri(place.version)
        if said is not None:
            return said[0] == self.model
        # An InferenceService that says nothing yet: the only one of its file is meant.
        storage = [p for p in self._places(path) if p.kind == "storage"]
        return place.kind == "storage" and len(storage) == 1 and not place.version

    def _refuse_overriding(self) -> None:
        """Refuse what kustomize applies after our patch, where it may be about the same fields."""
        if not self._is_kustomization:
            return
        value, beside = self._kustomization(self.path), self.patch.rpartition("/")[2]
        patches = value.get("patches")
        entries = (
            [e for e in patches if isinstance(e, Mapping)] if isinstance(patches, list) else []
        )
        ours = [n for n, e in enumerate(entries) if e.get("path") == beside]
        later = entries[ours[-1] + 1 :] if ours else []
        for key in ("patchesJson6902", "replacements"):
            more = value.get(key)
            later += [e for e in more if isinstance(e, Mapping)] if isinstance(more, list) else []
        for entry in later:
            file = normpath(join(dirname(self.path), str(entry.get("path") or "")))
            content = self.read(file) if entry.get("path") else None
            said = f"{entry} {content.decode(errors='replace') if content else ''}"
            if "MODEL_" in said or "/env" in said or ".env" in said:
                raise ConfigError(
                    f"{self.path}: {entry.get('path') or 'a patch or replacement'} is applied after"
                    f" {beside} and may override it: put it into patches, before {beside}"
                )

    def _edited(self, path: str, text: str, places: Sequence[Named], wanted: Wanted) -> str:
        storage = [place for place in places if place.kind == "storage"]
        if storage and wanted.source.partition(":")[0] not in _KSERVE:
            raise ConfigError(
                f"KServe loads nothing from {wanted.source[:200]}: keep the model's files in a"
                ' bucket (the artifacts of MLflow\'s experiment, or upload = "reference")'
            )
        notes = [place.note or place.insert for place in storage]
        if len(set(notes)) < len(notes):
            raise ConfigError(f"{path}: an InferenceService has several storageUri of a model")
        try:
            new = with_version(text, places, wanted.uri, wanted.digest, wanted.source)
            again = [p for p in named_in(new, path) if p.kind != "lone"]
            done = [p for p in again if p.version == wanted.uri]
            alike = _shape(plainly(new, path)) == _shape(plainly(text, path))
        except ParseError as error:
            raise ConfigError(str(error)) from error
        said = {(p.digest.value if p.digest else "") for p in done}
        if not alike or len(done) < len(places) or wanted.digest not in said:
            raise ConfigError(f"{path} cannot be edited as it is written: edit it by hand")
        return new

    def _patched(self, wanted: Wanted) -> dict[str, str]:
        """A kustomization that names no version: it patches what it includes."""
        found = list(self._included(self.path, set())) if self._is_kustomization else []
        if not found:
            what = "nothing that it includes" if self._is_kustomization else "nothing in it"
            raise ConfigError(
                f"{self.path}: {what} names a version of {self.model}: put MODEL_URI"
                f" (models:/{self.model}/1) and MODEL_DIGEST beside each other there once"
            )
        self._refuse_stale(found)
        objects = {(path, place.object) for path, place in found}
        if len(objects) != 1 or not all(place.at for _, place in found):
            raise ConfigError(
                f"{self.path}: {found[0][0]} and others name versions of {self.model} in"
                f" {len(objects)} objects: name the file itself with --to"
            )
        if self.read(self.patch) is not None and not self._places(self.patch):
            raise ConfigError(f"{self.patch} is in the way: its name is that of our patch; move it")
        places = [place for _, place in found]
        group, kind, namespace, name = places[0].object
        target = {"group": group, "kind": kind, "namespace": namespace, "name": name}
        try:
            patch = self.patch.rpartition("/")[2]
            top = with_patch(self.text(self.path), self.path, target, patch)
        except ParseError as error:
            raise ConfigError(str(error)) from error
        return {self.patch: patch_for(places, wanted.uri, wanted.digest), self.path: top}

    def _kustomization(self, path: str) -> Mapping[str, Any]:
        try:
            (document,) = read_yaml(self.text(path).encode(), path)
        except ParseError as error:
            raise ConfigError(str(error)) from error
        return document.value if isinstance(document.value, Mapping) else {}

    def _included(self, path: str, seen: set[str]) -> Iterator[tuple[str, Named]]:
        if path in seen or len(seen) > _MOST_FILES:
            return
        seen.add(path)
        value = self._kustomization(path)
        for include in INCLUDES:
            entries = value.get(include)
            for entry in entries if isinstance(entries, list) else ():
                if not isinstance(entry, str) or is_remote(entry):
                    continue
                inner = normpath(join(dirname(path), entry))
                names = (inner, *(join(inner, name) for name in FILE_NAMES))
                there = next((n for n in names if self.read(n) is not None), None)
                if there is None:
                    continue
                if there != inner:
                    yield from self._included(there, seen)
                    continue
                for place in self._places(there):
                    said = version_uri(place.version)
                    if place.kind == "pair" and said and said[0] == self.model:
                        yield there, place


def _shape(value: Any) -> Any:
    """What a document is made of, but for its scalars and annotations: an edit keeps it."""
    if isinstance(value, Mapping):
        return {k: _shape(v) for k, v in value.items() if k != "annotations"}
    return [_shape(v) for v in value] if isinstance(value, list) else None


_KSERVE = ("s3", "gs", "https", "http", "pvc", "hdfs", "webhdfs", "abfs", "abfss", "wasbs")
"""Schemes that KServe's storage initializer takes."""


def work_tree_reader(git: GitRepository) -> Read:
    """Reads regular files of the work tree, none through a link."""
    top = Path(os.path.realpath(git.root))

    def read(path: str) -> bytes | None:
        full = top / path
        if ".." in path.split("/") or os.path.realpath(full) != str(full):
            return None
        try:
            if not os.path.isfile(full):
                return None
            with full.open("rb") as file:
                return file.read(_LARGEST + 1)
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from error

    return read


def commit_reader(git: GitRepository, commit: str) -> Read:
    """Reads the files of a commit."""

    def read(path: str) -> bytes | None:
        return git.read(commit, path)

    return read
