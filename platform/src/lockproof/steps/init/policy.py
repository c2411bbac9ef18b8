"""The text of a first `lockproof.toml`, from what is in the repository."""

import json
import math
import re
from collections.abc import Iterator

from lockproof.config import RecordPolicy

from .survey import Survey

_HIGHER = re.compile(r"acc|auc|f1|precision|recall|r2|score|iou|bleu|rouge", re.IGNORECASE)
_LOWER = re.compile(r"loss|err|rmse|mae|mse|perplexity|latency", re.IGNORECASE)
_MOST_METRICS = 3


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
    yield "# Run no stage that cannot be kept apart from the machine, on laptops as well: the CI"
    yield "# files demand it already."
    yield '# isolation = "required"'
    yield ""
    yield "[reproduce]"
    yield "# A pull request is proved by the stages that it changes: the others were proved when"
    yield "# they changed. `lockproof reproduce` without --since proves all of them."
    yield 'unaffected = "accept"'
    yield ""
    yield from _tolerances(found)
    yield from _gate(found)
    yield from _metrics(found)
    yield "[git]"
    yield "# Larger files belong into DVC. Pictures and the like may be named here."
    yield 'large = "5 MB"'
    yield 'binary = "500 kB"'
    allowed = ", ".join(map(json.dumps, found.pictures or ("docs/*.png",)))
    yield f"{'' if found.pictures else '# '}allow = [{allowed}]"
    yield ""
    if found.canary and found.canary != ("control-plane",):
        yield "[lint]"
        yield "# Manifests that the gate and `lockproof lint` look at."
        yield f"paths = [{', '.join(map(json.dumps, found.canary))}]"
        yield ""
    yield "[record]"
    yield "# Where `lockproof record` writes what made a lock. Commit that with the lock."
    yield f"directory = {json.dumps(RecordPolicy().directory)}"


def _gate(found: Survey) -> Iterator[str]:
    yield "[gate]"
    if not found.recorded:
        yield "# There is no run record yet. Once you run `lockproof record` after `dvc repro` and"
        yield "# commit what it writes, take this line out, so that the gate looks at records, too."
        yield 'off = ["record"]'
    yield "# The gate can also demand a report of `lockproof reproduce`. Run `lockproof init` again"
    yield "# then: in CI the gate has to wait for it."
    yield '# reproduction = "required"'
    yield ""


def _metrics(found: Survey) -> Iterator[str]:
    if not found.metrics:
        return
    yield "# What metrics must be, and which way is better: what makes one worse than at the base,"
    yield "# by more than `atol`, does not pass. Yours as they are now:"
    for path, values in found.metrics.items():
        for key in list(values)[:_MOST_METRICS] or ["*"]:
            lower = bool(_LOWER.search(key)) and not _HIGHER.search(key)
            yield "# [[metric]]"
            yield f"# path = {json.dumps(path)}"
            yield f"# key = {json.dumps(key)}"
            yield f'# direction = "{"lower" if lower else "higher"}"'
            if math.isfinite(values.get(key, math.nan)):
                yield f"# {'max' if lower else 'min'} = {values[key]!r}"
            yield "# atol = 0.0"
    yield ""


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
