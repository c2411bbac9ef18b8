"""Prometheus expressions wherever manifests hold them: they must parse."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, dig, items, mapping

from .shape import at_place

Emptiness = Literal["never", "hoped", "missed"]


class Expression(NamedTuple):
    """An expression, its place, and how to call it."""

    at: At
    text: str
    name: str


def expressions(manifest: Manifest) -> Iterator[Expression]:
    """The expressions of a manifest: of rules, analyses, metric templates and dashboards."""
    look = _KINDS.get((manifest.group, manifest.kind))
    if look is not None:
        yield from look(manifest)


def expression_findings(manifest: Manifest) -> tuple[list[Finding], int]:
    """Expressions that do not parse, and how many there were."""
    found, count = [], 0
    for expression in expressions(manifest):
        count += 1
        problem = parse_problem(expression.text)
        if problem is not None:
            found.append(
                at_place(
                    "LP641",
                    manifest,
                    expression.at,
                    f"{expression.name} is no Prometheus expression: {problem}",
                    subject=f"{manifest.label} {expression.name}",
                )
            )
    return found, count


def _rules(value: Any, at: At) -> Iterator[Expression]:
    for where, group in items(dig(value, "groups"), (*at, "groups")):
        for spot, rule in items(group.get("rules"), (*where, "rules")):
            name = rule.get("alert") or rule.get("record") or "?"
            if isinstance(rule.get("expr"), str):
                yield Expression((*spot, "expr"), rule["expr"], f"the rule {name}")


def _prometheus_rule(manifest: Manifest) -> Iterator[Expression]:
    yield from _rules(manifest.spec, ("spec",))


def _analysis(manifest: Manifest) -> Iterator[Expression]:
    for at, metric in items(manifest.spec.get("metrics"), ("spec", "metrics")):
        query = dig(metric, "provider", "prometheus", "query")
        if isinstance(query, str):
            where = (*at, "provider", "prometheus", "query")
            yield Expression(where, query, f"the query of {metric.get('name', '?')}")


def _metric_template(manifest: Manifest) -> Iterator[Expression]:
    query = manifest.spec.get("query")
    if isinstance(query, str) and dig(manifest.spec, "provider", "type") in (None, "prometheus"):
        yield Expression(("spec", "query"), query, "the query")


def _flagger(manifest: Manifest) -> Iterator[Expression]:
    analysis = mapping(manifest.spec.get("analysis"))
    for at, metric in items(analysis.get("metrics"), ("spec", "analysis", "metrics")):
        if isinstance(metric.get("query"), str):
            name = f"the query of {metric.get('name', '?')}"
            yield Expression((*at, "query"), metric["query"], name)


def _config_map(manifest: Manifest) -> Iterator[Expression]:
    """Dashboards and rule files that a config map carries."""
    for key, text in mapping(manifest.value.get("data")).items():
        if not isinstance(text, str):
            continue
        if str(key).endswith(".json") and '"panels"' in text:
            for expression in dashboard(text):
                yield Expression(("data", key), expression.text, f"{expression.name} in {key}")


def dashboard(text: str) -> Iterator[Expression]:
    """The expressions of a Grafana dashboard; none where it is no JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _panels(value, ())


def _panels(value: Any, at: At) -> Iterator[Expression]:
    for where, panel in items(dig(value, "panels"), (*at, "panels")):
        for spot, target in items(panel.get("targets"), (*where, "targets")):
            if isinstance(target.get("expr"), str) and target["expr"].strip():
                source = target.get("datasource", panel.get("datasource"))
                if dig(source, "type") in (None, "prometheus"):
                    name = f"the query of panel {panel.get('title') or panel.get('id', '?')}"
                    yield Expression((*spot, "expr"), target["expr"], name)
        yield from _panels(panel, where)


_KINDS: Mapping[tuple[str, str], Callable[[Manifest], Iterator[Expression]]] = {
    ("monitoring.coreos.com", "PrometheusRule"): _prometheus_rule,
    ("argoproj.io", "AnalysisTemplate"): _analysis,
    ("argoproj.io", "ClusterAnalysisTemplate"): _analysis,
    ("argoproj.io", "AnalysisRun"): _analysis,
    ("flagger.app", "MetricTemplate"): _metric_template,
    ("flagger.app", "Canary"): _flagger,
    ("", "ConfigMap"): _config_map,
}

_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}|\$\{[\w.:-]+\}|\[\[\w+\]\]|\$__?\w+|\$[A-Za-z]\w*")
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`")


@lru_cache(maxsize=1024)
def parse_problem(text: str) -> str | None:
    """Why an expression does not parse; None where it does.

    Placeholders (`{{args.x}}`, `$variable`, `[[variable]]`) are filled in: inside quotes by text,
    in a range by a duration, elsewhere by a number or, where only that parses, by a name.
    """
    import promql_parser

    problem = None
    for stand_in in ("1", "x", "5m"):
        filled = _filled(text, stand_in)
        try:
            promql_parser.parse(filled)
        except ValueError as error:
            problem = problem or " ".join(str(error).split())[:200]
            if filled == text:
                break
        else:
            return None
    return problem


def answer_of(text: str) -> Literal["vector", "scalar"] | None:
    """What an instant query answers; None where it does not parse."""
    tree = _tree(text)
    if tree is None:
        return None
    return "scalar" if _is_scalar(tree) else "vector"


def emptiness_of(text: str) -> Emptiness:
    """What an empty answer to a query says.

    There is `never` one (`… or vector(0)`), it is what is `hoped` for (of `ALERTS` and of
    `absent`), or what is to be measured was `missed`.
    """
    tree = _tree(text)
    if tree is None:
        return "missed"
    hoped: Emptiness = "hoped" if _is_well_if_empty(tree) else "missed"
    return "never" if _is_never_empty(tree) else hoped


@lru_cache(maxsize=256)
def _tree(text: str) -> Any:
    """An expression as `promql_parser` reads it; None where it does not."""
    import promql_parser

    for stand_in in ("1", "x", "5m"):
        try:
            return promql_parser.parse(_filled(text, stand_in))
        except ValueError:
            continue
    return None


def _is_never_empty(tree: Any) -> bool:
    kind = type(tree).__name__
    if kind in ("ParenExpr", "UnaryExpr"):
        return _is_never_empty(tree.expr)
    if kind == "Call":
        return str(tree.func.name) == "vector" or _is_scalar(tree)
    if kind == "AggregateExpr":
        # By labels, or for the k largest of none, there may be fewer.
        grouped = tree.modifier is not None or tree.param is not None
        return not grouped and _is_never_empty(tree.expr)
    if kind == "BinaryExpr":
        sides = (_is_never_empty(tree.lhs), _is_never_empty(tree.rhs))
        if str(tree.op) == "or":
            return any(sides)
        scalar = _is_scalar(tree.lhs) or _is_scalar(tree.rhs)
        return all(sides) and scalar and str(tree.op) in ("+", "-", "*", "/", "%", "^")
    return kind == "NumberLiteral"


def _is_well_if_empty(tree: Any) -> bool:
    kind = type(tree).__name__
    if kind in ("ParenExpr", "UnaryExpr", "AggregateExpr"):
        return _is_well_if_empty(tree.expr)
    if kind == "BinaryExpr":
        if _is_scalar(tree.rhs):
            return _is_well_if_empty(tree.lhs)
        return _is_well_if_empty(tree.lhs) and _is_well_if_empty(tree.rhs)
    if kind == "Call":
        return str(tree.func.name) in ("absent", "absent_over_time")
    return kind == "VectorSelector" and tree.name == "ALERTS"


def _is_scalar(tree: Any) -> bool:
    kind = type(tree).__name__
    if kind == "Call":
        return str(tree.func.name) in ("scalar", "time", "pi")
    if kind == "BinaryExpr":
        return _is_scalar(tree.lhs) and _is_scalar(tree.rhs)
    return kind == "NumberLiteral" or (kind in ("ParenExpr", "UnaryExpr") and _is_scalar(tree.expr))


def _filled(text: str, stand_in: str) -> str:
    parts: list[str] = []
    place = 0
    for string in _STRING.finditer(text):
        parts.append(_outside(text[place : string.start()], stand_in))
        parts.append(_PLACEHOLDER.sub("x", string[0]))
        place = string.end()
    parts.append(_outside(text[place:], stand_in))
    return "".join(parts)


def _outside(text: str, stand_in: str) -> str:
    ranged = re.sub(
        r"\[([^\[\]]*)\]",
        lambda match: f"[{_PLACEHOLDER.sub('5m', match[1])}]",
        re.sub(r"\[\[\w+\]\]", stand_in, text),
    )
    return _PLACEHOLDER.sub(stand_in, ranged)
