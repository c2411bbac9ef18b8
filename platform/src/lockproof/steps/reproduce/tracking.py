"""`--log-mlflow`: the reproduction as a run in MLflow."""

from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.model.report import Report
from lockproof.model.run import GitState, RunFacts
from lockproof.steps.gather import data_inputs, locked_params

from .session import Session


def log_report(session: Session, tracking: Tracking, report: Report) -> Report:
    """Log what was observed; returns the report with the run's id in it.

    Raises:
        UnavailableError: MLflow does not answer.
        ConfigError: it refuses what is logged.
    """
    metrics: dict[str, dict[str, float]] = {}
    for value in report.host.metrics:
        made = value.observed if value.followed is None else value.followed
        if made is not None:
            metrics.setdefault(value.path, {})[value.key] = made
    facts = RunFacts(
        name=f"reproduce-{session.commit[:12]}",
        lock_files=dict(session.project.lock_files),
        git=GitState(
            commit=session.commit,
            branch=session.git.branch(),
            remote_url=session.git.remote_url(),
            dirty=False,
        ),
        environment=session.described,
        params=locked_params(session.pipeline),
        metrics=metrics,
        inputs=data_inputs(session.pipeline),
        tags={
            "lockproof.verdict": report.verdict.value,
            "lockproof.mode": report.subject.mode or "",
        },
    )
    run = tracking.log_run(facts)
    where = {
        "run_id": run.run_id,
        "tracking_uri": run.tracking_uri,
        "experiment": run.experiment,
    }
    return report.model_copy(update={"host": report.host.model_copy(update={"mlflow": where})})
