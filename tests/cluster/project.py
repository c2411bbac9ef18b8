"""A Git repository with one overlay, and lockproof run in it as a user does."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cluster.lab import ADMIN, LIMIT, Lab

PROGRAM = Path(sys.executable).with_name("lockproof")


@dataclass(frozen=True)
class Done:
    """What a command gave."""

    code: int
    report: dict[str, Any]
    """Empty where the command ended without one."""
    errors: str

    @property
    def rules(self) -> list[str]:
        return [finding["rule"] for finding in self.report["findings"]]

    @property
    def actions(self) -> dict[str, str]:
        return {one["name"]: one["action"] for one in self.report["host"]["objects"]}

    def check(self, name: str) -> dict[str, Any]:
        return next(one for one in self.report["checks"] if one["name"] == name)

    def finding(self, rule: str) -> dict[str, Any]:
        return next(one for one in self.report["findings"] if one["rule"] == rule)


@dataclass(frozen=True)
class Project:
    """A repository whose overlay is named for the test, as its namespace is."""

    lab: Lab
    root: Path
    name: str

    @property
    def file(self) -> Path:
        return self.root / "control-plane" / "overlays" / self.name / "all.yaml"

    def declare(self, *objects: dict[str, Any]) -> None:
        """Write the overlay: the namespace of the test, and these objects in it."""
        named = [self.namespace, *objects]
        self.file.write_text(yaml.safe_dump_all(named, sort_keys=False))

    @property
    def namespace(self) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}

    def thing(self, which: str, name: str, spec: Any = None, **more: Any) -> dict[str, Any]:
        """An object in the namespace: `apps/v1 Deployment`, its name, its spec."""
        version, kind = which.split()
        body = {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name, "namespace": self.name, **more.pop("metadata", {})},
        }
        return body | ({} if spec is None else {"spec": spec}) | more

    def settings(self, **data: str) -> dict[str, Any]:
        return self.thing("v1 ConfigMap", "settings", data=data)

    def bucket(self, name: str, **more: Any) -> dict[str, Any]:
        spec = {"forProvider": {"region": "us-east-1"}}
        return self.thing("s3.aws.m.upbound.io/v1beta1 Bucket", name, spec, **more)

    def deployment(self, image: str = "example.org/web:1") -> dict[str, Any]:
        template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": image}]},
        }
        spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
        return self.thing("apps/v1 Deployment", "web", spec)

    def start(
        self, *arguments: str, token: str = ADMIN, **variables: str
    ) -> "subprocess.Popen[str]":
        """Start `lockproof provision` with these arguments."""
        argv = [str(PROGRAM), "provision", *arguments, "--overlay", self.name, "--format", "json"]
        config = {"KUBECONFIG": str(self.lab.kubeconfig(token))}
        return subprocess.Popen(
            argv,
            cwd=self.root,
            env=os.environ | config | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, token: str = ADMIN) -> Done:
        """Run it to its end."""
        return finish(self.start(*arguments, token=token))

    def everything(self) -> dict[str, Any]:
        """Every object of the cluster that lockproof labelled, by its path: uid and version."""
        label = "labelSelector=applyset.kubernetes.io%2Fpart-of"
        found = {}
        for base, resources in self._served():
            for one in resources:
                if "/" in one["name"] or "list" not in one["verbs"]:
                    continue
                for item in (self.lab.api.get(f"{base}/{one['name']}?{label}") or {}).get(
                    "items", ()
                ):
                    meta = item["metadata"]
                    where = f"{base}/{one['name']}/{meta.get('namespace', '')}/{meta['name']}"
                    found[where] = (
                        meta["uid"],
                        meta.get("deletionTimestamp"),
                        meta["labels"],
                        item.get("spec"),
                    )
        return found

    def _served(self) -> "list[tuple[str, list[dict[str, Any]]]]":
        groups = self.lab.api.get("/apis")["groups"]
        bases = [f"/apis/{v['groupVersion']}" for group in groups for v in group["versions"]]
        return [(base, self.lab.api.get(base)["resources"]) for base in ("/api/v1", *bases)]

    def read(self, path: str) -> Any:
        """An object in the namespace: `/apis/apps/v1` and `deployments/web`, with a space."""
        version, name = path.split()
        return self.lab.api.get(f"{version}/namespaces/{self.name}/{name}")


def finish(process: "subprocess.Popen[str]") -> Done:
    """Wait for a command."""
    out, errors = process.communicate(timeout=LIMIT)
    return Done(process.returncode, json.loads(out) if out else {}, errors)


def new_project(lab: Lab, root: Path, name: str) -> Project:
    """A repository with an overlay that declares the namespace alone."""
    project = Project(lab, root, name)
    project.file.parent.mkdir(parents=True)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["all.yaml"],
    }
    project.file.with_name("kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    project.declare()
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    subprocess.run(["git", *identity, "commit", "--quiet", "-m", "one"], cwd=root, check=True)
    return project
