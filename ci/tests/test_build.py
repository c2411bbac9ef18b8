"""The build backend that the engine's install calls."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = "import build_backend as one; print(one.build_editable('there'))"


def built(folder: Path, **variables: str) -> tuple[str, set[str]]:
    """The wheel's name, and what was compiled: the last two parts of each module's path."""
    uv = folder / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text('#!/bin/sh\necho "$*" >&2\necho lockproof_ci.whl\n')
    uv.chmod(0o755)
    path = f"{uv.parent}{os.pathsep}{os.environ['PATH']}"
    given = {"PATH": path, "PYTHONPYCACHEPREFIX": str(folder / "compiled"), **variables}
    argv = [sys.executable, "-c", BUILD]
    done = subprocess.run(argv, cwd=ROOT, env=given, check=True, capture_output=True, text=True)
    assert "build-backend build-editable there" in done.stderr
    found = (folder / "compiled").rglob("*.pyc")
    return done.stdout.strip(), {
        "/".join(one.parts[-2:]).replace(f".{sys.implementation.cache_tag}.pyc", "")
        for one in found
    }


def test_an_install_compiles_what_each_call_imports(tmp_path: Path) -> None:
    """The standard library, which official images bring without bytecode, and the module."""
    wheel, compiled = built(tmp_path, UV_COMPILE_BYTECODE="1")
    assert wheel == "lockproof_ci.whl"
    assert {"tomllib/_parser", "asyncio/events", "lockproof_ci/main"} <= compiled
    assert not {one for one in compiled if one.startswith(("test/", "idlelib/"))}


def test_what_is_exported_to_a_clone_has_no_bytecode(tmp_path: Path) -> None:
    """The engine asks for bytecode only where it installs for calls."""
    wheel, compiled = built(tmp_path)
    assert wheel == "lockproof_ci.whl"
    assert "lockproof_ci/main" not in compiled
