"""The families of checks of `lockproof lint`."""

from typing import Literal, get_args

LintFamily = Literal[
    "schema",
    "kustomize",
    "references",
    "policies",
    "budget",
    "canary",
    "expressions",
    "rule-tests",
    "charts",
    "admission",
    "cluster",
]
LINT_FAMILIES: tuple[LintFamily, ...] = get_args(LintFamily)
