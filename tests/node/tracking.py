"""What somebody with MLflow's client does and sees; each is a program of its own."""

LOG = """
import sys, mlflow
mlflow.set_experiment("kept")
client = mlflow.MlflowClient()
with mlflow.start_run(run_name=sys.argv[1]) as run:
    mlflow.log_param("seed", 7)
    mlflow.log_metrics({"accuracy": 0.25, "loss": 1.5})
    mlflow.log_metric("accuracy", float(sys.argv[2]), step=1)
    mlflow.log_text(f"of {sys.argv[1]}", "note.txt")
if not client.search_registered_models("name = 'kept'"):
    client.create_registered_model("kept")
version = client.create_model_version("kept", f"{run.info.artifact_uri}/note.txt", run.info.run_id)
client.set_registered_model_alias("kept", "champion", version.version)
"""
TOLD = """
import json, mlflow
client = mlflow.MlflowClient()
runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
print(json.dumps({
    "experiments": {one.name: one.experiment_id for one in client.search_experiments()},
    "runs": {run.info.run_name: [
        run.info.run_id, run.info.status, run.info.end_time, run.data.params,
        {name: [(m.step, m.value, m.timestamp) for m in client.get_metric_history(
            run.info.run_id, name)] for name in sorted(run.data.metrics)},
        sorted(file.path for file in client.list_artifacts(run.info.run_id)),
    ] for run in runs},
    "notes": [mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/note.txt")
        for run in runs if run.data.params.get("seed") == "7"],
    "models": {one.name: one.aliases for one in client.search_registered_models()},
    "versions": sorted([one.name, one.version, one.run_id, one.source, one.tags]
        for one in client.search_model_versions()),
}, sort_keys=True))
"""
"""All that MLflow says of runs and models, by its own client."""
