"""Files of checks of a canary: what `canary check` would say of them before it looks."""

from collections.abc import Iterator

from lockproof.adapters.git.tree import Tree
from lockproof.errors import ConfigError
from lockproof.model.canary_checks import CanaryChecks, Drift, Measure
from lockproof.model.finding import Finding
from lockproof.parse.canary_checks import (
    fill,
    has_hash,
    queries_of,
    read_canary_checks,
    with_hashes,
)
from lockproof.parse.yaml_document import ParseError, YamlDocument, nearest_line
from lockproof.rules.catalog import finding
from lockproof.rules.manifests.promql import parse_problem

from .found import Found

_HASHES = ("6d4cf56db6", "7bfb8d5c9c")
"""Stand for those of a canary and of its stable version."""


def checks_findings(tree: Tree, path: str, found: Found) -> Iterator[Finding]:
    """What is wrong with a file of checks, read as `canary check` reads it."""
    document = found.documents[path][0]
    try:
        checks = _read(tree, path)
        if has_hash(checks.spec):
            with_hashes(checks.spec, _HASHES, path)
    except ParseError as error:
        yield _finding(path, path, error.reason, error.line or 1)
    except ConfigError as error:
        line = nearest_line(document, ["spec", "arms"])
        yield _finding(path, path, str(error).removeprefix(f"{path}: "), line)
    else:
        yield from _never(path, checks, document)


def _never(path: str, checks: CanaryChecks, document: YamlDocument) -> Iterator[Finding]:
    """Measures that no canary passes, so that none is ever promoted."""
    from lockproof.steps.canary.course import Bar
    from lockproof.steps.canary.drift import parts_of
    from lockproof.steps.canary.judge import never_passes

    for group, index, stated in _measures(checks):
        # What a drift takes at the least is the same beside any shares.
        measure = parts_of(stated)[0].measure if isinstance(stated, Drift) else stated
        why = never_passes(measure, Bar.of(measure, checks.spec).matters, checks.spec)
        if why:
            line = nearest_line(document, ["spec", group, index])
            text = f"no canary can pass {measure.name}: {why}"
            yield _finding(path, f"{path} {measure.name}", text, line)


def query_findings(tree: Tree, path: str, found: Found) -> tuple[list[Finding], int]:
    """Queries of a file of checks that do not parse, and how many there are."""
    try:
        checks = _read(tree, path)
    except ParseError:
        return [], 0  # The family `canary` says it.
    findings: list[Finding] = []
    count = 0
    arm = checks.spec.arms.canary
    for group, index, measure in _measures(checks):
        kind = type(measure.kind).__name__.lower()
        for part, query in queries_of(measure.kind).items():
            count += 1
            problem = parse_problem(fill(query, arm, checks.spec.interval))
            if problem is not None:
                at: list[str | int] = ["spec", group, index, kind, part]
                line = nearest_line(found.documents[path][0], at)
                text = f"{part} of {measure.name} is no Prometheus expression: {problem}"
                named = f"{path} {measure.name} {part}"
                findings.append(_finding(path, named, text, line, "LP641"))
    return findings, count


def _read(tree: Tree, path: str) -> CanaryChecks:
    return read_canary_checks(tree.read(path) or b"", path)


def _measures(checks: CanaryChecks) -> Iterator[tuple[str, int, Measure | Drift]]:
    spec = checks.spec
    groups: tuple[tuple[str, tuple[Measure | Drift, ...]], ...] = (
        ("guards", spec.guards), ("comparisons", spec.comparisons), ("drifts", spec.drifts),
    )  # fmt: skip
    for group, measures in groups:
        for index, measure in enumerate(measures):
            yield group, index, measure


def _finding(path: str, subject: str, text: str, line: int | None, rule: str = "LP636") -> Finding:
    return finding(rule, subject, f"{path}: {text}", path=path, line=line)
