"""What well-known packages need in all of these versions: without it a file of pins is not whole.

Only an index knows what other packages and versions need. This is what can be said without one, and
so at the gate; it is as their wheels at PyPI say without a condition, asked in November 2026.
"""

import re
from collections.abc import Mapping

_NEEDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "boto3": ("1.5", "1.43", ("botocore", "jmespath", "s3transfer")),
    "botocore": ("1.15", "1.43", ("jmespath", "python-dateutil")),
    "datasets": ("2.8", "5.0", ("huggingface-hub", "numpy", "pandas", "pyarrow")),
    "fastapi": ("0.1", "0.141", ("pydantic", "starlette")),
    "flask": ("0.11", "3.1", ("click", "itsdangerous", "jinja2", "werkzeug")),
    "httpx": ("0.24", "0.28", ("certifi", "httpcore", "idna")),
    "jinja2": ("2.8", "3.1", ("markupsafe",)),
    "matplotlib": ("3.3", "3.11", ("cycler", "kiwisolver", "numpy", "pillow", "pyparsing")),
    "pandas": ("0.25", "3.0", ("python-dateutil",)),
    "python-dateutil": ("2.3", "2.9", ("six",)),
    "requests": ("2.28", "2.34", ("certifi", "idna", "urllib3")),
    "scikit-learn": ("0.21", "1.9", ("joblib", "numpy", "scipy")),
    "scipy": ("0.18", "1.18", ("numpy",)),
    "sympy": ("1.6", "1.14", ("mpmath",)),
    "torch": ("1.11", "2.14", ("typing-extensions",)),
    "transformers": ("4.34", "5.17", ("huggingface-hub", "numpy", "pyyaml", "tokenizers")),
}
"""Package -> the first and the last minor version for which that was seen, and what they need."""
_RELEASE = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.\d{1,9}){0,4}(?:\.post\d{1,9})?", re.ASCII)


def needed_beside(pins: Mapping[str, str]) -> tuple[str, ...]:
    """What these packages (normalised name -> version) need for certain and is not among them."""
    needed = {need for name, version in pins.items() for need in _needs(name, version)}
    return tuple(sorted(needed - pins.keys()))


def _needs(name: str, version: str) -> tuple[str, ...]:
    release = _RELEASE.fullmatch(version)
    if name not in _NEEDS or release is None:
        return ()
    first, last, needs = _NEEDS[name]
    return needs if _minor(first) <= (int(release[1]), int(release[2])) <= _minor(last) else ()


def _minor(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)
