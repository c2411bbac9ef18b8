"""Every family of checks, in the order of the report."""

from .interface import CheckFamily, FamilyEntry


def _lock() -> CheckFamily:
    from .lock import check

    return check


def _reproduction() -> CheckFamily:
    from .reproduction import check

    return check


FAMILIES = (
    FamilyEntry("lock", "LP1", _lock),
    FamilyEntry("reproduction", "LP7", _reproduction),
)
