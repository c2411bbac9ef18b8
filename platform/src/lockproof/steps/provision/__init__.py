"""`lockproof provision`: bring a cluster to what Git declares, and keep it there."""

from .request import Request
from .run import down, names, provision, status

__all__ = ["Request", "down", "names", "provision", "status"]
