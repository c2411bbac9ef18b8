"""`oldest-tool` of the policy, by the order of versions that Python packages have (PEP 440)."""

import pytest

from lockproof.steps.gate.weigh import is_older


@pytest.mark.parametrize(
    ("tool", "oldest", "older"),
    [
        ("lockproof 0.1.9", "0.2", True),
        ("lockproof 0.10.0", "0.9", False),
        ("lockproof 0.2", "0.2.0", False),
        ("lockproof 0.2.0+local", "0.2", False),
        # Before the release, although its numbers are the same.
        ("lockproof 0.2.0.dev1", "0.2", True),
        ("lockproof 0.2rc1", "0.2", True),
        # Not older than what it comes after.
        ("lockproof 0.3rc1", "0.2", False),
        ("lockproof 1!0.1", "0.2", False),
        ("lockproof", "0.2", True),
        ("", "0.0", True),
        (f"lockproof {'9' * 5000}", "0.2", True),
    ],
)
def test_versions_are_in_their_order(tool: str, oldest: str, older: bool) -> None:
    assert is_older(tool, oldest) is older
