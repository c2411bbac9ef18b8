"""`lockproof promote`: the desired state in Git names a registered version, or no longer does."""

from .request import Promoted, Request
from .run import promote

__all__ = ["Promoted", "Request", "promote"]
