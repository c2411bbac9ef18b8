"""What lint says of public trees: no false word. Their commits are kept, and no file of theirs.

$LOCKPROOF_TEST_TREES is a folder of clones, bare or not, each named OWNER+NAME, that have the
commits of public_trees.toml. Its errors were looked at one by one: each is true of that commit, or
is expected of the tests of a tool itself. What only holds a manifest to a policy is left out.
"""

import io
import os
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.model.finding import Severity
from lockproof.steps.lint import lint_tree

TREES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("public_trees.toml").read_text("utf-8")
)["tree"]
POLICY = {"LP621", "LP622", "LP623", "LP624", "LP632", "LP633", "LP635"}
"""Pins, resources, confinement, how a canary is judged: what is asked for, not what is wrong."""


def errors(root: Path) -> dict[str, list[str]]:
    """Rule -> files with an error of it."""
    found: dict[str, set[str]] = {}
    for one in lint_tree(FolderTree(root), parse_policy(""), ["."]).findings:
        if one.severity is Severity.ERROR and one.rule not in POLICY:
            found.setdefault(one.rule, set()).add(one.path or "")
    return {rule: sorted(paths) for rule, paths in sorted(found.items())}


def unpacked(tree: dict[str, Any], clones: Path, into: Path) -> None:
    """The files of the commit."""
    clone = clones / tree["repository"].replace("/", "+")
    bare = next((at for at in (clone, clone / "repo") if (at / "HEAD").exists()), clone / ".git")
    argv = ["git", "--git-dir", str(bare), "archive", tree["commit"]]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(into, filter="data")


@pytest.mark.parametrize("tree", TREES, ids=[one["repository"] for one in TREES])
def test_no_word_on_a_public_tree_is_false(tree: dict[str, Any], tmp_path: Path) -> None:
    clones = os.environ.get("LOCKPROOF_TEST_TREES")
    if not clones:
        pytest.skip("no public trees: LOCKPROOF_TEST_TREES names no folder of their clones")
    unpacked(tree, Path(clones), tmp_path)
    assert errors(tmp_path) == tree.get("errors", {})


def test_each_tree_is_named_by_a_whole_commit_and_says_why_its_errors_hold() -> None:
    for tree in TREES:
        assert len(tree["commit"]) == 40, tree["repository"]
        assert tree.keys() <= {"repository", "commit", "errors", "why"}
        assert tree.get("errors", {}).keys() == tree.get("why", {}).keys(), tree["repository"]
