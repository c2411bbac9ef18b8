"""The text of a first `lockproof.toml`, from what is in the repository."""

import json
from collections.abc import Iterator
from pathlib import Path

from .survey import Survey


def policy_text(found: Survey) -> str:
    """A commented policy that `lockproof.config.parse_policy` accepts."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Survey) -> Iterator[str]:
    yield "# What a proof of this repository takes. Every key is explained in lockproof's"
    yield "# docs/reference/policy.md; a key that is not there is an error."
    yield ""
    yield from _environment(found)
    yield ""
    yield "[run]"
    yield "# The time that the commands of one stage may take."
    yield 'timeout = "2h"'
    yield "# Stages get no network, so that what they read is what the lock names."
    yield "network = false"
    yield ""
    yield "[reproduce]"
    yield "# A pull request is proved by the stages that it changes: the others were proved when"
    yield "# they changed. `lockproof reproduce` without --since proves all of them."
    yield 'unaffected = "accept"'
    yield ""
    yield from _tolerances(found)
    yield "[record]"
    yield "# Where `lockproof record` writes what made a lock. Commit that with the lock."
    yield f"directory = {json.dumps(_records(found))}"


def _environment(found: Survey) -> Iterator[str]:
    if found.environment:
        key, path = found.environment
        yield "# The packages that stage commands see; built once, outside the work tree."
        yield "[environment]"
        yield f"{key} = {json.dumps(path)}"
        return
    yield "# Nothing pins the packages that stage commands see: they run with what is on the PATH,"
    yield "# and reports say so. Name a file that pins every version:"
    for reason in found.unpinned:
        yield f"#   {reason}"
    yield "# [environment]"
    yield '# requirements = "requirements.lock"   # or uv-lock, interpreter, image'


def _tolerances(found: Survey) -> Iterator[str]:
    if found.metrics:
        paths = ", ".join(map(json.dumps, found.metrics))
        yield "# Bytes are compared unless you say what agreement means. Another CPU may round"
        yield "# the last digits of a metric otherwise; if yours do, take the smallest bound that"
        yield "# passes:"
        yield "# [[tolerance]]"
        yield f"# paths = [{paths}]"
        yield "# rtol = 1e-9"
        yield ""
    if found.opaque:
        paths = ", ".join(map(json.dumps, found.opaque))
        yield "# These formats may hold times or pointers. Where they differ from run to run,"
        yield "# write what they hold to a plain file (.npz, .json) in the same stage, and let it"
        yield "# stand for them:"
        yield "# [[judged-by]]"
        yield f"# paths = [{paths}]"
        yield '# by = ["path/to/the/plain/file"]'
        yield '# reason = "why the bytes cannot be promised"'
        yield ""


def _records(found: Survey) -> str:
    usual = "data-plane/experiments"
    return usual if (Path(found.top) / found.root / usual).is_dir() else "experiments"
