"""`lockproof provision` on a real API server with the real kinds."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.lab import LIMITED, Lab, wait_until
from cluster.project import Done, Project, finish
from cluster.stand_in import StandIn
from integration.s3 import KEY, SECRET, S3Server

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
PROVIDER = {
    "apiVersion": "pkg.crossplane.io/v1",
    "kind": "Provider",
    "metadata": {"name": "provider-aws-s3"},
    "spec": {"package": "xpkg.crossplane.io/crossplane-contrib/provider-aws-s3:v2.6.0"},
}
ACTIVATION = {
    "apiVersion": "apiextensions.crossplane.io/v1alpha1",
    "kind": "ManagedResourceActivationPolicy",
    "metadata": {"name": "test"},
    "spec": {"activate": ["*.s3.aws.m.upbound.io"]},
}


def writes(project: Project) -> dict[str, Any]:
    """Object -> what lockproof last wrote into it and when, by the server's own account."""
    paths = ("/api/v1 configmaps", "/apis/apps/v1 deployments", "/api/v1 persistentvolumeclaims")
    listed = [one for path in paths for one in project.read(path)["items"]]
    parent = project.lab.api.get(f"/api/v1/namespaces/default/configmaps/lockproof-{project.name}")
    return {
        one["metadata"]["name"]: [
            entry for entry in one["metadata"]["managedFields"] if entry["manager"] == "lockproof"
        ]
        for one in [*listed, parent]
    }


def test_a_platform_comes_up_is_left_alone_and_goes(
    project: Project, stand_in: StandIn, s3: S3Server
) -> None:
    """The whole life: provider, bucket on the S3 server, workload; again; status; prune; down."""
    config = project.thing(
        "aws.m.upbound.io/v1beta1 ProviderConfig",
        "aws",
        {
            "credentials": {"source": "None"},
            "endpoint": {"source": "Custom", "url": {"type": "Static", "static": s3.url}},
        },
    )
    family = PROVIDER | {
        "metadata": {"name": "provider-family-aws"},
        "spec": {"package": "xpkg.crossplane.io/crossplane-contrib/provider-family-aws:v2.6.0"},
    }
    bucket = project.bucket(
        "store", metadata={"annotations": {"crossplane.io/external-name": "real-name"}}
    )
    bucket["spec"]["providerConfigRef"] = {"kind": "ProviderConfig", "name": "aws"}
    claim = project.thing("v1 PersistentVolumeClaim", "data", CLAIM)
    rest = [family, PROVIDER, ACTIVATION, config, project.settings(a="1"), project.deployment()]
    project.declare(*rest, bucket, claim)
    (project.root / ".dvc").mkdir()
    mine = "[core]\n    remote = mine\n"
    (project.root / ".dvc" / "config.local").write_text(mine)

    planned = project.run("--dry-run")
    assert planned.code == 5, planned.errors
    assert planned.actions[f"Bucket.s3.aws.m.upbound.io {project.name}/store"] == "wait"
    assert planned.actions[f"Deployment.apps {project.name}/web"] == "create"
    assert project.lab.api.get(f"/api/v1/namespaces/{project.name}") is None, "nothing was made"

    done = project.run("--timeout", "500s")
    assert done.code == 0, done.errors
    assert done.check("applied")["checked"] == done.check("ready")["checked"] == 9
    assert stand_in.buckets == ["real-name"]
    s3.client().head_bucket(Bucket="real-name")  # type: ignore[attr-defined]
    assert done.report["host"]["platform"]["bucket"] == "s3://real-name"
    assert done.report["host"]["platform"]["S3 endpoint"] == s3.url
    assert f"AWS_ENDPOINT_URL_S3={s3.url}" in (
        project.root / ".lockproof" / "platform.env"
    ).read_text().split("\n")
    _push_with_dvc(project, mine)

    before = writes(project)
    assert all(before[name] for name in ("settings", "web", "data", f"lockproof-{project.name}"))
    again = project.run("--timeout", "500s")
    assert again.code == 0, again.errors
    assert again.check("applied")["summary"] == "nothing changed"
    assert set(again.actions.values()) == {"none"}
    assert writes(project) == before

    project.declare(*rest)
    looked = project.run("status")
    assert looked.code == 0
    assert looked.rules == ["LP908", "LP908"], "what is not declared any more is told"
    there = project.everything()
    for asked in (["--prune"], ["--prune", "--allow-data-loss"]):
        assert "keep" in project.run(*asked, "--dry-run").actions.values() or len(asked) == 2
    assert project.everything() == there, "a dry run leaves all as it was"
    pruned = project.run("--prune", "--timeout", "500s")
    assert pruned.code == 0, pruned.errors
    assert pruned.actions[f"PersistentVolumeClaim {project.name}/data"] == "keep"
    assert pruned.rules == ["LP909", "LP909"]
    assert project.read("/api/v1 persistentvolumeclaims/data")

    ended = project.run("down", "--timeout", "500s")
    assert ended.code == 0, ended.errors
    kept = {name.split("/")[-1].split()[-1] for name, a in ended.actions.items() if a == "keep"}
    # The bucket needs its provider, its configuration and its activated kind.
    assert kept >= {"store", "data", "aws", "provider-aws-s3", "test", project.name}
    assert project.read("/apis/apps/v1 deployments/web") is None
    gone = project.run("down", "--allow-data-loss", "--timeout", "500s")
    assert gone.code == 0, gone.errors
    assert set(gone.actions.values()) == {"remove"}
    assert project.lab.api.get(f"/api/v1/namespaces/{project.name}") is None
    empty = project.run("down")
    assert (empty.code, empty.check("removed")["summary"]) == (0, "nothing to remove")


def _push_with_dvc(project: Project, mine: str) -> None:
    """The remote that was written is one that DVC pushes to; the user's lines are there still."""
    import os
    import subprocess
    import sys

    text = (project.root / ".dvc" / "config.local").read_text()
    assert text.startswith(mine)
    (project.root / "file.txt").write_text("data\n")
    dvc = str(Path(sys.executable).with_name("dvc"))
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "DVC_NO_ANALYTICS": "1"}
    for command in (["add", "file.txt"], ["push", "--remote", "platform"]):
        done = subprocess.run(
            [dvc, *command], cwd=project.root, env=os.environ | keys, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_a_conflict_names_field_and_owner_and_nothing_is_written(project: Project) -> None:
    project.declare(project.settings(a="1"), project.deployment())
    assert project.run("--no-wait").code == 0
    path = f"/apis/apps/v1/namespaces/{project.name}/deployments/web"
    scaled = {"spec": {"replicas": 3}}
    project.lab.api.merge(path, scaled, "?fieldManager=somebody")
    changed = project.deployment()
    changed["spec"]["replicas"] = 2
    project.declare(project.settings(a="2"), changed)

    done = project.run("--no-wait")
    assert done.code == 1
    finding = done.finding("LP902")
    assert "somebody has spec.replicas" in finding["message"]
    lines = project.file.read_text().splitlines()
    assert "replicas: 2" in lines[finding["line"] - 1]
    assert finding["path"] == project.file.relative_to(project.root).as_posix()
    assert project.read("/api/v1 configmaps/settings")["data"] == {"a": "1"}

    forced = project.run("--no-wait", "--force-conflicts")
    assert forced.code == 0, forced.errors
    assert project.read("/apis/apps/v1 deployments/web")["spec"]["replicas"] == 2


def test_what_another_manager_applied_alike_is_no_conflict(project: Project) -> None:
    """Argo CD applies the same file. A `fieldRef` is owned whole, with the default in it."""
    one = project.deployment()
    (container,) = one["spec"]["template"]["spec"]["containers"]
    container["env"] = [
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "A", "value": "1"},
    ]
    api, path = project.lab.api, f"/apis/apps/v1/namespaces/{project.name}/deployments/web"
    api.create("/api/v1/namespaces", project.namespace)
    argo = "?fieldManager=argocd-controller"
    code, answer = api.call("PATCH", path + argo, one, "application/apply-patch+yaml")
    assert code == 201, answer

    project.declare(one)
    done = project.run("--no-wait")
    assert done.code == 0, done.report["findings"]
    assert project.run("--no-wait").check("applied")["summary"] == "nothing changed"
    code, answer = api.call(
        "PATCH", path + argo + "&force=true", one, "application/apply-patch+yaml"
    )
    assert code == 200, answer

    container["env"][1]["value"] = "2"
    project.declare(one)
    done = project.run("--no-wait")
    assert done.code == 1
    message = done.finding("LP902")["message"]
    assert (
        'argocd-controller has spec.template.spec.containers[name="web"].env[name="A"]' in message
    )
    assert "fieldRef" not in message


def test_an_undeclared_field_is_a_finding_at_its_line(project: Project) -> None:
    wrong = project.deployment()
    wrong["spec"]["template"]["spec"]["containers"][0]["imagee"] = "x"
    typed = project.settings(a="1") | {"data": {"a": 1}}
    project.declare(wrong, typed)
    done = project.run()
    assert done.code == 1
    by_subject = {f["message"].split()[0]: f for f in done.report["findings"]}
    assert done.rules == ["LP901", "LP901"]
    lines = project.file.read_text().splitlines()
    assert "imagee: x" in lines[by_subject["Deployment.apps"]["line"] - 1]
    assert "imagee: field not declared in schema" in by_subject["Deployment.apps"]["message"]
    assert project.lab.api.get(f"/api/v1/namespaces/{project.name}") is None, "nothing was made"


def test_a_kind_that_nothing_brings_is_told_at_once(project: Project) -> None:
    project.declare(project.settings(a="1"), project.thing("example.org/v1 Nothing", "n", {}))
    done = project.run("--timeout", "500s")
    assert done.code == 1
    assert done.rules == ["LP903"]
    assert "install its definition first" in done.finding("LP903")["message"]
    assert done.report["timing"]["seconds"] < 400, "it was not waited for"


def test_a_definition_is_served_before_its_objects(project: Project) -> None:
    group = f"{project.name}.example.org"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "singular": "thing"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    project.declare(project.thing(f"{group}/v1 Thing", "t", {"a": 1}), definition)
    done = project.run("--no-wait", "--timeout", "500s")
    assert done.code == 0, done.errors
    assert project.read(f"/apis/{group}/v1 things/t")["spec"] == {"a": 1}
    assert project.run("--no-wait").check("applied")["summary"] == "nothing changed"


def test_what_a_user_may_not_do_is_a_finding(project: Project) -> None:
    project.declare(project.settings(a="1"))
    refused = project.run(token=LIMITED)
    assert refused.code == 2, refused.errors
    assert "the inventory cannot be read" in refused.errors
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
    base = "/apis/rbac.authorization.k8s.io/v1"
    role = {"apiVersion": base[6:], "kind": "ClusterRole", "metadata": {"name": "maps"}}
    project.lab.api.create(f"{base}/clusterroles", role | {"rules": [rule]})
    binding = {
        "apiVersion": base[6:],
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "maps"},
        "subjects": [{"kind": "User", "name": "limited"}],
        "roleRef": {"apiGroup": base[6:].split("/")[0], "kind": "ClusterRole", "name": "maps"},
    }
    project.lab.api.create(f"{base}/clusterrolebindings", binding)
    done = wait_until(lambda: (found := project.run(token=LIMITED)).code == 1 and found)
    assert done.rules == ["LP904"]
    assert "namespaces" in done.finding("LP904")["message"]
    assert 'User "limited"' in done.finding("LP904")["message"]


@pytest.fixture
def waiting(project: Project, stand_in: StandIn) -> Iterator[Project]:
    """A project whose first run waits for a bucket that nobody looks at."""
    stand_in.stuck.add(f"{project.name}-b")
    bucket = project.bucket(f"{project.name}-b")
    project.declare(PROVIDER, project.settings(a="1"), bucket, project.deployment())
    yield project
    project.run("down", "--allow-data-loss", "--timeout", "500s")


def test_an_api_server_that_restarts_is_waited_for(
    waiting: Project, stand_in: StandIn, lab: Lab
) -> None:
    process = waiting.start("--timeout", "500s")
    path = f"/apis/s3.aws.m.upbound.io/v1beta1 buckets/{waiting.name}-b"
    wait_until(lambda: waiting.read(path))
    lab.stop_server()
    time.sleep(4)
    assert process.poll() is None, "it does not give up"
    lab.start_server()
    stand_in.stuck.clear()
    done = finish(process)
    assert done.code == 0, done.errors
    assert "waiting for the API server" in done.errors
    assert waiting.read("/apis/apps/v1 deployments/web")


def test_a_killed_run_is_taken_up_where_it_was(waiting: Project, stand_in: StandIn) -> None:
    process = waiting.start("--timeout", "500s")
    path = f"/apis/s3.aws.m.upbound.io/v1beta1 buckets/{waiting.name}-b"
    wait_until(lambda: waiting.read(path))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert waiting.read("/apis/apps/v1 deployments/web") is None
    before = waiting.read(path)["metadata"]["uid"]
    # Even what was killed is in the inventory: it can be told, and removed.
    assert {"LP907", "LP910"} <= set(waiting.run("status").rules)
    stand_in.stuck.clear()
    done = waiting.run("--timeout", "500s")
    assert done.code == 0, done.errors
    assert done.actions[f"ConfigMap {waiting.name}/settings"] == "none"
    assert done.actions[f"Deployment.apps {waiting.name}/web"] == "create"
    assert waiting.read(path)["metadata"]["uid"] == before


def test_a_failed_operation_fails_with_the_controllers_words(
    project: Project, stand_in: StandIn
) -> None:
    name = f"{project.name}-b"
    stand_in.trouble[name] = "AccessDenied: not authorized to perform s3:CreateBucket"
    later = {"metadata": {"annotations": {"argocd.argoproj.io/sync-wave": "1"}}}
    versions = project.thing(
        "s3.aws.m.upbound.io/v1beta1 BucketVersioning",
        f"{name}-versions",
        {
            "forProvider": {
                "region": "us-east-1",
                "bucketRef": {"name": name},
                "versioningConfiguration": {"status": "Enabled"},
            }
        },
        **later,
    )
    project.declare(PROVIDER, project.bucket(name), versions, project.deployment())
    done = project.run("--timeout", "20s")
    assert (done.code, done.rules) == (1, ["LP906"])
    assert "s3:CreateBucket" in done.finding("LP906")["message"]
    # What names the bucket is held back, and what does not is there.
    (held,) = done.check("applied")["not_checked"]
    assert held.endswith(
        f"-versions: held back by Bucket.s3.aws.m.upbound.io {project.name}/{name}"
    )
    assert done.actions[f"Deployment.apps {project.name}/web"] == "create"
    assert project.read("/apis/apps/v1 deployments/web")

    stand_in.trouble.clear()
    again = project.run("--timeout", "500s")
    assert again.code == 0, again.errors
    assert again.actions[f"Deployment.apps {project.name}/web"] == "none"
    project.run("down", "--allow-data-loss", "--timeout", "500s")


def test_what_nobody_looks_at_is_inconclusive(waiting: Project) -> None:
    done = waiting.run("--timeout", "8s")
    assert done.code == 5
    assert done.rules == ["LP907"]


def test_what_was_there_before_is_never_removed(project: Project) -> None:
    api = project.lab.api
    api.create("/api/v1/namespaces", project.namespace)
    path = f"/api/v1/namespaces/{project.name}/configmaps"
    api.create(path, project.settings(a="1"))
    project.declare(project.settings(a="1"), project.deployment())
    done = project.run("--timeout", "500s")
    assert done.code == 0, done.errors
    assert done.actions[f"ConfigMap {project.name}/settings"] == "change", "it joins the inventory"
    ended = project.run("down", "--timeout", "500s")
    assert ended.code == 0, ended.errors
    assert ended.actions == {
        f"ConfigMap {project.name}/settings": "release",
        f"Deployment.apps {project.name}/web": "remove",
        f"Namespace {project.name}": "release",
    }
    left = project.read("/api/v1 configmaps/settings")
    assert left["data"] == {"a": "1"}
    assert "labels" not in left["metadata"]


def test_what_is_being_deleted_is_waited_for_and_not_applied(project: Project) -> None:
    """The namespace takes nothing new, and an applied claim would go with the old one."""
    project.declare(project.settings(a="1"))
    assert project.run("--no-wait").code == 0
    path = f"/api/v1/namespaces/{project.name}/configmaps/settings"
    hold = {"metadata": {"finalizers": ["example.org/hold"]}}
    project.lab.api.merge(path, hold)
    project.lab.api.call("DELETE", f"/api/v1/namespaces/{project.name}")
    project.declare(project.settings(a="1"), project.deployment())
    wait_until(
        lambda: project.read("/api/v1 configmaps/settings")["metadata"].get("deletionTimestamp")
    )
    done = project.run("--timeout", "30s")
    assert done.code == 1
    assert done.rules == ["LP911", "LP911"], "the namespace and the settings"
    assert done.actions[f"Deployment.apps {project.name}/web"] == "refuse"
    project.lab.api.merge(path, {"metadata": {"finalizers": None}})
    wait_until(lambda: project.lab.api.get(f"/api/v1/namespaces/{project.name}") is None)
    assert project.run("--timeout", "500s").code == 0


def test_a_namespace_with_something_of_somebody_else_stays(project: Project) -> None:
    project.declare(project.settings(a="1"))
    assert project.run("--no-wait").code == 0
    theirs = project.settings(b="1")
    theirs["metadata"]["name"] = "theirs"
    project.lab.api.create(f"/api/v1/namespaces/{project.name}/configmaps", theirs)
    ended = project.run("down", "--allow-data-loss", "--timeout", "500s")
    assert ended.code == 0
    assert "it holds ConfigMap theirs" in ended.finding("LP909")["message"]
    assert project.read("/api/v1 configmaps/theirs")


def test_an_object_of_another_inventory_is_left_to_it(project: Project, lab: Lab) -> None:
    project.declare(project.settings(a="1"))
    assert project.run("--no-wait").code == 0
    other = Project(lab, project.root, "other")
    other.file.parent.mkdir()
    for name in ("all.yaml", "kustomization.yaml"):
        text = project.file.with_name(name).read_text()
        other.file.with_name(name).write_text(text.replace("'1'", "'2'"))
    done = other.run("--no-wait")
    assert done.code == 1
    assert done.rules == ["LP905", "LP905"]
    assert project.read("/api/v1 configmaps/settings")["data"] == {"a": "1"}


def test_status_tells_what_drifted(project: Project) -> None:
    project.declare(project.settings(a="1", b="1"), project.deployment())
    assert project.run("--timeout", "500s").code == 0
    assert project.run("status").code == 0
    path = f"/api/v1/namespaces/{project.name}/configmaps/settings"
    project.lab.api.merge(path, {"data": {"a": None}})
    project.lab.api.call("DELETE", f"/apis/apps/v1/namespaces/{project.name}/deployments/web")
    done: Done = project.run("status")
    assert done.code == 1
    told = [f["message"] for f in done.report["findings"]]
    assert any("differs from Git in data.a" in text for text in told)
    assert any("web is not in the cluster" in text for text in told)
