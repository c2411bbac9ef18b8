"""Every parser of files that a pull request can choose, as a function of bytes.

A parser may refuse with a ConfigError of one line; anything else is a bug. `seeds` are where
the fuzzer starts.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

from lockproof.errors import ConfigError
from lockproof.model.remote import ConfigFile
from lockproof.parse.dvc_config import read_dvc_configs
from lockproof.parse.listing import read_listing
from lockproof.parse.yaml_document import read_yaml

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
    assert [list(f) for f in found] == [[e["relpath"], e["md5"]] for e in json.loads(content)]
    for file in found:
        assert file.relpath.strip("/") == file.relpath
        assert not {"", ".", ".."} & set(file.relpath.split("/"))
    return found


def _config(content: bytes) -> object:
    file = ConfigFile(name="config", folder="/p/.dvc", content=content, committed=True)
    configs = read_dvc_configs([file], "/p")
    return [configs.remote(name) for name in (None, *configs.sections)]


def _yaml(content: bytes) -> object:
    documents = read_yaml(content, "dvc.yaml", many=True)
    return [(document.value, document.line()) for document in documents]


TARGETS = {
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
            b'[\'remote "b"\']\n    url = remote://a/d\n    keyfile = "x, y"\n',
        ),
    ),
    "yaml": Target(
        _yaml,
        (
            b"stages:\n  a:\n    cmd: x\n    deps: [b, {c: {cache: false}}]\n    params: &p [d]\n",
            b"a: &x [1, 2.5, null, true, 2020-01-01]\nb: *x\n<<: {c: !!str 1}\n---\n'0': |\n  x\n",
        ),
    ),
}


def run(name: str, content: bytes) -> bool:
    """Parse once; whether the parser accepted it."""
    try:
        TARGETS[name].parse(content)
    except ConfigError:  # Which is one line by itself.
        return False
    return True
