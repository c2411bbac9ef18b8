"""`lockproof init`: bring the platform into a DVC repository."""

from .choices import GPU_RUNNER, Choices
from .plan import Change, Plan, earlier, plan

__all__ = ["GPU_RUNNER", "Change", "Choices", "Plan", "earlier", "plan"]
