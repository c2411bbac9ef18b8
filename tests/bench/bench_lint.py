"""`lockproof lint` beside kubeconform: 250 documents, the same schemas.

kubeconform gets the bundled field tables, written out as JSON schemas, and validates fields alone.
lockproof lint, as a whole process, also checks references, policies, canaries and expressions.
"""

import json
import resource
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.parse.yaml_document import read_yaml
from lockproof.rules.manifests.schema import validate
from manifests.mutations import PLATFORM, POLICY

from .lint_peers import program, write_schemas
from .timing import BIN, alternate, seconds, show

DOCUMENTS = 250
VERSION = "1.34"
KUBECONFORM = program("kubeconform")
needs_kubeconform = pytest.mark.skipif(KUBECONFORM is None, reason="kubeconform is not here")


def processor(argv: Sequence[str], cwd: Path) -> float:
    """Seconds of all processors in one process: a busy machine changes little of it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds(argv, cwd)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def documents(count: int = DOCUMENTS) -> Iterator[dict[str, Any]]:
    """The sample platform over and over, each time in a namespace of its own."""
    sources = [
        document
        for path in sorted(PLATFORM.glob("*.yaml"))
        if path.name not in ("canary-checks.yaml", "kustomization.yaml", "models.test.yaml")
        for document in yaml.safe_load_all(path.read_text("utf-8"))
    ]
    for number in range(count):
        value = json.loads(json.dumps(sources[number % len(sources)]))
        value["metadata"]["namespace"] = f"n{number // len(sources)}"
        if value["kind"] in ("Provider", "ClusterProviderConfig", "VolumeAttributesClass"):
            del value["metadata"]["namespace"]
            value["metadata"]["name"] += f"-{number}"
        yield value


@needs_kubeconform
@pytest.mark.parametrize("count", [DOCUMENTS, 10 * DOCUMENTS])
def test_whole_process(count: int, tmp_path: Path) -> None:
    values = list(documents(count))
    root, schemas = tmp_path / "root", tmp_path / "schemas"
    (root / ".git").mkdir(parents=True)
    (root / "manifests").mkdir()
    schemas.mkdir()
    (root / "lockproof.toml").write_text(POLICY.partition("[lint.budget]")[0])
    for number, value in enumerate(values):
        (root / "manifests" / f"{number:04}.yaml").write_text(yaml.safe_dump(value))
    write_schemas(schemas, BundledSchemas(VERSION), values)
    location = str(schemas / "{{ .ResourceKind }}{{ .KindSuffix }}.json")
    peer_words = [str(KUBECONFORM), "-strict", "-summary", "-schema-location", location]
    # Images by tag and such are findings: what is measured is a run with findings, exit code 1.
    words = ["sh", "-c", f"'{BIN}/lockproof' lint manifests >/dev/null 2>&1; test $? -le 1"]
    peer_words.append("manifests")
    title = f"lint {count} documents, whole process"
    for what, measure in (("", seconds), (", CPU", processor)):
        ours, peer = alternate(
            partial(measure, words, root), partial(measure, peer_words, root), runs=7
        )
        show(f"{title}{what}", ours, peer, "goal: at most 2 times")


@needs_kubeconform
def test_in_process(tmp_path: Path) -> None:
    values = list(documents())
    texts = [yaml.safe_dump(value).encode() for value in values]
    bundled = BundledSchemas(VERSION)

    def ours() -> float:
        started = time.perf_counter()
        for text in texts:
            value = read_yaml(text, "d.yaml")[0].value
            group, _, version = value["apiVersion"].rpartition("/")
            schema = bundled.find(group, version, value["kind"])
            assert schema is not None
            assert not validate(value, schema).problems
        return time.perf_counter() - started

    folder = tmp_path / "manifests"
    schemas = tmp_path / "schemas"
    folder.mkdir()
    schemas.mkdir()
    for number, text in enumerate(texts):
        (folder / f"{number:03}.yaml").write_bytes(text)
    write_schemas(schemas, BundledSchemas(VERSION), values)
    location = str(schemas / "{{ .ResourceKind }}{{ .KindSuffix }}.json")
    words = [str(KUBECONFORM), "-strict", "-schema-location", location, str(folder)]
    mine, peer = alternate(ours, lambda: seconds(words, tmp_path), runs=7)
    show("read and validate in process", mine, peer, "goal: faster; peer: its whole process")
