"""What serves a model, as a real API server lets it in: by the policy of the platform."""

import copy
import functools
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab import ROOT, Api, Lab, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

GITOPS = ROOT / "control-plane" / "gitops"
ABOVE = "/apis/admissionregistration.k8s.io/v1/validatingadmission"
NAMESPACE = "serving-admission"
Pod = dict[str, Any]


@functools.cache
def built(overlay: str) -> list[dict[str, Any]]:
    """What kustomize makes of an overlay, or of the component Flagger on the platform's base."""
    control = GITOPS.parent
    with tempfile.TemporaryDirectory() as base:
        folder = control / "overlays" / overlay
        if overlay == "flagger":
            folder = Path(base).resolve()
            here = os.path.relpath(control, folder)
            made = {
                "resources": [f"{here}/gitops"],
                "components": [f"{here}/components/{name}" for name in ("flagger", "images")],
            }
            (folder / "kustomization.yaml").write_text(yaml.safe_dump(made))
        argv = ["kubectl", "kustomize", str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def served(overlay: str = "local") -> Pod:
    """A pod as the platform's rollout makes it."""
    (template,) = (
        one["spec"]["template"]
        for one in built(overlay)
        if one["kind"] in ("Rollout", "Deployment") and one["metadata"]["name"] == "digits"
    )
    template = copy.deepcopy(template)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "digits-", **template["metadata"]},
        "spec": template["spec"],
    }


def asked(api: Api, pod: Pod, namespace: str = NAMESPACE) -> tuple[int, str]:
    """HTTP status and message; nothing is made."""
    code, value = api.call("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
    return code, value.get("message", "") if isinstance(value, dict) else str(value)


@pytest.fixture(scope="module")
def api(lab: Lab) -> Iterator[Api]:
    """With the policy for a namespace of these tests."""
    api = lab.api
    for name in (NAMESPACE, "elsewhere-admission"):
        meta = {"name": name}
        api.create(
            "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
        )
    policy, binding = yaml.safe_load_all((GITOPS / "admission.yaml").read_text())
    for one in (policy, binding):
        one["metadata"]["name"] = NAMESPACE
    binding["spec"]["policyName"] = NAMESPACE
    selector = policy["spec"]["matchConstraints"]["namespaceSelector"]["matchLabels"]
    selector["kubernetes.io/metadata.name"] = NAMESPACE
    api.create(f"{ABOVE}policies", policy)
    api.create(f"{ABOVE}policybindings", binding)
    bare = served()
    del bare["spec"]["initContainers"]
    wait_until(lambda: asked(api, bare)[0] == 422)
    yield api
    api.call("DELETE", f"{ABOVE}policybindings/{NAMESPACE}")
    api.call("DELETE", f"{ABOVE}policies/{NAMESPACE}")


def test_the_expressions_are_what_the_server_expects_of_pods(api: Api) -> None:
    status = wait_until(lambda: api.get(f"{ABOVE}policies/{NAMESPACE}").get("status"))
    assert not status.get("typeChecking", {}).get("expressionWarnings"), status


@pytest.mark.parametrize("overlay", ["local", "aws", "flagger"])
def test_the_pod_of_the_platform_is_let_in(api: Api, overlay: str) -> None:
    assert asked(api, served(overlay)) == (201, "")


@pytest.mark.parametrize("tracked", [("code", "envoy"), ("code", "envoy", "trust")])
def test_what_flagger_makes_primary_is_let_in(api: Api, tracked: tuple[str, ...]) -> None:
    # It copies the ConfigMaps that a Deployment names; some versions not those that are optional.
    pod = served("flagger")
    for name in tracked:
        volume(pod, name)["configMap"]["name"] += "-primary"
    assert asked(api, pod) == (201, "")


def test_what_has_no_part_in_it_is_let_in(api: Api) -> None:
    pod = served()
    more = copy.deepcopy(pod["spec"]["containers"][0])
    more.update(name="more", volumeMounts=[{"name": "tmp", "mountPath": "/root/.cache/models"}])
    pod["spec"]["initContainers"].append({**more, "name": "later", "restartPolicy": "Always"})
    pod["spec"]["containers"].append(more)
    assert asked(api, pod) == (201, "")


def test_a_folder_is_named_as_dvc_names_it(api: Api) -> None:
    pod = served()
    env("MODEL_DIGEST", value=f"md5:{'0' * 32}.dir")(pod)
    assert asked(api, pod) == (201, "")


def test_pods_of_other_namespaces_are_none_of_its_business(api: Api) -> None:
    bare = served()
    del bare["spec"]["initContainers"]
    assert asked(api, bare, "elsewhere-admission")[0] == 201


def fetch(pod: Pod) -> Any:
    return pod["spec"]["initContainers"][0]


def volume(pod: Pod, name: str) -> Any:
    (found,) = [v for v in pod["spec"]["volumes"] if v["name"] == name]
    return found


def mount(pod: Pod, name: str) -> Any:
    (found,) = [m for m in fetch(pod)["volumeMounts"] if m["name"] == name]
    return found


def env(name: str, **change: object) -> Callable[[Pod], object]:
    def apply(pod: Pod) -> None:
        (entry,) = [e for e in fetch(pod)["env"] if e["name"] == name]
        entry.pop("value")
        entry.update(change)

    return apply


def second(pod: Pod) -> None:
    more = copy.deepcopy(pod["spec"]["containers"][0])
    more["name"] = "later"
    more["volumeMounts"] = [{"name": "model", "mountPath": "/m"}]
    pod["spec"]["initContainers"].append(more)


def unmounted(name: str) -> Callable[[Pod], object]:
    def apply(pod: Pod) -> None:
        mounts = fetch(pod)["volumeMounts"]
        fetch(pod)["volumeMounts"] = [m for m in mounts if m["name"] != name]

    return apply


def added(name: str, value: str = "/tmp/x") -> Callable[[Pod], object]:
    return lambda pod: fetch(pod)["env"].append({"name": name, "value": value})


def before(pod: Pod) -> None:
    first = {"name": "zero", "image": "example.org/x:1", "restartPolicy": "Always"}
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]
    pod["spec"]["initContainers"].insert(0, {**first, "volumeMounts": mounts})


def kept(name: str) -> Callable[[Pod], object]:
    """The volume is one that something else can write to."""

    def apply(pod: Pod) -> None:
        claim = {"persistentVolumeClaim": {"claimName": "x"}}
        volume(pod, name).pop("emptyDir")
        volume(pod, name).update(claim)
        pod["spec"]["volumes"].append({"name": "other", **claim})
        mounts = pod["spec"]["containers"][0]["volumeMounts"]
        mounts.append({"name": "other", "mountPath": "/other"})

    return apply


def over(path: str) -> Callable[[Pod], object]:
    """One more mount of the step."""

    def apply(pod: Pod) -> None:
        pod["spec"]["volumes"].append({"name": "mine", "configMap": {"name": "mine"}})
        fetch(pod)["volumeMounts"].append({"name": "mine", "mountPath": path, "subPath": "x"})

    return apply


def serves(path: str, name: str = "mine", **more: object) -> Callable[[Pod], object]:
    """What the server has at a path."""

    def apply(pod: Pod) -> None:
        pod["spec"]["volumes"].append({"name": "mine", "emptyDir": {}})
        mounts = pod["spec"]["containers"][0]["volumeMounts"]
        if name == "model" or path == "/model":
            mounts.pop(0)
        mounts.append({"name": name, "mountPath": path, **more})

    return apply


def expanded(pod: Pod) -> None:
    read = {"configMapKeyRef": {"name": "mine", "key": "x"}}
    fetch(pod)["env"].insert(0, {"name": "HOME", "valueFrom": read})
    env("MODEL_URI", value="models:/$(HOME)/1")(pod)


STEP, VALUES, WRITES = "needs the first step `fetch`", "needs MODEL_URI", "may write to the volume"
MOUNTS, VOLUMES, NONE = "the step `fetch` mounts", "the volume `code` is", "has the volume `model`"
SEEN = "see each other's processes"
FIELD = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
REFUSED: dict[str, tuple[Callable[[Pod], object], str]] = {
    "no first step": (lambda p: p["spec"].pop("initContainers"), STEP),
    "another name": (lambda p: fetch(p).update(name="get"), STEP),
    "another before it": (before, STEP),
    "a step that goes on": (lambda p: fetch(p).update(restartPolicy="Always"), STEP),
    "another image": (lambda p: fetch(p).update(image=f"example.org/x@sha256:{'0' * 64}"), STEP),
    "an image that looks like it": (
        lambda p: fetch(p).update(image=f"ghcr.io/mlflow/mlflow/x@sha256:{'0' * 64}"), STEP,
    ),
    "an image by its tag": (
        lambda p: fetch(p).update(image="ghcr.io/mlflow/mlflow:v3.16.1"), STEP,
    ),
    "its last words over the code": (
        lambda p: fetch(p).update(terminationMessagePath="/code/fetch.py"), STEP,
    ),
    "another folder to run in": (lambda p: fetch(p).update(workingDir="/tmp"), STEP),
    "another command": (
        lambda p: fetch(p).update(command=["/usr/local/bin/python", "-I", "/tmp/x.py"]), STEP,
    ),
    "a Python of the PATH": (
        lambda p: fetch(p).update(command=["python", "-I", "/code/fetch.py"]), STEP,
    ),
    "a Python that heeds variables": (
        lambda p: fetch(p).update(command=["/usr/local/bin/python", "/code/fetch.py"]), STEP,
    ),
    "a flag of Python": (lambda p: fetch(p).update(command=["python", "-c", "pass"]), STEP),
    "arguments": (lambda p: fetch(p).update(args=["--help"]), STEP),
    "code of elsewhere": (
        lambda p: p["spec"]["volumes"][0].update(configMap={"name": "mine"}), VOLUMES,
    ),
    "code that can be written": (
        lambda p: p["spec"].update(
            volumes=[{"name": "code", "emptyDir": {}}, *p["spec"]["volumes"][1:]]
        ),
        VOLUMES,
    ),
    "code of a name alike": (
        lambda p: volume(p, "code")["configMap"].update(name="model-code-mine"), VOLUMES,
    ),
    "another file as the code": (
        lambda p: volume(p, "code")["configMap"].update(
            items=[{"key": "proof.py", "path": "fetch.py"}]
        ),
        VOLUMES,
    ),
    "keys without what is revoked": (
        lambda p: volume(p, "trust")["configMap"].update(
            items=[{"key": "ci.pem", "path": "ci.pem"}]
        ),
        VOLUMES,
    ),
    "no volume": (unmounted("model"), MOUNTS),
    "no keys": (unmounted("trust"), MOUNTS),
    "keys of elsewhere": (
        lambda p: p["spec"]["volumes"][1].update(configMap={"name": "mine"}), VOLUMES,
    ),
    "a part of the code": (lambda p: mount(p, "code").update(subPath="..old"), MOUNTS),
    "a part of the keys": (lambda p: mount(p, "trust").update(subPath="none"), MOUNTS),
    "a part of the volume": (lambda p: mount(p, "model").update(subPath="a"), MOUNTS),
    "a part by an expression": (lambda p: mount(p, "trust").update(subPathExpr="$(HOME)"), MOUNTS),
    "a file over the code": (over("/code/fetch.py"), MOUNTS),
    "a file over what is revoked": (over("/trust/revoked"), MOUNTS),
    "a file over a library": (over("/usr/local/lib/python3.11/hashlib.py"), MOUNTS),
    "a disk that another mounts": (kept("model"), VOLUMES),
    "a disk as its home": (kept("tmp"), VOLUMES),
    "no digest": (
        lambda p: fetch(p).update(env=[e for e in fetch(p)["env"] if e["name"] != "MODEL_DIGEST"]),
        VALUES,
    ),
    "an empty digest": (env("MODEL_DIGEST", value=""), VALUES),
    "a digest cut short": (env("MODEL_DIGEST", value="md5:0959686e"), VALUES),
    "a folder's by SHA-256": (env("MODEL_DIGEST", value=f"sha256:{'0' * 64}.dir"), VALUES),
    "a digest of a secret": (env("MODEL_DIGEST", **FIELD), VALUES),
    "an alias": (env("MODEL_URI", value="models:/digits@champion"), VALUES),
    "two digests": (
        lambda p: fetch(p)["env"].append({"name": "MODEL_DIGEST", "value": f"md5:{'0' * 32}"}),
        VALUES,
    ),
    "a name of elsewhere": (expanded, VALUES),
    "a name by an expression": (env("MODEL_URI", value="models:/$(HOME)/1"), VALUES),
    "another target": (added("MODEL_TARGET"), VALUES),
    "other keys": (added("MODEL_TRUST"), VALUES),
    "a home in the model": (env("HOME", value="/model"), VALUES),
    "another Python": (added("PYTHONHOME"), VALUES),
    "another path": (added("PATH"), VALUES),
    "a library before all": (added("LD_PRELOAD"), VALUES),
    "variables of elsewhere": (
        lambda p: fetch(p).update(envFrom=[{"configMapRef": {"name": "mine"}}]), VALUES,
    ),
    "all variables of a secret": (
        lambda p: fetch(p).update(envFrom=[{"secretRef": {"name": "mlflow-reader"}}]), VALUES,
    ),
    "a password of elsewhere": (
        env("MLFLOW_TRACKING_URI", valueFrom={"secretKeyRef": {"name": "mine", "key": "x"}}),
        VALUES,
    ),
    "a server that may write": (
        lambda p: p["spec"]["containers"][0]["volumeMounts"][0].pop("readOnly"), WRITES,
    ),
    "a later step that may write": (second, WRITES),
    "a server of another folder": (serves("/model"), WRITES),
    "a server of a folder in it": (serves("/model/sub"), WRITES),
    "a server of another spelling": (serves("/tmp/../model"), WRITES),
    "a server of a slash": (serves("/model/"), WRITES),
    "a server of two slashes": (serves("//model"), WRITES),
    "a server of everything": (serves("/"), WRITES),
    "a server of a part": (serves("/model", "model", readOnly=True, subPath="a"), WRITES),
    "a server elsewhere": (serves("/m", "model", readOnly=True), WRITES),
    "a server of nothing": (
        lambda p: p["spec"]["containers"][0]["volumeMounts"].pop(0), NONE,
    ),
    "processes in sight": (lambda p: p["spec"].update(shareProcessNamespace=True), SEEN),
    "processes of the node in sight": (lambda p: p["spec"].update(hostPID=True), SEEN),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_pod_whose_model_nobody_looked_at_is_refused(api: Api, name: str) -> None:
    change, why = REFUSED[name]
    pod = served()
    change(pod)
    code, message = asked(api, pod)
    assert code == 422, message
    assert why in message


@pytest.fixture(scope="module")
def path(api: Api) -> Iterator[str]:
    """Of a pod that is there."""
    pod = served()
    pod["metadata"]["name"] = "live"
    api.create(f"/api/v1/namespaces/{NAMESPACE}/pods", pod)
    yield f"/api/v1/namespaces/{NAMESPACE}/pods/live"
    api.call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/live?gracePeriodSeconds=0")


def put(api: Api, path: str, change: Callable[[Pod], object], part: str = "") -> tuple[int, Any]:
    """HTTP status and answer of an update; again where somebody else's came between."""

    def once() -> tuple[int, Any] | None:
        pod = api.get(path)
        change(pod)
        answer = api.call("PUT", f"{path}{part}?dryRun=All", pod)
        return None if answer[0] == 409 else answer

    answer: tuple[int, Any] = wait_until(once)
    return answer


@pytest.mark.parametrize(
    ("mounts", "status"),
    [
        ([], 200),
        ([{"name": "model", "mountPath": "/model", "readOnly": True}], 200),
        ([{"name": "model", "mountPath": "/model"}], 422),
        ([{"name": "tmp", "mountPath": "/model"}], 422),
    ],
)
def test_who_looks_into_a_pod_cannot_write_either(
    api: Api, path: str, mounts: list[dict[str, Any]], status: int
) -> None:
    looks = {"name": "looks", "image": "example.org/x:1", "volumeMounts": mounts}
    code, value = put(
        api, path, lambda p: p["spec"].update(ephemeralContainers=[looks]), "/ephemeralcontainers"
    )
    assert code == status, value
    assert code == 200 or WRITES in value["message"]


def test_a_pod_that_is_there_does_not_get_another_image(api: Api, path: str) -> None:
    labels = {"lockproof.dev/role": "stable"}
    assert put(api, path, lambda p: p["metadata"]["labels"].update(labels))[0] == 200
    code, value = put(api, path, lambda p: fetch(p).update(image="example.org/x:1"))
    assert (code, STEP in value["message"]) == (422, True), value
