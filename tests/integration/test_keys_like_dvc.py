"""The keys and values that DVC refuses in its files are refused, and no others: by its schema."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lockproof.cli.main import main
from lockproof.parse.data_file import read_data_file
from lockproof.parse.lock_file import read_lock
from lockproof.parse.pipeline_file import read_pipeline_file
from lockproof.parse.yaml_document import ParseError

from .dvc_reading import read_by_dvc
from .good_project import in_data_file, in_lock
from .pipelines import Project, copy_of
from .remotes import Folder

DIGEST = "0123456789abcdef" * 2
FILE = {"relpath": "a", "md5": DIGEST, "size": 1, "cloud": {"store": {"version_id": "x"}}}
ITEM = {"path": "p", "hash": "md5", "md5": DIGEST, "size": 1, "nfiles": 1, "isexec": True}
LOCK = {
    "schema": "2.0",
    "stages": {
        "first": {
            "cmd": "x",
            "deps": [ITEM, {"path": "q", "etag": "abc", "checksum": "abc", "version_id": "1"}],
            "params": {"params.yaml": {"a": 1}},
            "outs": [{"path": "o", "files": [FILE], "cloud": {"store": {"etag": "abc"}}}],
        }
    },
}
DATA = {
    "md5": DIGEST,
    "wdir": ".",
    "frozen": True,
    "desc": "d",
    "meta": {"a": 1},
    "always_changed": False,
    "outs": [{**ITEM, "cache": True, "push": True, "remote": "r", "labels": ["l"], "type": "t"}],
}
IMPORT = {
    "deps": [{"path": "p", "repo": {"url": "u", "rev": "r", "rev_lock": "l", "remote": "x"}}],
    "outs": [{"path": "i", "files": [FILE], "persist": True, "meta": {"a": 1}}],
}
PIPELINE = {
    "vars": [{"a": 1}],
    "params": ["p.yaml"],
    "metrics": ["m.json"],
    "plots": ["p.csv", {"named": {"x": "a", "y": ["b"], "title": "t"}, "other": {"y": {"f": "b"}}}],
    "artifacts": {"model": {"path": "o", "type": "model", "labels": ["l"], "desc": "d"}},
    "datasets": [],
    "stages": {
        "first": {
            "cmd": ["x", "y"],
            "wdir": ".",
            "deps": ["a"],
            "params": ["b", {"c.yaml": ["d"]}],
            "outs": ["o", {"o2": {"cache": True, "persist": False, "push": True, "desc": "d"}}],
            "metrics": [{"m": {"cache": False, "type": "t"}}],
            "plots": [{"p": [{"x": "a", "y": "b", "header": True}]}, {"p2": {"template": "t"}}],
            "frozen": False,
            "always_changed": False,
            "desc": "d",
            "meta": {"a": 1},
        },
        "second": {"foreach": [1], "do": {"cmd": "x"}},
        "third": {"matrix": {"a": [1]}, "cmd": "x"},
    },
}
OTHERS: tuple[Any, ...] = (None, 1, True, 0.5, "text", "", [], [1], ["text"], {}, {"a": 1})


def _spots(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    for key, item in (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    ):
        yield from _spots(item, (*at, key))


def _variants(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One thing of it changed at a time: another value, a key too many, a key too few."""
    for at in _spots(document):
        for other in (*OTHERS, ..., "gone"):
            changed = copy.deepcopy(document)
            above, here = None, changed
            for key in at:
                above, here = here, here[key]
            if other is ...:
                if not isinstance(here, dict):
                    continue
                here["strange"] = 1
            elif above is None:
                continue
            elif other == "gone":
                del above[at[-1]]
            else:
                above[at[-1]] = copy.deepcopy(other)
            yield changed


def _lock(content: bytes) -> object:
    return read_lock(content, "dvc.lock")


def _data(content: bytes) -> object:
    return read_data_file(content, "x.dvc")


def _pipeline(content: bytes) -> object:
    return read_pipeline_file(content, None, "dvc.yaml", lambda path: {})


def _refusal(read: Callable[[bytes], object], variant: object) -> str | None:
    try:
        read(yaml.safe_dump(variant, sort_keys=False).encode())
    except ParseError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("document", "schema", "read"),
    [
        (LOCK, "COMPILED_LOCKFILE_SCHEMA", _lock),
        (DATA, "COMPILED_SINGLE_STAGE_SCHEMA", _data),
        (IMPORT, "COMPILED_SINGLE_STAGE_SCHEMA", _data),
        (PIPELINE, "COMPILED_MULTI_STAGE_SCHEMA", _pipeline),
    ],
    ids=["lock", "data", "import", "pipeline"],
)
def test_a_key_or_value_is_refused_where_dvc_does(
    document: dict[str, Any], schema: str, read: Callable[[bytes], object]
) -> None:
    import dvc.schema
    import voluptuous

    theirs = getattr(dvc.schema, schema)
    theirs(document)
    read(yaml.safe_dump(document, sort_keys=False).encode())
    refused = 0
    for variant in _variants(document):
        try:
            theirs(copy.deepcopy(variant))
            fits = True
        except voluptuous.Invalid:
            fits = False
        reason = _refusal(read, variant)
        assert fits or reason is not None, variant
        assert not (fits and reason and re.search("does not (know|take)", reason)), variant
        refused += not fits
    assert refused > 50


def _old_stage(project: Project, _: Folder) -> None:
    project.write({"old.dvc": "cmd: echo x > old\nouts:\n- path: old\n"})


UNREADABLE = {
    "a stage in a .dvc file": _old_stage,
    "an output of a .dvc file with a key of nobody": in_data_file("images.dvc", metric=True),
    "a lock entry with a key of nobody": in_lock(lambda stages: stages["train"].update(note="x")),
    "a lock entry with a key of nobody in it": in_lock(
        lambda stages: stages["train"]["outs"][0].update(sha256="x" * 64)
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_dvc_cannot_read_does_not_pass_the_gate(
    name: str, good: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_of(good, tmp_path)
    UNREADABLE[name](project, Folder(project.remote))
    project.commit(name)
    with pytest.raises(Exception, match=r"(?i)valid|format|key|\.dvc|dvc\.lock"):
        read_by_dvc(project.root, tmp_path / "scratch")
    assert main(["-C", str(project.root), "gate"]) == 1
    assert "LP111" in capsys.readouterr().out
