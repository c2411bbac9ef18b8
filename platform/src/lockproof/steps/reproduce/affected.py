"""Which stages a change touches, by comparing the pipelines of two commits."""

import os
from collections.abc import Mapping

from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.config import FILE_NAME, Policy
from lockproof.model.pipeline import Pipeline
from lockproof.steps.declared import declared, has_project

from .plan import affected_stages
from .session import blob_in


def affected_since(
    base: str,
    *,
    git: GitRepository,
    pipeline: Pipeline,
    policy: Policy,
    prefix: str,
    tree: Mapping[str, str],
) -> frozenset[str] | None:
    """Addresses of the stages that differ from `base`; None where it has no such project.

    Args:
        base: the full id of the commit to compare with.
        git: the repository.
        pipeline: the pipeline of the commit under proof.
        policy: its policy.
        prefix: the DVC root below the Git root; empty where they are the same.
        tree: its files, as `GitRepository.tree` gives them.

    Raises:
        ConfigError: the pipeline of the base is not valid.
    """
    old = Snapshot(git, base)
    if not has_project(old, prefix):
        return None
    before = declared(old, prefix).pipeline
    old_tree = git.tree(base)
    named = policy.environment
    whole = [FILE_NAME]
    if named:
        whole += [path for path in (named.requirements, named.uv_lock) if path]

    def changed(path: str) -> bool:
        place = os.path.normpath(f"{prefix}/{path}") if prefix else path
        return blob_in(old_tree, place) != blob_in(tree, place)

    return affected_stages(before, pipeline, changed, whole)
