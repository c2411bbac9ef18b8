"""Where `reproduce --on` runs a pipeline, and what its pods get of the cluster."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from lockproof.model.fields import Asked

from .base import Name, Seconds, Section

_ObjectName = Annotated[str, Asked(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
_Label = Annotated[str, Asked(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]


def _quantity(value: str) -> str:
    if not re.fullmatch(r"\d{1,15}(\.\d{1,6})?(m|[kMGTPE]|[KMGTPE]i|)", value):
        raise ValueError("write a quantity such as '500m', '2' or '8Gi'")
    return value


Quantity = Annotated[str, Asked(after=_quantity)]


class Toleration(Section):
    """A taint of nodes that pods bear with."""

    key: Name
    """The taint's key."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """Whether the key alone is enough."""
    value: str | None = None
    """Only with `Equal`."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Default: all of them."""

    def hold_together(self) -> None:
        """Hold what fields say against each other."""
        if (self.operator == "Equal") != (self.value is not None):
            raise ValueError('a value goes with operator = "Equal"')


class PodPolicy(Section):
    """What one pod gets."""

    image: Name | None = None
    """The image that it runs, with lockproof (of the same version as the one that asks), Git, and
    what the stages need; by digest, so that it stays the one that was looked at."""
    cpu: Quantity | None = None
    """Cores that it asks for, such as `500m` or `4`; default: 1."""
    memory: Quantity | None = None
    """Memory that it asks for and is held to, such as `8Gi`; default: 2Gi."""
    gpus: Annotated[int, Asked(strict=True, ge=0, le=1024)] | None = None
    """GPUs; default: what the stage asks for with `meta: {gpu: …}` in its `dvc.yaml`, else 0."""
    gpu_resource: Name | None = None
    """The resource that they are; default: `nvidia.com/gpu`."""
    node_selector: Mapping[Name, str] | None = None
    """Labels of the nodes that it may run on."""
    tolerations: tuple[Toleration, ...] | None = None
    """Taints of nodes that it bears with."""
    timeout: Seconds | None = None
    """How long it may take, after which nothing is proved by it; a Job's wait for a node counts,
    too. Default: 2h."""


class ClusterStage(PodPolicy):
    """What the pods of some stages get in place of what `[cluster]` says."""

    stages: Annotated[tuple[Name, ...], Asked(min_length=1)]
    """Globs on stage names, such as `train*`; of several tables the first that fits counts."""


class ClusterPolicy(PodPolicy):
    """Where `lockproof reproduce --on` runs a pipeline.

    The base's word counts, never that of the commit that is proved: an image and a Secret are
    trusted.
    """

    namespace: _Label = "default"
    """Where its objects are made."""
    repository: Name | None = None
    """The URL that pods fetch the commit from; default: that of `origin`, without credentials."""
    depth: Annotated[int, Asked(strict=True, ge=1)] | None = None
    """How many commits of the history they fetch; default: all of it, which the search for causes
    looks into."""
    git_secret: _ObjectName | None = None
    """A Secret with what Git needs to fetch: `credentials` in the form of git-credential-store, or
    `ssh-privatekey` and `known_hosts`. The container that runs stages does not get it."""
    secrets: tuple[_ObjectName, ...] = ()
    """Secrets whose entries become variables of lockproof in the pods, such as the credentials of
    the DVC remote. Stages do not see them."""
    service_account: _ObjectName = "default"
    """Whom pods run as. The container that runs stages gets no token of it."""
    queue: _ObjectName | None = None
    """A LocalQueue of Kueue that admits the pods."""
    retries: Annotated[int, Asked(strict=True, ge=0, le=10)] = 2
    """How often a pod that brought no verdict, such as a killed one, is tried again. A verdict is
    never asked for twice. Of a Job, evicted pods do not count."""
    deadline: Seconds = 86400.0
    """For all pods together."""
    parallel: Annotated[int, Asked(strict=True, ge=1, le=10000)] | None = None
    """Pods at one time; default: as many as the cluster takes."""
    keep: Seconds = 86400.0
    """How long the objects of a run stay after its end."""
    seccomp: Literal["RuntimeDefault", "Unconfined"] = "RuntimeDefault"
    """The seccomp profile of pods. With `Unconfined` a stage can have namespaces of its own, where
    the nodes let users have them, and no network; else Landlock keeps it apart."""
    stage: tuple[ClusterStage, ...] = ()
    """What the pods of some stages get."""
