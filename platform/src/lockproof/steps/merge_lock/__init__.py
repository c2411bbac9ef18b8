"""Merging `dvc.lock` and `.dvc` files: as Git's merge driver, and after a conflict."""

from lockproof.steps.merge_lock.merge import Merge, merge_files
from lockproof.steps.merge_lock.run import drive, resolve

__all__ = ["Merge", "drive", "merge_files", "resolve"]
