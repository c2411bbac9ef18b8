"""The platform's own overlays, whole, on a real API server with the real kinds."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cluster.lab import ROOT, Lab
from cluster.project import Project
from cluster.stand_in import StandIn
from integration.s3 import S3Server

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


@pytest.fixture
def platform(lab: Lab, tmp_path: Path) -> Path:
    """A repository with the control plane as it is here."""
    root = tmp_path / "repo"
    shutil.copytree(ROOT / "control-plane", root / "control-plane")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


STORE = "Bucket.s3.aws.m.upbound.io lockproof-system/store"
CLUSTER = "Cluster.eks.aws.m.upbound.io lockproof-system/lockproof"
VOLUME = "PersistentVolumeClaim mlflow/mlflow-data"
OBJECTS = "PersistentVolumeClaim storage/seaweedfs-data"
MLFLOW = "http://mlflow.mlflow.svc"


@pytest.mark.parametrize(
    ("overlay", "least", "mlflow", "held"),
    [
        ("local", 50, MLFLOW, {STORE, VOLUME, OBJECTS, "Namespace mlflow", "Namespace storage"}),
        ("aws", 60, MLFLOW, {STORE, VOLUME, "Namespace mlflow", CLUSTER}),
        ("aws-bootstrap", 25, None, {STORE, CLUSTER}),
    ],
)
def test_an_overlay_comes_up_and_the_second_run_changes_nothing(
    overlay: str,
    least: int,
    mlflow: str | None,
    held: set[str],
    lab: Lab,
    platform: Path,
    stand_in: StandIn,
    s3: S3Server,
) -> None:
    """Then `down` keeps what holds data and what that needs, and with its consent removes all."""
    project = Project(lab, platform, overlay)
    done = project.run("--timeout", "110s")
    assert done.code == 0, [f["message"] for f in done.report.get("findings", [])] or done.errors
    assert done.rules == []
    declared = len(done.report["host"]["objects"])
    assert declared > least
    assert set(done.actions.values()) == {"create"}
    assert done.check("applied")["checked"] == done.check("ready")["checked"] == declared
    (bucket,) = stand_in.buckets
    s3.client().head_bucket(Bucket=bucket)  # type: ignore[attr-defined]
    assert done.report["host"]["platform"]["bucket"] == f"s3://{bucket}"
    assert done.report["host"]["platform"].get("MLflow") == mlflow

    again = project.run("--timeout", "60s")
    assert again.code == 0, again.errors
    assert again.check("applied")["summary"] == "nothing changed"

    there = project.everything()
    assert len(there) >= declared
    asked = project.run("down", "--dry-run").actions
    would_go = project.run("down", "--dry-run", "--allow-data-loss").actions
    assert set(would_go.values()) == {"remove"}
    assert project.everything() == there, "a dry run leaves all as it was"
    kept = {name for name, action in asked.items() if action == "keep"}
    assert kept >= held | {
        "ClusterProviderConfig.aws.m.upbound.io aws",
        "ManagedResourceActivationPolicy.apiextensions.crossplane.io lockproof",
        "Namespace lockproof-system",
        "Provider.pkg.crossplane.io provider-aws-s3",
    }
    gone = project.run("down", "--allow-data-loss", "--timeout", "110s")
    assert gone.code == 0, gone.errors
    assert set(gone.actions.values()) == {"remove"}
