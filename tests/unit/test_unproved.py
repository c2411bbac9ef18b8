"""The lines at the end of the tests name what was skipped, and how it can be had."""

import ast
from collections.abc import Iterator
from pathlib import Path

from unproved import PARTS, unproved

TESTS = Path(__file__).parents[1]
FITS_ITSELF = {
    "a shallow clone has no history",
    "Dagger knows no linked work trees, and this checkout is one",
    "needs /proc",
    "lockproof is not installed beside this Python",
    "no affinity on this system",
    "root reads everything",
    "the lock was made under the same condition",
    "the socket of a container engine is here",
    "there the launcher itself waits for the stage: test_sandbox.py",
    "these tests run in such a container themselves",
    "this file system only has names in UTF-8",
}
"""Reasons that say themselves how it would be otherwise, or that nothing is missing."""


def reasons() -> Iterator[str]:
    """What the tests say when they skip for want of something."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.skip":
                said = node.args[0]
                parts = said.values if isinstance(said, ast.JoinedStr) else [said]
                text = "".join(
                    str(one.value) if isinstance(one, ast.Constant) else "X" for one in parts
                )
                if text.strip("X"):
                    yield text


def test_every_reason_of_the_tests_says_how_to_have_them() -> None:
    known = {part for _, part, _ in PARTS}
    left = {
        reason
        for reason in set(reasons()) - FITS_ITSELF
        if unproved([reason])[0].partition(": ")[2].partition(" (")[0] not in known
    }
    allowed = {
        r for r in left if r.startswith(("X is installed", "stages run in Python", "network X"))
    }
    assert left == allowed


def test_skipped_tests_are_put_together_by_what_they_lack() -> None:
    lines = unproved(["no Dagger engine: x", "no zsh", "no zsh", "a reason of its own"])
    assert lines == [
        "   2 tests: shells (apt-get install zsh fish ksh)",
        "   1 test: a reason of its own",
        "   1 test: the Dagger module on an engine (the dagger command and docker, or"
        " _EXPERIMENTAL_DAGGER_RUNNER_HOST)",
    ]
    assert unproved([]) == []
