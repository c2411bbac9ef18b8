"""Plans made by hand: no repository, no cluster."""

from dataclasses import replace
from pathlib import Path

from lockproof.adapters.git.repository import GitRepository
from lockproof.config import ClusterPolicy, Policy
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Dep, Out, Pipeline, Stage
from lockproof.steps.cluster.plan import Plan, tasks_of
from lockproof.steps.reproduce.choice import select

RUN = "lockproof-0123456-89abcdef"
IMAGE = "registry.example/ml/lockproof@sha256:" + "7" * 64
DIGEST = Digest(algorithm="md5", value="0" * 32)


def stage(address: str, deps: str = "", outs: str = "", **more: object) -> Stage:
    """A stage that is locked."""
    return Stage(
        address=address,
        kind="stage",
        file="dvc.yaml",
        command=(f"make {outs}",),
        deps=tuple(Dep(path=path, locked=DIGEST) for path in deps.split()),
        outs=tuple(Out(path=path, locked=DIGEST) for path in outs.split()),
        **{"locked": True, **more},
    )


STAGES = (
    stage("prepare", "raw.csv", "data.csv"),
    stage("train", "data.csv", "model.txt", gpus=1),
    stage("report", "notes.md", "report.html"),
)


def make_plan(
    *stages: Stage,
    on: str = "argo",
    mode: str = "isolated",
    cluster: ClusterPolicy | None = None,
    selected: tuple[str, ...] = (),
    affected: frozenset[str] | None = None,
) -> Plan:
    """A plan for stages."""
    pipeline = Pipeline.ordered(stages or STAGES)
    selection = select(pipeline, selected, mode, affected)
    return Plan(
        engine=on,  # type: ignore[arg-type]
        run=RUN,
        git=GitRepository(Path("/nowhere")),
        commit="0123456789abcdef0123456789abcdef01234567",
        base="fedcba9876543210fedcba9876543210fedcba98",
        since=None,
        root="",
        mode=mode,
        runs=1,
        jobs=None,
        selected=selected,
        repository="https://git.example/ml/repo.git",
        cluster=cluster or ClusterPolicy(image=IMAGE),
        policy=Policy(),
        pipeline=pipeline,
        lock_digest="1" * 64,
        selection=selection,
        tasks=tuple(tasks_of(on, mode, pipeline, selection)),  # type: ignore[arg-type]
    )


def with_policy(plan: Plan, **policy: object) -> Plan:
    """The same with another `[cluster]`."""
    return replace(plan, cluster=ClusterPolicy.model_validate({"image": IMAGE, **policy}))
