"""An input that a model takes, as MLflow keeps it, and what it says of the model's signature."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from lockproof.adapters.scratch import temporary_folder
from lockproof.errors import ConfigError, unreadable
from lockproof.model.metrics import without_duplicates

from .store import Store, need

_FILE = "input_example.json"
_LARGEST = 4 << 20


class Example(NamedTuple):
    """An input example."""

    content: bytes
    """The file beside the model."""
    info: dict[str, Any]
    """What the `MLmodel` file says of it."""
    signature: dict[str, Any]
    """The inputs that follow from it; outputs would need the model to be loaded."""


def read_example(store: Store, content: bytes, name: str) -> Example:
    """Read an example; the model is not asked.

    Args:
        store: under whose settings MLflow works.
        content: JSON: `{"columns": […], "data": [[…], …]}`, or nested lists of numbers.
        name: what errors call it.

    Raises:
        ConfigError: it is nothing of the kind.
    """
    if len(content) > _LARGEST:
        raise ConfigError(f"{name} is larger than {_LARGEST >> 20} MiB, which no example need be")
    try:
        said = json.loads(content, object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is not JSON: {unreadable(error)}") from error
    tabular = isinstance(said, dict) and said.keys() == {"columns", "data"}
    if not tabular and not (isinstance(said, list) and said):
        raise ConfigError(
            f'{name} is no example of an input: write {{"columns": […], "data": [[…]]}}, or a list'
            " of rows of numbers"
        )
    with store.settings(), temporary_folder() as folder:
        try:
            return _described(said, folder, tabular=tabular)
        except Exception as error:
            raise ConfigError(
                f"MLflow takes no example from {name}: {unreadable(error)}"
            ) from error


def _described(said: Any, folder: Path, *, tabular: bool) -> Example:
    if tabular:
        value = need("pandas").DataFrame(said["data"], columns=said["columns"])
    else:
        value = need("numpy").array(said)
        if value.dtype.kind not in "biuf":
            raise ValueError("its rows are not all of numbers, or not all as long")
    example = need("mlflow.models.utils")._Example(value)
    example.save(str(folder))
    signature = need("mlflow.models").infer_signature(value)
    return Example((folder / _FILE).read_bytes(), dict(example.info), signature.to_dict())
