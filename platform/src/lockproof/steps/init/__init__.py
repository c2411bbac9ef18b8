"""`lockproof init`: bring the platform into a DVC repository."""

from .plan import GPU_RUNNER, Change, Choices, Plan, earlier, plan

__all__ = ["GPU_RUNNER", "Change", "Choices", "Plan", "earlier", "plan"]
