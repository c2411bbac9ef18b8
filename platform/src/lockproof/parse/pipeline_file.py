"""The stages of a `dvc.yaml`, filled from its `dvc.lock` and the parameter files."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from posixpath import dirname, join, normpath
from typing import Any

from lockproof.model.pipeline import Dep, Out, Params, Stage

from .entries import commands, digest_of, number, place, stored_files
from .lock_file import LockEntry, read_lock
from .params import plain, select
from .stage_loops import expand
from .template import Context, Style, TemplateError, check_expressions, has_template
from .yaml_document import ParseError, YamlDocument, read_yaml

DEFAULT_PARAMS = "params.yaml"
_LISTS = ("outs", "metrics", "plots")
_KNOWN = frozenset(
    {
        *_LISTS,
        *("cmd", "wdir", "deps", "params", "vars", "frozen", "meta", "desc", "always_changed"),
        "matrix",
    }
)
_TOP = frozenset({"datasets", "plots", "stages", "vars", "params", "metrics", "artifacts"})


@dataclass(frozen=True)
class StageLines:
    """Where a stage is declared and locked, and what the lock says that `dvc.yaml` does not."""

    declared: int | None
    locked: int | None
    other_command: bool = False
    """Whether the command is written otherwise than in the lock: a text of two lines is one script,
    a list of two texts is two."""
    unlocked: tuple[str, ...] = ()
    """Dependencies, outputs and parameter files that the lock's entry lacks; POSIX, below the DVC
    root."""
    stale: tuple[str, ...] = ()
    """Those that only the lock has, and `KEY of FILE` for each such parameter."""


@dataclass
class PipelineFile:
    """One `dvc.yaml` with its lock."""

    stages: list[Stage] = field(default_factory=list)
    lines: dict[str, StageLines] = field(default_factory=dict)
    """By address."""
    orphans: list[tuple[str, int]] = field(default_factory=list)
    """Entries of the lock that no stage has: name and line."""


Load = Callable[[str], Any]


def read_pipeline_file(
    content: bytes, lock: bytes | None, path: str, load: Load, style: Style | None = None
) -> PipelineFile:
    """The stages of one `dvc.yaml`.

    Args:
        content: of the file.
        lock: content of its `dvc.lock`; None where there is none.
        path: of the file, POSIX, below the DVC root.
        load: reads a parameter file by its path below the DVC root; None where it is not there.
        style: DVC's `[parsing]` settings.

    Raises:
        ParseError: one of the two is not what DVC takes, or a template cannot be filled.
    """
    lock_path = normpath(join(dirname(path), "dvc.lock"))
    document = read_yaml(content, path, core=True)[0]
    if document.value is None:
        return PipelineFile()
    if not isinstance(document.value, dict):
        raise ParseError("is no mapping", path)
    for name, _, line in document.entries():
        if name not in _TOP:
            raise ParseError(f"has a key that DVC does not know: {name[:60]!r}", path, line)
    entries = read_lock(lock, lock_path) if lock is not None else {}
    reader = _Reader(document, entries, path, lock_path, load, style or Style())
    # No template can be in it: neither as it stands, nor by an escape in a text.
    reader.literal = b"${" not in content and b"\\" not in content
    return reader.read()


class _Reader:
    def __init__(
        self,
        document: YamlDocument,
        lock: Mapping[str, LockEntry],
        path: str,
        lock_path: str,
        load: Load,
        style: Style,
    ) -> None:
        self.document, self.lock, self.path, self.lock_path = document, lock, path, lock_path
        self.folder = dirname(path) or "."
        self.context = Context(load, style)
        self.load = load
        self.found = PipelineFile()
        self.literal = False

    def read(self) -> PipelineFile:
        value = self.document.value
        try:
            if has_template(value.get("vars")):
                raise TemplateError("vars may not hold templates")
            self.context.load_vars(value.get("vars"), self.folder, default=True)
        except TemplateError as error:
            raise ParseError(str(error), self.path, self.document.line("vars")) from None
        stages = next((e for n, e, _ in self.document.entries() if n == "stages"), None)
        if stages and not isinstance(stages.value, dict):
            raise ParseError("stages must be a mapping", self.path, self.document.line("stages"))
        names: set[str] = set()
        for name, definition, line in stages.entries() if stages else ():
            if not isinstance(definition.value, dict):
                raise ParseError(f"stage {name[:60]!r} is no mapping", self.path, line)
            try:
                names.update(self._stages(name, definition.value, line))
            except TemplateError as error:
                raise ParseError(f"stage {name[:60]!r}: {error}", self.path, line) from None
        self.found.orphans = [(n, e.line) for n, e in self.lock.items() if n not in names]
        return self.found

    def _stages(self, name: str, definition: Mapping[str, Any], line: int) -> Iterator[str]:
        template = definition.get("do") if "foreach" in definition else definition
        if not isinstance(template, dict) or ("foreach" in definition and "matrix" in template):
            raise TemplateError("foreach needs a stage under do")
        unknown = [key for key in template if key not in _KNOWN]
        if unknown:
            raise TemplateError(f"has a key that DVC does not know: {unknown[0][:60]!r}")
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
        folder = normpath(join(self.folder, wdir))
        if folder == ".." or folder.startswith(("../", "/")):
            raise ParseError(f"{address}: its wdir lies outside the DVC project", self.path, line)
        command = _command(definition.get("cmd"))
        if not command:
            raise TemplateError("has no cmd")
        entry = self.lock.get(name)
        declared = _texts(definition, "deps")
        files = _merged_params(definition)
        flagged = [(k, text, f) for k in _LISTS for text, f in _flagged(definition, k).items()]
        outs = [text for _, text, _ in flagged]
        lines = _lines(entry, line, folder, declared, outs, files)
        other = entry is not None and entry.value["cmd"] != definition["cmd"]
        self.found.lines[address] = replace(lines, other_command=other)
        self.found.stages.append(
            Stage(
                address=address,
                kind="stage",
                file=self.path,
                command=command,
                locked_command=commands(entry.value["cmd"]) if entry else None,
                wdir=folder,
                deps=tuple(self._dep(text, folder, entry) for text in declared),
                params=tuple(self._params(files, folder, entry)),
                outs=tuple(self._out(t, flags, k, folder, entry) for k, t, flags in flagged),
                frozen=bool(definition.get("frozen")),
                locked=entry is not None,
                gpus=_gpus(definition, address),
            )
        )

    def _dep(self, text: str, folder: str, entry: LockEntry | None) -> Dep:
        path, external = place(text, folder)
        said, line = entry.deps.get(text, ({}, None)) if entry else ({}, None)
        locked = digest_of(said, external=external, name=self.lock_path, line=line)
        runs = said.get("isexec") is True
        return Dep(path=path, locked=locked, external=external, line=line, executable=runs)

    def _out(
        self, text: str, flags: Mapping[str, Any], key: str, folder: str, entry: LockEntry | None
    ) -> Out:
        path, external = place(text, folder)
        said, line = entry.outs.get(text, ({}, None)) if entry else ({}, None)
        stored = stored_files(said, self.lock_path, line) if said else ()
        remote = flags.get("remote")
        return Out(
            path=path,
            locked=digest_of(said, external=external, name=self.lock_path, line=line),
            external=external,
            line=line,
            size=number(said.get("size"), self.lock_path, line),
            nfiles=number(said.get("nfiles"), self.lock_path, line),
            kind="metric" if key == "metrics" else "plot" if key == "plots" else "out",
            cached=flags.get("cache", True) is not False,
            pushed=flags.get("push", True) is not False,
            persist=bool(flags.get("persist", False)),
            remote=str(remote) if remote else None,
            versioned=bool(stored),
            stored=stored,
        )

    def _params(
        self, files: Mapping[str, list[str]], folder: str, entry: LockEntry | None
    ) -> Iterator[Params]:
        locked_files = (entry.value.get("params") or {}) if entry else {}
        for text, keys in files.items():
            path, external = place(text, folder)
            values = None if external else self.load(path)
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


def _lines(
    entry: LockEntry | None,
    line: int,
    folder: str,
    deps: Collection[str],
    outs: Collection[str],
    params: Mapping[str, Collection[str]],
) -> StageLines:
    """What is declared, as the stage names it; of a parameter file no key means all of it."""
    if entry is None:
        return StageLines(line, None)
    values: Mapping[str, Mapping[str, Any]] = entry.value.get("params") or {}
    pairs = ((deps, entry.deps), (outs, entry.outs), (params, values))

    def below_root(path: str) -> str:
        return place(path, folder)[0]

    return StageLines(
        line,
        entry.line,
        unlocked=tuple(below_root(p) for ours, theirs in pairs for p in ours if p not in theirs),
        stale=(
            *(below_root(p) for ours, theirs in pairs for p in theirs if p not in ours),
            *(
                f"{key} of {below_root(path)}"
                for path, keys in params.items()
                for key in (values.get(path, ()) if keys else ())
                if key not in keys
            ),
        ),
    )


def _command(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, list | dict) for part in parts):
        raise TemplateError("cmd must be text, or a list of texts")
    return commands(value)


def _texts(definition: Mapping[str, Any], key: str) -> list[str]:
    items = definition.get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise TemplateError(f"{key} must be a list of paths")
    return list(dict.fromkeys(items))


def _flagged(definition: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """Output -> its flags, from a list of paths and of mappings."""
    items = definition.get(key) or []
    if not isinstance(items, list):
        raise TemplateError(f"{key} must be a list")
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        if isinstance(item, str):
            found.setdefault(item, {})
            continue
        for path, flags in item.items() if isinstance(item, dict) else ((None, None),):
            parts: Sequence[Any] = flags if isinstance(flags, list) else [flags]
            if not isinstance(path, str) or not all(isinstance(p, dict) for p in parts):
                raise TemplateError(f"{key} must be a list of paths, each with its flags")
            for part in parts:
                found.setdefault(path, {}).update(part)
    return found


def _merged_params(definition: Mapping[str, Any]) -> dict[str, list[str]]:
    """Parameter file -> the keys taken from it; none means the whole file."""
    items = definition.get("params") or []
    if not isinstance(items, list):
        raise TemplateError("params must be a list")
    whole = {k for item in items if isinstance(item, dict) for k, v in item.items() if not v}
    found: dict[str, list[str]] = {}
    for item in items:
        if isinstance(item, str):
            if DEFAULT_PARAMS not in whole:
                found.setdefault(DEFAULT_PARAMS, []).append(item)
            continue
        for path, keys in item.items() if isinstance(item, dict) else ((None, None),):
            names = keys or []
            if not isinstance(path, str) or not isinstance(names, list):
                raise TemplateError("params must be a list of keys, or of files with their keys")
            listed = [] if path in whole else [str(key) for key in names]
            found.setdefault(path, []).extend(listed)
    return found


def _gpus(definition: Mapping[str, Any], address: str) -> int:
    meta = definition.get("meta")
    asked = meta.get("gpu", 0) if isinstance(meta, dict) else 0
    if not isinstance(asked, int) or asked < 0:
        raise TemplateError("meta.gpu must be true, false or a number of GPUs")
    return int(asked)
