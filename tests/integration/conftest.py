"""Integration tests keep their environments, verdicts and logs out of the user's folders."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .door import Door
from .good_project import good_project
from .pipelines import Project
from .wheels import wheel


@pytest.fixture(autouse=True, scope="session")
def lockproof_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache for all, and no place for a secret: no verdict is kept, nor `/usr` looked at for it.

    Taking down the state of the machine's files is most of a small run's time. What is about kept
    verdicts asks for `keeps_verdicts`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path_factory.mktemp("lockproof-cache")))
        patch.setenv("LOCKPROOF_STATE_DIR", os.path.join(os.devnull, "state"))
        yield


@pytest.fixture
def keeps_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache and a secret of the test's own."""
    monkeypatch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCKPROOF_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The good repository; copy it before a change."""
    return good_project(tmp_path_factory.mktemp("good"))


@pytest.fixture
def door(index: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """Where the user's own settings let set-up code call."""
    made = Door()
    monkeypatch.setenv("PIP_TRUSTED_HOST", f"127.0.0.1:{made.server.getsockname()[1]}")
    yield made
    made.close()


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "alpha", "1.0", "beta_lib>=1")
    wheel(folder, "alpha", "2.0")
    wheel(folder, "beta_lib", "1.0")
    wheel(folder, "beta_lib", "3.0")
    return folder


@pytest.fixture
def index(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who has told pip, and only pip, to take packages from a folder."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", f"{wheels} {links}")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "0")
