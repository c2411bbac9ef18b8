"""Names of what a result may depend on that no commit holds."""

RUN_TO_RUN = ("random", "hash-seed", "clock", "process-id")
"""Conditions that are others in the next run on the same machine."""
_NOUNS = {
    "hash-seed": "the order of a set or of hashes",
    "clock": "the clock",
    "path": "the path of the checkout",
    "file-order": "the order in which a folder lists its files",
    "timezone": "the time zone",
    "locale": "the locale",
    "umask": "the umask",
    "user": "the user",
    "home": "the home folder",
    "host-name": "the name of the host",
    "cpu-count": "the number of CPUs",
    "threads": "the number of threads",
    "cpu-features": "what the CPU can do",
    "process-id": "a process id",
    "network": "the network",
    "undeclared-files": "files that the stage does not declare",
}
"""Condition -> what it is called in a sentence."""


def condition_noun(name: str) -> str:
    """What a condition is called in a sentence: `the time zone`, `the variable NAME`."""
    return _NOUNS.get(name, f"the {name}")
