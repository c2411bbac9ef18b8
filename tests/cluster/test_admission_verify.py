"""What serves where the first step is `lockproof verify`, as a real API server lets it in."""

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
from cluster.test_admission import ABOVE, Pod, env, fetch, mount, over, serves, unmounted, volume

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

CONTROL = ROOT / "control-plane"
NAMESPACE = "serving-verify"
REPOSITORY = "registry.example:5000/team/lockproof"
DIGEST = f"sha256:{64 * 'a'}"
NEXT = f"sha256:{64 * 'b'}"


@functools.cache
def built(*components: str) -> list[dict[str, Any]]:
    """What kustomize makes of the platform's pods with the component, last of those named."""
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base).resolve()
        here = os.path.relpath(CONTROL, folder)
        names = [*components, "images", "verify"]
        made = {
            "resources": [f"{here}/gitops"],
            "components": [f"{here}/components/{name}" for name in names],
            "images": [{"name": "lockproof", "newName": REPOSITORY, "digest": DIGEST}],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(made))
        argv = ["kubectl", "kustomize", str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def served(*components: str) -> Pod:
    """A pod as the rollout, or Flagger's Deployment, makes it."""
    (template,) = (
        one["spec"]["template"]
        for one in built(*components)
        if one["kind"] in ("Rollout", "Deployment") and one["metadata"]["name"] == "digits"
    )
    template = copy.deepcopy(template)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "digits-", **template["metadata"]},
        "spec": template["spec"],
    }


def asked(api: Api, pod: Pod) -> tuple[int, str]:
    """HTTP status and message; nothing is made."""
    code, value = api.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", pod)
    return code, value.get("message", "") if isinstance(value, dict) else str(value)


def of_kind(kind: str, name: str) -> dict[str, Any]:
    (found,) = [o for o in built() if o["kind"] == kind and o["metadata"]["name"] == name]
    return copy.deepcopy(found)


@pytest.fixture(scope="module")
def api(lab: Lab) -> Iterator[Api]:
    """With the policy, as the component changes it, for a namespace of these tests."""
    api = lab.api
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    api.create("/api/v1/namespaces", space)
    policy = of_kind("ValidatingAdmissionPolicy", "lockproof-served-models")
    binding = of_kind("ValidatingAdmissionPolicyBinding", "lockproof-served-models")
    for one in (policy, binding):
        one["metadata"]["name"] = NAMESPACE
    binding["spec"]["policyName"] = NAMESPACE
    assert binding["spec"]["paramRef"]["namespace"] == "serving"
    binding["spec"]["paramRef"]["namespace"] = NAMESPACE
    selector = policy["spec"]["matchConstraints"]["namespaceSelector"]["matchLabels"]
    selector["kubernetes.io/metadata.name"] = NAMESPACE
    image = of_kind("ConfigMap", "model-verifier")
    image["metadata"]["namespace"] = NAMESPACE
    api.create(f"{ABOVE}policies", policy)
    api.create(f"{ABOVE}policybindings", binding)
    # Without it nobody can say whose image it should be.
    wait_until(lambda: asked(api, served())[0] == 422)
    api.create(f"/api/v1/namespaces/{NAMESPACE}/configmaps", image)
    wait_until(lambda: asked(api, served())[0] == 201)
    yield api
    api.call("DELETE", f"{ABOVE}policybindings/{NAMESPACE}")
    api.call("DELETE", f"{ABOVE}policies/{NAMESPACE}")


def test_the_expressions_are_what_the_server_expects_of_pods(api: Api) -> None:
    status = wait_until(lambda: api.get(f"{ABOVE}policies/{NAMESPACE}").get("status"))
    assert not status.get("typeChecking", {}).get("expressionWarnings"), status


@pytest.mark.parametrize("components", [(), ("canary",), ("flagger",)])
def test_the_pod_of_the_platform_is_let_in(api: Api, components: tuple[str, ...]) -> None:
    assert asked(api, served(*components)) == (201, "")


@pytest.mark.parametrize("image", [f"{REPOSITORY}@{NEXT}", f"{REPOSITORY}:1.2_x@{NEXT}"])
def test_pods_of_before_and_after_an_upgrade_of_the_image_are_let_in(api: Api, image: str) -> None:
    pod = served()
    fetch(pod).update(image=image)
    assert asked(api, pod) == (201, "")


def args(*change: str | None) -> Callable[[Pod], object]:
    """Another argument in the place of each that is given."""

    def apply(pod: Pod) -> None:
        own = fetch(pod)["args"]
        fetch(pod)["args"] = [
            new or old for old, new in zip(own, (*change, *(4 * [None])), strict=False)
        ]

    return apply


def image(text: str) -> Callable[[Pod], object]:
    return lambda pod: fetch(pod).update(image=text)


STEP, MOUNTS, VOLUMES = "runs `lockproof verify` once", "the step `fetch` mounts", "has to be there"
VALUES, WRITES = "needs MODEL_URI", "may write to the volume"
TRUSTED = "/trust/lockproof.toml"
REFUSED: dict[str, tuple[Callable[[Pod], object], str]] = {
    "no first step": (lambda p: p["spec"].pop("initContainers"), STEP),
    "the step without it": (
        lambda p: fetch(p).update(command=["/usr/local/bin/python", "-I", "/code/fetch.py"]), STEP,
    ),
    "another image": (image(f"registry.example:5000/team/other@{DIGEST}"), STEP),
    "another registry": (image(f"registry.example/team/lockproof@{DIGEST}"), STEP),
    "an image below it": (image(f"{REPOSITORY}/x@{DIGEST}"), STEP),
    "an image above it": (image(f"evil.example/{REPOSITORY}@{DIGEST}"), STEP),
    "an image that begins alike": (image(f"{REPOSITORY}-x@{DIGEST}"), STEP),
    "an image by its tag": (image(f"{REPOSITORY}:1"), STEP),
    "another verb": (
        lambda p: fetch(p).update(command=["/opt/lockproof/bin/lockproof", "explain"]), STEP,
    ),
    "another program": (lambda p: fetch(p).update(command=["/bin/sh", "verify"]), STEP),
    "no arguments": (lambda p: fetch(p).pop("args"), STEP),
    "one more": (lambda p: fetch(p)["args"].append("--bundle=/tmp/x"), STEP),
    "help": (lambda p: fetch(p)["args"].append("--help"), STEP),
    "another version": (args("models:/digits/9"), STEP),
    "another digest": (args(None, f"--digest=md5:{32 * '0'}"), STEP),
    "another folder": (args(None, None, "--to=/tmp/model"), STEP),
    "another policy": (args(None, None, None, "--policy=/tmp/lockproof.toml"), STEP),
    "a policy of the model": (args(None, None, None, "--policy=/model/lockproof.toml"), STEP),
    "no policy": (lambda p: fetch(p).update(args=fetch(p)["args"][:3]), STEP),
    "a folder to run in": (lambda p: fetch(p).update(workingDir="/tmp"), STEP),
    "no keys": (unmounted("trust"), MOUNTS),
    "a part of the keys": (lambda p: mount(p, "trust").update(subPath="old"), MOUNTS),
    "a file over the policy": (over(TRUSTED), MOUNTS),
    "a file over the program": (over("/opt/lockproof/bin/lockproof"), MOUNTS),
    "keys of elsewhere": (lambda p: volume(p, "trust")["configMap"].update(name="mine"), VOLUMES),
    "keys that may be missing": (
        lambda p: volume(p, "trust")["configMap"].update(optional=True), VOLUMES,
    ),
    "keys without what is revoked": (
        lambda p: volume(p, "trust")["configMap"].update(
            items=[{"key": "ci.pem", "path": "ci.pem"}]
        ),
        VOLUMES,
    ),
    "an alias": (env("MODEL_URI", value="models:/digits@champion"), VALUES),
    "an option as the version": (env("MODEL_URI", value="--help"), VALUES),
    "another Python": (
        lambda p: fetch(p)["env"].append({"name": "PYTHONPATH", "value": "/tmp"}), VALUES,
    ),
    "a server that may write": (
        lambda p: p["spec"]["containers"][0]["volumeMounts"][0].pop("readOnly"), WRITES,
    ),
    "a server of another folder": (serves("/model"), WRITES),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_pod_whose_model_nobody_verified_is_refused(api: Api, name: str) -> None:
    change, why = REFUSED[name]
    pod = served()
    change(pod)
    code, message = asked(api, pod)
    assert code == 422, message
    assert why in message
