"""Small trees of manifests, written and linted."""

from pathlib import Path

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.steps.lint import Linted, lint_tree


def linted(root: Path, files: dict[str, str]) -> Linted:
    """What lint says of these files (path -> text) by a policy that says nothing."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return lint_tree(FolderTree(root), parse_policy(""), ["."])
