"""uv's build backend, which also compiles Python's standard library and this module's code.

Official images of Python come without bytecode, and each call of a function starts from the image
anew: what it imports was compiled twice in each call. What is written at the install stays. The uv
that installs does the building, so that no package is fetched for it.
"""

import compileall
import os
import re
import subprocess
from pathlib import Path

_UNUSED = re.compile("/(site-packages|test|tests|idlelib|ensurepip|tkinter|turtledemo)/")


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, str] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build a wheel (PEP 517); returns its name."""
    return _built("build-wheel", wheel_directory)


def build_editable(
    wheel_directory: str,
    config_settings: dict[str, str] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build a wheel that names this folder (PEP 660), as the engine's install does."""
    if os.environ.get("UV_COMPILE_BYTECODE"):
        library = Path(os.__file__).parent
        compileall.compile_dir(library, quiet=2, rx=_UNUSED, workers=0)
        compileall.compile_dir("src", quiet=2)
    return _built("build-editable", wheel_directory)


def _built(hook: str, wheel_directory: str) -> str:
    argv = ["uv", "build-backend", hook, wheel_directory]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.split()[-1]
