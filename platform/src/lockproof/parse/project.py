"""A DVC project as the files of one revision declare and lock it."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import zip_longest
from posixpath import dirname, join, normpath
from typing import Any

from lockproof.model.pipeline import MOST_STAGES, Pipeline, Stage

from .data_file import read_data_file
from .datasets import Dataset
from .ignore import IGNORE_FILE, Ignored
from .params import read_params
from .pipeline_file import alone, read_pipeline_file
from .stage_lines import StageLines
from .submodules import Absent, Files, Submodules, inner_projects, is_called, is_declaring
from .template import DEFAULT_PARAMS, Style
from .yaml_document import ParseError

_CONFIG = ".dvc/config"
_PARAMS = (b".yaml", b".yml", b".json", b".toml")
_FLAGS = frozenset({b"cache:", b"persist:", b"push:", b"remote:"})
_AROUND = b"\"'[]{},:-"
_MARKERS = re.compile(rb"^(<{7}|>{7})( |\r?$)", re.MULTILINE)


class Kind(StrEnum):
    """What keeps a file from being read."""

    CONFLICT = "conflict"
    INVALID = "invalid"
    ELSEWHERE = "elsewhere"
    """It is another repository's."""


@dataclass(frozen=True)
class Problem:
    """A file of the pipeline that cannot be read, or does not fit the others."""

    kind: Kind
    path: str
    """POSIX, below the DVC root."""
    message: str
    line: int | None = None


@dataclass
class Reading:
    """What could be read."""

    pipeline: Pipeline = field(default_factory=lambda: Pipeline(stages=()))
    problems: list[Problem] = field(default_factory=list)
    lines: dict[str, StageLines] = field(default_factory=dict)
    """Stage address -> where it stands, and what its lock entry has too little or too much."""
    orphans: list[tuple[str, str, int]] = field(default_factory=list)
    """Lock entries that no stage has: lock file, name, line."""
    lock_files: dict[str, bytes] = field(default_factory=dict)
    """The `dvc.lock` and `.dvc` files: POSIX path below the DVC root -> content."""
    metrics: list[str] = field(default_factory=list)
    """Under `metrics` at the top of a `dvc.yaml`: files or folders, POSIX, below the DVC root."""
    datasets: dict[str, Dataset] = field(default_factory=dict)
    """What is registered under `datasets` in any `dvc.yaml`, by name."""
    ignored: Ignored = field(default_factory=lambda: Ignored({}))
    inner: tuple[str, ...] = ()
    """Folders with a DVC project of their own: POSIX, from the DVC root, with `/` at the end."""
    out_of_sight: tuple[str, ...] = ()
    """The `dvc.yaml` and `.dvc` files that `.dvcignore` hides: POSIX, below the DVC root."""
    unread: tuple[Absent, ...] = ()
    """Submodules that DVC would walk into and that are not here."""

    def hides(self, path: str) -> bool:
        """Whether DVC, at work in this project, does not see a file."""
        return path.startswith(self.inner) or self.ignored.hides(path)


def read_project(files: Files, prefix: str) -> Reading:
    """Read every `dvc.yaml`, `dvc.lock` and `.dvc` file that DVC would.

    What cannot be read is a problem in the result, and the rest is read all the same.

    Args:
        files: of the revision.
        prefix: the DVC root below the Git root; empty where they are the same.
    """
    return _Project(files, prefix).read()


class _Project:
    def __init__(self, files: Files, prefix: str) -> None:
        self.files, self.prefix = files, f"{prefix}/" if prefix else ""
        self.found = Reading()
        self._params: dict[str, Any] = {}
        self._pipelines: frozenset[str] = frozenset()

    def read(self) -> Reading:
        own = self._own()
        ignores = [path for path in own if is_called(path, IGNORE_FILE)]
        wanted = [path for path in own if is_of_pipeline(path)]
        # In one go, as far as can be: each costs a process.
        self.files.load(self.prefix + path for path in (*ignores, *wanted, _CONFIG, DEFAULT_PARAMS))
        contents = {path: self._content(path) for path in ignores}
        for path in (path for path, content in contents.items() if content is None):
            self._refuse(ParseError("is no regular file", path))
        texts = {path: text or b"" for path, text in contents.items()}
        self.found.ignored = self._ignored(texts)
        self._look_into_submodules(texts)
        hidden = self.found.ignored.hides
        self.found.out_of_sight = tuple(p for p in wanted if is_declaring(p) and hidden(p))
        wanted = [path for path in wanted if not hidden(path)]
        self._pipelines = frozenset(path for path in wanted if is_called(path, "dvc.yaml"))
        self._load_named(self._pipelines)
        stages: list[Stage] = []
        for path in wanted:
            content = self._content(path)
            if content is None:
                self._refuse(ParseError("is no regular file", path))
                continue
            if _has_conflict(content):
                self._conflict(path, content)
                continue
            if len(stages) > MOST_STAGES:
                break  # Which ordering them says.
            try:
                stages += self._stages(path, content)
            except ParseError as error:
                self._refuse(error)
        for stage in stages:
            self._refuse_ignored(stage)
        self._order(stages)
        return self.found

    def _refuse_ignored(self, stage: Stage) -> None:
        hides = self.found.ignored.hides
        for out in stage.outs:
            folder = out.locked is not None and out.locked.is_dir
            if not out.external and (hides(out.path) or (folder and hides(out.path, folder=True))):
                message = f"names {out.path}, which {IGNORE_FILE} hides, so that DVC refuses it"
                self._refuse(ParseError(message, stage.file))

    def _ignored(self, files: dict[str, bytes]) -> Ignored:
        found = Ignored(files)
        try:
            found.check()
        except ParseError as error:
            self._refuse(error)
            return Ignored({})
        return found

    def _look_into_submodules(self, ignores: dict[str, bytes]) -> None:
        found = Submodules(self.files, self.prefix)
        with suppress(ParseError):  # Of an ignore file: then nothing is known to be hidden.
            found.keep_seen(self.found.inner, ignores)
        self.found.unread = tuple(found.absent)
        for error in found.problems():
            self.found.problems.append(Problem(Kind.ELSEWHERE, error.name, str(error)))

    def _own(self) -> list[str]:
        """Every path of the project, without those of a project inside it."""
        paths = [p[len(self.prefix) :] for p in self.files.entries if p.startswith(self.prefix)]
        inner = self.found.inner = inner_projects(paths)
        return [p for p in paths if not p.startswith(inner)] if inner else paths

    def _content(self, path: str) -> bytes | None:
        return self.files.read(self._full(path))

    def _full(self, path: str) -> str:
        full = self.prefix + path
        # Of parameters it may be one beside the DVC root.
        return normpath(full) if path.startswith("../") else full

    def _load_named(self, pipelines: Iterable[str]) -> None:
        """Read in one go what may be a parameter file."""
        named: set[str] = set()
        for path in pipelines:
            folder = dirname(path)
            content = self._content(path) or b""
            everywhere = b"vars" in content  # Elsewhere such a file is a key, and of no output.
            split = content.split()
            words = {
                word.strip(_AROUND)
                for word, after in zip_longest(split, split[1:], fillvalue=b"")
                if everywhere or (word[-1:] == b":" and after not in _FLAGS)
            }
            texts = {os.fsdecode(word) for word in words if word.endswith(_PARAMS)}
            named |= {normpath(join(folder, text)) for text in (*texts, DEFAULT_PARAMS)}
        known = self.files.entries
        self.files.load(self.prefix + path for path in named if self.prefix + path in known)

    def _stages(self, path: str, content: bytes) -> Iterator[Stage]:
        if path.endswith(".dvc"):
            self.found.lock_files[path] = content
            yield read_data_file(content, path)
            return
        if is_called(path, "dvc.lock"):
            self.found.lock_files[path] = content
            if f"{path.removesuffix('dvc.lock')}dvc.yaml" not in self._pipelines:
                with suppress(ParseError):  # DVC does not read it either.
                    self.found.orphans += [(path, n, line) for n, line in alone(content, path)]
            return  # Else it is read with its dvc.yaml.
        lock_path = f"{path.removesuffix('dvc.yaml')}dvc.lock"
        lock = self._content(lock_path)
        if lock is not None and _has_conflict(lock):
            lock = None
        top, prefix = self.files.top, self.prefix.rstrip("/")
        root = normpath(join(top, prefix)) if top else ""
        read = read_pipeline_file(
            content, lock, path, self._values, self._style, prefix=prefix, root=root
        )
        self.found.lines.update(read.lines)
        self.found.metrics += read.metrics
        self.found.datasets.update(read.datasets)
        self.found.orphans += [(lock_path, name, line) for name, line in read.orphans]
        yield from read.stages

    def _values(self, path: str) -> Any:
        if path not in self._params:
            content = self.files.read_through(self._full(path))  # As DVC reads them.
            self._params[path] = None if content is None else read_params(content, path)
        return self._params[path]

    @cached_property
    def _style(self) -> Style:
        content = self._content(_CONFIG) or b""
        if b"parsing" not in content:
            return Style()
        from configobj import ConfigObj, ConfigObjError

        try:
            section = ConfigObj(content.decode("utf-8", "replace").splitlines()).get("parsing", {})
        except ConfigObjError:
            return Style()
        return Style(
            boolean_optional=section.get("bool") == "boolean_optional",
            append=section.get("list") == "append",
        )

    def _conflict(self, path: str, content: bytes) -> None:
        match = _MARKERS.search(content)
        line = content[: match.start()].count(b"\n") + 1 if match else None
        self.found.problems.append(
            Problem(Kind.CONFLICT, path, f"{path} holds the markers of a merge conflict", line)
        )

    def _refuse(self, error: ParseError) -> None:
        content = self._content(error.name)
        if content and _has_conflict(content):  # Of a file of parameters.
            self._conflict(error.name, content)
            return
        self.found.problems.append(Problem(Kind.INVALID, error.name, str(error), error.line))

    def _order(self, stages: list[Stage]) -> None:
        try:
            self.found.pipeline = Pipeline.ordered(stages)
        except ValueError as error:
            path = stages[0].file if stages else "dvc.yaml"
            self.found.problems.append(Problem(Kind.INVALID, path, str(error)))
            # Without what needs what: to look at that again would fail again.
            self.found.pipeline = Pipeline.unlinked(stages)


def _has_conflict(content: bytes) -> bool:
    return (b"<<<<<<<" in content or b">>>>>>>" in content) and bool(_MARKERS.search(content))


def is_of_pipeline(path: str) -> bool:
    """Whether a file of this name declares or locks stages or data."""
    return is_declaring(path) or is_called(path, "dvc.lock")
