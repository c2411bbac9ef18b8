"""Stands in for the shell that DVC starts stages with: notes what a stage starts with, then is it.

A program by itself, for whatever Python runs it; standard library only. The file beside it of the
name `shell` says which shell is meant, and notes go to the folder `seen`.
"""

import json
import os
import signal
import sys
import tempfile


def note(folder: str, environment: "dict[bytes, bytes]") -> None:
    """Write down the stage, where it starts, and with what."""
    umask = os.umask(0)
    os.umask(umask)
    said = {
        "environment": [[os.fsdecode(k), os.fsdecode(v)] for k, v in environment.items()],
        "directory": os.getcwd(),
        "started_in": os.path.realpath(f"/proc/{os.getppid()}/cwd"),
        "umask": umask,
    }
    handle, part = tempfile.mkstemp(dir=folder, prefix=".")
    with os.fdopen(handle, "w") as file:
        json.dump(said, file)
    os.rename(part, os.path.join(folder, f"{os.path.basename(part)[1:]}.json"))


def environment_here() -> "dict[bytes, bytes]":
    """As it was given: Python may have set `LC_CTYPE` for itself since."""
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = [entry.partition(b"=") for entry in file.read().split(b"\0") if entry]
        return {name: value for name, _, value in entries}
    except OSError:
        return dict(os.environb)


def main() -> None:
    """Note, and become the shell."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "shell"), encoding="utf-8") as file:
        shell, was_set = json.load(file)
    environment = environment_here()
    if was_set:
        environment[b"SHELL"] = os.fsencode(shell)
    else:
        environment.pop(b"SHELL", None)
    if environment.get(b"DVC_STAGE"):
        try:
            note(os.path.join(here, "seen"), environment)
        except OSError as error:  # What cannot be noted must not keep a stage from running.
            sys.stderr.write(f"lockproof: cannot watch this stage: {error}\n")
    # Python ignores these two, and what is ignored stays so in the program that it becomes.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execve(shell, [shell, *sys.argv[1:]], environment)  # noqa: S606


if __name__ == "__main__":
    main()
