"""Decide about a canary by what Prometheus saw of it."""

from .explain import explain
from .made_up import SimulateRequest
from .request import Request
from .run import check
from .simulate import simulate
from .watch import watch

__all__ = ["Request", "SimulateRequest", "check", "explain", "simulate", "watch"]
