"""A `dvc.lock` or `.dvc` file in pieces, so that a merge can keep each as it is written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from lockproof.errors import ConfigError
from lockproof.parse.yaml_document import read_yaml

STAGES = "stages"

# YAML would take these digits for a number, and lose zeros or more.
_BARE_DIGITS = re.compile(
    r"^([ -]*(?:md5|etag|checksum): )([0-9]+(?:e[0-9]+)?)([ \t]*)$", re.MULTILINE
)


@dataclass(frozen=True)
class Document:
    """A file whose text is that of its pieces, one after the other."""

    head: str = ""
    """What stands before the first key: comments."""
    sections: Mapping[str, str] = field(default_factory=dict)
    """Top-level key -> its lines; for `stages` only the first of them."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Top-level key -> its value."""
    stages: Mapping[str, str] = field(default_factory=dict)
    """Stage -> its lines."""

    @property
    def entries(self) -> Mapping[str, Mapping[str, Any]]:
        """Stage -> its entry."""
        found: Mapping[str, Mapping[str, Any]] = self.values.get(STAGES) or {}
        return found


def parse_document(content: bytes, name: str) -> Document:
    """Take a file apart. An empty one, as Git gives where there is no ancestor, has no pieces.

    Digests that consist of digits alone get the quotes that they need.

    Raises:
        ConfigError: it is not UTF-8, not YAML as DVC writes it, or of another schema than 2.0.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is not UTF-8 text") from error
    if not text.strip():
        return Document()
    text = _BARE_DIGITS.sub(r"\1'\2'\3", text if text.endswith("\n") else f"{text}\n")
    document = read_yaml(text.encode(), name, core=True)[0]
    value = document.value
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigError(f"{name} is not a mapping")
    stages = value.get(STAGES)
    if STAGES in value:
        _check(value, name)
    lines = text.splitlines(keepends=True)
    keys: list[tuple[str, ...]] = [(key,) for key in value]
    keys += [(STAGES, key) for key in stages or ()]
    starts = {key: document.line(*key) for key in keys}
    return _cut(name, lines, starts, value)


def _check(value: Mapping[str, Any], name: str) -> None:
    stages = value[STAGES]
    if str(value.get("schema")) != "2.0":
        raise ConfigError(f"{name} has no 'schema: 2.0': let 'dvc repro' write it again")
    if not isinstance(stages, Mapping) or not all(
        isinstance(key, str) and isinstance(entry, Mapping) for key, entry in stages.items()
    ):
        raise ConfigError(f"{name}: 'stages' does not map names to entries")


def _cut(
    name: str,
    lines: list[str],
    starts: Mapping[tuple[str, ...], int | None],
    value: Mapping[str, Any],
) -> Document:
    order = sorted(starts, key=lambda key: (starts[key] or 0, len(key)))
    firsts = [(starts[key] or 0) - 1 for key in order]
    if any(one >= two for one, two in pairwise(firsts)) or firsts[0] < 0:
        raise ConfigError(f"{name} is not laid out as DVC writes it")
    texts = {
        key: "".join(lines[first:end])
        for key, first, end in zip(order, firsts, [*firsts[1:], len(lines)], strict=True)
    }
    return Document(
        head="".join(lines[: firsts[0]]),
        sections={key[0]: text for key, text in texts.items() if len(key) == 1},
        values=value,
        stages={key[1]: text for key, text in texts.items() if len(key) == 2},
    )
