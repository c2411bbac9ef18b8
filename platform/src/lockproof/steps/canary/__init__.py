"""Decide about a canary by what Prometheus saw of it."""

from .request import Request
from .run import check
from .simulate import SimulateRequest, simulate
from .watch import watch

__all__ = ["Request", "SimulateRequest", "check", "simulate", "watch"]
