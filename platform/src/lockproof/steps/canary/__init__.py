"""Decide about a canary by what Prometheus saw of it."""

from .act import Act
from .request import Request
from .rollout import Named, check_rollout
from .run import check

__all__ = ["Act", "Named", "Request", "check", "check_rollout"]
