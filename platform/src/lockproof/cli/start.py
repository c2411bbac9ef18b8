"""Where the process begins.

Ctrl-C and SIGTERM end it in one line also while modules load, and at its end.
"""

import os
import signal
from types import FrameType

from lockproof.errors import ExitCode


def _leave(_number: int, _frame: FrameType | None) -> None:
    # An exception could end up anywhere, such as in a half-loaded module that drops or prints it.
    os.write(2, b"lockproof: interrupted\n")
    os._exit(ExitCode.INTERRUPTED)


def _have_home() -> None:
    """Give a user whom the machine does not know a home that is not there.

    Libraries ask for one only to look for settings in it, and end where there is none to ask for;
    what must be written says where it can be put instead.
    """
    if os.environ.get("HOME"):
        return
    import pwd

    try:
        pwd.getpwuid(os.getuid())
        os.environ.pop("HOME", None)  # An empty one is none.
    except KeyError:
        os.environ["HOME"] = "/nonexistent"
        os.environ.setdefault("USER", str(os.getuid()))


def run() -> int:
    """Run one command; see `lockproof.cli.main.main`."""
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # As in the background of a script.
    if not ignored:
        signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    _have_home()
    from lockproof.cli.main import main

    try:
        if not ignored:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return main()
    except KeyboardInterrupt:  # Between the two lines above.
        os.write(2, b"lockproof: interrupted\n")
        return ExitCode.INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, _leave)
        if not ignored:
            signal.signal(signal.SIGINT, _leave)
