"""A `.dvc` file: data that is tracked or imported."""

from collections.abc import Iterator, Mapping
from posixpath import dirname, join, normpath
from typing import Any

from lockproof.model.pipeline import Dep, Out, Stage

from .entries import digest_of, maps, number, place, stored_files
from .known_keys import DATA, DATA_DEP, DATA_OUT, refuse_strange
from .yaml_document import ParseError, YamlDocument, read_yaml


def read_data_file(content: bytes, path: str) -> Stage:
    """The data that a `.dvc` file tracks.

    Args:
        content: of the file.
        path: of the file, POSIX, below the DVC root.

    Raises:
        ParseError: it is not what DVC writes.
    """
    document = read_yaml(content, path, core=True)[0]
    value = document.value
    if not isinstance(value, dict):
        raise ParseError("is no mapping", path)
    if "cmd" in value:
        raise ParseError(
            "has a cmd (DVC before version 1 kept stages in .dvc files, and DVC does not read them"
            " any more; 'dvc stage add' writes one into dvc.yaml)",
            path,
            document.line("cmd"),
        )
    refuse_strange([(value, document.line())], DATA, path)
    wdir = value.get("wdir") or "."
    folder = normpath(join(dirname(path), wdir))
    if folder == ".." or folder.startswith(("../", "/")):
        raise ParseError("its wdir lies outside the DVC project", path, document.line("wdir"))
    deps = tuple(_deps(value, document, path, folder))
    return Stage(
        address=path,
        kind="import" if deps or value.get("deps") else "data",
        file=path,
        wdir=folder,
        deps=deps,
        outs=tuple(_outs(value, document, path, folder)),
        from_repository=any("repo" in dep for dep in _items(value, "deps", path)),
        locked=True,
    )


def _items(value: Mapping[str, Any], key: str, path: str) -> list[Mapping[str, Any]]:
    return list(maps(value.get(key) or (), path, None))


def _deps(
    value: Mapping[str, Any], document: YamlDocument, path: str, folder: str
) -> Iterator[Dep]:
    for number_, entry in enumerate(_items(value, "deps", path)):
        line = document.line("deps", number_)
        refuse_strange([(entry, line)], DATA_DEP, path)
        if "path" not in entry:
            continue  # A query of a database.
        written, external, _ = place(str(entry["path"]), folder)
        if "repo" in entry:
            # The path is one in the other repository.
            yield Dep(path=str(entry["path"]), locked=None, external=True, line=line)
            continue
        locked = digest_of(entry, external=external, name=path, line=line)
        size = number(entry.get("size"), path, line)
        yield Dep(path=written, locked=locked, external=external, line=line, size=size)


def _outs(
    value: Mapping[str, Any], document: YamlDocument, path: str, folder: str
) -> Iterator[Out]:
    seen: set[str] = set()
    for number_, entry in enumerate(_items(value, "outs", path)):
        line = document.line("outs", number_)
        if not isinstance(entry.get("path"), str):
            raise ParseError("an output without a path", path, line)
        refuse_strange([(entry, line)], DATA_OUT, path)
        written, external, _ = place(entry["path"], folder)
        if written in seen:
            raise ParseError(f"names {written[:200]!r} twice in outs", path, line)
        seen.add(written)
        stored = stored_files(entry, path, line)
        files = entry.get("files")
        listed = list(maps(files, path, line)) if isinstance(files, list) else []
        remote = entry.get("remote")
        yield Out(
            path=written,
            locked=digest_of(entry, external=external, name=path, line=line),
            external=external,
            line=line,
            size=sum(number(f.get("size"), path, line) or 0 for f in listed)
            if listed
            else number(entry.get("size"), path, line),
            nfiles=len(listed) if listed else number(entry.get("nfiles"), path, line),
            cached=entry.get("cache", True) is not False,
            pushed=entry.get("push", True) is not False,
            persist=bool(entry.get("persist", False)),
            remote=str(remote) if remote else None,
            versioned=bool(stored),
            stored=stored,
        )
