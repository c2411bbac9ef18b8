"""`lockproof gate`: block a merge unless data, code and models are versioned."""

from .interface import Outcome, Request, Scene
from .run import Gated, gate

__all__ = ["Gated", "Outcome", "Request", "Scene", "gate"]
