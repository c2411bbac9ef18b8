"""Decide about a canary by what Prometheus saw of it."""

from .request import Request
from .run import check
from .simulate import SimulateRequest, simulate

__all__ = ["Request", "SimulateRequest", "check", "simulate"]
