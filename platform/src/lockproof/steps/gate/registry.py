"""Every family of checks, in the order of the report."""

from .interface import CheckFamily, FamilyEntry


def _lock() -> CheckFamily:
    from .lock import check

    return check


def _remote() -> CheckFamily:
    from .remote import check

    return check


def _git() -> CheckFamily:
    from .git import check

    return check


def _record() -> CheckFamily:
    from .record import check

    return check


def _metrics() -> CheckFamily:
    from .metrics import check

    return check


def _manifests() -> CheckFamily:
    from .manifests import check

    return check


def _reproduction() -> CheckFamily:
    from .reproduction import check

    return check


FAMILIES = (
    FamilyEntry("lock", "LP1", _lock),
    FamilyEntry("remote", "LP2", _remote, outside=True),
    FamilyEntry("git", "LP3", _git),
    FamilyEntry("record", "LP4", _record, outside=True),
    FamilyEntry("metrics", "LP5", _metrics),
    FamilyEntry("manifests", "LP6", _manifests),
    FamilyEntry("reproduction", "LP7", _reproduction, outside=True),
)
