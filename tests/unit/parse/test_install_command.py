"""Which commands say what lockproof they install."""

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
    ],
)
def test_not_known(command: str, why: str) -> None:
    assert why in str(unpinned(command))


@given(st.text())
@example("@")
@example("@ x")
@example("@ '")
def test_any_text_is_read(text: str) -> None:
    assert unpinned(text) is None or "lockproof" in text.lower()
    bare = unpinned(f"pip install {AT}\npip install lockproof\n{text}")
    assert bare is not None or "\\" in text or "'" in text or '"' in text
