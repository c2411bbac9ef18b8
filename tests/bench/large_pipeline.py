"""A DVC repository of many stages and tracked files whose lock, cache and Git agree."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.integration.pipelines import Project, new_project

FILES = 10
"""Files of each stage that Git tracks: a script, a configuration, sources and a metric."""
_SOURCES = 7
_CHAIN = 10
"""Stages that follow one another, each on the output of the one before."""
_PARAMS = 10
_HEAD = {"schema": "2.0"}
_OTHERS = '["remote", "git", "record", "metrics", "manifests", "reproduction"]'

_LONG_POLICY = f"""\
[gate]
off = {_OTHERS}
[cluster]
image = "registry.example/lockproof@sha256:{"0" * 64}"
repository = "https://git.example/repository.git"
[reproduce]
unaffected = "accept"
"""


def large_pipeline(base: Path, stages: int) -> Project:
    """Stages in chains of ten, with everything committed and nothing left to do.

    The lock is written with DVC's own writer and the cache filled by hand: running the stages
    would take hours. `dvc status` agrees that they are up to date.
    """
    project = new_project(base)
    # The lock family alone: the other ones have benchmarks of their own.
    project.write({"lockproof.toml": f"[gate]\noff = {_OTHERS}\n", "src/common.py": "x = 1\n"})
    declared: dict[str, Any] = {}
    locked: dict[str, Any] = {}
    for number in range(stages):
        name = f"s{number:04}"
        declared[name], locked[name] = _stage(project, name, number)
    # A short one: DVC reads it again for every stage.
    project.write({"params.yaml": "".join(f"p{n}: {n}\n" for n in range(_PARAMS))})
    _dump(project.root / "dvc.yaml", {"stages": declared})
    _dump(project.root / "dvc.lock", {"schema": "2.0", "stages": locked})
    project.commit("a large pipeline")
    return project


def copies(project: Project, stages: int, before: str = "") -> None:
    """Stages that each copy one file, locked and committed as if DVC had run them.

    The lock is written whole, as for `large_pipeline`; the commands are true to it.
    """
    text = "raw\n"
    _cache(project.root, text.encode())
    declared: dict[str, Any] = {}
    locked: dict[str, Any] = {}
    for number in range(stages):
        out, command = f"o{number}.txt", f"{before}cp raw.txt o{number}.txt"
        declared[f"s{number}"] = {"cmd": command, "deps": ["raw.txt"], "outs": [out]}
        locked[f"s{number}"] = {
            "cmd": command,
            "deps": [{"path": "raw.txt", **_file(text)}],
            "outs": [{"path": out, **_file(text)}],
        }
    outputs = {f"o{number}.txt": text for number in range(stages)}
    ignored = "".join(f"/{path}\n" for path in outputs)
    project.write({"raw.txt": text, ".gitignore": ignored, **outputs})
    _dump(project.root / "dvc.yaml", {"stages": declared})
    _dump(project.root / "dvc.lock", {"schema": "2.0", "stages": locked})
    project.commit("copies")


def long_lock(base: Path, stages: int) -> Project:
    """A lock of very many stages, each on a script of its own and the output before it.

    Two files of each are in Git: its script and its metric. `dvc status` agrees that nothing is to
    be done. DVC's own writer takes minutes for ten thousand; what is written here is what it would
    write, which is seen at the first of them.
    """
    from dvc.utils.serialize import dumps_yaml

    project = new_project(base)
    params = "".join(f"p{n}: {n}\n" for n in range(_PARAMS))
    project.write({"lockproof.toml": _LONG_POLICY, "params.yaml": params})
    declared: dict[str, Any] = {}
    locked: dict[str, Any] = {}
    for number in range(stages):
        name, key = f"s{number:05}", f"p{number % _PARAMS}"
        script, out, metric = f"run/{name}.py", f"data/{name}.bin", f"metrics/{name}.json"
        before = f"data/s{number - 1:05}.bin" if number % _CHAIN else None
        texts = {script: f"# {name}\n", out: f"{name}\n", metric: json.dumps({"loss": number / 7})}
        project.write(texts)
        _cache(project.root, texts[out].encode())
        known = {path: _file(text) for path, text in texts.items()}
        if before:
            known[before] = _file(f"s{number - 1:05}\n")
        deps, command = sorted([script, *([before] if before else [])]), f"python {script}"
        declared[name] = {
            "cmd": command,
            "deps": deps,
            "params": [key],
            "outs": [out],
            "metrics": [{metric: {"cache": False}}],
        }
        locked[name] = {
            "cmd": command,
            "deps": [{"path": path, **known[path]} for path in deps],
            "params": {"params.yaml": {key: number % _PARAMS}},
            "outs": [{"path": path, **known[path]} for path in (out, metric)],
        }
    for path, head, body in (("dvc.yaml", {}, declared), ("dvc.lock", _HEAD, locked)):
        few = {**head, "stages": dict(list(body.items())[:20])}
        assert _plain(few) == dumps_yaml(few)
        (project.root / path).write_text(_plain({**head, "stages": body}))
    project.write({"data/.gitignore": "/*.bin\n"})
    project.commit("a long lock")
    return project


def _plain(value: Mapping[str, Any]) -> str:
    text: str = yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False)
    return text


def _stage(project: Project, name: str, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    code, data = f"src/{name}", f"data/{name}.bin"
    sources = {f"m{i}.py": f"# {name} {i}\n" + "x = 1\n" * 40 for i in range(_SOURCES)}
    script, config = f"run/{name}.py", f"conf/{name}.json"
    files = {
        **{f"{code}/{relative}": text for relative, text in sources.items()},
        script: f"# runs {name}\n" + "y = 2\n" * 60,
        config: json.dumps({"name": name, "layers": list(range(20))}),
        f"metrics/{name}.json": json.dumps({"loss": number / 7}),
    }
    project.write({**files, data: f"output of {name}\n"})
    ignore = project.root / "data" / ".gitignore"
    with ignore.open("a") as file:
        file.write(f"/{name}.bin\n")
    _cache(project.root, f"output of {name}\n".encode())
    before = f"data/s{number - 1:04}.bin" if number % _CHAIN else None
    command = f"python {script} --config {config} --rate {number} --out {data}"
    deps = sorted([code, script, config, *([before] if before else [])])
    declared = {
        "cmd": command,
        "deps": deps,
        "params": [f"p{number % _PARAMS}"],
        "outs": [data],
        "metrics": [{f"metrics/{name}.json": {"cache": False}}],
    }
    known: Mapping[str, dict[str, Any]] = {
        code: _folder(sources),
        data: _file(f"output of {name}\n"),
        **{path: _file(text) for path, text in files.items()},
        **({before: _file(f"output of s{number - 1:04}\n")} if before else {}),
    }
    locked = {
        "cmd": command,
        "deps": [{"path": path, **known[path]} for path in deps],
        "params": {"params.yaml": {f"p{number % _PARAMS}": number % _PARAMS}},
        "outs": [{"path": p, **known[p]} for p in (data, f"metrics/{name}.json")],
    }
    return declared, locked


def _file(text: str) -> dict[str, Any]:
    return {"hash": "md5", "md5": _md5(text.encode()), "size": len(text.encode())}


def _folder(files: Mapping[str, str]) -> dict[str, Any]:
    listing = [{"md5": _md5(t.encode()), "relpath": p} for p, t in sorted(files.items())]
    digest = _md5(json.dumps(listing, sort_keys=True).encode())
    size = sum(len(text.encode()) for text in files.values())
    return {"hash": "md5", "md5": f"{digest}.dir", "size": size, "nfiles": len(files)}


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _cache(root: Path, content: bytes) -> None:
    digest = _md5(content)
    path = root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)


def _dump(path: Path, value: Mapping[str, Any]) -> None:
    from dvc.utils.serialize import dumps_yaml

    path.write_text(dumps_yaml(value))
