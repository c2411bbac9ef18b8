"""`lockproof reproduce`: make every locked output again and compare."""

from .request import Request
from .run import reproduce

__all__ = ["Request", "reproduce"]
