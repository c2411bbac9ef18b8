"""The components by which the platform proves the default branch every night."""

import copy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.pipelines import new_project
from integration.test_canary_component import CONTROL, DIGEST, ROOT, bodies_of, one
from lockproof.cli.main import main
from lockproof.steps.cluster.compile import compile_plan
from unit.cluster.plans import STAGES, make_plan, with_policy

Body = dict[str, Any]
IMAGE = "registry.example/prover@sha256:" + 64 * "a"
REPOSITORY = "https://git.example/ml/repo.git"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose local overlay takes both components, as the second of them says."""
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(CONTROL, root / "control-plane", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "lockproof.toml", root)
    overlay = root / "control-plane/overlays/local"
    inputs = overlay / "inputs.yaml"
    before = inputs.read_text()
    inputs.write_text(before.replace("https://github.com/lockproof/lockproof", REPOSITORY))
    path = overlay / "kustomization.yaml"
    content = yaml.safe_load(path.read_text())
    said = (root / "control-plane/components/nightly/kustomization.yaml").read_text()
    lines = [line.removeprefix("#   ") for line in said.splitlines() if line.startswith("#   ")]
    advice = yaml.safe_load("\n".join(lines).replace("registry.example/ml/prover@sha256:…", IMAGE))
    content["components"] += advice["components"]
    content["patches"] += advice["patches"]
    path.write_text(yaml.safe_dump(content))
    for argv in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *argv], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def bodies(repository: Path) -> list[Body]:
    return bodies_of(repository)


@pytest.fixture
def template(bodies: list[Body]) -> Body:
    found = one(bodies, "CronWorkflow", "nightly-proof")["spec"]["workflowSpec"]["templates"]
    assert len(found) == 1
    return copy.deepcopy(dict(found[0]))


def test_the_platform_with_it_passes_lint(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["lint", "control-plane/overlays/local", "-C", str(repository)]
    for family in ("schema", "kustomize", "references", "policies", "budget"):
        words += ["--only", family]
    assert main(words) == 0, capsys.readouterr().out


def test_the_platform_with_the_canarys_jobs_beside_it_passes_lint(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All at once: what they take of the quotas, and the namespaces that Argo CD may write to."""
    root = shutil.copytree(repository, tmp_path / "all")
    path = root / "control-plane/overlays/local/kustomization.yaml"
    content = yaml.safe_load(path.read_text())
    content["components"].append("../../components/canary-job")
    content["images"] = [{"name": "lockproof", "newName": "registry.example/lockproof",
                          "digest": DIGEST}]  # fmt: skip
    path.write_text(yaml.safe_dump(content))
    assert main(["lint", "control-plane", "-C", str(root)]) == 0, capsys.readouterr().out
    found = bodies_of(root)
    allowed = one(found, "AppProject", "lockproof")["spec"]["destinations"]
    used = {b["metadata"]["namespace"] for b in found if "namespace" in b["metadata"]}
    assert {"canary", "argo", "proofs"} <= used
    assert used <= {destination["namespace"] for destination in allowed}


def test_the_overlay_names_its_image_once_and_the_repository_of_its_inputs(
    bodies: list[Body],
) -> None:
    spec = one(bodies, "CronWorkflow", "nightly-proof")["spec"]
    given = {p["name"]: p["value"] for p in spec["workflowSpec"]["arguments"]["parameters"]}
    assert given == {"image": IMAGE, "repository": REPOSITORY, "directory": "."}
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["workflowSpec"]["activeDeadlineSeconds"] < 86400, "it ends before the next one"


def test_its_pod_is_that_of_reproduce_on_argo(bodies: list[Body], template: Body) -> None:
    """But for what it is told: no order, no commit, an exit code in place of a sealed report."""
    plan = with_policy(
        make_plan(STAGES[0], mode="chain"),
        namespace="proofs",
        git_secret="git-reader",
        secrets=["dvc-remote"],
        service_account="nightly-proof",
    )
    workflow = compile_plan(plan)[1]["spec"]
    wanted = next(t for t in workflow["templates"] if "container" in t)
    for body in (wanted, template):
        for container in (body["container"], *body["initContainers"]):
            container["env"] = {each["name"]: each["value"] for each in container["env"]}
    main_wanted, main_here = wanted["container"], template["container"]
    (fetch_wanted,), (fetch_here,) = wanted["initContainers"], template["initContainers"]

    for container in (main_here, fetch_here):
        assert container.pop("image") == "{{workflow.parameters.image}}"
    for container in (main_wanted, fetch_wanted):
        container.pop("image")
    script = fetch_wanted["command"][2]
    for old, new in (
        ('"$COMMIT" "$BASE"\n', "HEAD\n"),
        ('"$COMMIT"\ntest "$(git rev-parse HEAD)" = "$COMMIT"\n', "FETCH_HEAD\n"),
    ):
        assert old in script
        script = script.replace(old, new)
    fetch_wanted["command"][2] = script
    for name in ("COMMIT", "BASE"):
        del fetch_wanted["env"][name]
    fetch_wanted["env"]["REPOSITORY"] = "{{workflow.parameters.repository}}"
    assert fetch_here == fetch_wanted

    for option in ("--isolation required", "--no-reuse"):
        assert option in " ".join(main_wanted["command"])
        assert option in main_here["command"][2]
    del main_wanted["command"], main_here["command"]
    assert main_here["env"].pop("DIRECTORY") == "{{workflow.parameters.directory}}"
    (source,) = main_here["envFrom"]
    assert source["secretRef"].pop("optional") is True
    assert main_wanted["volumeMounts"].pop()["name"] == "order"
    assert main_here == main_wanted

    volumes = {v["name"]: v for v in wanted["volumes"]}
    del volumes["order"]
    volumes["git"]["secret"]["optional"] = True
    assert {v["name"]: v for v in template["volumes"]} == volumes
    for key in ("securityContext", "retryStrategy"):
        assert template[key] == wanted[key]
    spec = one(bodies, "CronWorkflow", "nightly-proof")["spec"]["workflowSpec"]
    for key in ("serviceAccountName", "automountServiceAccountToken", "executor"):
        assert spec[key] == workflow[key]


ENDS = [(0, True, 0), (1, True, 1), (1, False, 3), (2, False, 2), (5, True, 5), (4, False, 4)]


@pytest.mark.parametrize(("code", "report", "verdict"), ENDS)
def test_a_program_that_does_not_start_is_no_verdict(
    template: Body, tmp_path: Path, code: int, report: bool, verdict: int
) -> None:
    """With a stand-in for lockproof, which ends as it is told."""
    program = tmp_path / "lockproof"
    write = f"echo '{{}}' > {tmp_path}/report.json\n" if report else ""
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\n{write}exit {code}\n')
    program.chmod(0o755)
    text = template["container"]["command"][2].replace("/work", str(tmp_path))
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "DIRECTORY": "ml/one model"}
    done = subprocess.run(["/bin/sh", "-c", text], env=environment, check=False)
    assert done.returncode == verdict
    said = (tmp_path / "said").read_text()
    assert said.startswith("-C /clone/repository/ml/one model reproduce HEAD ")


def test_it_fetches_the_default_branch_whatever_its_name(template: Body, tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write({"one": "1"})
    project.commit()
    project.git("checkout", "-q", "-b", "trunk-2")
    project.write({"two": "2"})
    head = project.commit()
    text = template["initContainers"][0]["command"][2].replace("/clone", str(tmp_path / "clone"))
    (tmp_path / "clone").mkdir()
    environment = {**project.environment(), "REPOSITORY": f"file://{project.root}", "DEPTH": ""}
    subprocess.run(["/bin/sh", "-c", text], env=environment, check=True)
    argv = ["git", "rev-parse", "HEAD"]
    clone = tmp_path / "clone/repository"
    done = subprocess.run(argv, cwd=clone, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == head


def _room(quota: Body) -> tuple[int, int]:
    hard = quota["spec"]["hard"]
    cpu, memory = hard["requests.cpu"], hard["requests.memory"]
    return int(cpu.removesuffix("m")), int(memory.removesuffix("Mi"))


def test_the_controller_fits_the_small_node_and_a_proof_its_quota(
    bodies: list[Body], template: Body
) -> None:
    quotas = {b["metadata"]["namespace"]: _room(b) for b in bodies if b["kind"] == "ResourceQuota"}
    proofs = quotas.pop("proofs")  # On another node.
    assert sum(cpu for cpu, _ in quotas.values()) + 450 <= 1930
    assert sum(memory for _, memory in quotas.values()) + 556 <= 7000
    application = one(bodies, "Application", "argo-workflows")["spec"]
    values = application["sources"][0]["helm"]["valuesObject"]
    asked = values["controller"]["resources"]["requests"]
    assert int(asked["cpu"].removesuffix("m")) <= quotas["argo"][0]
    assert int(asked["memory"].removesuffix("Mi")) <= quotas["argo"][1]
    beside = values["executor"]["resources"]["requests"]
    own = template["container"]["resources"]["requests"]
    assert (own["cpu"], own["memory"]) == ("1", "2Gi")
    both = (
        1000 + int(beside["cpu"].removesuffix("m")),
        2048 + int(beside["memory"].removesuffix("Mi")),
    )
    assert both == proofs, "two proofs at one time would be one too many"


def test_argos_own_containers_are_let_into_the_namespace(bodies: list[Body]) -> None:
    """Refused on a real node, all of them, by the standard that the namespace asks for."""
    labels = one(bodies, "Namespace", "proofs")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    application = one(bodies, "Application", "argo-workflows")["spec"]
    executor = application["sources"][0]["helm"]["valuesObject"]["executor"]["securityContext"]
    assert executor["allowPrivilegeEscalation"] is False
    assert executor["capabilities"] == {"drop": ["ALL"]}


def test_argo_cd_may_bring_it_and_finds_no_secret(bodies: list[Body]) -> None:
    allowed = {
        project: {
            d["namespace"] for d in one(bodies, "AppProject", project)["spec"]["destinations"]
        }
        for project in ("lockproof", "controllers")
    }
    assert {"argo", "proofs"} <= allowed["lockproof"]
    application = one(bodies, "Application", "argo-workflows")["spec"]
    assert application["destination"]["namespace"] in allowed["controllers"]
    rollouts = one(bodies, "Application", "argo-rollouts")["spec"]
    assert application["sources"][1] == rollouts["sources"][1], "the platform at the same commit"
    projects = one(bodies, "AppProject", "controllers")["spec"]["sourceRepos"]
    assert application["sources"][0]["repoURL"] in projects
    mine = [b for b in bodies if b["metadata"].get("namespace") == "proofs"]
    assert "Secret" not in {b["kind"] for b in mine}
    (role,) = (b for b in mine if b["kind"] == "Role")
    assert [(r["resources"], r["verbs"]) for r in role["rules"]] == [
        (["workflowtaskresults"], ["create", "patch"])
    ]


def test_its_alerts_pass_their_unit_tests_and_ask_for_what_is_exported(
    bodies: list[Body], template: Body, tmp_path: Path
) -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("no promtool on PATH (Debian package prometheus)")
    rules = one(bodies, "PrometheusRule", "nightly-proof")["spec"]
    (tmp_path / "nightly-rules.yaml").write_text(yaml.safe_dump(rules))
    shutil.copy(CONTROL / "components/nightly/tests/nightly-rules.test.yaml", tmp_path)
    argv = [promtool, "test", "rules", "nightly-rules.test.yaml"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = template["metrics"]["prometheus"]
    assert {(m["when"], m["labels"][0]["value"]) for m in metrics} == {
        ("{{exitCode}} == 0", "passed"),
        ("{{exitCode}} == 1", "failed"),
    }
    (name,) = {m["name"] for m in metrics}
    assert len({m["help"] for m in metrics}) == 1, "Argo takes one help for a name"
    for rule in rules["groups"][0]["rules"]:
        assert f"argo_workflows_{name}" in rule["expr"]
