"""A run in MLflow's own values: within its limits, with names and texts that it accepts."""

import hashlib
import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from posixpath import normpath
from typing import Any

from lockproof.model.address import without_credentials
from lockproof.model.base import canonical_json
from lockproof.model.run import RunFacts, plain

from .store import need

DIGEST_TAG = "lockproof.record_digest"
NON_FINITE_TAG = "lockproof.metric."
"""Stores turn an infinity into the largest number there is, so it is logged as a tag."""

NAME_LIMIT = 250
"""Of parameters, metrics and tags, in characters, as `mlflow.utils.validation` has it."""

_HASH_DIGITS = 8
_TAG_LIMIT = 5000
_PARAM_LIMIT = 6000
_METRIC_NAME_LIMIT = 230
_DATASET_NAME_LIMIT = 500
_DATASET_DIGEST_LIMIT = 36
_BATCH_COUNT = 100
_BATCH_BYTES = 500_000


def names_for(
    places: Iterable[tuple[str, str]], limit: int = NAME_LIMIT
) -> dict[tuple[str, str], str]:
    """Name values by where they stand: a file and a dotted key in it.

    The name is the key where no other file has it, else `file:key`. Characters that MLflow does
    not take become `_`; where that would give two values one name, or the name is too long, eight
    digits of a hash tell them apart.

    Returns:
        (file, key) -> name, all different.
    """
    unique = list(dict.fromkeys(places))
    keys = Counter(key for _, key in unique)
    cleaned = {
        (file, key): _clean(key if key and keys[key] == 1 else f"{file}:{key}".rstrip(":"))
        for file, key in unique
    }
    taken = Counter(cleaned.values())
    return {
        place: name
        if taken[name] == 1 and len(name) <= limit
        else f"{name[: limit - _HASH_DIGITS - 1]}-{_hash(repr(place))}"
        for place, name in cleaned.items()
    }


def artifact_path(path: str) -> str:
    """A relative POSIX path for an artifact: each part plain enough for a URL and a file system.

    A part that had to change gets eight digits of a hash, so that no two become one.
    """
    return "/".join(_plain_part(part) for part in path.split("/"))


def clip(text: str, limit: int) -> str:
    """At most `limit` characters; what was cut off leaves eight digits of a hash of the whole."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - _HASH_DIGITS - 1]}~{_hash(text)}"


def _clean(name: str) -> str:
    name = re.sub(r"[^/\w.\- :]", "_", name)
    if normpath(name) != name or name.startswith(("/", "..")):
        name = name.replace("/", "_")
    return f"_{name}" if name in ("", ".") or name.startswith("..") else name


def _plain_part(part: str) -> str:
    simple = re.sub(r"[^\w.\- ]", "_", part)
    if simple == part and part.strip(" .") and not part.startswith(".artifact."):
        return part
    return f"_{simple.lstrip('.')[:200]}-{_hash(part)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]


def tags_of(facts: RunFacts) -> dict[str, str]:
    """The tags that a run has from its first moment; no credentials are in them."""
    git = facts.git
    remote = without_credentials(git.remote_url) if git.remote_url else None
    tags = {
        "mlflow.source.name": "lockproof record",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": git.commit,
        "mlflow.source.git.branch": git.branch,
        "mlflow.source.git.repoURL": remote,
        "mlflow.source.git.dirty": None if git.dirty is None else str(git.dirty).lower(),
        "mlflow.runName": facts.name,
        "lockproof.record": facts.name,
        "lockproof.lock_digest": facts.lock_digest,
        "lockproof.environment_digest": facts.environment.pinned_digest,
        DIGEST_TAG: facts.digest,
        **facts.tags,
    }
    return {name: clip(value, _TAG_LIMIT) for name, value in tags.items() if value}


def logged_params(params: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Parameters as they are logged: MLflow's name -> text, which is JSON where it is no text."""
    values = {
        (file, key): value if isinstance(value, str) else canonical_json(value)
        for file, tree in params.items()
        for key, value in _leaves(plain(tree), ())
    }
    names = names_for(values)
    return {names[at]: clip(value, _PARAM_LIMIT) for at, value in values.items()}


def logged_metrics(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Metrics as they are logged: MLflow's name -> value."""
    values = {(file, key): value for file, keys in metrics.items() for key, value in keys.items()}
    names = names_for(values, _METRIC_NAME_LIMIT)
    return {names[at]: float(value) for at, value in values.items()}


def batches_of(facts: RunFacts) -> Iterator[dict[str, Any]]:
    """Parameters, metrics, and tags for metrics that are not finite: keywords of `log_batch`."""
    entities = need("mlflow.entities")
    made = [entities.Param(name, value) for name, value in logged_params(facts.params).items()]
    for chunk in _chunks(made, lambda param: len(json.dumps(param.value))):
        yield {"params": chunk}
    numbers = logged_metrics(facts.metrics)
    now = int(time.time() * 1000)
    finite = [
        entities.Metric(name, value, now, 0)
        for name, value in numbers.items()
        if math.isfinite(value)
    ]
    odd = [
        entities.RunTag(NON_FINITE_TAG + name, str(value))
        for name, value in numbers.items()
        if not math.isfinite(value)
    ]
    for chunk in _chunks(finite, lambda _: 0):
        yield {"metrics": chunk}
    for chunk in _chunks(odd, lambda _: 0):
        yield {"tags": chunk}


def _leaves(tree: Any, parts: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict) and (tree or not parts):
        for key, value in tree.items():
            yield from _leaves(value, (*parts, key))
    else:
        yield ".".join(parts), tree


def inputs_of(facts: RunFacts) -> Iterator[list[Any]]:
    """The data inputs, as lists for `log_inputs`: MLflow's dataset digest is DVC's."""
    yield from _chunks(_dataset_inputs(facts), lambda item: len(item.dataset.source))


def _dataset_inputs(facts: RunFacts) -> Iterator[Any]:
    entities = need("mlflow.entities")
    remote = facts.git.remote_url
    for item in dict.fromkeys(facts.inputs):
        source = {"path": item.path, "digest": str(item.digest)}
        if remote:
            source["repository"] = without_credentials(remote)
        dataset = entities.Dataset(
            name=clip(item.path, _DATASET_NAME_LIMIT),
            digest=clip(item.digest.value, _DATASET_DIGEST_LIMIT),
            source_type="dvc",
            source=clip(canonical_json(source), _TAG_LIMIT),
            profile=None if item.size is None else canonical_json({"size": item.size}),
        )
        context = entities.InputTag("mlflow.data.context", "training")
        yield entities.DatasetInput(dataset, tags=[context])


def write_artifacts(folder: Path, facts: RunFacts) -> None:
    """Write what a run keeps as files into an empty folder.

    `environment.json`; each `dvc.lock` below `lock/`; all `.dvc` files in one
    `lock/dvc-files.json`, for there can be thousands.
    """
    pointers = {}
    for path, content in facts.lock_files.items():
        if path.endswith(".dvc"):
            pointers[path] = content.decode("utf-8", "replace")
        else:
            _write(folder / "lock" / artifact_path(path), content)
    if pointers:
        _write(folder / "lock" / "dvc-files.json", _json(pointers))
    _write(folder / "environment.json", _json(facts.environment.model_dump(mode="json")))


def _json(value: Any) -> bytes:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "replace")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _chunks(items: Iterable[Any], size: Callable[[Any], int]) -> Iterator[list[Any]]:
    """Batches within MLflow's limits: 100 entities and 1 MB of JSON."""
    chunk: list[Any] = []
    total = 0
    for item in items:
        if chunk and (len(chunk) == _BATCH_COUNT or total + size(item) > _BATCH_BYTES):
            yield chunk
            chunk, total = [], 0
        chunk.append(item)
        total += size(item)
    if chunk:
        yield chunk
