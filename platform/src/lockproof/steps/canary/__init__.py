"""Decide about a canary by what Prometheus saw of it."""

from .request import Request
from .run import check

__all__ = ["Request", "check"]
