"""Commands load what they use: importing takes most of the time of a short one."""

import subprocess
import sys
from pathlib import Path

import pytest

from lockproof.config.policy import PARTS
from lockproof.errors import ExitCode

RUN = """
import atexit, sys
from lockproof.cli.start import run

sys.argv = ["lockproof", *sys.argv[1:]]
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
sys.exit(run())
"""
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n"


def loaded(folder: Path, *words: str, ends: ExitCode = ExitCode.PASSED) -> set[str]:
    """The modules of a process at its end."""
    argv = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == ends, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def sections(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("lockproof.config.")}


NEEDLESS = {
    "importlib.metadata",
    "lockproof.render.canary",
    "lockproof.steps.kustomize",
    "promql_parser",
    "pydantic",
    "subprocess",
    "tomlkit",
}


def test_a_lint_loads_the_sections_that_it_asks_for(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text(MANIFEST)
    (tmp_path / "lockproof.toml").write_text('[lint]\nnot-checked = "accept"\n')
    found = loaded(tmp_path, "lint", "a.yaml")
    own = {"base", "gate", "globs", "lint", "plain", "policy"}
    assert sections(found) == {f"lockproof.config.{name}" for name in own}
    assert not found & NEEDLESS


@pytest.mark.parametrize("name", ["cluster", "mlflow"])
def test_a_section_is_loaded_where_a_file_has_it(name: str, tmp_path: Path) -> None:
    file = PARTS[name].type().__module__
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text(MANIFEST)
    (tmp_path / "lockproof.toml").write_text(f"[{name}]\n")
    assert file in loaded(tmp_path, "lint", "a.yaml")


def test_help_reads_no_policy() -> None:
    assert not loaded(Path(), "lint", "--help") & {"lockproof.config", "pydantic"}


@pytest.mark.parametrize("pattern", ["", "*.tmp\n"])
def test_a_gate_loads_what_reads_patterns_where_there_are_some(
    pattern: str, tmp_path: Path
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").touch()
    (tmp_path / ".dvcignore").write_text(f"# As DVC writes it.\n{pattern}")
    (tmp_path / "lockproof.toml").write_text('[gate]\noff = ["remote"]\n')
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    found = loaded(tmp_path, "gate", "--staged", ends=ExitCode.INCONCLUSIVE)
    assert ("pathspec" in found) == bool(pattern)
    assert "pydantic" not in found
