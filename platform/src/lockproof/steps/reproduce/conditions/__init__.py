"""What a result may depend on that no commit holds, varied one condition at a time."""

from .known import NAMES, parse_names

__all__ = ["NAMES", "parse_names"]
