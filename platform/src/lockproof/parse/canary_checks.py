"""The file of checks of a canary, and the file of samples that can stand in for Prometheus."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from lockproof.errors import ConfigError, unreadable
from lockproof.model.base import Frozen
from lockproof.model.canary_checks import MOST_INTERVALS, CanaryChecks, Drift, Measure, Spec
from lockproof.model.checked import Model

from .yaml_document import ParseError, YamlDocument, nearest_line, read_yaml

LARGEST = 1 << 20
LARGEST_SAMPLES = 64 << 20
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_QUOTED_OR_COMMENT = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|\#[^\n]*""")
_HASH = re.compile(r"\$(?:\{hash\}|hash\b)")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_QUERIES = ("events", "total", "sum", "count", "counts", "buckets")
_LATEST = 250_000_000_000
"""In the year 9892: a horizon after it still ends in the year 9999 at the latest."""
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Column = Annotated[tuple[_Number | None, ...], Field(max_length=MOST_INTERVALS)]


class Samples(Frozen):
    """The figures of one measure and arm, an interval each; null where there is none."""

    events: _Column | None = None
    total: _Column | None = None
    sum: _Column | None = None
    count: _Column | None = None
    classes: Annotated[Mapping[str, _Column], Field(max_length=1000)] | None = None
    """Class -> how often it came."""
    buckets: Annotated[Mapping[str, _Column], Field(max_length=1000)] | None = None
    """Upper end of a bucket, `+Inf` among them -> how many were up to it."""


class CanarySamples(Frozen):
    """A file of samples."""

    apiVersion: Literal["lockproof.dev/v1alpha1"]
    kind: Literal["CanarySamples"]
    since: str
    """Start of the first interval, RFC 3339."""
    interval: Annotated[int, Field(ge=1, strict=True)]
    """Seconds."""
    measures: Mapping[str, Mapping[Literal["canary", "stable"], Samples]]


def read_canary_checks(content: bytes, name: str) -> CanaryChecks:
    """The checks in a file that the user calls `name`.

    Raises:
        ParseError: it is no YAML, larger than 1 MiB, or says something that is not allowed; the
            message names the first mistake and its line.
    """
    if len(content) > LARGEST:
        raise ParseError(f"larger than {LARGEST >> 20} MiB", name)
    (document,) = read_yaml(content, name)
    try:
        checks = CanaryChecks.model_validate(document.value)
    except ValidationError as error:
        raise _mistake(error, name, document) from error
    arms = checks.spec.arms
    if arms.canary == arms.stable and not _HASH.search(arms.canary):
        line = nearest_line(document, ["spec", "arms"])
        raise ParseError("spec.arms: canary and stable are the same: tell them apart", name, line)
    groups: dict[str, tuple[Measure | Drift, ...]] = {
        "guards": checks.spec.guards,
        "comparisons": checks.spec.comparisons,
        "drifts": checks.spec.drifts,
    }
    for group, measures in groups.items():
        for index, measure in enumerate(measures):
            kind = type(measure.kind).__name__.lower()
            for part, query in queries_of(measure.kind).items():
                wrong = _wrong(query)
                if wrong:
                    line = nearest_line(document, ["spec", group, index, kind, part])
                    where = f"spec.{group}.{index}.{kind}.{part}"
                    raise ParseError(f"{where}: {wrong}", name, line)
    return checks


def queries_of(kind: Model) -> dict[str, str]:
    """The queries of a measure, by what they ask for."""
    return {name: query for name, query in kind.model_dump().items() if name in _QUERIES}


def _wrong(query: str) -> str:
    known = {"arm": "which of the two it is about", "interval": "how long an interval is"}
    query = _QUOTED_OR_COMMENT.sub(lambda found: found[1] or " ", query)
    used = {found[1] for found in _VARIABLE.finditer(query)}
    strange = sorted(used - known.keys())
    if strange:
        return f"there is no ${strange[0]}: only $arm and $interval are filled in"
    missing = next((name for name in known if name not in used), None)
    return f"does not say {known[missing]}: write ${missing} into it" if missing else ""


def fill(query: str, arm: str, seconds: int) -> str:
    """A query with its arm and interval; `arm` is put in as it stands."""
    values = {"arm": arm, "interval": f"{seconds}s"}
    return re.sub(
        r"\$(?:\{(arm|interval)\}|(arm|interval)\b)", lambda m: values[m[1] or m[2]], query
    )


def has_hash(spec: Spec) -> bool:
    """Whether the matchers of an arm have `$hash` in them."""
    return any(_HASH.search(matchers) for matchers in (spec.arms.canary, spec.arms.stable))


def with_hashes(spec: Spec, hashes: tuple[str, str] | None, name: str) -> Spec:
    """What a canary is held to, with pod-template hashes put into the matchers of its arms.

    Args:
        spec: as the file has it.
        hashes: of the canary and of stable; None where nobody gave any.
        name: what the user calls the file.

    Raises:
        ConfigError: there are hashes and nothing that stands for them, or the other way round; or
            one is none.
    """
    arms = {"canary": spec.arms.canary, "stable": spec.arms.stable}
    for index, (arm, matchers) in enumerate(arms.items()):
        wanted = _HASH.search(matchers) is not None
        if wanted and hashes is None:
            raise ConfigError(
                f"{name}: spec.arms.{arm}: nothing says what $hash stands for: name the rollout,"
                " --rollout NAMESPACE/NAME, or the pod-template hashes, --hashes CANARY,STABLE"
            )
        if hashes is None:
            continue
        if not wanted:
            raise ConfigError(
                f"{name}: spec.arms.{arm} has no $hash, so it may be of another version than the"
                f' one that is named: write rollouts_pod_template_hash="$hash" into it'
            )
        if not _LABEL_VALUE.fullmatch(hashes[index]):
            raise ConfigError(f"{hashes[index][:80]!r} is no pod-template hash")
        arms[arm] = _HASH.sub(hashes[index], matchers)  # It has no backslash.
    if hashes is not None and hashes[0] == hashes[1]:
        raise ConfigError(f"canary and stable are both {hashes[0]}: there is no canary going on")
    if hashes is None:
        return spec
    return spec.model_copy(update={"arms": spec.arms.model_copy(update=arms)})


def both(canary: str, stable: str) -> str:
    """The label matchers of what is the canary's and the stable version's at once."""
    return f"{canary.strip().rstrip(',')},{stable.strip().rstrip(',')}"


def read_canary_samples(content: bytes, name: str) -> CanarySamples:
    """The samples in a file that the user calls `name`.

    Raises:
        ParseError: it is no JSON, larger than 64 MiB, holds a key twice, or says something that is
            not allowed.
    """
    if len(content) > LARGEST_SAMPLES:
        raise ParseError(f"larger than {LARGEST_SAMPLES >> 20} MiB", name)
    try:
        value = json.loads(content, object_pairs_hook=_once, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"is not JSON: {unreadable(error)}", name) from error
    try:
        return CanarySamples.model_validate(value)
    except ValidationError as error:
        raise _mistake(error, name, None) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(
            f"the key {next(k for k in keys if keys.count(k) > 1)[:80]!r} stands twice"
        )
    return found


def _refused(word: str) -> float:
    raise ValueError(f"{word} is no number; write null where there is none")


def instant(text: str) -> int:
    """Unix seconds of a point in time: RFC 3339 with a zone, or the seconds themselves.

    Raises:
        ValueError: it is neither, or lies outside the years 1970 to 9892.
    """
    wrong = "must be a time such as 2026-11-29T12:00:00Z, or Unix seconds"
    if re.fullmatch(r"[0-9]{1,12}", text) and int(text) <= _LATEST:
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(wrong) from None
    if found.tzinfo is None or "T" not in text:
        raise ValueError(wrong)
    seconds = int(found.timestamp())
    if not 0 <= seconds <= _LATEST:
        raise ValueError(wrong)
    return seconds


def as_text(seconds: int) -> str:
    """Unix seconds as RFC 3339, UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _mistake(error: ValidationError, name: str, document: YamlDocument | None) -> ParseError:
    first = error.errors()[0]
    keys = first["loc"]
    where = ".".join(str(part) for part in keys) or "file"
    what = first["msg"].removeprefix("Value error, ")
    if not keys and first["type"] == "model_type":
        what = "must hold a mapping with apiVersion, kind and more; see docs/guides/canary.md"
    elif first["type"] == "extra_forbidden":
        what = "no such key; see docs/guides/canary.md"
    line = nearest_line(document, keys) if document is not None else None
    return ParseError(f"{where[:200]}: {what[:1000]}", name, line)
