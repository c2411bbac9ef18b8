"""The stages of a `dvc.yaml`, filled from its `dvc.lock` and the parameter files."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from posixpath import dirname, join, normpath, relpath
from typing import Any

from lockproof.model.pipeline import Dep, Out, OutKind, Params, Stage, StoredFile

from .datasets import Dataset, is_dataset, read_datasets, version_of
from .entries import Place, Placed, commands, digest_of, number, place, stated, stored_files
from .known_keys import TOP, strange, strange_stage
from .lock_file import Lock, Locked, LockEntry, read_lock
from .params import plain, select
from .stage_keys import command_of, flags_of, gpus_of, params_of, texts_of
from .stage_lines import StageLines, stage_lines
from .stage_loops import expand
from .template import Context, Style, TemplateError, check_expressions, has_template
from .yaml_document import ParseError, YamlDocument, read_yaml

_LISTS: Mapping[str, OutKind] = {"outs": "out", "metrics": "metric", "plots": "plot"}
_NOTHING = Locked({}, None)


@dataclass
class PipelineFile:
    """One `dvc.yaml` with its lock."""

    stages: list[Stage] = field(default_factory=list)
    lines: dict[str, StageLines] = field(default_factory=dict)
    """By address."""
    orphans: list[tuple[str, int]] = field(default_factory=list)
    """Entries of the lock that no stage has: name and line."""
    metrics: list[str] = field(default_factory=list)
    """Files, or folders of files, under `metrics` at its top: POSIX, below the DVC root."""
    datasets: dict[str, Dataset] = field(default_factory=dict)
    """What it registers, by name."""


Load = Callable[[str], Any]


def read_pipeline_file(
    content: bytes,
    lock: bytes | None,
    path: str,
    load: Load,
    style: Style | None = None,
    prefix: str = "",
    root: str = "",
) -> PipelineFile:
    """The stages of one `dvc.yaml`.

    Args:
        content: of the file.
        lock: content of its `dvc.lock`; None where there is none.
        path: of the file, POSIX, below the DVC root.
        load: reads a parameter file by its path below the DVC root; None where it is not there.
        style: DVC's `[parsing]` settings.
        prefix: the DVC root below the Git root; empty where they are the same.
        root: the DVC root, absolute, as DVC would find it: without links. Empty: no absolute path
            leads into it.

    Raises:
        ParseError: one of the two is not what DVC takes, or a template cannot be filled.
    """
    lock_path = normpath(join(dirname(path), "dvc.lock"))
    document = read_yaml(content, path, core=True)[0]
    if document.value is None:
        return PipelineFile(orphans=alone(lock, lock_path))
    if not isinstance(document.value, dict):
        raise ParseError("is no mapping", path)
    for name, entry, line in document.entries():
        why = strange({name: entry.value}, TOP)
        if why:
            raise ParseError(why, path, line)
    entries = read_lock(lock, lock_path) if lock is not None else Lock()
    reader = _Reader(document, entries, path, lock_path, load, style or Style())
    reader.prefix, reader.root = prefix, root
    # No template can be in it: neither as it stands, nor by an escape in a text.
    reader.literal = b"${" not in content and b"\\" not in content
    return reader.read()


def alone(lock: bytes | None, lock_path: str) -> list[tuple[str, int]]:
    """Every entry of a lock beside which nothing declares a stage: name and line.

    Raises:
        ParseError: DVC would not take it beside a pipeline.
    """
    entries = read_lock(lock, lock_path) if lock is not None else {}
    return [(name, entry.line) for name, entry in entries.items()]


class _Reader:
    def __init__(
        self,
        document: YamlDocument,
        lock: Lock,
        path: str,
        lock_path: str,
        load: Load,
        style: Style,
    ) -> None:
        self.document, self.lock, self.path, self.lock_path = document, lock, path, lock_path
        self.folder = dirname(path) or "."
        self.own_folder = normpath(self.folder)
        self.placed: dict[str, Placed] = {}
        """By folder."""
        self.context = Context(load, style)
        self.load = load
        self.found = PipelineFile()
        self.literal = False
        self.prefix = self.root = ""

    def read(self) -> PipelineFile:
        value = self.document.value
        try:
            if has_template(value.get("vars")):
                raise TemplateError("vars may not hold templates")
            self.context.load_vars(value.get("vars"), self.folder, default=True)
        except TemplateError as error:
            raise ParseError(str(error), self.path, self.document.line("vars")) from None
        stages = next((e for n, e, _ in self.document.entries() if n == "stages"), None)
        names: set[str] = set()
        for name, definition, line in stages.entries() if stages else ():
            if not isinstance(definition.value, dict):
                raise ParseError(f"stage {name[:60]!r} is no mapping", self.path, line)
            try:
                names.update(self._stages(name, definition.value, line))
            except TemplateError as error:
                raise ParseError(f"stage {name[:60]!r}: {error}", self.path, line) from None
        self.found.orphans = [(n, e.line) for n, e in self.lock.items() if n not in names]
        self._top_metrics(value.get("metrics"))
        if "datasets" in value:
            locked = self.lock.datasets
            self.found.datasets = read_datasets(value["datasets"], locked, self.path, self.context)
        return self.found

    def _top_metrics(self, listed: Any) -> None:
        """Metrics that belong to no stage's outputs, as DVCLive declares its own."""
        line = self.document.line("metrics")
        try:
            paths = map(str, self.context.resolve(listed or []))
        except TemplateError as error:
            raise ParseError(f"metrics: {error}", self.path, line) from None
        placed = (place(path, self.folder, self.prefix) for path in paths)
        self.found.metrics = list(dict.fromkeys(at.path for at in placed if not at.outside))

    def _stages(self, name: str, definition: Mapping[str, Any], line: int) -> Iterator[str]:
        if self.literal and "foreach" not in definition and "matrix" not in definition:
            why = strange_stage(definition)
            if why:
                raise TemplateError(why)
            self._keep(name, self._resolve(definition, self.context), line)
            yield name
            return
        template = definition.get("do") if "foreach" in definition else definition
        if not isinstance(template, dict) or ("foreach" in definition and "matrix" in template):
            raise TemplateError("foreach needs a stage under do")
        beside = [key for key in definition if key not in ("foreach", "do")]
        why = strange_stage(template)
        if "foreach" in definition and beside:
            why = f"has a key that DVC does not know beside foreach: {beside[0][:60]!r}"
        if why:
            raise TemplateError(why)
        template = {key: value for key, value in template.items() if key != "matrix"}
        if not self.literal:
            check_expressions(template)
        for full, loop in expand(name, definition, self.context):
            if loop is None:
                resolved = self._resolve(template, self.context)
            else:
                with self.context.with_values(loop):
                    resolved = self._resolve(template, self.context)
            self._keep(full, resolved, line)
            yield full

    def _resolve(self, template: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
        extra = template.get("vars")
        if extra:
            if has_template(extra):
                raise TemplateError("vars may not hold templates")
            wdir = context.resolve(template.get("wdir") or "")
            context = context.clone()
            context.load_vars(extra, normpath(join(self.folder, str(wdir))))
        elif self.literal:
            return template
        return {k: context.resolve(v, k) for k, v in template.items() if k != "vars"}

    def _keep(self, name: str, definition: Mapping[str, Any], line: int) -> None:
        address = name if self.path == "dvc.yaml" else f"{self.path}:{name}"
        wdir = definition.get("wdir") or "."
        if not isinstance(wdir, str):
            raise TemplateError("wdir must be text")
        folder = normpath(join(self.folder, wdir)) if wdir != "." else self.own_folder
        if folder == ".." or folder.startswith(("../", "/")):
            raise ParseError(f"{address}: its wdir lies outside the DVC project", self.path, line)
        command = command_of(definition.get("cmd"))
        if not command:
            raise TemplateError("has no cmd")
        entry = self.lock.get(name)
        named = partial(_as_locked, folder=folder, root=self.root)
        declared = [t if t[:1] != "/" else named(t) for t in texts_of(definition, "deps")]
        files: dict[str, list[str]] = {}
        for text, keys in params_of(definition).items():
            if files.setdefault(text if text[:1] != "/" else named(text), keys) is not keys:
                raise TemplateError(
                    f"params name {named(text)} in two ways, of which DVC locks only one: write"
                    f" {named(text)}"
                )
        flagged = [
            (kind, text if text[:1] != "/" else named(text), flags)
            for key, kind in _LISTS.items()
            if key in definition
            for text, flags in flags_of(definition, key).items()
        ]
        outs = [text for _, text, _ in flagged]
        if folder not in self.placed:
            self.placed[folder] = Placed(folder, self.prefix)
        at = self.placed[folder].__getitem__
        other = entry is not None and entry.value["cmd"] != definition["cmd"]
        lines = stage_lines(entry, line, at, declared, outs, files, other_command=other)
        self.found.lines[address] = lines
        self.found.stages.append(
            Stage(
                address=address,
                kind="stage",
                file=self.path,
                command=command,
                locked_command=commands(entry.value["cmd"]) if entry else None,
                wdir=folder,
                deps=tuple([self._dep(text, at(text), entry) for text in declared]),
                params=tuple(self._params(files, at, entry)),
                outs=tuple([self._out(t, flags, k, at(t), entry) for k, t, flags in flagged]),
                frozen=bool(definition.get("frozen")),
                locked=entry is not None,
                gpus=gpus_of(definition),
            )
        )

    def _dep(self, text: str, at: Place, entry: LockEntry | None) -> Dep:
        said, line, usual = entry.deps.get(text, _NOTHING) if entry else _NOTHING
        if usual and not at.outside:
            digest = stated("md5", said["md5"], self.lock_path, line)
            return Dep(at.path, digest, size=said["size"], line=line)
        # Of what is named by a path, also an absolute one, DVC has the MD5 that it has of its own.
        address = at.outside and "://" in at.path
        locked = (
            version_of(said.get("dataset"))
            if address and is_dataset(at.path)
            else digest_of(said, external=address, name=self.lock_path, line=line)
        )
        size = number(said.get("size"), self.lock_path, line)
        return Dep(
            path=at.path,
            locked=locked,
            external=at.outside and not at.beside,
            line=line,
            size=size,
            executable=said.get("isexec") is True,
        )

    def _out(
        self, text: str, flags: Mapping[str, Any], kind: OutKind, at: Place, entry: LockEntry | None
    ) -> Out:
        said, line, usual = entry.outs.get(text, _NOTHING) if entry else _NOTHING
        stored: tuple[StoredFile, ...] = ()
        nfiles = None
        if usual:
            locked, size = stated("md5", said["md5"], self.lock_path, line), said["size"]
            if not flags:
                return Out(at.path, locked, at.outside, size, line, kind=kind)
        else:
            stored = stored_files(said, self.lock_path, line) if said else ()
            locked = digest_of(said, external=at.outside, name=self.lock_path, line=line)
            size = number(said.get("size"), self.lock_path, line)
            nfiles = number(said.get("nfiles"), self.lock_path, line)
        remote = flags.get("remote")
        return Out(
            path=at.path,
            locked=locked,
            external=at.outside,
            line=line,
            size=size,
            nfiles=nfiles,
            kind=kind,
            cached=flags.get("cache", True) is not False,
            pushed=flags.get("push", True) is not False,
            persist=bool(flags.get("persist", False)),
            remote=str(remote) if remote else None,
            versioned=bool(stored),
            stored=stored,
        )

    def _params(
        self, files: Mapping[str, list[str]], at: Callable[[str], Place], entry: LockEntry | None
    ) -> Iterator[Params]:
        locked_files = (entry.value.get("params") or {}) if entry else {}
        for text, keys in files.items():
            path, outside, beside = at(text)
            values = None if outside and not beside else self.load(path)
            current = values if values is not None else {}
            self.context.budget.take_over(len(keys) or len(current))
            locked = locked_files.get(text)
            if locked is not None:
                locked = plain(locked if not keys else {k: locked[k] for k in keys if k in locked})
            yield Params(
                path=path,
                keys=tuple(keys),
                locked=locked,
                current=select(current, keys) if keys else dict(current),
            )


def _as_locked(text: str, folder: str, root: str) -> str:
    """A path as DVC writes it into the lock: from the stage's folder, where it leads into `root`.

    Like DVC, this goes by the names alone: it follows no link.
    """
    if not root or not text.startswith("/"):
        return text
    full = normpath(text)
    return relpath(full, join(root, folder)) if full.startswith(f"{root.rstrip('/')}/") else text
