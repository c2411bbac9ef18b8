"""`lockproof lint`: manifests as they would be applied, checked before they are."""

from .request import Progress, Request
from .run import Linted, lint, lint_tree

__all__ = ["Linted", "Progress", "Request", "lint", "lint_tree"]
