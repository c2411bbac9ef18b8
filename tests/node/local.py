"""The whole local overlay on the cluster of $LOCKPROOF_TEST_NODE, by the README's commands."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from cluster.lab import crd_folder, read_crds
from cluster.stand_in import RUNTIME_CONFIGS, at_work
from node.bring_up import (
    BUCKET,
    BY_HELM,
    MADE,
    README,
    NodeLab,
    OnNode,
    Platform,
    commands,
    proxied,
)
from node.files import LIMIT, wait_until
from node.room import give_back, take_the_rest

DIGITS = "app.kubernetes.io/name=digits"
Prepare = Callable[[Platform], None]


def shorten(root: Path) -> None:
    """Pauses of 40 s, a measurement each 5 s; any latency will do, and so will a slow start.

    How long a start may take is the machine's matter here: a busy one is slower than any node.
    """
    for name, changes in {
        "gitops/rollout-canary.yaml": {
            "duration: 2m": "duration: 40s",
            "failureThreshold: 36": "failureThreshold: 360",
            "timeoutSeconds: 5": "timeoutSeconds: 60",
            "progressDeadlineSeconds: 600": f"progressDeadlineSeconds: {LIMIT}",
        },
        "gitops/metrics-config.yaml": {
            "interval: 30s": "interval: 5s",
            "interval: 15s": "interval: 5s",
            'value: "1.5"': 'value: "1000"',
            'value: "20"': 'value: "5"',
        },
        "mlflow/deployment.yaml": {
            "failureThreshold: 36": "failureThreshold: 360",
            "timeoutSeconds: 5": "timeoutSeconds: 60",
            "  replicas: 1 #": f"  progressDeadlineSeconds: {LIMIT}\n  replicas: 1 #",
        },
        "overlays/local/seaweedfs.yaml": {
            "failureThreshold: 90": "failureThreshold: 900",
            "  replicas: 1\n": f"  progressDeadlineSeconds: {LIMIT}\n  replicas: 1\n",
        },
    }.items():
        path = root / "control-plane" / name
        text = path.read_text()
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)


def image_of(platform: Platform, name: str) -> str:
    """An image as the platform's overlays name it."""
    path = platform.root / "control-plane/components/images/kustomization.yaml"
    (one,) = (i for i in yaml.safe_load(path.read_text())["images"] if i["name"] == name)
    return f"{name}:{one['newTag']}@{one['digest']}"


def has_all_it_needs(platform: Platform) -> None:
    """Skip where the cluster is not one for this."""
    kinds = platform.kubectl("api-resources", "--api-group=argoproj.io", "-o", "name")
    if "rollouts.argoproj.io" not in kinds:
        pytest.skip("no cluster with nodes: the one of LOCKPROOF_TEST_NODE has no Argo Rollouts")
    there = {one["metadata"]["name"] for one in platform.get("namespaces")["items"]}
    if here := there & set(MADE):
        pytest.skip(f"no cluster with nodes to play with: it has {', '.join(sorted(here))}")


@contextmanager
def brought_up(base: Path, prepare: Prepare = lambda _: None) -> Iterator[Platform]:
    """Steps 1 to 3 of the README; nobody has made a model yet, nor its reader.

    Args:
        base: a folder for its files and volumes.
        prepare: changes the overlay, and makes what it needs, once the Secrets are there.
    """
    one = Platform(base / "repo", Path(os.environ["LOCKPROOF_TEST_NODE"]))
    shorten(one.root)
    has_all_it_needs(one)
    folder = crd_folder()
    if folder is None:
        pytest.skip("no real CustomResourceDefinitions: LOCKPROOF_CRDS names no folder of them")
    definitions = [*read_crds(folder), RUNTIME_CONFIGS]
    with ExitStack() as stack:
        url = stack.enter_context(proxied(one.config))
        lab = NodeLab(url)
        here = {d["metadata"]["name"] for d in one.get("crds")["items"]}
        stack.callback(tear_down, one, {d["metadata"]["name"] for d in definitions} - here)
        cloud = ("upbound.io", "m.crossplane.io")
        lab.install([d for d in definitions if not d["spec"]["group"].endswith(cloud)])
        for name in BY_HELM:
            one.kubectl("apply", "-f", "-", given=json.dumps(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            ))  # fmt: skip
        (secrets,) = [b for b in commands(README, "**2. Secrets.**") if "auth.env" in b]
        one.sh(secrets)
        prepare(one)
        stack.callback(give_back, one)
        take_the_rest(one, image_of(one, "docker.io/burakince/mlflow"))
        stand_in = OnNode(lab, definitions)
        stand_in.platform, stand_in.volumes = one, base / "volumes"
        stand_in.volumes.mkdir()
        stack.enter_context(at_work(stand_in))
        code, report = one.provision("--no-wait")
        assert code in (0, 5), report["findings"]
        # The namespaces are there already: Helm and the commands above made them.
        assert {o["action"] for o in report["host"]["objects"]} == {"create", "change"}
        one.mlflow_is_up()
        wait_until(lambda: BUCKET in stand_in.buckets)
        yield one


def tear_down(platform: Platform, kinds: set[str]) -> None:
    """Leave the cluster as it was; without these kinds."""
    code, report = platform.provision("down", "--allow-data-loss")
    limit = f"--timeout={LIMIT}s"
    platform.kubectl("delete", "namespace", *MADE, "--ignore-not-found", limit)
    volumes = platform.get("persistentvolumes")["items"]
    claimed = {v["metadata"]["name"]: v["spec"].get("claimRef", {}) for v in volumes}
    mine = [name for name, claim in claimed.items() if claim.get("namespace") in MADE]
    names = {d["metadata"]["name"] for d in platform.get("crds")["items"]} & kinds
    for kind, gone in (("persistentvolume", mine), ("crd", sorted(names))):
        if gone:
            platform.kubectl("delete", kind, *gone, limit)
    assert code == 0, report["findings"]
