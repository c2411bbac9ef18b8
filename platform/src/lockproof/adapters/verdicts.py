"""Passed verdicts of single stages, kept so that an unchanged stage need not run again."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from lockproof.adapters.files import cache_root, write_whole
from lockproof.model.base import Frozen
from lockproof.model.digest import Digest
from lockproof.model.verdict import OutputVerdict


class ProvedStage(Frozen):
    """What was proved of a stage under one key."""

    proved_at: str
    """UTC, RFC 3339."""
    verdicts: Mapping[str, OutputVerdict]
    observed: Mapping[str, Digest]
    reads: Mapping[str, str]
    """Files that the stage read without declaring them -> Git object id."""


def _path(key: str) -> Path:
    return cache_root() / "verdicts" / key[:2] / f"{key[2:]}.json"


def load(key: str) -> ProvedStage | None:
    """The proof stored under a key; None where there is none or it cannot be read."""
    try:
        return ProvedStage.model_validate_json(_path(key).read_bytes())
    except (OSError, ValidationError, json.JSONDecodeError):
        return None


def save(key: str, proved: ProvedStage) -> None:
    """Store a proof.

    Raises:
        UsageError: the cache cannot be written.
    """
    write_whole(_path(key), proved.model_dump_json())
