"""The components by which `lockproof canary` judges the platform's own rollout.

One has a service that is asked over HTTP, the other makes Jobs.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from lockproof.cli.main import build_parser, main
from lockproof.parse.canary_checks import read_canary_checks, with_hashes
from lockproof.steps.canary.serve import Looks, Serving
from lockproof.steps.provision.manifests import load_manifests

ROOT = Path(__file__).resolve().parents[2]
CONTROL = ROOT / "control-plane"
DIGEST = "sha256:" + 64 * "a"
Body = dict[str, Any]


def clone(root: Path, component: str) -> Path:
    """One whose local overlay takes a component, and names an image."""
    shutil.copytree(CONTROL, root / "control-plane", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "lockproof.toml", root)
    path = root / "control-plane/overlays/local/kustomization.yaml"
    overlay = yaml.safe_load(path.read_text())
    overlay["components"].append(f"../../components/{component}")
    image = {"name": "lockproof", "newName": "registry.example/lockproof", "digest": DIGEST}
    overlay["images"] = [image]
    path.write_text(yaml.safe_dump(overlay))
    for argv in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *argv], cwd=root, check=True)
    return root


def bodies_of(root: Path) -> list[Body]:
    overlay = root / "control-plane/overlays/local"
    return [dict(one.body) for one in load_manifests(root, overlay)]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone(tmp_path_factory.mktemp("repository"), "canary")


@pytest.fixture(scope="module")
def bodies(repository: Path) -> list[Body]:
    return bodies_of(repository)


@pytest.fixture(scope="module")
def with_jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone(tmp_path_factory.mktemp("with-jobs"), "canary-job")


def one(bodies: list[Body], kind: str, name: str) -> Body:
    (found,) = (b for b in bodies if (b["kind"], b["metadata"]["name"]) == (kind, name))
    return found


def test_its_file_of_checks_is_the_default_but_for_what_takes_a_clone() -> None:
    default = (CONTROL / "ci-cd/checks/canary-checks.yaml").read_text()
    own = (CONTROL / "components/canary/canary-checks.yaml").read_text()
    assert default.startswith(own)
    drifts = read_canary_checks(default.encode(), "default").spec.drifts
    assert read_canary_checks(own.encode(), "own").spec.drifts == tuple(
        drift for drift in drifts if drift.reference is None
    )


def test_the_drifts_of_the_default_are_of_what_the_model_server_counts() -> None:
    """In its own tests (test_model_server.py) it counts by these arguments, under these names."""
    default = (CONTROL / "ci-cd/checks/canary-checks.yaml").read_bytes()
    rollout = yaml.safe_load((CONTROL / "gitops/rollout-canary.yaml").read_text())
    (model,) = (
        c for c in rollout["spec"]["template"]["spec"]["containers"] if c["name"] == "model"
    )
    said = dict(word.removeprefix("--").split("=", 1) for word in model["args"])
    for drift in read_canary_checks(default, "default").spec.drifts:
        if drift.classes is not None:
            assert list(drift.classes.values) == said["classes"].split(",")
        else:
            assert drift.histogram
            (name,) = re.findall(r'input="(.*?)"', drift.histogram.buckets)
            row, column = name.removeprefix("pixel_")
            assert f"{name}={8 * int(row) + int(column)}" in said["inputs"].split(",")
            assert set(drift.histogram.bounds) <= {float(b) for b in said["bounds"].split(",")}


def test_the_platform_with_it_passes_lint(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", "control-plane", "-C", str(repository)]) == 0, capsys.readouterr().out


def test_argo_cd_may_apply_into_its_namespace(bodies: list[Body]) -> None:
    allowed = one(bodies, "AppProject", "lockproof")["spec"]["destinations"]
    assert "canary" in {destination["namespace"] for destination in allowed}


def test_the_rollout_asks_it_first_and_thresholds_later(bodies: list[Body]) -> None:
    steps = one(bodies, "Rollout", "digits")["spec"]["strategy"]["canary"]["steps"]
    asked = [
        [template["templateName"] for template in step["analysis"]["templates"]]
        for step in steps
        if "analysis" in step
    ]
    assert asked == [["model-canary"], *[["model-errors", "model-latency"]] * 2]


def test_what_the_template_asks_is_answered(bodies: list[Body], tmp_path: Path) -> None:
    template = one(bodies, "AnalysisTemplate", "model-canary")["spec"]
    (metric,) = template["metrics"]
    web = metric["provider"]["web"]
    url = urlsplit(web["url"])
    service = one(bodies, "Service", "lockproof-canary")
    names = service["metadata"]
    assert url.hostname == f"{names['name']}.{names['namespace']}.svc"
    assert [port["port"] for port in service["spec"]["ports"]] == [80]
    given = {f"{{{{args.{arg['name']}}}}}" for arg in template["args"]}
    assert set(re.findall(r"{{.*?}}", web["url"])) == given
    # Its parameters are those that the service takes, and its checks are among those it has.
    pod = one(bodies, "Deployment", "lockproof-canary")["spec"]["template"]["spec"]
    (name,) = (v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v)
    content = one(bodies, "ConfigMap", name)["data"]["canary-checks.yaml"]
    (tmp_path / "canary-checks.yaml").write_text(content)
    parameters = {k: "a1" if k == "canary" else "b2" if k == "stable" else v
                  for k, v in parse_qsl(url.query)}  # fmt: skip
    from lockproof.adapters.prometheus.client import Access
    from lockproof.cli.plain_progress import SilentProgress

    serving = Serving(tmp_path, (Path("canary-checks.yaml"),), Access("http://x"), "127.0.0.1", 0)
    looks = Looks(serving, SilentProgress())
    request = looks._request(parameters, looks._read())
    spec = read_canary_checks(content.encode(), "c").spec
    assert request.hashes == ("a1", "b2")
    assert "a1" in with_hashes(spec, request.hashes, "c").arms.canary

    # Its limits let neither silence nor a count of looks pass, and wait for the horizon.
    assert metric["count"] > spec.intervals
    assert metric["inconclusiveLimit"] < metric["count"]
    assert (metric["failureLimit"], metric["consecutiveSuccessLimit"]) == (0, 1)
    assert (metric["successCondition"], metric["failureCondition"]) == (
        'result == "passed"',
        'result == "failed"',
    )
    assert web["timeoutSeconds"] > serving.seconds


def test_its_pod_is_confined_and_its_command_exists(bodies: list[Body]) -> None:
    pod = one(bodies, "Deployment", "lockproof-canary")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == f"registry.example/lockproof@{DIGEST}"
    assert not pod["automountServiceAccountToken"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    words = [*container["command"], *container["args"]]
    parsed = build_parser(["canary"]).parse_args(words[1:])
    assert parsed.action == "serve"
    assert parsed.listen == ("0.0.0.0", container["ports"][0]["containerPort"])
    roles = [b for b in bodies if b["kind"].endswith("Binding")]
    assert "lockproof-canary" not in str(roles)


def test_the_quotas_with_it_fit_the_node_as_they_did(bodies: list[Body]) -> None:
    quotas = {b["metadata"]["namespace"]: b["spec"]["hard"] for b in bodies
              if b["kind"] == "ResourceQuota"}  # fmt: skip
    memory = sum(_mebibytes(quota["requests.memory"]) for quota in quotas.values())
    cpu = sum(int(quota["requests.cpu"].removesuffix("m")) for quota in quotas.values())
    assert cpu + 450 <= 1930
    assert memory + 556 <= 7000
    # A canary has one pod more than replicas.
    rollout = one(bodies, "Rollout", "digits")["spec"]
    most = rollout["replicas"] + rollout["strategy"]["canary"]["maxSurge"]
    assert most * _requested(rollout) <= _mebibytes(quotas["serving"]["requests.memory"])
    service = one(bodies, "Deployment", "lockproof-canary")["spec"]
    assert _requested(service) <= _mebibytes(quotas["canary"]["requests.memory"])


def test_the_platform_with_jobs_passes_lint(
    with_jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", "control-plane", "-C", str(with_jobs)]) == 0, capsys.readouterr().out


def test_a_job_is_confined_and_its_command_exists(with_jobs: Path, tmp_path: Path) -> None:
    bodies = bodies_of(with_jobs)
    template = one(bodies, "AnalysisTemplate", "model-canary")["spec"]
    (metric,) = template["metrics"]
    assert set(metric["provider"]) == {"job"}
    job = metric["provider"]["job"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == f"registry.example/lockproof@{DIGEST}"
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert "lockproof-canary" not in str([b for b in bodies if b["kind"].endswith("Binding")])
    # What it names is in the namespace in which it is made: lint cannot see that.
    account = one(bodies, "ServiceAccount", pod["serviceAccountName"])
    assert account["metadata"]["namespace"] == "canary"
    (volume,) = pod["volumes"]
    checks = one(bodies, "ConfigMap", volume["configMap"]["name"])
    assert checks["metadata"]["namespace"] == "canary"
    (tmp_path / "canary-checks.yaml").write_text(checks["data"]["canary-checks.yaml"])
    words = [*container["command"], *container["args"]]
    given = {arg["name"] for arg in template["args"]}
    assert set(re.findall(r"{{args.(.*?)}}", str(words))) == given
    parsed = build_parser(["canary"]).parse_args(
        [re.sub(r"{{args.(.).*?}}", r"\1", word) for word in words[1:]]
    )
    assert (parsed.action, parsed.hashes, parsed.since) == ("watch", ("c", "s"), "first")
    assert parsed.checks.name in checks["data"]
    # The name of the Job, by the label that its controller gives its pods.
    assert parsed.argo_job == "$(JOB)"
    assert container["env"] == [
        {"name": "JOB", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['job-name']"}}}
    ]
    # Only what the command says of the canary fails a Job; a pod that was killed is made anew.
    assert job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [1]
    assert "activeDeadlineSeconds" not in {*job, *pod}


def test_jobs_are_made_where_their_pods_may_be(with_jobs: Path) -> None:
    bodies = bodies_of(with_jobs)
    sources = one(bodies, "Application", "argo-rollouts")["spec"]["sources"]
    values = sources[0]["helm"]["valuesObject"]["controller"]["extraEnv"]
    assert values == [{"name": "ARGO_ROLLOUTS_ANALYSIS_JOB_NAMESPACE", "value": "canary"}]
    job = one(bodies, "AnalysisTemplate", "model-canary")["spec"]["metrics"][0]["provider"]["job"]
    labels = job["spec"]["template"]["metadata"]["labels"]
    policy = one(bodies, "NetworkPolicy", "lockproof-canary-job")["spec"]
    assert policy["podSelector"]["matchLabels"] == labels
    assert "ingress" not in policy
    assert "Ingress" in policy["policyTypes"], "so nobody reaches it"
    quotas = {b["metadata"]["namespace"]: b["spec"]["hard"] for b in bodies
              if b["kind"] == "ResourceQuota"}  # fmt: skip
    assert _requested(job["spec"]) <= _mebibytes(quotas["canary"]["requests.memory"])
    assert {b["kind"] for b in bodies if b["metadata"].get("namespace") == "canary"} == {
        "ConfigMap", "NetworkPolicy", "ResourceQuota", "ServiceAccount",
    }  # fmt: skip


def test_a_baseline_is_as_large_as_the_canary_and_fits(tmp_path: Path) -> None:
    bodies = bodies_of(clone(tmp_path, "canary-baseline"))
    rollout = one(bodies, "Rollout", "digits")["spec"]
    steps = rollout["strategy"]["canary"]["steps"]
    experiment = steps[0]["experiment"]
    arms = {
        t["specRef"]: (t["name"], t["replicas"], t["metadata"]) for t in experiment["templates"]
    }
    assert arms.keys() == {"stable", "canary"}
    assert len({replicas for _, replicas, _ in arms.values()}) == 1
    assert arms["stable"][2] != arms["canary"][2]
    (analysis,) = experiment["analyses"]
    assert analysis["requiredForCompletion"]
    given = {arg["name"]: arg["value"] for arg in analysis["args"]}
    assert given == {
        f"{kind}-hash": f"{{{{templates.{arms[kind][0]}.podTemplateHash}}}}"
        for kind in ("canary", "stable")
    }
    template = one(bodies, "AnalysisTemplate", analysis["templateName"])["spec"]
    assert given.keys() == {arg["name"] for arg in template["args"]}
    # It is judged once, before it gets a share of the Rollout's own pods.
    asked = [
        template["templateName"]
        for step in steps
        for template in step.get("analysis", {}).get("templates", ())
    ]
    assert "model-canary" not in asked
    assert [step["setWeight"] for step in steps if "setWeight" in step] == [25, 50, 75, 100]
    most = rollout["replicas"] + sum(replicas for _, replicas, _ in arms.values())
    (quota,) = (b for b in bodies if b["kind"] == "ResourceQuota"
                and b["metadata"]["namespace"] == "serving")  # fmt: skip
    assert most * _requested(rollout) <= _mebibytes(quota["spec"]["hard"]["requests.memory"])


def _requested(spec: Body) -> int:
    containers = spec["template"]["spec"]["containers"]
    return sum(_mebibytes(c["resources"]["requests"]["memory"]) for c in containers)


def _mebibytes(quantity: str) -> int:
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]
