"""How to reach the platform, and where that is written."""

from pathlib import Path
from typing import Any

import pytest
from configobj import ConfigObj
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.errors import UsageError
from lockproof.steps.provision.handover import MARK, merge_remote, write_environment, write_remote
from lockproof.steps.provision.platform import Platform, platform_of

PLATFORM = Platform(bucket="b", region="r", endpoint="http://h:1", mlflow="http://m")
SETTINGS: dict[str, str | None] = {"url": "s3://b/dvc", "endpointurl": "http://h:1", "region": "r"}
SECTION = 'remote "platform"'


def read(text: str) -> dict[str, Any]:
    return dict(ConfigObj(text.splitlines())[SECTION])


others = st.sampled_from(
    ["", "# mine", "[core]\n    remote = x", "['remote \"other\"']\n    url = s3://o/p", "[cache]"]
)


@settings(deadline=None)
@given(st.lists(others, unique=True, max_size=4))
def test_every_line_that_was_there_stays(parts: list[str]) -> None:
    text = "\n".join(parts) + "\n"
    merged = merge_remote(text, "platform", SETTINGS)
    assert merged is not None
    assert merged.startswith(text.rstrip("\n"))
    assert read(merged) == SETTINGS
    assert merge_remote(merged, "platform", SETTINGS) == merged, "again, nothing changes"


def test_what_somebody_added_to_the_section_stays_and_the_address_follows() -> None:
    first = merge_remote("", "platform", SETTINGS) or ""
    edited = first + "    access_key_id = me\n\n[core]\n    remote = platform\n"
    new = merge_remote(edited, "platform", {"url": "s3://c/dvc", "endpointurl": None}) or ""
    assert read(new) == {"url": "s3://c/dvc", "region": "r", "access_key_id": "me"}
    assert new.endswith("[core]\n    remote = platform\n")


def test_a_remote_of_somebody_else_is_left_alone() -> None:
    for section in ("['remote \"platform\"']", "[ 'remote \"platform\"' ]"):
        text = f"{section}\n    url = /mine\n"
        assert merge_remote(text, "platform", SETTINGS) is None


def test_files_are_written_once_and_keep_out_of_git(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    done = write_environment(tmp_path, PLATFORM)
    assert done is not None
    assert done.what == "written"
    assert (tmp_path / ".lockproof" / ".gitignore").read_text() == "*\n"
    lines = [line for line in done.path.read_text().splitlines() if not line.startswith("#")]
    assert lines == [
        "AWS_DEFAULT_REGION=r",
        "AWS_ENDPOINT_URL_S3=http://h:1",
        "LOCKPROOF_BUCKET=b",
        "MLFLOW_S3_ENDPOINT_URL=http://h:1",
        "MLFLOW_TRACKING_URI=http://m",
    ]
    again = write_environment(tmp_path, PLATFORM)
    assert again is not None
    assert again.what == "says this already"
    remote = write_remote(tmp_path, PLATFORM, "platform", "dvc")
    assert remote is not None
    assert MARK in remote.path.read_text()


def test_what_has_a_name_inside_only_is_written_as_it_is_reached_from_here(tmp_path: Path) -> None:
    inside = Platform(
        bucket="b", endpoint="http://seaweedfs.storage.svc:8333", mlflow="http://mlflow.ml.svc"
    )
    done = write_environment(tmp_path, inside.from_outside(), inside.forwards())
    assert done is not None
    lines = done.path.read_text().splitlines()
    assert "MLFLOW_TRACKING_URI=http://localhost:5000" in lines
    assert "AWS_ENDPOINT_URL_S3=http://localhost:8333" in lines
    assert "#   kubectl -n storage port-forward service/seaweedfs 8333:8333" in lines
    assert "#   kubectl -n ml port-forward service/mlflow 5000:80" in lines


def test_nothing_is_written_where_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert write_environment(tmp_path, Platform()) is None
    assert write_remote(tmp_path, PLATFORM, "platform", "dvc") is None, "no DVC project"
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_would_write_other_settings_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    hostile = Platform(bucket="b\n    url = s3://evil")
    with pytest.raises(UsageError, match="is no address"):
        write_remote(tmp_path, hostile, "platform", "dvc")
    assert not (tmp_path / ".dvc" / "config.local").exists()


def bucket(name: str, **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "s3.aws.m.upbound.io/v1beta1",
        "kind": "Bucket",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "forProvider": {"region": "eu-1"},
            "providerConfigRef": {"kind": "ClusterProviderConfig", "name": "aws"},
        },
    }


CONFIG = {
    "apiVersion": "aws.m.upbound.io/v1beta1",
    "kind": "ClusterProviderConfig",
    "metadata": {"name": "aws"},
    "spec": {"endpoint": {"url": {"type": "Static", "static": "http://s3:8333"}}},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "mlflow",
        "namespace": "ml",
        "labels": {"app.kubernetes.io/name": "mlflow"},
    },
    "spec": {"ports": [{"name": "http", "port": 80}]},
}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "mlflow", "namespace": "ml"},
    "spec": {
        "tls": [{"hosts": ["ml.example.org"]}],
        "rules": [
            {
                "host": "ml.example.org",
                "http": {"paths": [{"path": "/", "backend": {"service": {"name": "mlflow"}}}]},
            }
        ],
    },
}


def test_addresses_are_read_from_the_objects() -> None:
    found = platform_of([bucket("z"), bucket("a", **{"crossplane.io/external-name": "real"})])
    assert (found.bucket, found.region, found.endpoint, found.others) == (
        *("real", "eu-1", None),
        ("z",),
    )
    assert platform_of([bucket("z"), bucket("a")], "z").bucket == "z"
    found = platform_of([CONFIG, bucket("a"), SERVICE])
    assert found.endpoint == "http://s3:8333"
    assert found.mlflow == "http://mlflow.ml.svc"
    assert found.forwards() == ("kubectl -n ml port-forward service/mlflow 5000:80",)
    assert found.from_outside().mlflow == "http://localhost:5000"


def test_an_address_from_outside_wins() -> None:
    found = platform_of([SERVICE, INGRESS])
    assert (found.mlflow, found.forwards()) == ("https://ml.example.org", ())
    assert found.from_outside() == found
    status = {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}
    assert platform_of([SERVICE | {"status": status}]).mlflow == "http://lb.example.org"
    assert platform_of([]) == Platform()
