"""One run of provision: what is declared, the cluster, and the time there is."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.config import FILE_NAME, Policy, load_policy
from lockproof.errors import ConfigError, UsageError
from lockproof.model.provisioned import Action, FieldChange
from lockproof.model.resource import Body, GroupKind, Manifest, ResourceKey

from .inventory import MANAGER, Inventory
from .manifests import load_manifests
from .request import Progress, Request

T = TypeVar("T")
R = TypeVar("R")

_WORKERS = 8
_PATIENCE = 120.0
_XRD = GroupKind("apiextensions.crossplane.io", "CompositeResourceDefinition")


@dataclass(frozen=True)
class Session:
    """What every part of a run needs."""

    request: Request
    git: GitRepository
    policy: Policy
    overlay: str
    manifests: tuple[Manifest, ...]
    cluster: Cluster
    inventory: Inventory
    progress: Progress
    deadline: float
    """By the monotonic clock."""
    timeout: float
    """Seconds that there were at the start."""
    commit: str | None
    """The commit whose files these are; None where the work tree differs from it."""

    @property
    def storage(self) -> tuple[GroupKind, ...]:
        """The kinds that the policy adds to those that hold data."""
        return tuple(GroupKind.parse(name) for name in self.policy.provision.storage)

    @property
    def late(self) -> bool:
        """Whether the time for waiting is up."""
        return time.monotonic() >= self.deadline

    def is_composite(self, kind: GroupKind) -> bool:
        """Whether a declared definition says that this kind is composed by Crossplane."""
        for manifest in self.manifests:
            if manifest.key.group_kind == _XRD:
                spec = manifest.body.get("spec") or {}
                names = spec.get("names") or {}
                if (spec.get("group"), names.get("kind")) == (kind.group, kind.kind):
                    return True
        return False

    def kind_of(self, manifest: Manifest, *, fresh: bool = False) -> Kind | None:
        """The kind of an object as the cluster serves it; None where it does not."""
        kind = str(manifest.body["kind"])
        return self.cluster.kind(manifest.api_version, kind, fresh=fresh)


@dataclass
class Item:
    """One declared object on its way into the cluster."""

    manifest: Manifest
    kind: Kind | None = None
    live: Body | None = None
    action: Action = "wait"
    changes: tuple[FieldChange, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    """Declared field -> the controller that has it, and to which it is left."""
    state: str | None = None
    reason: str = ""
    origin: str | None = None
    """What is to bring its kind, where the cluster does not serve it yet."""
    alike: bool = False
    """Whether another manager's fields may be taken, since they have the declared values."""
    applied: bool = field(default=False)
    """Whether the cluster has the object as it is declared."""
    needs: tuple["Item", ...] = ()
    """What has to be there before it is applied."""
    guards: tuple["Item", ...] = ()
    """What must not have been refused before it is applied."""
    held: str = ""
    """Which of these it was not applied for."""
    failing_since: float | None = None
    """When its controller began to say that something is wrong, by the monotonic clock."""
    unwaited: bool = False
    """Whether it was applied when the time for waiting was up."""

    @property
    def key(self) -> ResourceKey:
        """Its key, with the namespace that it is in by default."""
        key = self.manifest.key
        if self.kind is None:
            return key
        namespace = (key.namespace or "default") if self.kind.namespaced else None
        return ResourceKey(key.group_kind, namespace, key.name)

    @property
    def name(self) -> str:
        """For people."""
        return str(self.key)

    @property
    def body(self) -> Body:
        """The object as declared, in the namespace that it is in."""
        metadata = {k: v for k, v in self.manifest.body["metadata"].items() if k != "namespace"}
        if self.key.namespace is not None:
            metadata["namespace"] = self.key.namespace
        return {**self.manifest.body, "metadata": metadata}


def open_session(request: Request, progress: Progress, *, only_asks: bool) -> Session:
    """Read what is declared and find the cluster; nothing is contacted yet.

    Args:
        request: what is asked for.
        progress: hears of waiting.
        only_asks: whether the cluster is given as one in which nothing can be written.

    Raises:
        UsageError: this is no Git repository, or it has no such overlay.
        ConfigError: the policy, a manifest or the kubeconfig is not usable.
        MissingExtraError: the Kubernetes client is not installed.
    """
    git = GitRepository.discover(request.directory.absolute())
    policy = load_policy(git.root / FILE_NAME)
    overlay = request.overlay or policy.provision.overlay
    folder = _folder(git.root, policy.provision.overlays, overlay)
    manifests = load_manifests(git.root, folder)
    timeout = request.timeout if request.timeout is not None else policy.provision.timeout
    cluster = Cluster.connect(
        request.kubeconfig,
        request.context,
        manager=MANAGER,
        patience=min(_PATIENCE, timeout),
        say=progress.say,
        only_asks=only_asks,
    )
    return Session(
        request=request,
        git=git,
        policy=policy,
        overlay=overlay,
        manifests=manifests,
        cluster=cluster,
        inventory=Inventory(overlay, policy.provision.namespace),
        progress=progress,
        deadline=time.monotonic() + timeout,
        timeout=timeout,
        commit=_commit(git),
    )


def side_by_side(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Call `function` for each item, a few at a time; the first error ends it."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(function, items))


def _commit(git: GitRepository) -> str | None:
    try:
        return None if git.is_dirty() else git.resolve("HEAD")
    except UsageError:
        return None  # There is none yet.


def _folder(root: Path, overlays: str, overlay: str) -> Path:
    folder = root / overlays
    if not os.path.isdir(folder):
        raise ConfigError(
            f"{overlays} is not there: name the folder of overlays in [provision] overlays"
        )
    known = sorted(one.name for one in folder.iterdir() if one.is_dir())
    if overlay not in known:
        raise UsageError(f"no overlay {overlay!r}: {overlays} has {', '.join(known) or 'none'}")
    return folder / overlay
