"""What besides its declared inputs a result can depend on: names, and what they are called."""

from collections.abc import Mapping

RUN_TO_RUN = ("random", "hash-seed", "clock", "process-id")
"""Conditions that are others in the next run on the same machine."""
CONDITIONS: Mapping[str, str] = {
    "packages": "the versions of packages",
    "python": "the version of Python",
    "timezone": "the time zone",
    "locale": "the locale",
    "umask": "the umask",
    "user": "the user",
    "home": "the home folder",
    "variables": "environment variables",
    "filesystem": "the file system",
    "cpu-features": "what the CPU can do",
    "cpu-count": "the number of CPUs",
    "threads": "the number of threads",
    "ignored-files": "files that Git ignores",
    "undeclared-files": "files that the stage does not declare",
    "unkept": "empty folders, links and permissions, which DVC does not keep",
    "hash-seed": "the order of a set or of hashes",
    "clock": "the clock",
    "path": "the path of the checkout",
    "file-order": "the order in which a folder lists its files",
    "host-name": "the name of the host",
    "process-id": "a process id",
    "network": "the network",
}
"""Condition -> what it is called in a sentence. Where no cause is found, each is among what was
excluded or among what was not."""

DEVICES: Mapping[str, str] = {
    "gpu-algorithms": "the algorithms of the GPU",
    "tf32": "TF32, in which GPUs multiply fewer digits",
    "gpu-count": "the number of GPUs",
}
"""The same of GPUs: nothing depends on these where there is none."""


def condition_noun(name: str) -> str:
    """What a condition is called in a sentence: `the time zone`, `the variable NAME`."""
    return CONDITIONS.get(name) or DEVICES.get(name, f"the {name}")
