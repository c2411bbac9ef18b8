"""How the canary of a model version ended, in a line."""

from lockproof.model.canary_statement import CanaryPredicate
from lockproof.model.lineage import CanaryLineage
from lockproof.render.foreign import brief
from lockproof.render.words import number

_NAME = 120


def canary_line(canary: CanaryLineage) -> str:
    """`failed  web  2026-11-29T12:00:00Z to 2026-11-29T14:00:00Z`."""
    return (
        f"{brief(canary.verdict, 40)}  {brief(canary.checks, _NAME)}  {brief(canary.since, 40)} to"
        f" {brief(canary.until, 40)}"
    )


def statement_line(predicate: CanaryPredicate, digest: str) -> str:
    """The same of a signed statement; `digest` is its SHA-256."""
    seen = predicate.canary
    # A file that answers was asked nothing.
    asked = any(each.canary.queries for each in seen.measures)
    return (
        f"canary of {brief(predicate.served, _NAME)}: {predicate.verdict.value}, by"
        f" {brief(seen.checks, _NAME)}, {brief(seen.since, 40)} to {brief(seen.until, 40)}, false"
        f" abort {number(seen.false_abort)}, false promote {number(seen.false_promote)}, figures"
        f" {'of Prometheus at' if asked else 'of a file of samples,'} {brief(seen.source, _NAME)} "
        f" (statement {digest})"
    )
