"""What a commit alone may not give its stages."""

from pathlib import Path

import anyio
import pytest

from lockproof.adapters.sandbox.disposable import is_disposable
from lockproof.adapters.sandbox.isolation import Isolation, Level
from lockproof.config import Policy, RunPolicy
from lockproof.errors import ConfigError
from lockproof.steps import surface
from lockproof.steps.trust import demanding, restrained

STRICTER = [
    ("off", "off", "off"),
    ("off", "preferred", "preferred"),
    ("off", "required", "required"),
    ("preferred", "required", "required"),
    ("required", "off", "required"),
]


@pytest.mark.parametrize(("commits", "trusted", "both"), STRICTER)
def test_of_two_words_on_isolation_the_stricter_counts(
    commits: str, trusted: str, both: str
) -> None:
    one, two = (RunPolicy.model_validate({"isolation": word}) for word in (commits, trusted))
    assert restrained(one, two)[0].isolation == both
    assert demanding(one, trusted).isolation == both
    assert demanding(one, None) == one


def test_a_commit_alone_shows_no_path_and_passes_no_variable() -> None:
    commits = RunPolicy(visible=("/a", "/b"), pass_env=("A", "*"), timeout=3)
    limits, left_out = restrained(commits, RunPolicy(visible=("/b",), pass_env=("A",)))
    assert (limits.visible, limits.pass_env, limits.timeout) == (("/b",), ("A",), 3)
    assert left_out == (
        "run.pass-env: * is named by this commit alone: stages do not get it",
        "run.visible: /a is named by this commit alone: stages do not get it",
    )


@pytest.mark.parametrize("name", ["timeout", "processes", "memory", "disk"])
def test_a_commit_alone_raises_no_limit(name: str) -> None:
    low, high = RunPolicy(**{name: 1 << 20}), RunPolicy(**{name: 1 << 30})
    limits, left_out = restrained(high, low)
    assert getattr(limits, name) == 1 << 20
    assert left_out == (f"run.{name}: this commit alone has it 1073741824: 1048576 holds",)
    assert restrained(low, high) == (low, ())
    without = RunPolicy()
    if name != "processes":
        assert getattr(restrained(without, low)[0], name) == 1 << 20
        assert getattr(restrained(low, without)[0], name) == 1 << 20


def found(monkeypatch: pytest.MonkeyPatch, level: Level) -> Isolation:
    """What stages are kept apart by where it is required and this is the best there is."""

    async def at_best() -> Isolation:
        return Isolation(level, ("bubblewrap: not on PATH", "namespaces: refused"))

    monkeypatch.setattr(surface, "find_isolation", at_best)
    return anyio.run(surface.isolation_for, Policy(run=RunPolicy(isolation="required")))


def test_required_isolation_that_cannot_be_had_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(
        ConfigError, match=r"required .* \(bubblewrap: not on PATH; namespaces: ref"
    ) as error:
        found(monkeypatch, Level.LANDLOCK)
    assert "\n" not in str(error.value)


DISPOSABLE = [("LOCKPROOF_DISPOSABLE", "1"), ("CI_DISPOSABLE_ENVIRONMENT", "true")]


@pytest.mark.parametrize(("variable", "value"), DISPOSABLE)
def test_in_a_container_made_for_the_run_landlock_is_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(surface, "is_disposable", lambda: is_disposable((tmp_path / "none",)))
    assert found(monkeypatch, Level.LANDLOCK).level is Level.LANDLOCK
    with pytest.raises(ConfigError, match="required and cannot be had here"):
        found(monkeypatch, Level.NONE)


@pytest.mark.parametrize(("variable", "value"), [*DISPOSABLE, ("LOCKPROOF_DISPOSABLE", "0")])
def test_a_container_from_which_an_engine_can_be_asked_is_none_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    socket = tmp_path / "docker.sock"
    assert is_disposable((socket,)) == (value != "0")
    socket.symlink_to("elsewhere")
    assert not is_disposable((socket,))
