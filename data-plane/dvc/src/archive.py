"""Models and arrays in files: archives without code, with the same bytes for the same content."""

import json
from io import BytesIO
from zipfile import ZipFile, ZipInfo

import numpy as np
import skops.io

TRUSTED = ["numpy.dot", "sklearn.tree._tree.Tree"]
"""What our models need beyond what skops trusts by itself."""


def save(model, path):
    """Write a model.

    skops numbers objects by their addresses in memory and stamps its members with the time.
    Here they are numbered by first appearance and have no time, so that equal models are equal
    files: one digest in DVC, one version in a registry.
    """
    with ZipFile(BytesIO(skops.io.dumps(model))) as source:
        numbers, names = {}, {}
        schema = _renumbered(json.loads(source.read("schema.json")), numbers, names)
        members = {new_name: source.read(name) for name, new_name in names.items()}
    _write(path, members | {"schema.json": json.dumps(schema).encode()})


def save_arrays(arrays, path):
    """Write arrays by name as NPZ; the headers that numpy.savez writes depend on the Python."""
    members = {}
    for name, array in arrays.items():
        np.save(content := BytesIO(), array, allow_pickle=False)
        members[f"{name}.npy"] = content.getvalue()
    _write(path, members)


def load(path):
    """Read a model.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: it holds a type that is not trusted.
    """
    return skops.io.load(path, trusted=TRUSTED)


def _write(path, members):
    with ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(ZipInfo(name), content)


def _renumbered(node, numbers, names):
    if isinstance(node, list):
        return [_renumbered(item, numbers, names) for item in node]
    if not isinstance(node, dict):
        return node
    new = {key: _renumbered(value, numbers, names) for key, value in node.items()}
    if "__id__" in node:
        new["__id__"] = numbers.setdefault(node["__id__"], len(numbers))
    if "__loader__" in node and "file" in node:
        suffix = node["file"].rpartition(".")[2]
        new["file"] = names.setdefault(node["file"], f"{len(names)}.{suffix}")
    return new
