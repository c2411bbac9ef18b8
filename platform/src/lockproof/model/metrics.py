"""Metrics files: every number in them under its dotted key."""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from lockproof.errors import ConfigError, unreadable

from .toml_text import read_toml

MAX_BYTES = 16 * 2**20
MAX_SLOW_BYTES = 2**20
"""YAML and TOML are read about a hundred times slower than JSON, and a metrics file is small."""
MAX_VALUES = 20_000
MAX_DEPTH = 32


def flatten_metrics(path: str, content: bytes) -> dict[str, float]:
    """Read the numbers of a metrics file.

    The format follows the suffix as in DVC: `.json`, `.toml`, anything else is YAML 1.2. As in
    `dvc metrics show`, mappings are entered and lists are not. Texts, nulls and booleans are no
    metrics here.

    Args:
        path: the file's name, for its suffix and for messages.
        content: the file's bytes, UTF-8.

    Returns:
        Dotted key -> value in the order of the file, NaN and infinities included; the key of a
        file that is one bare number is empty. Empty where the file holds no number.

    Raises:
        ConfigError: the file cannot be read as its format, two values have the same dotted key, a
            number does not fit a 64-bit float, or the file is larger or deeper than any metrics
            file has a reason to be.
    """
    flat: dict[str, float] = {}
    for key, value in _numbers(path, _parse(path, content)):
        if key in flat:
            raise ConfigError(f"{path}: two values for the metric {key!r}: rename one of them")
        flat[key] = value
    return flat


def _parse(path: str, content: bytes) -> Any:
    suffix = PurePosixPath(path).suffix.lower()
    limit = MAX_BYTES if suffix == ".json" else MAX_SLOW_BYTES
    if len(content) > limit:
        raise ConfigError(
            f"{path}: {len(content)} bytes are too many for a metrics file (at most {limit}):"
            " declare large series as plots"
        )
    try:
        text = content.decode("utf-8-sig")
        if suffix == ".json":
            return json.loads(text, object_pairs_hook=without_duplicates)
        return read_toml(text) if suffix == ".toml" else _yaml(text)
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply for a metrics file") from error
    except ValueError as error:
        raise ConfigError(f"{path}: cannot be read as metrics: {unreadable(error)}") from error


def _yaml(text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        # The others come from within the reader, such as of a mapping for a key.
        raise ValueError(str(error)) from error


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads`: an object whose keys are all different.

    Raises:
        ValueError: a key occurs twice, so that two readers could see two documents.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def _numbers(path: str, root: Any) -> Iterator[tuple[str, float]]:
    # A few aliases can make a YAML document endless, so what is visited is counted, not what is.
    visited = 0
    todo: list[tuple[tuple[str, ...], Any]] = [((), root)]
    while todo:
        parts, value = todo.pop()
        visited += 1
        if visited > MAX_VALUES or len(parts) > MAX_DEPTH:
            raise ConfigError(f"{path}: more values or levels than a metrics file may have")
        if isinstance(value, Mapping):
            todo.extend(((*parts, str(k)), v) for k, v in reversed(list(value.items())))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield _key(path, parts), _float(path, parts, value)


def _key(path: str, parts: tuple[str, ...]) -> str:
    key = ".".join(parts)
    if any("\ud800" <= character <= "\udfff" for character in key):
        raise ConfigError(f"{path}: the metric {key[:80]!r} is not valid Unicode")
    return key


def _float(path: str, parts: tuple[str, ...], value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ConfigError(f"{path}: {'.'.join(parts)!r} does not fit a 64-bit float") from error
