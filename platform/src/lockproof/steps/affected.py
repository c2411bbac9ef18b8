"""What a change makes `lockproof reproduce` run, and what that asks of the machine."""

import os
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.dvc.root import find_root
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.config import FILE_NAME, Policy, parse_policy
from lockproof.errors import ConfigError, UsageError
from lockproof.model.pipeline import Stage
from lockproof.steps.declared import below, declared, has_project, unread_submodules
from lockproof.steps.reproduce.affected import affected_since
from lockproof.steps.reproduce.choice import choose_mode, select


@dataclass(frozen=True)
class Affected:
    """The stages that `lockproof reproduce --since` looks at."""

    commit: str
    since: str | None
    """The base commit; None where every stage counts as changed."""
    why_all: str
    """Why every stage counts although a base was named; empty where that is not so."""
    stages: tuple[Stage, ...]
    """In pipeline order; in chain mode with the stages that a changed one needs."""
    unsure: tuple[str, ...] = ()
    """A line for each submodule of which nobody here knows whether it has stages."""

    @property
    def gpus(self) -> int:
        """The most GPUs that one of the stages which run asks for."""
        return max((stage.gpus for stage in self.stages if stage.runs), default=0)


def affected(directory: Path, revision: str, since: str | None) -> Affected:
    """Compare the pipeline of a commit with that of a base; nothing of it is executed.

    Raises:
        UsageError: the repository or a revision is not usable.
        ConfigError: a configuration or pipeline file is not valid.
    """
    git = GitRepository.discover(directory.absolute())
    prefix = below(find_root(Path(os.path.realpath(directory)), git.root), git)
    commit = git.resolve(revision)
    base = git.resolve(since) if since else None
    head = Snapshot(git, commit)
    if not has_project(head, prefix):
        raise UsageError(f"{commit[:12]} has no DVC project at {prefix or 'its top'}")
    policy = _policy(head, f"{prefix}/{FILE_NAME}" if prefix else FILE_NAME)
    reading = declared(head, prefix)
    pipeline, unsure = reading.pipeline, tuple(unread_submodules(reading))
    changed, why_all = None, ""
    if base and policy.reproduce.unaffected != "accept":
        base, why_all = None, 'because [reproduce] unaffected is not "accept"'
    if base:
        changed = affected_since(
            base,
            git=git,
            commit=commit,
            pipeline=pipeline,
            policy=policy,
            prefix=prefix,
            head=head,
        )
    if not any(stage.kind == "stage" for stage in pipeline.stages):
        # Only data, of which nothing is to be run.
        return Affected(commit, base, why_all, (), unsure)
    wanted = select(pipeline, (), choose_mode(policy, pipeline), changed)
    stages = tuple(s for s in wanted.reported if s.address not in wanted.unaffected)
    return Affected(commit, base, why_all, stages, unsure)


def _policy(head: Snapshot, path: str) -> Policy:
    if path not in head.entries:
        return Policy()
    content = head.read(path)
    try:
        if content is not None:
            return parse_policy(content.decode(), FILE_NAME)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8") from error
    raise ConfigError(f"{path} is a link: put the policy itself there")
