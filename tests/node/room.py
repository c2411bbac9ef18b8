"""A node of the declared size: what the real one has beyond it is taken, and for what is not here.

One pod asks for the difference, so the real scheduler gives the platform no more than it would have
there: beside the add-ons of kube-system, and beside controllers that use all of their quotas.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from node.bring_up import BY_HELM, MADE, ROOT, Platform

NODE = {"cpu": 1930, "memory": 7000}
"""What pods may request on the small node, in thousandths of a core and in MiB (the README)."""
ADD_ONS = {"cpu": 450, "memory": 556}
"""What kube-system takes of it there."""
NAME = "lockproof-test-ballast"
_MEBIBYTES = {"Ki": 1 / 1024, "Mi": 1.0, "Gi": 1024.0, "": 1 / 2**20}
Amount = dict[str, int]


def amount(requests: Mapping[str, str]) -> Amount:
    """Thousandths of a core, and MiB."""
    cpu, memory = str(requests.get("cpu", "0")), str(requests.get("memory", "0"))
    millis = float(cpu[:-1]) if cpu.endswith("m") else 1000 * float(cpu)
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", memory).groups()  # type: ignore[union-attr]
    return {"cpu": round(millis), "memory": round(float(number) * _MEBIBYTES[unit])}


def requested(pods: Iterable[Any]) -> Amount:
    """What the scheduler counts of pods: all containers, or a first step that asks for more."""
    total = {"cpu": 0, "memory": 0}
    for pod in pods:
        if pod["status"].get("phase") in ("Succeeded", "Failed"):
            continue
        spec = pod["spec"]
        steps = [_of(one) for one in spec.get("initContainers", ())]
        together = [_of(one) for one in spec["containers"]]
        for key in total:
            total[key] += max(sum(one[key] for one in together), *(one[key] for one in steps), 0)
    return total


def _of(container: Any) -> Amount:
    return amount(container.get("resources", {}).get("requests", {}))


def quotas(overlay: Path) -> dict[str, Amount]:
    """Namespace -> what its quota lets it request."""
    found = yaml.safe_load_all((overlay / "control-plane/namespaces/budget.yaml").read_text())
    return {
        one["metadata"]["namespace"]: amount(
            {key.removeprefix("requests."): value for key, value in one["spec"]["hard"].items()}
        )
        for one in found
        if one["kind"] == "ResourceQuota"
    }


def by_namespace(platform: Platform) -> dict[str, Amount]:
    """What is requested now, without what only takes up room."""
    pods: dict[str, list[Any]] = {}
    for one in platform.get("pods", "-A")["items"]:
        if one["metadata"]["name"] != NAME:
            pods.setdefault(one["metadata"]["namespace"], []).append(one)
    return {name: requested(found) for name, found in pods.items()}


def take_the_rest(platform: Platform, image: str) -> None:
    """Leave what a node of the declared size would have left for what runs here.

    Args:
        platform: not brought up yet.
        image: one that has `sleep`.
    """
    (node,) = platform.get("nodes")["items"]
    here, held = by_namespace(platform), quotas(ROOT)
    mine = {*MADE, *BY_HELM, "kube-system"}
    nothing = {"cpu": 0, "memory": 0}
    there = amount(node["status"]["allocatable"])
    rest = {}
    for key, whole in there.items():
        # Of others, such as what tests bring, nothing is on that node.
        others = sum(one[key] for name, one in here.items() if name not in mine)
        away = ADD_ONS[key] - here.get("kube-system", nothing)[key]
        away += sum(held[name][key] - here.get(name, nothing)[key] for name in BY_HELM)
        rest[key] = whole - NODE[key] - others + away
    if min(rest.values()) < 0:
        pytest.skip(f"no cluster with nodes of the declared size: this one lacks {rest}")
    asks = {"cpu": f"{rest['cpu']}m", "memory": f"{rest['memory']}Mi"}
    container = {"name": "one", "image": image, "command": ["sleep", "86400"]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [container | {"resources": {"requests": asks}}],
        },
    }
    platform.kubectl("apply", "-f", "-", given=json.dumps(pod))
    platform.kubectl("-n", "default", "wait", "--for=condition=Ready", f"pod/{NAME}",
                     "--timeout=300s")  # fmt: skip


def give_back(platform: Platform) -> None:
    """Let go of what was taken."""
    platform.kubectl("-n", "default", "delete", "pod", NAME, "--ignore-not-found", "--now")


def refused(platform: Platform) -> list[str]:
    """What the scheduler said of pods that it found no room for, in the platform's namespaces."""
    events = platform.get("events", "-A", "--field-selector", "reason=FailedScheduling")["items"]
    return [
        f"{one['involvedObject']['name']}: {one['message']}"
        for one in events
        if one["metadata"]["namespace"] in MADE and "Insufficient" in one["message"]
    ]


def used(platform: Platform) -> dict[str, int]:
    """Namespace -> MiB that its pods use, as the kubelet measures it."""
    (node,) = platform.get("nodes")["items"]
    path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
    found: dict[str, int] = {}
    for pod in json.loads(platform.kubectl("get", "--raw", path))["pods"]:
        namespace = pod["podRef"]["namespace"]
        size = pod.get("memory", {}).get("workingSetBytes", 0)
        found[namespace] = found.get(namespace, 0) + (size >> 20)
    return found
