"""Kustomize trees read without kustomize, with file and line kept for every field."""

from .build import build
from .reader import Built, Trouble, kustomization_in

__all__ = ["Built", "Trouble", "build", "kustomization_in"]
