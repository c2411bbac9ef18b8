"""Every parser of files that a pull request can choose, as a function of bytes.

A parser may refuse with a ConfigError or a UsageError of one line; anything else is a bug. `seeds`
are where the fuzzer starts.
"""

import atexit
import base64
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lockproof.adapters.git.repository import GitRepository, run_git
from lockproof.adapters.git.snapshot import Entry, Snapshot
from lockproof.config import Policy, parse_policy
from lockproof.errors import ConfigError, UsageError
from lockproof.model.claim import claims_of
from lockproof.model.metrics import flatten_metrics
from lockproof.model.remote import ConfigFile
from lockproof.model.statement import VERDICT
from lockproof.parse.bundle import read_bundles, read_statement, read_verdict
from lockproof.parse.code_formats import code_in_content
from lockproof.parse.container_images import images_in
from lockproof.parse.data_file import read_data_file
from lockproof.parse.desired_state import named_in, with_version
from lockproof.parse.dvc_config import read_dvc_configs
from lockproof.parse.listing import read_listing
from lockproof.parse.params import read_params
from lockproof.parse.project import read_project
from lockproof.parse.yaml_document import read_yaml
from lockproof.steps.baseline import parse_baseline
from lockproof.steps.gate.proof import contradictions, parse_report
from lockproof.steps.record import parse_record

MD5 = "0123456789abcdef" * 2


class Target(NamedTuple):
    """A parser under test."""

    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def _listing(content: bytes) -> object:
    cut = content[0] % 31 + 1 if content else 1
    pieces = (content[at : at + cut] for at in range(0, len(content), cut))
    found = list(read_listing(pieces, "raw"))
    # What is accepted is just what JSON says.
    folders = {f.relpath[:at] for f in found for at, c in enumerate(f.relpath) if c == "/"}
    assert folders.isdisjoint(file.relpath for file in found)
    assert [list(f) for f in found] == [[e["relpath"], e["md5"]] for e in json.loads(content)]
    for file in found:
        assert file.relpath.strip("/") == file.relpath
        assert not {"", ".", ".."} & set(file.relpath.split("/"))
    return found


def _config(content: bytes) -> object:
    file = ConfigFile(name="config", folder="/p/.dvc", content=content, committed=True)
    configs = read_dvc_configs([file], "/p")
    return [configs.remote(name) for name in (None, *configs.sections)]


def _desired_state(content: bytes) -> object:
    text = content.decode("utf-8", "replace")
    places = named_in(text, "x.yaml")
    for place in places:
        if place.kind == "lone":  # Told of, and never edited.
            continue
        changed = with_version(text, [place], "models:/m/7", "md5:7", "s3://b/7")
        assert "models:/m/7" in [p.version for p in named_in(changed, "x.yaml")]
    return places


def _yaml(content: bytes) -> object:
    documents = read_yaml(content, "dvc.yaml", many=True)
    return [(document.value, document.line()) for document in documents]


class Files:
    """The tracked files of a revision, in memory."""

    top = ""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.entries: Mapping[str, Any] = {path: Entry("100644", "0" * 40) for path in files}
        self.submodules: Mapping[str, Files | None] = {}
        self._files = files

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)

    read_through = read

    def load(self, paths: Iterable[str]) -> None:
        """All are here."""


def _pipeline(content: bytes) -> object:
    """A `dvc.yaml`, its lock and its parameters, cut apart at zero bytes."""
    declared, lock, params = [*content.split(b"\0"), b"", b""][:3]
    files = {"dvc.yaml": declared, "dvc.lock": lock, "params.yaml": params, ".dvc/config": b""}
    reading = read_project(Files(files), "")
    return claims_of(reading.pipeline)


def _ignore(content: bytes) -> object:
    """A `.dvcignore`, and paths to hold it against behind a zero byte."""
    patterns, _, paths = content.partition(b"\0")
    files = {".dvcignore": patterns, ".dvc/config": b"", "a/b/c.dvc": b"outs: [{path: c}]"}
    reading = read_project(Files(files), "")
    return [reading.ignored.hides(path) for path in paths.decode("utf-8", "replace").split("\n")]


def _data_file(content: bytes) -> object:
    return read_data_file(content, "raw.dvc")


def _params(name: str) -> Callable[[bytes], object]:
    return lambda content: read_params(content, name)


def _policy(content: bytes) -> object:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return parse_policy(text)


def _images(content: bytes) -> object:
    return [images_in(name, content) for name in ("Dockerfile", "compose.yaml", ".gitlab-ci.yml")]


def _formats(content: bytes) -> object:
    return code_in_content(content)


def _metrics(name: str) -> Callable[[bytes], object]:
    return lambda content: flatten_metrics(name, content)


def _proof(content: bytes) -> object:
    return [read_verdict(read_statement(sealed)) for sealed in read_bundles(content, "proof")]


REPRODUCED = b"stages: {a: {cmd: x, deps: [d], outs: [o]}}"


def _report(content: bytes) -> object:
    """A report, and what it says against itself and against the pipeline of one stage."""
    report = parse_report(content, "report.json")
    reading = read_project(Files({"dvc.yaml": REPRODUCED, ".dvc/config": b""}), "")
    return list(contradictions(report, reading.pipeline, Policy()))


@cache
def _git() -> GitRepository:
    folder = tempfile.TemporaryDirectory(prefix="lockproof-fuzz-trees-")
    atexit.register(folder.cleanup)
    root = Path(folder.name)
    run_git(root, "init", "--quiet")
    return GitRepository(root)


def _tree(content: bytes) -> object:
    """The bytes of a tree object, as whoever pushes can make them; Git itself lists it."""
    git = _git()
    written = ("hash-object", "-t", "tree", "-w", "--literally", "--stdin")
    oid = run_git(git.root, *written, given=content).decode().strip()
    found = Snapshot(git, oid)
    folders = {path[:at] for path in found.entries for at, c in enumerate(path) if c == "/"}
    assert folders.isdisjoint(found.entries)
    return found.folders


def _entries(*names: str) -> bytes:
    return b"".join(b"100644 %s\0" % name.encode() + 20 * b"x" for name in names)


VERDICT_OF_A = {
    "version": "1",
    "model": "m",
    "outputs": [
        {
            "path": "m.txt",
            "stage": "a",
            "locked": {"value": MD5},
            "sha256": MD5 * 2,
            "verdict": "identical",
        }
    ],
    "repository": "",
    "tree": "0" * 40,
    "policy_digest": None,
    "run": None,
    "signed_at": "2026-01-01T00:00:00Z",
    "report": {
        "tool": "lockproof 0.1.0",
        "subject": {"commit": "1" * 40, "lock_digest": MD5 * 2},
        "verdict": "passed",
        "stages": [{"address": "a", "command": ["x"], "verdict": "passed"}],
        "findings": [],
        "host": {"stages": {"a": {"executed": 1, "exit_code": 0}}},
        "timing": {"started": "2026-01-01T00:00:00Z", "seconds": 1.5},
    },
}
PROOF = json.dumps(
    {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "0" * 64}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(
                json.dumps(
                    {
                        "_type": "https://in-toto.io/Statement/v1",
                        "subject": [{"name": "m.txt", "digest": {"sha256": MD5 * 2}}],
                        "predicateType": VERDICT,
                        "predicate": VERDICT_OF_A,
                    }
                ).encode()
            ).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": "AAAA", "keyid": ""}],
        },
    }
).encode()
RECORD = {
    "name": "a",
    "lock_digest": MD5,
    "params": {"params.yaml": {"lr": 0.1}},
    "metrics": {"m.json": {"acc": 0.9}},
    "environment": {"kind": "unpinned", "name": "PATH"},
    "recorded_at": "2026-01-01T00:00:00Z",
}
ADOPTED = {"fingerprint": "0" * 16, "rule": "LP104", "subject": "train a.py", "path": "dvc.yaml"}

TARGETS = {
    "proof": Target(_proof, (PROOF,)),
    "metrics-json": Target(_metrics("m.json"), (b'{"a": {"b": 1, "c": NaN}, "d": [1]}',)),
    "metrics-toml": Target(_metrics("m.toml"), (b"a = 1\n[b]\nc = inf\n", b"a.'b'.c = 0x1f\n")),
    "metrics-yaml": Target(_metrics("m.yaml"), (b"a: 1\nb: {c: 1e3, d: .nan}\n",)),
    "record": Target(
        lambda content: parse_record(content, "a.json"), (json.dumps(RECORD).encode(),)
    ),
    "baseline": Target(
        lambda content: parse_baseline(content, "baseline.json"),
        (json.dumps({"schema_version": "1", "findings": [ADOPTED]}).encode(),),
    ),
    "listing": Target(
        _listing,
        (
            json.dumps([{"md5": MD5, "relpath": name} for name in ("a", "b/c", "b/ü")]).encode(),
            b"[]",
        ),
    ),
    "dvc-config": Target(
        _config,
        (
            b"[core]\n    remote = a\n['remote \"a\"']\n    url = s3://b/c\n"
            b'[\'remote "b"\']\n    url = remote://a/d\n    keyfile = "/x, y"\n',
        ),
    ),
    "yaml": Target(
        _yaml,
        (
            b"stages:\n  a:\n    cmd: x\n    deps: [b, {c: {cache: false}}]\n    params: &p [d]\n",
            b"a: &x [1, 2.5, null, true, 2020-01-01]\nb: *x\n<<: {c: !!str 1}\n---\n'0': |\n  x\n",
        ),
    ),
    "desired-state": Target(
        _desired_state,
        (
            b"kind: Rollout\nenv:\n- {name: MODEL_URI, value: models:/m/1} # x\n"
            b"- name: MODEL_DIGEST\n  value: 'md5:0'\n---\nMODEL_URI: a\nMODEL_DIGEST: b\n",
            b"apiVersion: serving.kserve.io/v1\nmetadata:\n  name: m\n  annotations:\n    a: b\n"
            b"spec: {model: {storageUri: s3://a/b}}\n",
            b"literals: [MODEL_URI=models:/m/1, 'MODEL_DIGEST=x']\n",
            b"- {op: test, path: /a, value: MODEL_URI}\n- {op: replace, path: /b, value: x}\n"
            b"- {op: test, path: /c, value: MODEL_DIGEST}\n- {op: replace, path: /d, value: y}\n",
        ),
    ),
    "pipeline": Target(
        _pipeline,
        (
            b"vars: [{a: 1}]\nstages:\n  b:\n"
            b"    foreach: [1, x]\n    do:\n      cmd: c ${item} ${a}\n"
            b"      deps: [d]\n      outs: [o-${item}: {cache: false}]\n      params: [p]\n"
            b"  m:\n    matrix: {k: [1, 2]}\n    cmd: x ${item.k}\n"
            b"\0schema: '2.0'\nstages:\n  b@1:\n    cmd: c 1 1\n    outs:\n    - path: o-1\n"
            b"      hash: md5\n      md5: 0123456789abcdef0123456789abcdef\n      size: 1\n"
            b"      cloud: {s: {etag: x, version_id: y}}\n    params: {params.yaml: {p: 1}}\n"
            b"\0p: 1\n",
        ),
    ),
    "ignore": Target(
        _ignore,
        (
            b"*.tmp\n!keep*[a-b].tmp\n/out/**/c\\ache/\n# x\n?[!a]*\0a/b.tmp\nout/x/cache/y\n",
            b"**/a*b*c/**\n*a*a*a*a\0aaaaaaaaaaaaaaab\nx/abc/y",
        ),
    ),
    "data-file": Target(
        _data_file,
        (
            b"deps:\n- path: a\n  repo: {url: u, rev_lock: r}\nwdir: x\nfrozen: true\nouts:\n"
            b"- md5: 0123456789abcdef0123456789abcdef.dir\n  size: 1\n  nfiles: 1\n  path: raw\n"
            b"  files: [{relpath: a, md5: xyz, cloud: {s: {version_id: v}}}]\n",
        ),
    ),
    "params-toml": Target(
        _params("p.toml"),
        (
            b"a = 1\n[b]\nc = [1, 2.5]\n",
            b'a."b\\"" . \'c\' = 0x1f # "\n[[d.e]]\nf = """ \\" ""\n"""\n',
        ),
    ),
    "params-json": Target(_params("p.json"), (b'{"a": [1, {"b": null}]}',)),
    "params-python": Target(_params("p.py"), (b"A = 1\nclass B:\n    c = [1, 'x']\n",)),
    "policy": Target(
        _policy,
        (b"[gate]\noff = ['git']\n[remote]\ntimeout = '5s'\n",),
    ),
    "images": Target(
        _images,
        (
            b"ARG A=x\nFROM ${A}:1 AS b\nCOPY --from=b x y\n",
            b"services: {a: {image: b}}\njobs: {c: {container: d, image: {name: e}}}\n",
        ),
    ),
    "report": Target(_report, (json.dumps(VERDICT_OF_A["report"]).encode(),)),
    "tree": Target(_tree, (_entries("a", "b.yaml", "dvc.lock"),)),
    "code-formats": Target(_formats, (b"\x80\x04\x95.", b"PK\x03\x04", b"\x93NUMPY\x01\x00")),
}


def run(name: str, content: bytes) -> bool:
    """Parse once; whether the parser accepted it."""
    try:
        TARGETS[name].parse(content)
    except (ConfigError, UsageError):  # Which is one line by itself.
        return False
    return True
