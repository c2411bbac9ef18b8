"""The composition function, over the gRPC interface that Crossplane calls."""

import configparser
import copy
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import jsonschema
import pytest
import yaml
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
MODEL_STORE = ROOT / "control-plane/crossplane/model-store"
READY = [{"type": "Synced", "status": "True"}, {"type": "Ready", "status": "True"}]

Call = Any

NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True)


@pytest.fixture(scope="module")
def stub() -> Iterator[Call]:
    """The function as its image runs it, but for TLS."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    argv = [sys.executable, "-m", "model_store", "--insecure", "--address", address]
    process = subprocess.Popen(argv, cwd=ROOT / "control-plane/function/src")
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=60)
            yield grpcv1.FunctionRunnerServiceStub(channel).RunFunction
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0, "SIGTERM must end it in order"


def store(**spec: Any) -> dict[str, Any]:
    """A ModelStore as the API server passes it on."""
    return {
        "apiVersion": "platform.lockproof.dev/v1alpha1",
        "kind": "ModelStore",
        "metadata": {"name": "digits", "namespace": "team-a", "uid": "0b1c-22"},
        "spec": {"region": "eu-central-1", **spec},
    }


def run(
    stub: Call,
    composite: dict[str, Any],
    observed: dict[str, dict[str, Any]] | None = None,
    classes: list[dict[str, Any]] | None = None,
) -> fnv1.RunFunctionResponse:
    request = fnv1.RunFunctionRequest()
    resource.update(request.observed.composite, composite)
    for name, value in (observed or {}).items():
        resource.update(request.observed.resources[name], value)
    for value in classes or []:
        resource.update(request.required_resources["storage-classes"].items.add(), value)
    return stub(request, timeout=30)


def desired(answer: fnv1.RunFunctionResponse) -> dict[str, dict[str, Any]]:
    return {
        name: resource.struct_to_dict(one.resource)
        for name, one in answer.desired.resources.items()
    }


def ready(answer: fnv1.RunFunctionResponse) -> dict[str, bool]:
    return {n: one.ready == fnv1.READY_TRUE for n, one in answer.desired.resources.items()}


def conditions(answer: fnv1.RunFunctionResponse) -> dict[str, tuple[bool, str, str]]:
    true = fnv1.STATUS_CONDITION_TRUE
    return {c.type: (c.status == true, c.reason, c.message) for c in answer.conditions}


def provisioned(answer: fnv1.RunFunctionResponse) -> dict[str, dict[str, Any]]:
    """What the API server holds once every controller did its part."""
    observed = copy.deepcopy(desired(answer))
    for one in observed.values():
        one["metadata"]["generation"] = 1
        match one["kind"]:
            case "ConfigMap":
                pass
            case "PersistentVolumeClaim":
                one["status"] = {"phase": "Bound"}
            case "Database":
                one["status"] = {"applied": True, "observedGeneration": 1}
            case _:
                one["status"] = {"conditions": READY}
    return observed


def test_a_store_on_aws(stub: Call) -> None:
    answer = run(stub, store())
    made = desired(answer)
    assert {name: one["kind"] for name, one in made.items()} == {
        "bucket": "Bucket",
        "versioning": "BucketVersioning",
        "lifecycle": "BucketLifecycleConfiguration",
        "encryption": "BucketServerSideEncryptionConfiguration",
        "public-access-block": "BucketPublicAccessBlock",
        "database-volume": "PersistentVolumeClaim",
        "dvc-remote": "ConfigMap",
    }
    assert all(one["metadata"]["namespace"] == "team-a" for one in made.values())
    for name in ("versioning", "lifecycle", "encryption", "public-access-block"):
        assert made[name]["spec"]["forProvider"]["bucketRef"] == {"name": "digits"}
    public = made["public-access-block"]["spec"]["forProvider"]
    assert [v for v in public.values() if isinstance(v, bool)] == [True] * 4
    assert made["database-volume"]["spec"]["resources"]["requests"] == {"storage": "10Gi"}
    assert not any(ready(answer).values())
    assert conditions(answer)["BucketReady"][:2] == (False, "Creating")


def test_deleting_a_store_keeps_what_it_holds_unless_asked(stub: Call) -> None:
    kept = desired(run(stub, store()))["bucket"]["spec"]["managementPolicies"]
    lost = desired(run(stub, store(bucket={"keepData": False})))["bucket"]["spec"]
    assert "Delete" not in kept
    assert "*" not in kept
    assert lost["managementPolicies"] == ["*"]


def test_a_bucket_is_named_after_the_object_and_no_other_object(stub: Call) -> None:
    def name(composite: dict[str, Any]) -> str:
        return str(
            desired(run(stub, composite))["bucket"]["metadata"]["annotations"][
                "crossplane.io/external-name"
            ]
        )

    first, again, other = store(), store(), store()
    other["metadata"]["uid"] = "0b1c-23"
    long = store()
    long["metadata"]["name"] = "a" * 60 + ".b"
    assert name(first) == name(again) != name(other)
    for one in (first, long):
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name(one))
    assert name(store(bucket={"name": "given"})) == "given"


def test_the_example_can_be_rendered_before_it_is_anywhere(stub: Call) -> None:
    """`crossplane render` passes the file on as it is: without the uid that a cluster gives."""
    example = yaml.safe_load((MODEL_STORE / "example.yaml").read_text())
    answer = run(stub, example)
    assert not answer.results
    assert desired(answer) == desired(run(stub, copy.deepcopy(example)))
    name = desired(answer)["bucket"]["metadata"]["annotations"]["crossplane.io/external-name"]
    assert name.startswith("team-a-digits-")


def test_the_status_says_what_dvc_and_mlflow_need(stub: Call) -> None:
    answer = run(stub, store(bucket={"name": "models"}, endpoint="http://s3.storage.svc:8333"))
    status = resource.struct_to_dict(answer.desired.composite.resource)["status"]
    assert status == {
        "bucket": "models",
        "artifacts": "s3://models/mlflow",
        "dvc": {"url": "s3://models/dvc", "configMapName": "digits-dvc"},
        "database": {
            "engine": "sqlite",
            "backendStoreUri": "sqlite:////var/lib/mlflow/mlflow.db",
            "authDatabaseUri": "sqlite:////var/lib/mlflow/basic_auth.db",
            "claimName": "digits-mlflow",
        },
    }


def test_dvc_reads_the_config(stub: Call, tmp_path: Path) -> None:
    answer = run(stub, store(bucket={"name": "models"}, endpoint="http://s3.storage.svc:8333"))
    dvc = [sys.executable, "-m", "dvc"]
    for argv in (["git", "init", "-q"], [*dvc, "init", "-q"]):
        subprocess.run(argv, cwd=tmp_path, check=True)
    (tmp_path / ".dvc/config").write_text(desired(answer)["dvc-remote"]["data"]["config"])
    shown = subprocess.run(
        [*dvc, "config", "--list"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert sorted(shown.splitlines()) == [
        "core.remote=store",
        "remote.store.endpointurl=http://s3.storage.svc:8333",
        "remote.store.region=eu-central-1",
        "remote.store.url=s3://models/dvc",
    ]


def test_an_s3_compatible_server_is_not_asked_for_what_only_aws_has(stub: Call) -> None:
    made = desired(run(stub, store(endpoint="http://s3.storage.svc:8333")))
    assert {"encryption", "public-access-block"}.isdisjoint(made)
    assert "versioning" in made


def test_an_existing_server_is_only_referred_to(stub: Call) -> None:
    answer = run(stub, store(database={"engine": "postgres", "secretName": "pg"}))
    assert not [n for n in desired(answer) if "database" in n]
    status = resource.struct_to_dict(answer.desired.composite.resource)["status"]["database"]
    assert (status["secretName"], status["backendStoreUri"]) == (
        "pg",
        "postgresql+psycopg2:///mlflow",
    )
    assert conditions(answer)["DatabaseReady"][0]
    assert "storage-classes" not in answer.requirements.resources


def test_databases_in_a_cloudnativepg_cluster(stub: Call) -> None:
    composite = store(database={"engine": "cloudnativepg", "cluster": "pg"})
    first = run(stub, composite)
    spec = desired(first)["database"]["spec"]
    assert spec == {
        "cluster": {"name": "pg"},
        "name": "digits_mlflow",
        "owner": "app",
        "databaseReclaimPolicy": "retain",
    }
    observed = provisioned(first)
    assert all(ready(run(stub, composite, observed)).values())
    observed["database"]["status"] = {"applied": False, "message": "role app does not exist"}
    answer = run(stub, composite, observed)
    assert conditions(answer)["DatabaseReady"] == (
        False,
        "Failed",
        "database: role app does not exist",
    )
    observed["database"]["status"] = {"applied": True, "observedGeneration": 0}
    assert not ready(run(stub, composite, observed))["database"]


def test_ready_when_everything_says_so_and_not_before(stub: Call) -> None:
    observed = provisioned(run(stub, store()))
    answer = run(stub, store(), observed)
    assert all(ready(answer).values())
    assert {kind: value[:2] for kind, value in conditions(answer).items()} == {
        "BucketReady": (True, "Available"),
        "DatabaseReady": (True, "Available"),
    }
    for name in ("bucket", "versioning", "encryption", "database-volume"):
        without = {n: one for n, one in observed.items() if n != name}
        answer = run(stub, store(), without)
        assert [n for n, is_ready in ready(answer).items() if not is_ready] == [name]


@pytest.mark.parametrize(
    ("found", "message", "failed"),
    [
        ([], "bucket: Synced is not True yet", False),
        ([READY[0]], "bucket: Ready is not True yet", False),
        ([READY[1]], "bucket: Synced is not True yet", False),
        (
            [{"type": "Synced", "status": "False", "message": "AccessDenied:\n no"}, READY[1]],
            "bucket: AccessDenied: no",
            True,
        ),
        (
            [*READY, {"type": "LastAsyncOperation", "status": "False", "reason": "ApplyFailure"}],
            "bucket: ApplyFailure",
            True,
        ),
    ],
)
def test_a_managed_resource_that_is_not_ready(
    stub: Call, found: list[dict[str, str]], message: str, failed: bool
) -> None:
    observed = provisioned(run(stub, store()))
    observed["bucket"]["status"] = {"conditions": found}
    answer = run(stub, store(), observed)
    assert conditions(answer)["BucketReady"] == (False, "Failed" if failed else "Creating", message)
    assert [r.message for r in answer.results] == ([message] if failed else [])
    assert not ready(answer)["bucket"]


def test_a_claim_that_waits_for_its_first_pod_is_ready_and_one_that_waits_for_a_volume_is_not(
    stub: Call,
) -> None:
    observed = provisioned(run(stub, store()))
    observed["database-volume"]["status"] = {"phase": "Pending"}
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    gp3 = {"metadata": {"name": "gp3", "annotations": default}}
    late = {**gp3, "volumeBindingMode": "WaitForFirstConsumer"}
    other = {"metadata": {"name": "nfs"}, "volumeBindingMode": "WaitForFirstConsumer"}

    answer = run(stub, store(), observed)
    wanted = answer.requirements.resources["storage-classes"]
    assert (wanted.api_version, wanted.kind) == ("storage.k8s.io/v1", "StorageClass")
    assert ready(run(stub, store(), observed, [other, late]))["database-volume"]
    assert not ready(run(stub, store(), observed, [other, gp3]))["database-volume"]
    assert not ready(run(stub, store(), observed, [other]))["database-volume"]
    named = store(database={"engine": "sqlite", "storageClassName": "nfs"})
    observed["database-volume"]["spec"]["storageClassName"] = "nfs"
    assert ready(run(stub, named, observed, [other, gp3]))["database-volume"]
    observed["database-volume"]["status"] = {"phase": "Lost"}
    assert conditions(run(stub, named, observed, [other]))["DatabaseReady"][1] == "Failed"


@pytest.mark.parametrize(
    ("composite", "message"),
    [
        ({"metadata": {}}, "metadata.name is required"),
        ({**store(), "spec": {}}, "spec.region is required"),
        (store(database={"engine": "postgres"}), "spec.database.secretName is required"),
        (store(database={"engine": "cloudnativepg"}), "spec.database.cluster is required"),
        (store(database={"engine": "oracle"}), "spec.database.engine must be one of sqlite"),
    ],
)
def test_what_cannot_be_right_is_one_fatal_line(
    stub: Call, composite: dict[str, Any], message: str
) -> None:
    answer = run(stub, composite)
    assert [r.severity for r in answer.results] == [fnv1.SEVERITY_FATAL]
    assert answer.results[0].message.startswith(message)
    assert not answer.desired.resources


def test_what_an_earlier_function_wanted_is_kept(stub: Call) -> None:
    request = fnv1.RunFunctionRequest()
    resource.update(request.observed.composite, store())
    resource.update(request.desired.resources["quota"], {"kind": "ResourceQuota"})
    assert "quota" in stub(request, timeout=30).desired.resources


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {"region": st.from_regex(r"[a-z0-9-]{2,32}", fullmatch=True)},
        optional={
            "endpoint": st.from_regex(
                r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", fullmatch=True
            ).filter(lambda url: len(url) < 200),
            "bucket": st.fixed_dictionaries(
                {},
                optional={
                    "name": st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True)
                },
            ),
            "database": st.one_of(
                st.just({"engine": "sqlite", "size": "1Gi"}),
                st.just({"engine": "postgres", "secretName": "pg"}),
                st.just({"engine": "cloudnativepg", "cluster": "pg"}),
            ),
        },
    )
)
def test_every_admitted_object_gives_a_readable_config_and_a_status_of_the_schema(
    spec: dict[str, Any],
) -> None:
    from model_store.compose import dvc_config, status
    from model_store.spec import read

    definition = yaml.safe_load((MODEL_STORE / "definition.yaml").read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    jsonschema.validate(spec, schema["spec"])
    composite = read(store(**spec))
    jsonschema.validate(status(composite), _closed(schema["status"]))
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(dvc_config(composite))
    remote = config["'remote \"store\"'"]
    assert remote["url"] == f"s3://{composite.bucket}/dvc"
    assert remote["region"] == spec["region"]
    assert remote.get("endpointurl") == spec.get("endpoint")


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with fields that it does not name refused, as the API server prunes them."""
    closed = json.loads(json.dumps(schema))
    for one in [closed, *closed["properties"].values()]:
        if one.get("type") == "object":
            one["additionalProperties"] = False
    return dict(closed)
