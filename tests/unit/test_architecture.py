"""What the design promises of the code's own shape."""

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import lockproof

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "platform" / "src" / "lockproof"
MODULES = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}

ROOMS = {
    "boto3": ["adapters/store/*"],
    "botocore": ["adapters/store/*"],
    "dvc": ["adapters/dvc/*", "adapters/store/*"],
    "dvc_data": ["adapters/dvc/*", "adapters/store/*"],
    "dvc_objects": ["adapters/dvc/*", "adapters/store/*"],
    "cel_expr_python": ["rules/manifests/cel_library.py"],
    "cryptography": ["adapters/signing/*"],
    "kingfisher_sdk": ["adapters/secrets.py"],
    "kubernetes": ["adapters/kubernetes/*"],
    "mlflow": ["adapters/mlflow/*"],
    "model_signing": ["adapters/signing/*"],
    "numpy": ["compare/*", "stats/*"],
    "pyarrow": ["compare/*"],
    "scipy": ["stats/*"],
    "securesystemslib": ["adapters/signing/*"],
    "sigstore": ["adapters/signing/*"],
    "tomllib": ["model/toml_text.py"],
}
"""Heavy import -> where alone it may stand."""

SLOW = {
    *ROOMS,
    *("anyio", "asyncio", "jinja2", "pydantic", "requests", "rich", "ruamel", "urllib3", "yaml"),
}


def imported(tree: ast.AST) -> Iterator[str]:
    """The top name of every absolute import, at the module's top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_platform_is_no_package() -> None:
    assert MODULES, f"no code in {SOURCE}"
    found = [path.name for path in (ROOT / "platform").glob("__init__.*")]
    assert found == [], "platform/ as a package would shadow the standard library's platform"


def test_heavy_imports_stay_in_their_room() -> None:
    strays = [
        f"{name} imports {module}"
        for name, path in MODULES.items()
        for module in set(imported(ast.parse(path.read_bytes())))
        if module in ROOMS and not any(fnmatchcase(name, room) for room in ROOMS[module])
    ]
    assert strays == []


def test_lint_bans_the_same_imports_and_spares_the_same_rooms() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    banned = set(lint["flake8-tidy-imports"]["banned-api"])
    inner = {"unittest.mock", "tempfile.NamedTemporaryFile", "tempfile.TemporaryDirectory"}
    assert banned - inner == set(ROOMS)
    prefix = "platform/src/lockproof/"
    spared = {
        place.removeprefix(prefix)
        for place, rules in lint["per-file-ignores"].items()
        if place.startswith(prefix) and "TID251" in rules
    }
    assert spared == {room for rooms in ROOMS.values() for room in rooms}


def test_every_room_for_an_outside_thing_is_named_in_contributing() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rooms = {Path(name).parts[1] for name in MODULES if name.startswith("adapters/")}
    folders = sorted(room for room in rooms if not room.endswith(".py"))
    assert folders, "nothing was looked at"
    assert [room for room in folders if f"`{room}/`" not in text] == []


@pytest.mark.parametrize(
    ("arguments", "barred"),
    [(["--help"], SLOW), (["--version"], SLOW), (["reproduce", "--help"], set(ROOMS))],
)
def test_help_imports_nothing_slow(arguments: list[str], barred: set[str]) -> None:
    code = (
        "import json, sys\n"
        "from lockproof.cli.main import main\n"
        "try:\n"
        "    code = main()\n"
        "except SystemExit as exit:\n"
        "    code = exit.code\n"
        # One that stands in for another is there without it.
        "print(json.dumps([code, sorted(name for name in sys.modules if '.' not in name)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    exit_code, loaded = json.loads(done.stdout.splitlines()[-1])
    assert not exit_code
    assert "argparse" in loaded, "nothing was measured"
    assert barred & set(loaded) == set()


def test_lint_of_ordinary_files_loads_no_event_loop_and_no_yaml_library(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n")
    code = (
        "import sys\n"
        "from lockproof.cli.main import main\n"
        "code = main()\n"
        "print(code, sorted({'anyio', 'asyncio', 'yaml'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "lint", "a.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0 []"


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(SOURCE.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 broken" in done.stdout


def test_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert lockproof.__version__ == project["version"]


def test_modules_are_small_and_named_for_what_they_are() -> None:
    long = {
        name: lines
        for name, path in MODULES.items()
        if (lines := len(path.read_text("utf-8").splitlines())) > 350
    }
    assert long == {}, "about 300 lines a module"
    vague = [
        name for name in MODULES if {"utils", "util", "helpers", "helper", "manager"} & parts(name)
    ]
    assert vague == []


def parts(name: str) -> set[str]:
    return {word for part in Path(name).with_suffix("").parts for word in part.split("_")}
