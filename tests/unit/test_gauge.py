"""The launcher's looks at how many processes there are: as cheap as the machine lets them be."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from lockproof.adapters.sandbox import quota
from lockproof.adapters.sandbox.processes import finds_descendants
from lockproof.adapters.sandbox.quota import Gauge, Quota

pytestmark = pytest.mark.skipif(not finds_descendants(), reason="only Linux finds every descendant")


@pytest.fixture
def children() -> Iterator[int]:
    """Three processes below this one, which may have others."""
    begun = [subprocess.Popen(["sleep", "3000"]) for _ in range(3)]
    yield len(begun)
    for process in begun:
        process.kill()
        process.wait()


def looks(monkeypatch: pytest.MonkeyPatch, bounds: Quota) -> tuple[tuple[str, int] | None, int]:
    """What is found, and how often processes were listed for it."""
    listed = []

    def descendants(root: int) -> dict[int, int]:
        listed.append(root)
        return quota_descendants(root)

    quota_descendants = quota.descendants
    monkeypatch.setattr(quota, "descendants", descendants)
    return Gauge(bounds, (), own_root=False).over(), len(listed)


def test_where_the_whole_machine_has_fewer_nobody_is_counted(
    monkeypatch: pytest.MonkeyPatch, children: int
) -> None:
    monkeypatch.setattr(quota, "_tasks", lambda: 4096)
    assert looks(monkeypatch, Quota(processes=4096)) == (None, 0)


@pytest.mark.parametrize("tasks", [0, 3], ids=["nobody knows", "the machine has more"])
def test_else_they_are(monkeypatch: pytest.MonkeyPatch, children: int, tasks: int) -> None:
    monkeypatch.setattr(quota, "_tasks", lambda: tasks)
    found, listed = looks(monkeypatch, Quota(processes=children - 1))
    assert found is not None
    assert (found[0], listed) == ("processes", 1)


def test_what_else_is_bounded_is_looked_at(monkeypatch: pytest.MonkeyPatch, children: int) -> None:
    monkeypatch.setattr(quota, "_tasks", lambda: 1)
    found, listed = looks(monkeypatch, Quota(processes=4096, memory=1))
    assert found is not None
    assert (found[0], listed) == ("memory", 1)


def test_what_linux_says_of_the_whole_machine_is_no_less_than_what_is_below_this_process(
    children: int,
) -> None:
    assert quota._tasks() >= sum(quota.descendants(os.getpid()).values())
