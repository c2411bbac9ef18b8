"""What serves a model, as a real API server lets it in: by the policy of the platform."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from cluster.lab import ROOT, Api, Lab, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

GITOPS = ROOT / "control-plane" / "gitops"
ABOVE = "/apis/admissionregistration.k8s.io/v1/validatingadmission"
NAMESPACE = "serving-admission"
Pod = dict[str, Any]


def served() -> Pod:
    """A pod as the platform's rollout makes it."""
    rollout = yaml.safe_load((GITOPS / "rollout-canary.yaml").read_text())
    template = copy.deepcopy(rollout["spec"]["template"])
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
    wait_until(lambda: asked(api, bare)[0] == 422, 120)
    yield api
    api.call("DELETE", f"{ABOVE}policybindings/{NAMESPACE}")
    api.call("DELETE", f"{ABOVE}policies/{NAMESPACE}")


def test_the_expressions_are_what_the_server_expects_of_pods(api: Api) -> None:
    status = wait_until(lambda: api.get(f"{ABOVE}policies/{NAMESPACE}").get("status"), 120)
    assert not status.get("typeChecking", {}).get("expressionWarnings"), status


def test_the_pod_of_the_platform_is_let_in(api: Api) -> None:
    assert asked(api, served()) == (201, "")


def test_pods_of_other_namespaces_are_none_of_its_business(api: Api) -> None:
    bare = served()
    del bare["spec"]["initContainers"]
    assert asked(api, bare, "elsewhere-admission")[0] == 201


def fetch(pod: Pod) -> Any:
    return pod["spec"]["initContainers"][0]


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


STEP, VALUES, WRITES = "needs the first step `fetch`", "needs MODEL_URI", "may write to the volume"
FIELD = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
REFUSED: dict[str, tuple[Callable[[Pod], object], str]] = {
    "no first step": (lambda p: p["spec"].pop("initContainers"), STEP),
    "another name": (lambda p: fetch(p).update(name="get"), STEP),
    "another command": (lambda p: fetch(p).update(command=["python", "/tmp/x.py"]), STEP),
    "a flag of Python": (lambda p: fetch(p).update(command=["python", "-c", "pass"]), STEP),
    "arguments": (lambda p: fetch(p).update(args=["--help"]), STEP),
    "code of elsewhere": (
        lambda p: p["spec"]["volumes"][0].update(configMap={"name": "mine"}), STEP,
    ),
    "code that can be written": (
        lambda p: p["spec"].update(
            volumes=[{"name": "code", "emptyDir": {}}, *p["spec"]["volumes"][1:]]
        ),
        STEP,
    ),
    "no volume": (unmounted("model"), STEP),
    "no keys": (unmounted("trust"), STEP),
    "keys of elsewhere": (
        lambda p: p["spec"]["volumes"][1].update(configMap={"name": "mine"}), STEP,
    ),
    "no digest": (
        lambda p: fetch(p).update(env=[e for e in fetch(p)["env"] if e["name"] != "MODEL_DIGEST"]),
        VALUES,
    ),
    "an empty digest": (env("MODEL_DIGEST", value=""), VALUES),
    "a digest cut short": (env("MODEL_DIGEST", value="md5:0959686e"), VALUES),
    "a digest of a secret": (env("MODEL_DIGEST", **FIELD), VALUES),
    "an alias": (env("MODEL_URI", value="models:/digits@champion"), VALUES),
    "two digests": (
        lambda p: fetch(p)["env"].append({"name": "MODEL_DIGEST", "value": f"md5:{'0' * 32}"}),
        VALUES,
    ),
    "another target": (
        lambda p: fetch(p)["env"].append({"name": "MODEL_TARGET", "value": "/tmp/x"}), VALUES,
    ),
    "other keys": (
        lambda p: fetch(p)["env"].append({"name": "MODEL_TRUST", "value": "/tmp"}), VALUES,
    ),
    "a server that may write": (
        lambda p: p["spec"]["containers"][0]["volumeMounts"][0].pop("readOnly"), WRITES,
    ),
    "a later step that may write": (second, WRITES),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_pod_whose_model_nobody_looked_at_is_refused(api: Api, name: str) -> None:
    change, why = REFUSED[name]
    pod = served()
    change(pod)
    code, message = asked(api, pod)
    assert code == 422, message
    assert why in message
