"""What a commit alone may not give its stages."""

import anyio
import pytest

from lockproof.adapters.sandbox.isolation import Isolation, Level
from lockproof.config import Policy, RunPolicy
from lockproof.errors import ConfigError
from lockproof.steps import surface
from lockproof.steps.trust import restrained

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


def test_required_isolation_that_cannot_be_had_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def landlock_at_best() -> Isolation:
        return Isolation(Level.LANDLOCK, ("bubblewrap: not on PATH", "namespaces: refused"))

    monkeypatch.setattr(surface, "find_isolation", landlock_at_best)
    policy = Policy(run=RunPolicy(isolation="required"))
    with pytest.raises(
        ConfigError, match=r"required .* \(bubblewrap: not on PATH; namespaces: ref"
    ):
        anyio.run(surface.isolation_for, policy)
