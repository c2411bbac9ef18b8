"""What a model version says of its commit, and the run that it comes from."""

import os
from contextlib import suppress
from pathlib import PurePosixPath

from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.errors import ConfigError, UsageError
from lockproof.model.address import without_credentials
from lockproof.model.base import canonical_json
from lockproof.model.environment import Environment
from lockproof.model.pipeline import Pipeline
from lockproof.model.record import RunRecord
from lockproof.model.registration import TAG_LIMIT, Proof, Registration
from lockproof.model.run import DataInput, GitState, RunFacts
from lockproof.steps.gate.interface import Scene
from lockproof.steps.gate.metrics import read_metrics
from lockproof.steps.gather import data_inputs, locked_params
from lockproof.steps.models import Model
from lockproof.steps.record import MAX_RECORDS, parse_record

_FINISHED = "FINISHED"


def registration_of(scene: Scene, model: Model, proof: Proof) -> Registration:
    """All that is said of the version.

    Raises:
        ConfigError: as `Model.loads`; or it has more outputs than a tag can name.
    """
    outputs = {path: str(digest) for path, digest in model.digests.items()}
    if len(canonical_json(outputs)) > TAG_LIMIT:
        raise ConfigError(
            f"[[model]] {model.rule.name}: its {len(outputs)} outputs are more than a tag of a"
            " model version can name: let the stage write them into one folder"
        )
    policy = scene.policy.environment
    remote = scene.head.git.remote_url()
    environment = proof.environment
    return Registration(
        name=model.rule.name,
        flavour=model.rule.flavour,
        root=scene.prefix or ".",
        outputs=model.digests,
        loads=model.loads,
        stages=model.stages,
        inputs=inputs_of(scene.pipeline, model),
        environment_digest=environment.pinned_digest if environment else None,
        image=policy.image if policy else None,
        proof=proof,
        repository=without_credentials(remote) if remote else None,
        ci_url=ci_url(),
    )


def inputs_of(pipeline: Pipeline, model: Model) -> tuple[DataInput, ...]:
    """The data that leads to a model: what its stages need, directly or not, and no stage makes."""
    needed = pipeline.ancestors(model.stages) | set(model.stages)
    wanted = {
        out.path
        for stage in pipeline.stages
        if stage.address in needed and stage.kind != "stage"
        for out in stage.outs
    }
    return tuple(item for item in data_inputs(pipeline) if item.path in wanted)


def ci_url() -> str | None:
    """The page of the CI job that this runs in, as GitHub, GitLab or Jenkins name it."""
    server, run = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_RUN_ID")
    if server and run:
        return f"{server}/{os.environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    url = os.environ.get("CI_JOB_URL") or os.environ.get("BUILD_URL") or ""
    return without_credentials(url) if url.startswith("https://") else None


def source_run(scene: Scene, tracking: Tracking, registration: Registration) -> str:
    """The run that `lockproof record` logged for this lock, else one that is logged now.

    Raises:
        ConfigError, UnavailableError: as `Tracking.log_run`.
    """
    lock = registration.proof.lock_digest
    for record in _records(scene):
        if record.lock_digest != lock or record.mlflow_run_id is None:
            continue
        with suppress(UsageError):  # It is in another store, or gone.
            run = tracking.get_run(record.mlflow_run_id)
            if run.status == _FINISHED and run.tags.get("lockproof.lock_digest") == lock:
                return run.run_id
    return tracking.log_run(_facts(scene, registration)).run_id


def _records(scene: Scene) -> list[RunRecord]:
    directory = scene.git_path(scene.policy.record.directory)
    paths = [p for p in scene.head.folders.get(directory, ()) if p.endswith(".json")][:MAX_RECORDS]
    scene.head.load(paths)
    found = []
    for path in paths:
        content = scene.head.read(path)
        if content is not None:
            with suppress(ConfigError):  # The gate says what is wrong with it.
                found.append(parse_record(content, PurePosixPath(path).name))
    return found


def _facts(scene: Scene, registration: Registration) -> RunFacts:
    proof, git = registration.proof, scene.head.git
    return RunFacts(
        name=f"register-{proof.commit[:12]}",
        lock_files=scene.reading.lock_files,
        git=GitState(proof.commit, git.branch(), git.remote_url(), dirty=False),
        environment=proof.environment or Environment(kind="unpinned", name="not known"),
        params=locked_params(scene.pipeline),
        metrics=read_metrics(scene.head, scene.reading, scene.git_path, top=False).values,
        inputs=data_inputs(scene.pipeline),
        tags={"lockproof.verdict": proof.verdict.value},
    )
