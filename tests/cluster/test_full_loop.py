"""The walk-through of docs/guides/canary.md: reproduce, gate, attest, register, promote, canary.

Real Git, DVC, MLflow, API server and Argo Rollouts controller. Pods are kwok's, a stand-in answers
as Prometheus would, and the test applies what Git has, as Argo CD does.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cluster.lab import ADMIN, ROOT, Lab, wait_until
from cluster.test_canary_rollout import (  # noqa: F401 - two are fixtures
    CHECKS,
    NAMESPACE,
    PODS,
    ROLLOUTS,
    Figures,
    figures,
    ruled,
)
from integration.models import POLICY, toy_project, versions, without_settings
from integration.pipelines import Project
from integration.test_proofs import pem_of, public_of
from lockproof.cli.main import main

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

GUIDE = ROOT / "docs/guides/canary.md"
PATH = f"{ROLLOUTS}/digits"
ROLLOUT = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {{name: digits, namespace: {NAMESPACE}}}
spec:
  replicas: 4
  selector: {{matchLabels: {{app: digits}}}}
  strategy: {{canary: {{steps: [{{setWeight: 25}}, {{pause: {{}}}}, {{setWeight: 100}}]}}}}
  template:
    metadata: {{labels: {{app: digits}}}}
    spec:
      containers:
        - name: model
          image: model:1
          env:
            - name: MODEL_URI
              value: models:/digits/0
            - name: MODEL_DIGEST
              value: md5:00000000000000000000000000000000
"""


class Loop:
    """A repository whose `rollout.yaml` is what the cluster runs."""

    def __init__(self, lab: Lab, prometheus: Figures, folder: Path) -> None:
        self.api, self.figures = lab.api, prometheus
        self.prometheus = f"http://localhost:{prometheus.server_port}"
        # This small project pins no environment and has no run record.
        policy = '[gate]\nreproduction = "required"\noff = ["git", "record"]\n'
        policy += POLICY.replace('"toy"', '"digits"') + '[[trust]]\nkey = "ci.pem"\n'
        self.project: Project = toy_project(folder, policy)
        key = Ed25519PrivateKey.generate()
        (self.project.root / "ci.pem").write_bytes(public_of(key))
        self.project.write({"rollout.yaml": ROLLOUT})
        self.project.commit("trust")
        beside = self.project.root.parent
        (beside / "ci.key").write_bytes(pem_of(key))
        (beside / "canary-checks.yaml").write_text(CHECKS)
        section = GUIDE.read_text("utf-8").partition("\n## The whole way of a change\n")[2]
        self.release, self.judge, self.revert = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)

    def follow(self, block: str, number: int) -> list[int]:
        """Run the commands of a block for a version; their exit codes."""
        given = {
            "digits/2": f"digits/{number}",
            "digits-2": f"digits-{number}",
            "http://localhost:9090": self.prometheus,
            "serving/digits": f"{NAMESPACE}/digits",
        }
        for old, new in given.items():
            block = block.replace(old, new)
        codes = []
        for command in block.splitlines():
            program, *argv = shlex.split(command)
            assert program == "lockproof"
            codes.append(main(argv))
        return codes

    def train(self, rows: str) -> None:
        """A commit with another model."""
        self.project.write({"raw.txt": rows})
        self.project.dvc("add", "-q", "raw.txt")
        self.project.repro(f"rows {rows!r}")

    def sync(self, revision: str = "HEAD") -> None:
        """Apply what a commit has, as Argo CD does."""
        body = yaml.safe_load(self.project.git("show", f"{revision}:rollout.yaml"))
        if self.api.get(PATH) is None:
            self.api.create(ROLLOUTS, body)
        else:
            self.api.merge(PATH, {"spec": {"template": body["spec"]["template"]}})

    def until(self, phase: str) -> None:
        """Wait for a phase of what is wanted now."""

        def there() -> bool:
            one = self.api.get(PATH)
            status = one.get("status", {})
            seen = status.get("observedGeneration") == str(one["metadata"]["generation"])
            return bool(seen and status.get("phase") == phase)

        wait_until(there)

    def served(self) -> set[str]:
        """The versions of all pods that are not on their way out."""
        return {
            pod["spec"]["containers"][0]["env"][0]["value"]
            for pod in self.api.items(f"{PODS}?labelSelector=app%3Ddigits")
            if "deletionTimestamp" not in pod["metadata"]
        }

    def named(self, revision: str) -> list[str]:
        """The versions that Git has in a revision."""
        text = self.project.git("show", f"{revision}:rollout.yaml")
        return re.findall(r"models:/digits/\d+", text)


@pytest.fixture
def loop(
    ruled: Lab,  # noqa: F811
    figures: Figures,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Loop]:
    with without_settings():
        one = Loop(ruled, figures, tmp_path)
        monkeypatch.chdir(one.project.root)
        monkeypatch.setenv("KUBECONFIG", str(ruled.kubeconfig(ADMIN)))
        yield one
        one.api.call("DELETE", PATH)


def test_a_change_is_promoted_and_the_next_is_aborted_and_reverted_in_git(
    loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loop.follow(loop.release, 1) == [0, 0, 0, 0, 0]
    loop.sync()
    loop.until("Healthy")

    # A good one.
    loop.train("c\nb\na\n")
    assert loop.follow(loop.release, 2) == [0, 0, 0, 0, 0]
    loop.sync()
    loop.until("Paused")
    assert loop.served() == {"models:/digits/1", "models:/digits/2"}
    assert loop.follow(loop.judge, 2) == [0, 0, 0]
    loop.until("Healthy")
    wait_until(lambda: loop.served() == {"models:/digits/2"})

    # One that is found bad by its requests alone.
    loop.train("d\nc\nb\na\n")
    assert loop.follow(loop.release, 3) == [0, 0, 0, 0, 0]
    loop.figures.failing = 0.5
    loop.sync()
    loop.until("Paused")
    assert loop.served() == {"models:/digits/2", "models:/digits/3"}
    assert loop.follow(loop.judge, 3) == [1, 1, 0]
    loop.until("Degraded")
    wait_until(lambda: loop.served() == {"models:/digits/2"})
    assert loop.api.get(PATH)["status"]["abort"] is True

    # Git names it until the change that takes it back is merged.
    head = loop.project.git("rev-parse", "HEAD")
    assert loop.follow(loop.revert, 3) == [0]
    assert loop.project.git("rev-parse", "HEAD") == head, "opened, not merged"
    assert loop.named("HEAD") == ["models:/digits/3"]
    assert loop.named("revert-digits-3") == ["models:/digits/2"]
    loop.sync("revert-digits-3")
    loop.until("Healthy")
    assert loop.served() == {"models:/digits/2"}

    found = versions(loop.project, "digits")
    assert [one.canary and one.canary.verdict for one in found] == [None, "passed", "failed"]
    capsys.readouterr()
    assert main(["verify", "models:/digits/3"]) == 0
    assert "canary of models:/digits/3: failed" in capsys.readouterr().out
