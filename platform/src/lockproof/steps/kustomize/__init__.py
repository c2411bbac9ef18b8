"""What kustomizations make, for every verb that reads manifests."""

from .build import Built, Target, build
from .outline import documents_of, kustomization_in
from .source import Trouble

__all__ = [
    "Built",
    "Target",
    "Trouble",
    "build",
    "documents_of",
    "kustomization_in",
]
