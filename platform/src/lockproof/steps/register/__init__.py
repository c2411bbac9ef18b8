"""`lockproof register`: the model version of a proved commit, exactly once."""

from .request import Registered, Request
from .run import register

__all__ = ["Registered", "Request", "register"]
