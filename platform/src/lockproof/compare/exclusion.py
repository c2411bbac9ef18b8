"""What besides the declared inputs a result can depend on, and what of it was excluded."""

from collections.abc import Mapping

CONDITIONS: Mapping[str, str] = {
    "packages": "packages",
    "python": "the version of Python",
    "timezone": "the time zone",
    "locale": "the locale",
    "umask": "the umask",
    "user": "the kind of user",
    "home": "files below HOME",
    "variables": "environment variables",
    "filesystem": "the file system",
    "cpu-features": "what the CPU can do",
    "cpu-count": "the number of CPUs",
    "threads": "the numbers of threads",
    "ignored-files": "files that Git ignores",
    "undeclared-files": "tracked files that are not declared",
    "hash-seed": "the order of sets (PYTHONHASHSEED)",
    "clock": "the clock",
    "path": "the path of the checkout",
    "file-order": "the order of files in a folder",
    "host-name": "the name of the host",
    "network": "the network",
}
"""Name -> in words. Only where each of them is excluded can a lock be called altered."""

_UNTRIED = "not varied here"


def open_conditions(excluded: Mapping[str, str], reasons: Mapping[str, str]) -> dict[str, str]:
    """Conditions that were not excluded -> why not.

    Args:
        excluded: condition -> how it was excluded.
        reasons: condition -> why it could not be, where that is known.
    """
    names = [*CONDITIONS, *(name for name in reasons if name not in CONDITIONS)]
    return {name: reasons.get(name, _UNTRIED) for name in names if name not in excluded}


def listed(title: str, found: Mapping[str, str]) -> list[str]:
    """Lines for people: conditions that share a reason stand together."""
    grouped: dict[str, list[str]] = {}
    for name, reason in found.items():
        grouped.setdefault(reason, []).append(CONDITIONS.get(name, name))
    return [f"{title}: {', '.join(names)} ({reason})" for reason, names in grouped.items()]
