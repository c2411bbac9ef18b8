"""`lockproof lint`: manifests as they would be applied, checked before they are."""

from .look import DEFAULT_FOLDER, Linted, lint_tree
from .request import Progress, Request
from .run import lint

__all__ = ["DEFAULT_FOLDER", "Linted", "Progress", "Request", "lint", "lint_tree"]
