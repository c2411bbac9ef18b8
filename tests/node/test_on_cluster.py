"""`lockproof reproduce --on` in a cluster whose pods run: the same verdicts, or none."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.pipelines import SORT_AND_TRAIN, Project, new_project, prove
from lockproof.model.report import Report, SkipReason
from lockproof.model.verdict import Verdict
from node.files import kubectl, served, wait_until

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

TRAIN = "tr a-z A-Z < data.csv > model.txt && echo '{\"rows\":2}' > metrics.json"
PIPELINE = (
    SORT_AND_TRAIN.replace("python3 train.py", TRAIN).replace("[train.py, data.csv]", "[data.csv]")
    + """
  slow:
    cmd: test ! -e /nowhere && wc -l < raw.csv > lines.txt
    deps: [raw.csv]
    outs: [lines.txt]
"""
)
POLICY = """
[cluster]
namespace = "{namespace}"
image = "{image}"
repository = "git://files.{namespace}.svc/repository.git"
service-account = "{account}"
cpu = "50m"
memory = "512Mi"
timeout = "5m"
deadline = "8m"
retries = 1
"""
ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {{name: prover, namespace: {0}}}
---
apiVersion: v1
kind: Secret
metadata:
  name: prover.service-account-token
  namespace: {0}
  annotations: {{kubernetes.io/service-account.name: prover}}
type: kubernetes.io/service-account-token
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: prover, namespace: {0}}}
rules:
  - {{apiGroups: [argoproj.io], resources: [workflowtaskresults], verbs: [create, patch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: prover, namespace: {0}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: prover}}
subjects: [{{kind: ServiceAccount, name: prover, namespace: {0}}}]
"""
ENGINES = ["kubernetes", "argo"]


@pytest.fixture(scope="module")
def project(
    kubeconfig: Path, namespace: str, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A proved pipeline, and a branch `forged` whose model is not what its stage makes."""
    kubectl(kubeconfig, "apply", "-f", "-", given=ACCOUNT.format(namespace))
    project = new_project(tmp_path_factory.mktemp("project"))
    project.write({"dvc.yaml": PIPELINE, "raw.csv": "b\na\n"})
    policy = POLICY.format(namespace=namespace, image=image, account="prover")
    project.write({"lockproof.toml": policy})
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    there = f"http://files.{namespace}.svc:8080/remote"
    project.dvc("remote", "modify", "-q", "store", "url", there)
    project.commit("where pods find it")
    project.git("checkout", "-q", "-b", "forged")
    digest = (project.root / "dvc.lock").read_text().split("path: model.txt")[1]
    project.edit_lock(digest.split("md5: ")[1][:32], "a" * 32)
    project.commit("forged")
    project.git("checkout", "-q", "main")
    with served(kubeconfig, namespace, image, project):
        yield project


def engine(kubeconfig: Path, name: str) -> str:
    """An engine, if the cluster has it."""
    if name == "argo":
        kinds = kubectl(kubeconfig, "api-resources", "--api-group=argoproj.io", "-o", "name")
        if "workflows.argoproj.io" not in kinds:
            pytest.skip("no cluster with nodes that has Argo Workflows")
    return name


def command(project: Project, kubeconfig: Path, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("lockproof")), "reproduce", *argv],
        cwd=project.root,
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "CI": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(project: Project, kubeconfig: Path, *argv: str) -> tuple[int, Report, str]:
    with command(project, kubeconfig, *argv, "--format", "json") as process:
        out, err = process.communicate(timeout=560)
    assert out, err
    return process.returncode, Report.model_validate(json.loads(out)), err


def objects(kubeconfig: Path, namespace: str) -> list[str]:
    kinds = "jobs,pods,secrets"
    named = kubectl(kubeconfig, "-n", namespace, "get", kinds, "-o", "name", "-l", RUNS)
    return named.split()


RUNS = "lockproof.dev/run"


@pytest.mark.parametrize("on", ENGINES)
def test_the_core_is_that_of_the_host(project: Project, kubeconfig: Path, on: str) -> None:
    code, report, said = ran(project, kubeconfig, "--on", engine(kubeconfig, on))
    assert code == 0, (said, report.findings)
    assert report.verdict is Verdict.PASSED
    assert report.core() == prove(project).core()
    assert all(host.executed for host in report.host.stages.values())


@pytest.mark.parametrize("on", ENGINES)
def test_a_forged_lock_fails_there_too(project: Project, kubeconfig: Path, on: str) -> None:
    argv = ("forged", "--base", "main", "--on", engine(kubeconfig, on))
    code, report, said = ran(project, kubeconfig, *argv)
    assert code == 1, said
    here = prove(project, revision="forged", base="main")
    assert {s.address: s.verdict for s in report.stages} == {
        s.address: s.verdict for s in here.stages
    }
    assert report.findings == here.findings


def test_several_revisions_are_one_workflow(
    project: Project, kubeconfig: Path, namespace: str, tmp_path: Path
) -> None:
    """Each has the report that it has on this machine, and the worst of them the last word."""
    argv = ("main", "forged", "--on", engine(kubeconfig, "argo"), "--base", "main")
    before = set(workflows(kubeconfig, namespace))
    argv += ("--output", str(tmp_path / "report.json"), "--format", "json")
    with command(project, kubeconfig, *argv) as process:
        made = wait_until(lambda: set(workflows(kubeconfig, namespace)) - before)
        out, err = process.communicate(timeout=560)
    assert process.returncode == 1, err
    assert len(made) == 1
    told = json.loads(out)["revisions"]
    assert [(r["names"], r["verdict"]) for r in told] == [
        (["main"], "passed"), (["forged"], "failed"),
    ]  # fmt: skip
    good, bad = (
        Report.model_validate_json((tmp_path / f"report-{r['commit'][:12]}.json").read_text())
        for r in told
    )
    assert good.core() == prove(project, revision="main", base="main").core()
    here = prove(project, revision="forged", base="main")
    assert bad.findings == here.findings
    assert {s.address: s.verdict for s in bad.stages} == {s.address: s.verdict for s in here.stages}


def workflows(kubeconfig: Path, namespace: str) -> list[str]:
    return kubectl(kubeconfig, "-n", namespace, "get", "workflows", "-o", "name").split()


def test_what_is_shown_is_what_the_server_takes(
    project: Project, kubeconfig: Path, namespace: str
) -> None:
    before = objects(kubeconfig, namespace)
    for on in ENGINES:
        with (
            contextlib.suppress(pytest.skip.Exception),
            command(project, kubeconfig, "--on", engine(kubeconfig, on), "--dry-run") as process,
        ):
            text, err = process.communicate(timeout=100)
            assert process.returncode == 0, err
            kubectl(kubeconfig, "apply", "--server-side", "--dry-run=server",
                    "--validate=strict", "-f", "-", given=text)  # fmt: skip
            assert [o["metadata"]["namespace"] for o in yaml.safe_load_all(text)] == [namespace] * 2
    assert objects(kubeconfig, namespace) == before


def test_who_leaves_finds_the_run_again(project: Project, kubeconfig: Path) -> None:
    with command(project, kubeconfig, "--on", "kubernetes", "--detach") as process:
        out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    run = out.strip()
    code, report, said = ran(project, kubeconfig, "--attach", run)
    assert code == 0, said
    assert report.verdict is Verdict.PASSED
    again = ran(project, kubeconfig, "--attach", run)[1]
    assert again.core() == report.core()


def test_interrupted_it_leaves_nothing(project: Project, kubeconfig: Path, namespace: str) -> None:
    before = set(objects(kubeconfig, namespace))
    with command(project, kubeconfig, "--on", "kubernetes") as process:
        wait_until(lambda: set(objects(kubeconfig, namespace)) - before)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=100)
    assert process.returncode == 130
    wait_until(lambda: set(objects(kubeconfig, namespace)) <= before)


def changed(project: Project, tmp_path: Path, **policy: str) -> Project:
    """The same repository, with another policy in its work tree, which is whose word counts."""
    text = (project.root / "lockproof.toml").read_text()
    for key, value in policy.items():
        name = key.replace("_", "-")
        lines = [line for line in text.splitlines() if not line.startswith(f"{name} =")]
        text = "\n".join([*lines, f"{name} = {value}"])
    subprocess.run(["git", "clone", "-q", str(project.root), str(tmp_path / "clone")], check=True)
    (tmp_path / "clone" / "lockproof.toml").write_text(text)
    return Project(tmp_path / "clone", project.remote)


TROUBLE: list[tuple[str, dict[str, Any], str]] = [
    ("no image", {"image": '"localhost/nothing:1"', "deadline": '"20s"'}, "Image"),
    ("no room", {"cpu": '"900"', "deadline": '"20s"'}, "Insufficient cpu"),
    (
        "no commit",
        {"repository": '"git://files/other.git"', "retries": "0"},
        "could not be fetched",
    ),
    ("out of time", {"deadline": '"1s"'}, "DeadlineExceeded"),
    ("out of memory", {"memory": '"24Mi"', "retries": "0"}, "exit code"),
]


@pytest.mark.parametrize(("name", "policy", "reason"), TROUBLE, ids=[t[0] for t in TROUBLE])
def test_trouble_is_no_verdict(
    project: Project,
    kubeconfig: Path,
    tmp_path: Path,
    name: str,
    policy: dict[str, str],
    reason: str,
) -> None:
    other = changed(project, tmp_path, **policy)
    code, report, said = ran(other, kubeconfig, "--on", "kubernetes")
    assert code == 5, said
    assert report.verdict is Verdict.INCONCLUSIVE
    assert {s.skipped for s in report.stages} == {SkipReason.NOT_REPORTED}
    assert reason in report.findings[0].message
