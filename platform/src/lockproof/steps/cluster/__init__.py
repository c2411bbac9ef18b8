"""`lockproof reproduce --on`: the same reproduction, in the pods of a cluster."""

from .request import Request
from .run import attach, manifests, reproduce_on

__all__ = ["Request", "attach", "manifests", "reproduce_on"]
