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
    done = project.run("--timeout", "500s")
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

    again = project.run("--timeout", "500s")
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
    gone = project.run("down", "--allow-data-loss", "--timeout", "500s")
    assert gone.code == 0, gone.errors
    assert set(gone.actions.values()) == {"remove"}


def test_what_aws_named_is_taken_over_by_the_next_cluster(
    lab: Lab, platform: Path, stand_in: StandIn
) -> None:
    """By the file that `names` writes; without it AWS refuses those, and all else comes up."""
    names = platform / "control-plane" / "overlays" / "aws" / "account" / "names"
    file = names / "kustomization.yaml"
    nothing = file.read_text()
    bootstrap = Project(lab, platform, "aws-bootstrap")
    early = bootstrap.run("names", "--to", str(file))
    assert (early.code, file.read_text()) == (5, nothing), "nothing is made yet"
    done = bootstrap.run("--timeout", "500s")
    assert done.code == 0, [f["message"] for f in done.report.get("findings", [])] or done.errors
    done = bootstrap.run("names", "--to", str(file))
    assert done.code == 0, done.errors
    assert done.check("named")["summary"] == "4 named by the cloud"
    assert all(name in file.read_text() for name in stand_in.associations.values())
    written = file.read_text()
    again = bootstrap.run("names", "--to", str(file))
    assert (again.code, file.read_text()) == (0, written), "the overlay says them through it alone"
    assert again.check("named")["summary"] == "4 named by the cloud"
    gone = bootstrap.run("down", "--allow-data-loss", "--timeout", "500s")
    assert gone.code == 0, gone.errors

    # The next cluster: of the first it has only what is in Git, and AWS has what was made.
    file.write_text(nothing)
    project = Project(lab, platform, "aws")
    refused = project.run("--timeout", "80s")
    assert refused.code == 1
    told = [f["message"] for f in refused.report["findings"]]
    assert sum("Association already exists" in text for text in told) == 4, told
    assert set(refused.actions.values()) == {"create"}
    assert refused.check("applied")["not_checked"] == []

    file.write_text(written)
    done = project.run("--timeout", "500s")
    assert done.code == 0, [f["message"] for f in done.report["findings"]]
    assert len(stand_in.associations) == 4, "nothing was made twice"
    gone = project.run("down", "--allow-data-loss", "--timeout", "500s")
    assert gone.code == 0, gone.errors
