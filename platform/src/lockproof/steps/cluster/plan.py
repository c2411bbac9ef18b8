"""What a cluster is to do: the commit, and which pod proves which of its stages."""

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lockproof.adapters.dvc.root import find_root
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.config import FILE_NAME, ClusterPolicy, Policy, parse_policy
from lockproof.errors import ConfigError, UsageError
from lockproof.model.address import without_credentials
from lockproof.model.base import sha256_of
from lockproof.model.digest import lock_digest
from lockproof.model.order import Order
from lockproof.model.pipeline import Pipeline
from lockproof.steps.base import named_base
from lockproof.steps.declared import declared, has_project
from lockproof.steps.reproduce.affected import affected_since
from lockproof.steps.reproduce.choice import Selection, choose_mode, select
from lockproof.steps.revisions import asked_for
from lockproof.steps.trust import trusted_policy, trusted_reader

from .request import Engine, Request

_SLUG = 40


@dataclass(frozen=True)
class Task:
    """The part of a reproduction that one pod does."""

    name: str
    """Unique in the run, a DNS label: what a pod, its log and its order are known by."""
    stages: tuple[str, ...]
    """Their addresses, in pipeline order."""


@dataclass(frozen=True)
class Plan:
    """A reproduction in a cluster."""

    engine: Engine
    run: str
    """Its ID: the name of all its objects."""
    git: GitRepository
    commit: str
    base: str
    """The commit whose policy and remotes count in the pods."""
    since: str | None
    root: str
    """The DVC root below the Git root; empty where they are the same."""
    mode: str
    runs: int
    jobs: int | None
    selected: tuple[str, ...]
    """The stages asked for by name; empty for all."""
    repository: str
    cluster: ClusterPolicy
    policy: Policy
    """That of the commit, which says what passes."""
    pipeline: Pipeline
    lock_digest: str
    selection: Selection
    tasks: tuple[Task, ...]

    @property
    def goes_on(self) -> str:
        """What is said where nobody waits any more for a run that has not ended."""
        return f"the run goes on: lockproof reproduce --attach {self.run}"

    def orders(self) -> dict[str, Order]:
        """A fresh order for each task, with a key that no other pod has."""
        whole = len(self.tasks) == 1 and not self.selected
        return {
            task.name: Order(task.name, () if whole else task.stages, secrets.token_bytes(32))
            for task in self.tasks
        }


def make_plans(request: Request, run: str | None = None) -> tuple[Plan, ...]:
    """A plan for each revision, all with the ID of one run.

    Raises:
        UsageError: as `make_plan`; or several revisions do not go with the engine.
    """
    if len(request.revisions) < 2:
        revision = next(iter(request.revisions), request.revision)
        return (make_plan(replace(request, revision=revision), run),)
    if request.on != "argo":
        raise UsageError("several revisions go with --on argo, or without --on")
    asked = asked_for(request.directory, request.revisions)
    run = run or new_run(asked[0].commit)
    one = [replace(request, revision=each.commit) for each in asked]
    plans = tuple(make_plan(each, run, apart=len(one) > 1) for each in one)
    names = [task.name for plan in plans for task in plan.tasks]
    if len(set(names)) < len(names):  # Of a report nobody could say whose it is.
        raise UsageError("tasks of two revisions got one name: reproduce them in runs of their own")
    return plans


def make_plan(request: Request, run: str | None = None, *, apart: bool = False) -> Plan:
    """Find out what is to be done; nothing is asked of a cluster.

    Args:
        request: what was asked for.
        run: the ID of a run; None for a new one.
        apart: whether its tasks need names that other commits' tasks do not have.

    Raises:
        UsageError: the repository, a revision or a policy is not usable.
    """
    git = GitRepository.discover(request.directory.absolute())
    root = find_root(Path(os.path.realpath(request.directory)), git.root)
    top = git.root.resolve()
    prefix = "" if root == top else root.relative_to(top).as_posix()
    commit = git.resolve("HEAD" if request.revision is None else request.revision)
    named = named_base(request.base or request.since)
    base = git.resolve(named) if named else None
    cluster = trusted_policy(trusted_reader(git, root, prefix, base)).cluster
    snapshot = Snapshot(git, commit)
    if not has_project(snapshot, prefix):
        raise UsageError(f"{commit[:12]} has no DVC project at {prefix or 'its top'}")
    policy = _policy_of(git, commit, prefix)
    reading = declared(snapshot, prefix)
    mode = request.mode or choose_mode(policy, reading.pipeline)
    since = git.resolve(request.since) if request.since else None
    affected = (
        affected_since(
            since,
            git=git,
            commit=commit,
            pipeline=reading.pipeline,
            policy=policy,
            prefix=prefix,
            head=snapshot,
        )
        if since
        else None
    )
    selection = select(reading.pipeline, request.stages, mode, affected)
    return Plan(
        engine=request.on,
        run=run or new_run(commit),
        git=git,
        commit=commit,
        # Without a base the user's own checkout is trusted: of it, what a pod can fetch.
        base=base or git.resolve("HEAD"),
        since=since,
        root=prefix,
        mode=mode,
        runs=request.runs or policy.reproduce.runs,
        jobs=request.jobs,
        selected=tuple(sorted(request.stages)),
        repository=_repository(git, cluster),
        cluster=cluster,
        policy=policy,
        pipeline=reading.pipeline,
        lock_digest=lock_digest(reading.lock_files),
        selection=selection,
        tasks=tuple(
            tasks_of(request.on, mode, reading.pipeline, selection, commit if apart else "")
        ),
    )


def new_run(commit: str) -> str:
    """An ID for a run."""
    return f"lockproof-{commit[:7]}-{secrets.token_hex(4)}"


def tasks_of(
    engine: Engine, mode: str, pipeline: Pipeline, selection: Selection, commit: str = ""
) -> Iterator[Task]:
    """Which pod proves which stages: each stage that is selected is in just one of them.

    A Job is one pod. In a Workflow each stage that is run has a pod of its own in isolated mode; in
    chain mode all that hang together share one, since what a stage hands on is not kept anywhere.
    What is not run at all is reported by one pod. With a commit, its name is in those of its tasks.
    """
    addresses = [stage.address for stage in selection.reported]
    if engine == "kubernetes":
        yield Task("all", tuple(addresses))
        return
    if mode == "chain":
        parts = _connected(addresses, pipeline.upstream)
    else:
        idle = [
            stage.address
            for stage in selection.reported
            if stage.address in selection.unaffected or stage.frozen or not stage.locked
        ]
        parts = [[address] for address in addresses if address not in set(idle)]
        parts += [idle] if idle else []
    for part in parts:
        yield Task(_name(part, commit), tuple(part))


def _name(stages: list[str], commit: str) -> str:
    most = _SLUG - len(commit[:7])
    slug = re.sub(r"[^a-z0-9]", "-", stages[0].lower())[:most].strip("-") or "stage"
    more = f"-and-{len(stages) - 1}" if len(stages) > 1 else ""
    if commit:
        return f"r{commit[:7]}-{slug}{more}-{sha256_of([commit, *stages])[:8]}"
    return f"{slug}{more}-{sha256_of(stages)[:8]}"


def _connected(
    addresses: Iterable[str], upstream: Mapping[str, tuple[str, ...]]
) -> list[list[str]]:
    """The stages that hang together by what they read of each other, parts in pipeline order."""
    addresses = list(addresses)
    leader = {address: address for address in addresses}

    def find(address: str) -> str:
        while leader[address] != address:
            leader[address] = leader[leader[address]]
            address = leader[address]
        return address

    for address in addresses:
        for other in upstream[address]:
            if other in leader:
                leader[find(other)] = find(address)
    parts: dict[str, list[str]] = {}
    for address in addresses:
        parts.setdefault(find(address), []).append(address)
    return list(parts.values())


def _policy_of(git: GitRepository, commit: str, prefix: str) -> Policy:
    content = git.read(commit, f"{prefix}/{FILE_NAME}" if prefix else FILE_NAME)
    try:
        return parse_policy(content.decode()) if content else Policy()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{FILE_NAME} is not UTF-8") from error


def _repository(git: GitRepository, cluster: ClusterPolicy) -> str:
    url = fetched_from(cluster.repository, git.remote_url() or "")
    if not url:
        raise ConfigError(
            "where do pods fetch the commit from? There is no remote 'origin': write"
            " [cluster] repository into lockproof.toml"
        )
    return url


def fetched_from(named: str | None, origin: str) -> str:
    """The URL that pods fetch from: everybody who sees a manifest sees it.

    Args:
        named: what the policy says.
        origin: that of this clone; empty where there is none.

    Raises:
        ConfigError: the policy's has credentials in it.
    """
    shown = without_credentials(named or origin)
    if named and shown != named:
        raise ConfigError(
            "[cluster] repository has a password or a token in its URL, which every manifest would"
            " show: leave out what stands before its '@', and name with git-secret the Secret"
            " that has it"
        )
    return shown
