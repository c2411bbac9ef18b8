"""The CI files: what linters and published schemas say of them, and what their scripts do."""

import ast
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.pipelines import new_project
from integration.workflows import ROOT, script, tool, write_files
from lockproof.model.workflow import CiSystem
from lockproof.render.workflows import PLACES, STEPS, pins
from lockproof.steps.init import Choices, plan

READ = (("AWS_ACCESS_KEY_ID", "LOCKPROOF_READ"),)
IMAGE = "registry.example/lockproof:1.0@sha256:" + "0" * 64
MODELS = {"models": ("digits",), "model_install": "make setup"}
VARIANTS = [
    {
        "install": "make setup",
        "gate_install": "make setup-gate",
        "canary": ("deploy",),
        "rule_tests": True,
        **MODELS,
    },
    {
        "install": "",
        "root": "ml/model",
        "secrets": READ,
        "proof": True,
        "models": ("digits", "another one"),
        "signing": "key",
        "registry": True,
    },
    {
        "runner": "dagger",
        "module": "github.com/lockproof/lockproof@v1",
        "secrets": READ,
        "proof": True,
        "canary": ("deploy",),
        "rule_tests": True,
    },
    {
        "runner": "dagger",
        "module": ".",
        "engine": "tcp://dagger.dagger:1234",
        "gpu_engine": "tcp://dagger-gpu.dagger:1234",
        "tool_image": IMAGE,
        "canary": ("deploy",),
        **MODELS,
        "signing": "sigstore",
    },
    {**MODELS, "install": "make setup", "signing": "key", "registers": False},
    {**MODELS, "install": "make setup", "nightly": "17 3 * * *"},
]
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
OWN = Choices(
    systems=("github", "gitlab"),
    branch="main",
    install="make setup",
    gate_install="make setup-gate",
    bin=".venv/bin",
)
"""As `make ci-files` says it."""


def passes(*command: object, cwd: Path | None = None) -> None:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_files_of_this_repository_are_the_ones_that_init_makes() -> None:
    planned = plan(ROOT, OWN)
    assert [change.path for change in planned.changes] == [], "run `make ci-files`"
    assert {path for files in PLACES.values() for path in files} <= set(planned.kept)


@pytest.mark.parametrize("choices", VARIANTS)
def test_github_files_pass_their_linters(tmp_path: Path, choices: dict[str, object]) -> None:
    files = write_files(tmp_path, "github", **choices)
    passes(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files)
    passes(tool("zizmor"), "--offline", "--no-config", "--persona=pedantic", *files)


@pytest.mark.parametrize("choices", VARIANTS)
def test_actionlint_finds_nothing(tmp_path: Path, choices: dict[str, object]) -> None:
    actionlint = tool("actionlint")
    passes(actionlint, "-no-color", *write_files(tmp_path, "github", **choices))


def test_the_release_passes_its_linters_and_uses_what_is_pinned() -> None:
    file = ROOT / ".github/workflows/release.yaml"
    uses = re.findall(r"uses: (.+)", file.read_text())
    known = {f"{p['repository']}@{p['commit']} # {p['version']}" for p in pins()["action"].values()}
    assert uses
    assert set(uses) <= known, "what `make pins` brings goes into release.yaml as well"
    passes(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", file)
    passes(tool("zizmor"), "--offline", "--no-config", "--persona=pedantic", file)
    passes(tool("actionlint"), "-no-color", file)


@pytest.mark.parametrize("choices", VARIANTS)
def test_gitlab_files_have_the_published_form(tmp_path: Path, choices: dict[str, object]) -> None:
    files = write_files(tmp_path, "gitlab", **choices)
    schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    passes(tool("check-jsonschema"), *schema, *files, ROOT / ".gitlab-ci.yml")


def test_everything_from_outside_is_pinned(tmp_path: Path) -> None:
    files = write_files(tmp_path, "github", install="true", canary=("deploy",))
    uses = [each for file in files for each in re.findall(r"uses: (.+)", file.read_text())]
    assert uses
    assert [each for each in uses if not PINNED.fullmatch(each)] == []
    for file in write_files(tmp_path, "gitlab", install="true"):
        images = re.findall(r"image: (.+)", file.read_text())
        assert images
        assert [each for each in images if not re.search(r"@sha256:[0-9a-f]{64}$", each)] == []


@pytest.mark.parametrize("genuine", [True, False])
def test_gitlab_installs_no_dagger_but_the_pinned_one(tmp_path: Path, genuine: bool) -> None:
    """With a stand-in for wget; what it brings is genuine if its digest is the pinned one."""
    file = write_files(tmp_path, "gitlab", runner="dagger", module=".")[0]
    [text] = yaml.safe_load(file.read_text())[".lockproof"]["before_script"]
    bin_folder, installed = tmp_path / "bin", tmp_path / "installed"
    temporary = tmp_path / "tmp"
    for folder in (bin_folder, installed, tmp_path / "archive", temporary):
        folder.mkdir()
    for name in ("sh", "uname", "mktemp", "sha256sum", "tar", "gzip", "mv", "cp", "rm"):
        (bin_folder / name).symlink_to(tool(name))
    (tmp_path / "archive" / "dagger").write_text("a program")
    archive = tmp_path / "dagger.tar.gz"
    subprocess.run(["tar", "czf", archive, "-C", tmp_path / "archive", "dagger"], check=True)
    wget = bin_folder / "wget"
    wget.write_text(f'#!/bin/sh\necho "$4" > {tmp_path}/asked\ncp {archive} "$3"\n')
    wget.chmod(0o755)
    if genuine:
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        text = re.sub(r"sum=[0-9a-f]{64}", f"sum={digest}", text)
    text = text.replace("/usr/local/bin/", f"{installed}/")
    argv = ["sh", "-e", "-c", text]
    env = {"PATH": str(bin_folder), "TMPDIR": str(temporary)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert (done.returncode == 0) == genuine, done.stderr
    assert bool([*temporary.iterdir()]) != genuine, "nothing stays of what is installed"
    assert [path.name for path in installed.iterdir()] == (["dagger"] if genuine else [])
    version = pins()["program"]["dagger"]["version"]
    place = f"https://dl.dagger.io/dagger/releases/{version}/dagger_v{version}_linux_"
    assert (tmp_path / "asked").read_text().startswith(place)


def test_a_pin_says_where_it_was_found() -> None:
    for kind, named in pins().items():
        for name, pin in named.items():
            place = f"{kind}.{name}"
            assert pin["source"].startswith("https://"), place
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", pin["date"]), place
            keys = {"action": ["commit"], "image": ["digest"], "program": ["amd64", "arm64"]}[kind]
            form = {"action": r"[0-9a-f]{40}", "image": r"sha256:[0-9a-f]{64}"}
            for key in keys:
                assert re.fullmatch(form.get(kind, r"[0-9a-f]{64}"), pin[key]), place
    engine = json.loads((ROOT / "dagger.json").read_text())["engineVersion"]
    assert engine == f"v{pins()['program']['dagger']['version']}"


def test_no_job_that_runs_code_of_a_pull_request_may_write(tmp_path: Path) -> None:
    [path] = write_files(tmp_path, "github", install="make setup")
    content: Any = yaml.safe_load(path.read_text())
    assert content["permissions"] == {}
    for name, job in content["jobs"].items():
        writes = [key for key, value in job["permissions"].items() if value == "write"]
        uses = [step.get("uses", "") for step in job["steps"]]
        checks_out = any(each.startswith("actions/checkout@") for each in uses)
        assert bool(writes) == name.startswith("publish-")
        assert not (writes and checks_out)
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "expressions reach a shell by `env` only"


VERDICTS = [
    # gate, affected, reproduce; how many stages; exit code; what is said
    ("success success success", "3", 0, "every affected stage was proved"),
    ("success success skipped", "0", 0, "no stage is affected"),
    ("success success skipped", "2", 1, "code of a fork"),
    ("success success failure", "2", 1, "reproduce: failure"),
    ("success success cancelled", "2", 1, "reproduce: cancelled"),
    ("success failure skipped", "", 1, "affected: failure"),
    ("success cancelled skipped", "0", 1, "affected: cancelled"),
    ("failure success success", "3", 1, "gate: failure; every affected stage was proved"),
    ("failure success skipped", "0", 1, "gate: failure; no stage is affected"),
    ("skipped success success", "3", 1, "gate: skipped"),
    ("cancelled success success", "3", 1, "gate: cancelled"),
]


@pytest.mark.parametrize("fork", ["true", "false"])
@pytest.mark.parametrize(("results", "stages", "code", "says"), VERDICTS)
def test_silence_is_no_verdict(
    tmp_path: Path, results: str, stages: str, code: int, says: str, fork: str
) -> None:
    [path] = write_files(tmp_path, "github")
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script(path, "verdict", "Decide")],
        env={
            **dict(zip(("GATE", "AFFECTED", "REPRODUCE"), results.split(), strict=True)),
            "STAGES": stages,
            "FORK": fork,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert says in done.stdout
    assert done.stdout.startswith("::error " if code else "passed: ")
    assert ("a fork has no secrets" in done.stdout) == (code == 1 and fork == "true")
    assert done.stdout.count("\n") == 1


def jobs(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content.get("jobs", content)


def test_the_gate_answers_early_unless_it_has_to_wait_for_a_proof(tmp_path: Path) -> None:
    [path] = write_files(tmp_path / "early", "github")
    assert "needs" not in jobs(path)["gate"]
    assert set(jobs(path)["verdict"]["needs"]) == {"gate", "affected", "reproduce"}
    assert "stages != '0'" in jobs(path)["reproduce"]["if"]
    main, child = write_files(tmp_path / "early", "gitlab")
    assert jobs(main)["lockproof-gate"]["needs"] == []
    assert "lockproof-gate" not in jobs(child)

    [path] = write_files(tmp_path / "late", "github", proof=True)
    assert jobs(path)["gate"]["needs"] == ["affected", "reproduce"]
    assert "--report" in script(path, "gate", "Gate")
    assert "stages" not in jobs(path)["reproduce"]["if"], "without a report nothing passes"
    main, child = write_files(tmp_path / "late", "gitlab", proof=True)
    assert "lockproof-gate" not in jobs(main)
    gate = jobs(child)["lockproof-gate"]
    assert [need["job"] for need in gate["needs"]] == ["lockproof", "lockproof-gpu"]
    assert gate["rules"] == [{"when": "always"}]


@pytest.mark.parametrize("signing", ["", "key"])
def test_a_night_proves_all_and_signs_nothing(tmp_path: Path, signing: str) -> None:
    choices: dict[str, Any] = {**MODELS, "signing": signing}
    for nightly in ("17 3 * * *", ""):
        files = write_files(tmp_path / "gitlab", "gitlab", **choices, nightly=nightly)
        [path] = write_files(tmp_path, "github", **choices, nightly=nightly)
        content = yaml.safe_load(path.read_text())
        times = content[True].get("schedule")  # YAML 1.1 takes `on` for true.
        assert times == ([{"cron": nightly}] if nightly else None)
        group = content["concurrency"]["group"]
        assert ("'schedule' && 'nightly'" in group) == bool(nightly), "no merge waits for a night"
        first = jobs(path)["attest" if signing else "register"]
        assert ("github.event_name != 'schedule'" in first["if"]) == bool(nightly)
        if signing:
            assert jobs(path)["register"]["needs"] == "attest"
        for name in ("gate", "affected", "reproduce", "verdict"):
            assert "schedule" not in str(jobs(path)[name].get("if"))
        main, child = map(jobs, files)
        told = {"LOCKPROOF_SOURCE": "$CI_PIPELINE_SOURCE"} if nightly else None
        assert main["lockproof-reproduce"].get("variables") == told
        never = {"if": '$LOCKPROOF_SOURCE == "schedule"', "when": "never"}
        with_it = {name for name, job in child.items() if never in job.get("rules", ())}
        jobs_that_write = {"lockproof-register"} | ({"lockproof-attest"} if signing else set())
        assert with_it == (jobs_that_write if nightly else set())


def test_a_runner_with_a_gpu_is_asked_for_only_where_a_stage_needs_it(tmp_path: Path) -> None:
    labels = ("self-hosted", "gpu", "a100")
    [path] = write_files(tmp_path, "github", gpu_runner=labels)
    where = {name: job["runs-on"] for name, job in jobs(path).items()}
    assert where.pop("reproduce") == (
        "${{ needs.affected.outputs.gpus == '0' && 'ubuntu-24.04'"
        f" || fromJSON('{json.dumps(labels)}') }}}}"
    )
    assert set(where.values()) == {"ubuntu-24.04"}
    _, child = write_files(tmp_path, "gitlab", gpu_runner=labels)
    found = jobs(child)
    assert found["lockproof-gpu"]["tags"] == ["gpu", "a100"]
    assert found["lockproof-gpu"]["rules"] == [{"if": '$LOCKPROOF_GPUS != "0"'}]
    assert "tags" not in found["lockproof"]
    assert {"if": '$LOCKPROOF_GPUS == "0"'} in found["lockproof"]["rules"]


def test_a_remote_that_does_not_answer_is_one_message_without_the_secret(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write(
        {
            "dvc.yaml": "stages: {one: {cmd: cp in out, deps: [in], outs: [out]}}",
            "in": "",
            "lockproof.toml": '[gate]\noff = ["git", "record"]\n',
        }
    )
    project.dvc("repro", "-q")
    project.dvc("remote", "modify", "-q", "store", "url", "s3://bucket")
    # Port 9 discards: nothing listens there.
    project.dvc("remote", "modify", "-q", "store", "endpointurl", "http://127.0.0.1:9")
    head = project.commit()
    [path] = write_files(tmp_path, "github", secrets=READ)
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script(path, "gate", "Gate")],
        cwd=project.root,
        env={
            **project.environment(),
            "COMMIT": head,
            "DVC_ROOT": ".",
            "AWS_ACCESS_KEY_ID": "AKIA-of-a-test",
            "AWS_SECRET_ACCESS_KEY": "never-shown",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4
    [line] = done.stderr.splitlines()
    assert line.startswith("lockproof: remote 'store' (s3://bucket) does not answer: ")
    assert "does not answer" in done.stdout.splitlines()[1]
    report = project.root / "reports" / "gate" / "report.md"
    for text in (done.stdout, done.stderr, report.read_text()):
        assert "never-shown" not in text


def test_the_base_of_a_merge_request_is_the_target_branch_as_it_is_now(tmp_path: Path) -> None:
    """And its name, which may be anything that Git allows, gets into no shell."""
    target = "main$(touch${IFS}pwned)"
    fork = new_project(tmp_path, "fork")
    fork.write({"dvc.yaml": "stages: {one: {cmd: cp in out, deps: [in], outs: [out]}}", "in": ""})
    old = fork.repro()
    fork.git("branch", target)
    fork.git("clone", "-q", "--bare", ".", str(tmp_path / "upstream.git"))
    # Since the fork was made, the project has got a policy.
    fork.write({"lockproof.toml": '[gate]\noff = ["git", "record"]\n'})
    new = fork.commit()
    fork.git("push", "-q", str(tmp_path / "upstream.git"), f"HEAD:refs/heads/{target}")
    fork.git("reset", "-q", "--hard", old)
    fork.git("remote", "add", "origin", ".")
    main, _ = write_files(tmp_path / "files", "gitlab")
    [text] = jobs(main)["lockproof-gate"]["script"]
    for project, base in (("8", new), ("5", old)):
        done = subprocess.run(
            ["sh", "-ec", text],
            cwd=fork.root,
            env={
                **fork.environment(),
                "DVC_ROOT": ".",
                "CI_COMMIT_SHA": old,
                "CI_PROJECT_ID": "5",
                "CI_MERGE_REQUEST_PROJECT_ID": project,
                "CI_MERGE_REQUEST_PROJECT_URL": str(tmp_path / "upstream"),
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": target,
            },
            capture_output=True,
            text=True,
        )
        report = json.loads((fork.root / "reports" / "gate" / "report.json").read_text())
        assert report["subject"]["base"] == base, done.stderr
        assert done.returncode == (0 if base == new else 1), "judged by the policy of the base"
        assert not (fork.root / "pwned").exists()


ENGINES = [
    ({}, "GPU_SUPPORT=1"),
    ({"engine": "tcp://a:1"}, ""),
    ({"engine": "tcp://a:1", "gpu_engine": "tcp://b:1"}, "RUNNER_HOST=tcp://b:1"),
    ({"gpu_engine": "tcp://b:1"}, "RUNNER_HOST=tcp://b:1"),
]


@pytest.mark.parametrize("system", ["github", "gitlab"])
@pytest.mark.parametrize("gpus", ["0", "2"])
@pytest.mark.parametrize(("choices", "variable"), ENGINES)
def test_stages_that_ask_for_a_gpu_get_an_engine_that_has_one(
    tmp_path: Path, system: CiSystem, gpus: str, choices: dict[str, str], variable: str
) -> None:
    """By a stand-in for `dagger`, which says what it was called with."""
    *_, path = write_files(tmp_path, system, runner="dagger", module=".", **choices)
    if system == "github":
        [step] = [s for s in jobs(path)["reproduce"]["steps"] if s.get("name") == "Reproduce"]
        text, given = step["run"], {k: v for k, v in step["env"].items() if "${{" not in v}
    else:
        job = jobs(path)["lockproof-gpu"]
        assert job["extends"] == "lockproof"
        own = {"DOCKER_HOST": "", "DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": ""}
        assert job.get("variables") == (None if choices else own), "the runner's own Docker"
        [text] = jobs(path)["lockproof"]["script"]
        given = jobs(path)["lockproof"]["variables"]
    program = tmp_path / "bin" / "dagger"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nenv | grep ^_EXPERIMENTAL_DAGGER > said\necho $* >> said\n")
    program.chmod(0o755)
    reports = tmp_path / "reports" / "reproduce"
    reports.mkdir(parents=True)
    for name, content in (("exit-code", "0"), ("report.txt", "")):
        (reports / name).write_text(content)
    given |= {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    given |= {"SINCE": "", "LOCKPROOF_SINCE": "", "GPUS": gpus, "LOCKPROOF_GPUS": gpus}
    given |= {"SCOPE": "branch", "COMMIT": "c", "CI_COMMIT_SHA": "c", "CI_MERGE_REQUEST_IID": ""}
    given |= {"DVC_ROOT": ".", "MODULE": ".", "BASE": "", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": ""}
    given.pop("_EXPERIMENTAL_DAGGER_RUNNER_HOST", None)  # That of all jobs.
    argv = ["bash", "-euo", "pipefail", "-c", text]
    subprocess.run(argv, cwd=tmp_path, env=given, check=True)
    *variables, call = (tmp_path / "said").read_text().splitlines()
    assert ("--gpus all" in call) == (gpus != "0")
    wanted = [f"_EXPERIMENTAL_DAGGER_{variable}"] if variable and gpus != "0" else []
    assert variables == wanted


def declared() -> tuple[set[str], dict[str, set[str]]]:
    """What the Dagger module takes, as `dagger call` spells it: its options, those by function."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / "ci" / "src" / "lockproof_ci").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef) and node.name == "Inputs":
                names = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign)]  # type: ignore[union-attr]
                found[""] = {name.replace("_", "-") for name in names}
            if isinstance(node, ast.ClassDef) and node.name in ("Lockproof", "Steps"):
                for function in node.body:
                    if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
                        names = [argument.arg for argument in function.args.args]
                        found[function.name] = {name.replace("_", "-") for name in names}
    return found.pop(""), found


@pytest.mark.parametrize("proof", [False, True])
def test_dagger_is_asked_for_what_its_module_has(tmp_path: Path, proof: bool) -> None:
    """The module's own tests run those functions; this holds the names together."""
    choices = {"runner": "dagger", "module": ".", "canary": ("deploy",), "proof": proof}
    choices |= {"tool_image": IMAGE}
    secrets = [(name, name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    texts = []
    for system in ("github", "gitlab"):
        for path in write_files(tmp_path, system, secrets=secrets, **choices):  # type: ignore[arg-type]
            for job in jobs(path).values():
                steps = job.get("steps", [{"run": "\n".join(job.get("script", []))}])
                texts += [step["run"] for step in steps if "dagger call" in step.get("run", "")]
    options, functions = declared()
    asked = set()
    for text in texts:
        whole = text.replace("\\\n", " ")
        call = re.search(r"dagger call (.*?) (affected|gate|lint|reproduce) (.*)", whole)
        assert call, text
        asked.add(call[2])
        before, after = call[1], call[3].partition("reports export")[0]
        added = re.findall(r"inputs\+?=.*", whole)
        given = re.findall(r"--([a-z-]+)", " ".join([before, *added]))
        assert set(given) - {"progress", "mod"} <= options
        assert "tool-image" in given
        chosen = re.findall(r"(?:options|since)\+?=.*", whole)
        wanted = set(re.findall(r"--([a-z-]+)", " ".join([after, *chosen])))
        assert wanted <= functions[call[2]]
        assert ("report" in wanted) == (proof and call[2] == "gate")
    assert asked == {"affected", "gate", "lint", "reproduce"}


def reproducing(path: Path) -> str:
    """The shell text of the job that runs stages."""
    text = path.read_text()
    if ".github" in path.parts:
        return script(path, "reproduce", "Reproduce")
    return str(yaml.safe_load(text)["lockproof"]["script"][0])


@pytest.mark.parametrize("asked", ["required", "preferred"])
@pytest.mark.parametrize("runner", ["host", "dagger"])
@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_stages_of_a_pull_request_are_kept_apart_by_the_word_of_the_base(
    tmp_path: Path, system: CiSystem, runner: str, asked: str
) -> None:
    """By a stand-in for the program, which says what it was called with."""
    choices = {"runner": runner, "module": "."} | ({"isolation": asked} if asked[0] == "p" else {})
    *_, path = write_files(tmp_path, system, **choices)
    base = tmp_path / "base"
    subprocess.run(["git", "init", "-q", "-b", "main", base], check=True)
    commit = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a", "--allow-empty"]
    subprocess.run(["git", "-C", base, *commit], check=True)
    head = subprocess.check_output(["git", "-C", base, "rev-parse", "HEAD"], text=True).strip()
    subprocess.run(["git", "-C", base, "remote", "add", "origin", "."], check=True)
    program = tmp_path / "bin" / ("lockproof" if runner == "host" else "dagger")
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho $* > said\n")
    program.chmod(0o755)
    (base / "reports" / "reproduce").mkdir(parents=True)
    for name, content in (("exit-code", "0"), ("report.txt", "")):
        (base / "reports" / "reproduce" / name).write_text(content)
    given = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "DVC_ROOT": "."}
    given |= dict.fromkeys(("SINCE", "LOCKPROOF_SINCE"), "fork") | {"BASE": head}
    given |= dict.fromkeys(("GPUS", "LOCKPROOF_GPUS"), "0") | {"MODULE": ".", "SCOPE": "7"}
    given |= dict.fromkeys(("COMMIT", "CI_COMMIT_SHA"), "c") | {"CI_MERGE_REQUEST_IID": "7"}
    given |= dict.fromkeys(("CI_PROJECT_ID", "CI_MERGE_REQUEST_PROJECT_ID"), "5")
    given |= {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    argv = ["bash", "-euo", "pipefail", "-c", reproducing(path)]
    subprocess.run(argv, cwd=base, env=given, check=True)
    said = (base / "said").read_text()
    assert f" --since fork --base {head} --isolation {asked} --no-reuse " in said


@pytest.mark.parametrize(("now", "asks"), [("1", True), ("0", False), ("", False)])
def test_ubuntu_is_told_to_allow_namespaces_only_where_it_denies_them(
    tmp_path: Path, now: str, asks: bool
) -> None:
    [path] = write_files(tmp_path, "github")
    name = "Let stages be kept apart from the machine"
    [step] = [s for s in jobs(path)["reproduce"]["steps"] if s.get("name") == name]
    assert step["if"] == "runner.environment == 'github-hosted'", "no machine of one's own"
    sysctl, sudo = tmp_path / "sysctl", tmp_path / "sudo"
    sysctl.write_text(f"#!/bin/sh\n[ -n '{now}' ] && echo {now}\n")
    sudo.write_text(f"#!/bin/sh\necho $* > {tmp_path}/asked\n")
    for program in (sysctl, sudo):
        program.chmod(0o755)
    given = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], env=given, check=True)
    assert (tmp_path / "asked").exists() == asks
    for choices in ({"runner": "dagger", "module": "."}, {"isolation": "preferred"}):
        [path] = write_files(tmp_path, "github", **choices)
        assert name not in path.read_text()


def test_every_step_that_reports_is_published(tmp_path: Path) -> None:
    [path] = write_files(tmp_path, "github")
    text = path.read_text()
    kept = {
        step["with"]["name"]
        for job in jobs(path).values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    }
    assert kept == {f"lockproof-{step}" for step in STEPS}
    for step in STEPS:
        assert f"sarif_file: reports/{step}/report.sarif\n" in text


# --- models: signed and registered on the protected branch --------------------------------------

SIGNING = ["key", "sigstore", ""]


@pytest.mark.parametrize("signing", SIGNING)
def test_models_are_signed_and_registered_on_the_protected_branch_alone(
    tmp_path: Path, signing: str
) -> None:
    choices = {**MODELS, "signing": signing, "secrets": (("AWS_ACCESS_KEY_ID", "L_READ_ID"),)}
    [path] = write_files(tmp_path, "github", **choices)
    found = jobs(path)
    assert {"attest", "register"} & set(found) == (
        {"attest", "register"} if signing else {"register"}
    )
    first = found["attest" if signing else "register"]
    for part in (
        "github.event_name != 'pull_request'",
        "github.ref == 'refs/heads/main'",
        "github.ref_protected",
        "needs.gate.result == 'success'",
        "needs.reproduce.result == 'success'",
    ):
        assert part in first["if"].split(" && ") or part in first["if"].replace("\n", " ")
    assert "||" not in first["if"]
    if signing:
        assert found["register"]["needs"] == "attest"
        assert "if" not in found["register"]
    for name, job in found.items():
        own = name in ("attest", "register")
        assert ("LOCKPROOF_SIGNING_KEY" in json.dumps(job)) == (
            name == "attest" and signing == "key"
        )
        assert ("L_WRITE_ID" in json.dumps(job)) == (name == "attest")
        assert ("MLFLOW_TRACKING_PASSWORD" in json.dumps(job)) == (name == "register")
        assert ("id-token" in job["permissions"]) == (name == "attest" and signing == "sigstore")
        assert (job.get("environment") == "lockproof") == own
    main, child = write_files(tmp_path, "gitlab", **choices)
    assert not [name for name in jobs(main) if "attest" in name or "register" in name]
    found = jobs(child)
    names = {"lockproof-register"} | ({"lockproof-attest"} if signing else set())
    assert {name for name in found if "attest" in name or "register" in name} == names
    branch = '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $CI_COMMIT_REF_PROTECTED == "true"'
    for name in names:
        *never, last = found[name]["rules"]
        assert all(rule["when"] == "never" for rule in never)
        assert last["if"].startswith(branch)
        assert "||" not in last["if"]
        assert found[name]["interruptible"] is False
    for name, job in found.items():
        keyless = name == "lockproof-attest" and signing == "sigstore"
        assert ("id_tokens" in job) == keyless


@pytest.mark.parametrize("proof", [False, True])
@pytest.mark.parametrize("signing", SIGNING)
def test_gitlab_signs_and_registers_only_what_its_gate_passed(
    tmp_path: Path, signing: str, proof: bool
) -> None:
    """A job of a child pipeline cannot wait for one of its parent: the gate is beside it."""
    main, child = write_files(tmp_path, "gitlab", **MODELS, signing=signing, proof=proof)
    first = jobs(child)["lockproof-attest" if signing else "lockproof-register"]
    needs = {need["job"]: need.get("optional", False) for need in first["needs"]}
    assert needs == {"lockproof": True, "lockproof-gpu": True, "lockproof-gate": False}
    gate = jobs(child)["lockproof-gate"]
    assert "lockproof -C" in "".join(gate["script"])
    assert " gate " in "".join(gate["script"])
    assert "allow_failure" not in gate
    if proof:
        assert gate["rules"] == [{"when": "always"}]
        return
    # Once in each pipeline, and wherever those that need it are.
    branch = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
    assert gate["rules"] == [{"if": branch}]
    assert first["rules"][-1]["if"].startswith(f"{branch} && ")
    assert jobs(main)["lockproof-gate"]["rules"] == [
        {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}
    ]
    assert jobs(main)["lockproof-gate"]["script"] == gate["script"]


@pytest.mark.parametrize("system", ["github", "gitlab"])
@pytest.mark.parametrize("signing", SIGNING)
def test_nothing_is_registered_without_a_word_where_no_server_is_known(
    tmp_path: Path, system: CiSystem, signing: str
) -> None:
    """By the step: what starts a job sees no variable of the environment `lockproof`."""
    *_, path = write_files(tmp_path, system, **MODELS, signing=signing)
    found = jobs(path)["register" if system == "github" else "lockproof-register"]
    assert "MLFLOW" not in json.dumps([found.get("if"), found.get("rules")])
    text, shell, given = registering(path)
    given.pop("MLFLOW_TRACKING_URI")
    for none in ("", "sqlite:///mlflow.db", "SQLite:////data/mlflow.db"):
        more = {"MLFLOW_TRACKING_URI": none} if none else {}
        code, calls = called(text, tmp_path, shell, {**given, **more})
        said = (tmp_path / "stdout").read_text()
        assert calls == []
        assert "no variable MLFLOW_TRACKING_URI names a server" in said
    if system == "github":
        [step] = [each for each in found["steps"] if each.get("name") == "Register"]
        assert step["env"]["MLFLOW_TRACKING_URI"] == "${{ vars.MLFLOW_TRACKING_URI }}"
        assert (code, said.startswith("::warning ")) == (0, True)
    else:
        assert found["allow_failure"] == {"exit_codes": [code]}
        assert code not in (0, 1, 2, 3, 4, 5), "those of lockproof"
    *_, path = write_files(tmp_path, system, **MODELS, signing=signing, registry=True)
    assert "MLFLOW_TRACKING_URI" not in path.read_text()
    assert "allow_failure" not in path.read_text()


def test_without_models_nothing_is_signed_or_registered(tmp_path: Path) -> None:
    for system in ("github", "gitlab"):
        for path in write_files(tmp_path, system, signing="key"):  # type: ignore[arg-type]
            assert "attest" not in path.read_text()
            assert "register" not in path.read_text()


STAND_IN = """\
#!/usr/bin/env python3
import os, sys
said = [os.environ.get(n, "-") for n in ("SIGNING_KEY", "AWS_ACCESS_KEY_ID")]
key = open(sys.argv[sys.argv.index("--key") + 1]).read() if "--key" in sys.argv else ""
words = [w for w in sys.argv[1:] if not w.startswith("/dev/fd/")]
open("said", "a").write(repr((words, said, key)) + "\\n")
sys.exit(sys.argv[3] == os.environ.get("FAILS"))
"""


def called(text: str, folder: Path, shell: str, given: dict[str, str]) -> tuple[int, list[Any]]:
    """Exit code, and how the stand-in for lockproof was called."""
    program = folder / "bin" / "lockproof"
    program.parent.mkdir(exist_ok=True)
    program.write_text(STAND_IN)
    program.chmod(0o755)
    (folder / "said").unlink(missing_ok=True)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    argv = [*shell.split(), text]
    done = subprocess.run(argv, cwd=folder, env={"PATH": path, **given}, capture_output=True)
    (folder / "stdout").write_bytes(done.stdout)
    said = folder / "said"
    lines = said.read_text().splitlines() if said.exists() else []
    return done.returncode, [ast.literal_eval(line) for line in lines]


def registering(path: Path) -> tuple[str, str, dict[str, str]]:
    """The script that registers, the shell that it is for, and what it is given."""
    given = {"DVC_ROOT": ".", "COMMIT": "c", "CI_COMMIT_SHA": "c", "RUNNER_TEMP": "temp"}
    given["MLFLOW_TRACKING_URI"] = "https://mlflow.example"
    if "lockproof-register" in jobs(path):
        (text,) = jobs(path)["lockproof-register"]["script"]
        return text, "sh -ec", given
    return script(path, "register", "Register"), "bash -eo pipefail -c", given


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_a_key_signs_what_is_then_looked_at_and_gets_into_no_file(
    tmp_path: Path, system: CiSystem
) -> None:
    choices = {**MODELS, "signing": "key", "secrets": (("AWS_ACCESS_KEY_ID", "L_READ_ID"),)}
    *_, path = write_files(tmp_path, system, **choices)
    given = {"DVC_ROOT": ".", "COMMIT": "c", "CI_COMMIT_SHA": "c", "RUNNER_TEMP": "temp"}
    given |= {"AWS_ACCESS_KEY_ID": "write", "LOCKPROOF_KEY_PASSPHRASE": ""}
    if system == "github":
        text, shell = script(path, "attest", "Attest"), "bash -eo pipefail -c"
        key, report = {"SIGNING_KEY": "PEM"}, "temp/proof/reproduce/report.json"
        assert "${{ secrets.L_WRITE_ID }}" in path.read_text()
    else:
        (text,) = jobs(path)["lockproof-attest"]["script"]
        shell, report = "sh -ec", "reports/reproduce/report.json"
        (tmp_path / "file").write_text("PEM")
        key = {"LOCKPROOF_SIGNING_KEY": str(tmp_path / "file"), "AWS_ACCESS_KEY_ID": "read"}
        key |= {"LOCKPROOF_WRITE_ACCESS_KEY_ID": "write"}
    code, said = called(text, tmp_path, shell, {**given, **key})
    assert code == 0
    (attest, variables, pem), (verify, _, _) = said
    assert attest[:5] == ["-C", ".", "attest", "c", "--report"]
    assert attest[5] == report
    assert pem.strip() == "PEM"
    assert variables == ["-", "write"]
    assert verify == ["-C", ".", "verify", "c"]
    assert called(text, tmp_path, shell, {**given, **key, "FAILS": "verify"})[0] == 1
    assert called(text, tmp_path, shell, given) == (2, [])


@pytest.mark.parametrize("system", ["github", "gitlab"])
@pytest.mark.parametrize("signing", SIGNING)
def test_every_model_is_registered_and_a_failure_is_not_passed_over(
    tmp_path: Path, system: CiSystem, signing: str
) -> None:
    choices = {**MODELS, "models": ("digits", "two words"), "signing": signing}
    *_, path = write_files(tmp_path, system, **choices)
    text, shell, given = registering(path)
    code, said = called(text, tmp_path, shell, given)
    assert code == 0
    assert [words[words.index("--model") + 1] for words, _, _ in said] == ["digits", "two words"]
    assert all("--alias" in words for words, _, _ in said)
    assert all(("--report" in words) == (not signing) for words, _, _ in said)
    code, said = called(text, tmp_path, shell, {**given, "FAILS": "register"})
    assert (code, len(said)) == (1, 1)
