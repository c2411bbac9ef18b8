"""Runs inside the pipeline's own Python and says what is there.

For Python 3.8 or later; standard library only.

`probe.py packages FILE` and `probe.py blas FILE` write one JSON object to FILE, not to standard
output, where an imported package may print.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.path and sys.path[0] == __file__.rpartition("/")[0]:
    # The folder of this file is lockproof's, not the pipeline's.
    del sys.path[0]

import ctypes
import importlib
import importlib.machinery
import importlib.util
import json
import os
import platform
import re
from importlib import metadata
from typing import Any

_LIBRARIES = ("openblas", "mkl_rt", "blis")
_EXTENSIONS = {
    "numpy": (("_core/_multiarray_umath", "core/_multiarray_umath"), ("linalg/_umath_linalg",)),
    "scipy": (("linalg/_fblas",), ("linalg/_flapack",)),
}
"""Package -> its extension modules that do linear algebra, each by the names that it has had."""


def packages() -> dict[str, Any]:
    """Python's version and every distribution that can be imported, by its normalised name."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        try:
            name, version = _named(distribution)
        except Exception:  # noqa: BLE001, S112 - one damaged package must not hide the others
            continue
        if name and version:
            # The first on sys.path is the one that is imported.
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "packages": found,
    }


def _named(distribution: metadata.Distribution) -> tuple[str, str]:
    """Its name and version, without having the README beside them parsed: a tenth of the time."""
    head = (distribution.read_text("METADATA") or "").partition("\n\n")[0]
    said = re.findall(r"^(Name|Version):[ \t]*(\S+)[ \t]*$", head, re.IGNORECASE | re.MULTILINE)
    usual = all(re.match(r"[!-9;-~]+:|[ \t]|\Z", line) for line in head.split("\n"))
    if usual and head[:1] != "\n" and sorted(key for key, _ in said) == ["Name", "Version"]:
        found = dict(said)
        return found["Name"], found["Version"]
    return distribution.metadata["Name"], distribution.version


def blas() -> dict[str, str]:
    """The linear algebra libraries that numpy and scipy load, with version and kernel."""
    found = {}
    if all(map(_opened, _EXTENSIONS)):
        found = _by_threadpoolctl() or _by_symbols()
    if not found:
        if _imported("numpy.linalg") is None:
            return {}
        _imported("scipy.linalg.blas")
        _imported("scipy.linalg.lapack")
        found = _by_threadpoolctl() or _by_symbols() or _by_numpy()
    return {name: " ".join(value.split()) for name, value in found.items() if value}


def _opened(package: str) -> bool:
    """Have the loader bring what a package's extension modules need, which is what importing does.

    It takes a tenth of the time. False where importing could find something else: an extension
    that is not where it is expected, or a distributor's own code that runs before them.
    """
    try:
        spec = importlib.util.find_spec(package)
        if spec is None:
            return package != "numpy"
        folder = (spec.submodule_search_locations or [""])[0]
        if _distributed(os.path.join(folder, "_distributor_init.py")):
            return False
        for names in _EXTENSIONS[package]:
            paths = [
                os.path.join(folder, name + suffix)
                for name in names
                for suffix in importlib.machinery.EXTENSION_SUFFIXES
            ]
            ctypes.CDLL(next(filter(os.path.exists, paths)))
    except Exception:  # noqa: BLE001 - whatever finders and a broken package raise
        return False
    return True


def _distributed(file: str) -> bool:
    """Whether a distributor's code brings libraries of its own before the extensions are loaded."""
    if os.path.exists(file.replace("_init.py", "_init_local.py")):
        return True
    if not os.path.exists(file):
        return False
    with open(file, encoding="utf-8", errors="replace") as text:
        lines = re.findall(r"^[ \t]*((?:import|from) [^#\n]*)", text.read(), re.MULTILINE)
    return any(line.strip() != "from . import _distributor_init_local" for line in lines)


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001 - whatever a broken package raises
        return None


def _by_threadpoolctl() -> dict[str, str]:
    module = _imported("threadpoolctl")
    if module is None:
        return {}
    found = {}
    for library in module.threadpool_info():
        if library.get("user_api") == "blas":
            parts = (library.get("version"), library.get("architecture"))
            name = _owned(library["internal_api"], library["filepath"])
            found[name] = " ".join(part for part in parts if part)
    return found


def _by_symbols() -> dict[str, str]:
    found = {}
    for path in _loaded():
        name = next((name for name in _LIBRARIES if name in os.path.basename(path).lower()), None)
        if name is None:
            continue
        library = ctypes.CDLL(path)
        if name == "openblas":
            version = re.search(r"OpenBLAS (\S+)", _text(library, "openblas_get_config"))
            if version is None:
                continue
            value = f"{version[1]} {_text(library, 'openblas_get_corename')}"
        elif name == "mkl_rt":
            buffer = ctypes.create_string_buffer(200)
            library.mkl_get_version_string(buffer, 200)
            version = re.search(r"Version (\S+)", buffer.value.decode("ascii", "replace"))
            value = version[1] if version else ""
        else:
            value = _text(library, "bli_info_get_version_str")
        found[_owned(name.replace("_rt", ""), path)] = value
    return found


def _loaded() -> list[str]:
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            paths = {line.split(None, 5)[5].rstrip("\n") for line in file if "/" in line}
    except OSError:
        return []
    return sorted(path for path in paths if ".so" in path)


def _text(library: ctypes.CDLL, function: str) -> str:
    # NumPy's and SciPy's own builds put a prefix and a suffix on every name.
    for prefix in ("", "scipy_"):
        for suffix in ("", "64_", "_64", "_64_"):
            symbol = getattr(library, prefix + function + suffix, None)
            if symbol is not None:
                symbol.restype = ctypes.c_char_p
                return (symbol() or b"").decode("ascii", "replace")
    return ""


def _owned(name: str, path: str) -> str:
    """`openblas (numpy)` for a library that a wheel brought along, else `openblas`."""
    folder = re.search(r"/([A-Za-z0-9_]+)\.libs/[^/]*$", path)
    return f"{name} ({folder[1]})" if folder else name


def _by_numpy() -> dict[str, str]:
    numpy = _imported("numpy")
    try:
        told = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {str(told["name"]): str(told.get("version", ""))}
    except Exception:  # noqa: BLE001 - before NumPy 1.25 there is no such mode
        return {}


if __name__ == "__main__":
    answer = packages() if sys.argv[1] == "packages" else blas()
    with open(sys.argv[2], "w", encoding="utf-8") as target:
        json.dump(answer, target)
