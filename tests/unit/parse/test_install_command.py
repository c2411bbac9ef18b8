"""Which commands say what lockproof they install."""

import importlib.util
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockproof.parse.install_command import unpinned

AT = "git+https://github.com/lockproof/lockproof@" + "0123456789" * 4


@pytest.mark.parametrize(
    "command",
    [
        "",
        "make setup",
        "uv sync",
        "pip install -r requirements.txt",
        "pip install ./lockproof",
        "pip install vendor/lockproof-0.1.0-py3-none-any.whl",
        f"python3 -m venv v\nv/bin/pip install -q 'lockproof[all] @ {AT}'",
        f"pip install lockproof@{AT}",
        f"pip install lockproof @ {AT}",
        f"uvx --from {AT} lockproof-x",
        f"pip install '{AT}#egg=lockproof'",
        "pip install --index-url https://pypi.example/simple 'lockproof[all]==0.1.0'",
        "echo lockproof",
        "pip install other # lockproof",
        "pip install git+https://h.example/other",
    ],
)
def test_known_beforehand(command: str) -> None:
    assert unpinned(command) is None


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("pip install lockproof", "'lockproof' would come from a package index"),
        ("pip install 'lockproof[all]'", "'lockproof[all]' would"),
        ("pip install Lockproof", "'Lockproof' would"),
        ("v/bin/pip3.12 install 'lockproof[all]==0.1.0'", "anybody could take the name"),
        ("uv tool install 'lockproof>=0.1'", "package index"),
        ("pip install -i https://pypi.example/simple 'lockproof>=0.1'", "package index"),
        ("pip install -i https://pypi.example/simple lockproof==0.*", "package index"),
        ("pip install lockproof; true", "package index"),
        ("true && pipx install lockproof\n", "package index"),
        (f"pip install lockproof@{AT[:-1]}", "can change"),
        ("pip install git+https://github.com/lockproof/lockproof@v0.1.0", "can change"),
        ("pip install 'lockproof @ git+https://github.com/lockproof/lockproof'", "can change"),
        ("pip install 'lockproof; python_version > \"3\"'", "package index"),
        ("pip install 'lockproof (>=0.1)'", "package index"),
        ("uv run --with=lockproof python", "package index"),
        ("uvx lockproof@latest", "package index"),
        ("uvx lockproof@0.1.0", "package index"),
        ("pip install --editable=git+https://github.com/lockproof/lockproof", "can change"),
    ],
)
def test_not_known(command: str, why: str) -> None:
    assert why in str(unpinned(command))


UV = Path(sys.executable).with_name("uv")
WORDS = [
    *("lockproof", "LockProof", "LOCKPROOF", "lockproof[all]", "lockproof[ all , s3 ]"),
    *("lockproof [all]", " lockproof ", "lockproof==0.1.0", "lockproof ===0.1.0", "lockproof>0"),
    *("lockproof<9", "lockproof~=0.1", "lockproof!=3", "lockproof >= 0.1, < 9", "lockproof==0.*"),
    *(
        "lockproof(>=0.1)",
        "lockproof (==0.1.0)",
        "lockproof;python_version>'3'",
        "lockproof ; os_name",
    ),
    *("lockproof[all] ; os_name != ''", "lockproof\t==0.1.0", "lockproof==0.1.0 ;os_name!=''"),
    *(
        "lockproof@0.1.0",
        "lockproof@latest",
        "lock-proof",
        "lockproofs",
        "xlockproof",
        "lockproof-x",
    ),
    *(
        "lockproof.",
        "lockproof,",
        "lockproof[",
        "lockproof=0.1.0",
        "lockproof==",
        "lockproof 0.1.0",
    ),
]


def _index(folder: Path) -> Path:
    """A folder of wheels in which anybody may have put a lockproof."""
    info = "lockproof-0.1.0.dist-info"
    extras = "".join(f"Provides-Extra: {extra}\n" for extra in ("all", "s3"))
    with zipfile.ZipFile(folder / "lockproof-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: lockproof\nVersion: 0.1.0\n{extras}"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return folder


def _takes(tool: str, word: str, index: Path) -> bool:
    """Whether the tool would install a lockproof of that index."""
    more = ["--no-index", "--find-links", str(index), "--target", str(index / "t")]
    argv = {
        "pip": [sys.executable, "-m", "pip", "install", "--dry-run", "--isolated", *more, word],
        "uv": [str(UV), "pip", "install", "--dry-run", "--no-config", "--no-cache", *more, word],
    }
    done = subprocess.run(argv[tool], cwd=index, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return "Would install lockproof-" in said or "+ lockproof==" in said


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_whatever_takes_it_from_an_index_is_not_known(tool: str, tmp_path: Path) -> None:
    if not (UV.exists() if tool == "uv" else importlib.util.find_spec("pip")):
        pytest.skip(f"no uv or pip beside the tests: {tool}")
    index = _index(tmp_path)
    taken = [word for word in WORDS if _takes(tool, word, index)]
    assert {"lockproof", "lockproof[all]", "lockproof (==0.1.0)"} <= {*taken}
    known = [word for word in taken if unpinned(f"pip install {shlex.quote(word)}") is None]
    assert known == []


@given(st.text())
@example("@")
@example("@ x")
@example("@ '")
def test_any_text_is_read(text: str) -> None:
    assert unpinned(text) is None or "lockproof" in text.lower()
    bare = unpinned(f"pip install {AT}\npip install lockproof\n{text}")
    assert bare is not None or "\\" in text or "'" in text or '"' in text
