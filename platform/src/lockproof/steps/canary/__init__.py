"""Decide about a canary by what Prometheus saw of it."""

from .act import Act
from .explain import explain
from .made_up import SimulateRequest
from .request import Request
from .rollout import Named, check_rollout
from .run import check
from .simulate import simulate
from .watch import watch

__all__ = [
    "Act",
    "Named",
    "Request",
    "SimulateRequest",
    "check",
    "check_rollout",
    "explain",
    "simulate",
    "watch",
]
