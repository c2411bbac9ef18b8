"""A repository of which the gate has nothing to say, and edits that spoil it in one respect."""

import contextlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.cli.main import main
from lockproof.errors import ConfigError
from lockproof.model.digest import Digest, lock_digest
from lockproof.model.metrics import flatten_metrics
from lockproof.parse.project import read_project
from lockproof.steps.gather import locked_params

from .pipelines import Project, new_project
from .remotes import Bucket, Remote, digest_of

POLICY = """\
[environment]
requirements = "requirements.txt"

[gate]
baseline = "baseline.json"

[git]
large = "200 kB"
binary = "20 kB"
secrets = SECRETS

[record]
directory = "runs"

[[metric]]
path = "metrics.json"
key = "accuracy"
min = 0.5
direction = "higher"
atol = 0.01

# Warnings by default.
[rules]
LP109.severity = "error"
LP207.severity = "error"
LP303.severity = "error"
LP307.severity = "error"
LP802.severity = "error"
LP803.severity = "error"
LP804.severity = "error"

# The gate cannot see what it is for, so it is not idle there.
[[waiver]]
rule = "LP711"
subject = "train timezone"
reason = "all of us are in one"
expires = 2999-01-01
"""
PIPELINE = """\
stages:
  prepare:
    cmd: python src/prepare.py
    deps: [raw.csv, src/prepare.py]
    outs: [clean]
  train:
    cmd: python src/train.py
    deps: [clean, src/train.py]
    params: [lr]
    outs: [model.txt]
    metrics: [metrics.json: {cache: false}]
  report:
    cmd: cp model.txt report.txt && echo end >> report.txt
    deps: [model.txt]
    outs: [report.txt]
"""
PREPARE = """\
import os
os.makedirs("clean", exist_ok=True)
for name, text in zip("ab", open("raw.csv").read().split(";")):
    open(f"clean/{name}.csv", "w").write(text)
"""
TRAIN = """\
import json
open("model.txt", "w").write("model of " + open("clean/a.csv").read())
json.dump({"accuracy": 0.8, "loss": 0.5}, open("metrics.json", "w"))
"""
PINNED = f"python:3.12@sha256:{'a' * 64}"
FILES = {
    "requirements.txt": "numpy==2.0.0\n",
    "dvc.yaml": PIPELINE,
    "params.yaml": "lr: 0.1\n",
    "src/prepare.py": PREPARE,
    "src/train.py": TRAIN,
    "raw.csv": "1,2\n;3,4\n",
    "images/x.txt": "x",
    "images/y.txt": "y",
    "Dockerfile": f"FROM {PINNED}\n",
    "control-plane/settings.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: ml}\ndata: {}\n"
    ),
    "baseline.json": '{"schema_version": "1", "findings": []}\n',
}
RECORD = "runs/pipeline.json"

Edit = Callable[[Project, Remote], None]
Document = dict[str, Any]


def good_project(base: Path) -> Project:
    """Make it: run, pushed, recorded and committed. The branch `base` is the same commit."""
    project = new_project(base, "good")
    project.write({**FILES, "lockproof.toml": "[record]\ndirectory = 'runs'\n"})
    project.dvc("add", "-q", "raw.csv", "images")
    project.dvc("repro", "-q")
    project.dvc("push", "-q")
    project.commit("made")
    assert main(["-C", str(project.root), "record", "--no-mlflow"]) == 0
    scanner = "true" if importlib.util.find_spec("kingfisher_sdk") else "false"
    project.write({"lockproof.toml": POLICY.replace("SECRETS", scanner)})
    project.commit("good")
    project.git("branch", "base")
    return project


def move_to(project: Project, bucket: Bucket) -> None:
    """Move the project's remote to a bucket; `base` follows."""
    options = bucket.config.options
    for name, value in (("url", bucket.config.url), ("endpointurl", options["endpointurl"])):
        project.dvc("remote", "modify", "-q", "store", name, value)
    for name in ("access_key_id", "secret_access_key", "region"):
        project.dvc("remote", "modify", "-q", "--local", "store", name, options[name])
    project.dvc("push", "-q")
    project.commit("on S3")
    project.git("branch", "-f", "base")


# --- edits ----------------------------------------------------------------------------------------


def swap(name: str, old: str, new: str) -> Edit:
    """Replace a text where a file has it first."""

    def edit(project: Project, _: Remote) -> None:
        text = (project.root / name).read_text("utf-8")
        assert old in text, (name, old)
        project.write({name: text.replace(old, new, 1)})

    return edit


def append(name: str, text: str) -> Edit:
    """Add text to a file."""

    def edit(project: Project, _: Remote) -> None:
        project.write({name: (project.root / name).read_text("utf-8") + text})

    return edit


def put(name: str, content: bytes | str) -> Edit:
    """Write a file."""

    def edit(project: Project, _: Remote) -> None:
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return edit


def git(*argv: str) -> Edit:
    """Run Git."""

    def edit(project: Project, _: Remote) -> None:
        project.git(*argv)

    return edit


def dvc(*argv: str) -> Edit:
    """Run DVC."""

    def edit(project: Project, _: Remote) -> None:
        project.dvc(*argv)

    return edit


def both(*edits: Edit) -> Edit:
    """One change that takes several edits."""

    def edit(project: Project, remote: Remote) -> None:
        for each in edits:
            each(project, remote)

    return edit


def in_lock(change: Callable[[Document], object]) -> Edit:
    """Change the stages of the lock."""

    def edit(project: Project, _: Remote) -> None:
        path = project.root / "dvc.lock"
        lock = yaml.safe_load(path.read_text())
        change(lock["stages"])
        path.write_text(yaml.safe_dump(lock, sort_keys=False))

    return edit


def forged(stage: str, kind: str, path: str, **values: object) -> Edit:
    """Let the lock say something else of a dependency or an output.

    Args:
        stage: the stage's name.
        kind: `deps` or `outs`.
        path: the dependency or output.
        values: what its entry says instead.
    """

    def change(stages: Document) -> None:
        next(e for e in stages[stage][kind] if e["path"] == path).update(values)

    return in_lock(change)


def in_data_file(name: str, **values: object) -> Edit:
    """Let a `.dvc` file say something else of its output; None takes a key away."""

    def edit(project: Project, _: Remote) -> None:
        path = project.root / name
        data = yaml.safe_load(path.read_text())
        (out,) = data["outs"]
        out.update(values)
        data["outs"] = [{key: value for key, value in out.items() if value is not None}]
        path.write_text(yaml.safe_dump(data, sort_keys=False))

    return edit


def spoilt(path: str, change: Callable[[bytes], bytes] | None) -> Edit:
    """Change or (None) delete in the remote what is at a path in the work tree.

    For a directory that is its directory object.
    """

    def edit(project: Project, remote: Remote) -> None:
        where = _digest(project, path).object_path
        if change is None:
            remote.delete(where)
        else:
            remote.put(where, change((project.root / ".dvc" / "cache" / where).read_bytes()))

    return edit


def _digest(project: Project, path: str) -> Digest:
    if (project.root / path).is_file():
        return digest_of((project.root / path).read_bytes())
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())["stages"]
    outs = [out for stage in lock.values() for out in stage["outs"]]
    if (project.root / f"{path}.dvc").exists():
        outs += yaml.safe_load((project.root / f"{path}.dvc").read_text())["outs"]
    return Digest(value=next(out["md5"] for out in outs if out["path"] == path))


def flipped(content: bytes) -> bytes:
    """Other content of the same size."""
    return content[:-1] + bytes([content[-1] ^ 1])


def made_metrics(text: str) -> Edit:
    """Other metrics, as if the stage had written them: the lock has their digest."""
    digest = digest_of(text.encode()).value
    return both(
        put("metrics.json", text),
        forged("train", "outs", "metrics.json", md5=digest, size=len(text)),
    )


def recorded(**values: object) -> Edit:
    """Let the run record say something else."""
    return lambda project, _: _record(project, values)


def _record(project: Project, values: Mapping[str, object]) -> None:
    record = json.loads((project.root / RECORD).read_text())
    project.write({RECORD: json.dumps({**record, **values})})


def fit_record(project: Project) -> None:
    """Let the run record say what the index says, as whoever forges a lock would."""
    snapshot = Snapshot(GitRepository(project.root), None)
    reading = read_project(snapshot, "")
    metrics: Mapping[str, float] = {}
    with contextlib.suppress(ConfigError):  # A mutation of its own.
        metrics = flatten_metrics("metrics.json", snapshot.read("metrics.json") or b"")
    stages = reading.pipeline.stages
    values = {
        "lock_digest": lock_digest(reading.lock_files),
        "stages": {s.address: s.entry_digest for s in stages if s.kind == "stage"},
        "params": locked_params(reading.pipeline),
        "metrics": {"metrics.json": metrics},
    }
    _record(project, values)
