"""`lockproof init` in real DVC repositories: what it shows, asks, writes and leaves alone."""

import contextlib
import dataclasses
import json
import os
import pty
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
import yaml
from dvc.cli import main as dvc

from integration.pipelines import BIN, Project, new_project, new_repository
from lockproof.adapters.git.repository import GitRepository
from lockproof.cli.main import main
from lockproof.config import parse_policy
from lockproof.model.workflow import CiSystem
from lockproof.render.workflows import PLACES, pins
from lockproof.steps.init.plan import _stages
from lockproof.steps.init.survey import survey

DVC_YAML = """
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    outs: [model.pkl]
    metrics: [metrics.json: {cache: false}]
"""
WRITTEN = {
    ".gitattributes",
    ".github/workflows/lockproof.yaml",
    ".gitignore",
    ".pre-commit-config.yaml",
    "lockproof.toml",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = new_project(tmp_path)
    project.git("remote", "add", "origin", "git@github.com:acme/digits.git")
    project.write({"dvc.yaml": DVC_YAML, "train.py": "", "requirements.txt": "numpy==2.1.0\n"})
    project.commit()
    return project


@dataclass
class Done:
    """How a run ended."""

    returncode: int
    stdout: str
    stderr: str


def init(project: Project, *argv: str, answer: str | None = None, folder: str = ".") -> Done:
    """Run the verb in this process; with an answer, as a program on a terminal."""
    where = str(project.root / folder)
    if answer is None:
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            code = main(["init", "-C", where, *argv])
        return Done(code, out.getvalue(), err.getvalue())
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    command = [BIN / "lockproof", "init", "-C", where, *argv]
    done = subprocess.run(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    said = os.read(ours, 1 << 16).decode()
    os.close(ours)
    return Done(done.returncode, done.stdout, said)


@pytest.fixture(autouse=True)
def same_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def changed(project: Project) -> set[str]:
    """Files that Git sees as new or changed."""
    lines = project.git("status", "--porcelain", "--untracked-files=all").splitlines()
    return {line[3:] for line in lines}


def test_what_it_writes_is_shown_and_asked_about(project: Project) -> None:
    done = init(project)
    assert done.returncode == 2
    assert done.stderr == (
        "lockproof: nothing is written without a yes: say it here, or with --yes\n"
    )
    assert "+++ b/lockproof.toml\n" in done.stdout
    assert changed(project) == set()
    refused = init(project, answer="n\n")
    assert (refused.returncode, changed(project)) == (2, set())
    assert "[y/N]" in refused.stderr
    agreed = init(project, answer="y\n")
    assert (agreed.returncode, changed(project)) == (0, WRITTEN)


def test_a_second_run_has_nothing_to_write(project: Project) -> None:
    assert init(project, "--yes").returncode == 0
    project.commit()
    again = init(project)
    assert (again.returncode, changed(project)) == (0, set())
    assert again.stdout.startswith("nothing to write: ")
    assert init(project, "--ci", "github").returncode == 0, "the file names its own command"


def test_the_policy_fits_what_is_there(project: Project) -> None:
    assert init(project, "--yes").returncode == 0
    text = (project.root / "lockproof.toml").read_text()
    policy = parse_policy(text)
    assert policy.environment
    assert policy.environment.requirements == "requirements.txt"
    assert policy.reproduce.unaffected == "accept"
    assert '# paths = ["metrics.json"]' in text
    assert '# paths = ["model.pkl"]' in text


class Terminal(StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_diff_is_coloured_on_a_terminal_only(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(out: StringIO) -> str:
        with redirect_stdout(out), redirect_stderr(StringIO()):
            assert main(["init", "-C", str(project.root)]) == 2, "nobody says yes"
        return out.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, coloured = shown(StringIO()), shown(Terminal())
    assert "\x1b" not in plain
    assert "\x1b[32m+[run]\x1b[0m\n" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown(Terminal()) == plain


TRAIN = """
import json
from pathlib import Path
Path("model.pkl").write_bytes(b"weights")
Path("metrics.json").write_text(json.dumps({"loss": 0.5, "accuracy": 0.75}))
"""


def test_the_gate_and_the_hook_work_with_what_it_wrote(project: Project) -> None:
    project.write({"train.py": TRAIN})
    project.repro()
    done = init(project, "--yes")
    assert done.returncode == 0
    assert "the hooks need" not in done.stderr
    # What it says to do next does what it says: the policy is new, and judged by itself.
    add, gate, _, install, *_ = re.findall(r"'([^']+)'", done.stderr.partition("next: ")[2])
    assert (gate, install) == (
        "lockproof gate --staged",
        "pre-commit install -t pre-commit -t pre-push",
    )
    assert f"in {project.root}: " in done.stderr
    project.run(*shlex.split(add))
    assert project.git("status", "--porcelain", "--untracked-files=all").count("??") == 0
    assert "\nlockproof gate: PASSED: " in project.run(*shlex.split(gate))
    project.git("commit", "-qm", "adopt lockproof")
    hook = ["pre-commit", "run", "--all-files"]
    assert "Passed" in project.run(*hook)
    assert "Passed" in project.run(*hook, "--hook-stage", "pre-push")
    project.write({"train.py": f"{TRAIN}\n# Better."})
    project.git("add", "train.py")
    said = project.run(*hook, check=False)
    assert "Failed" in said
    assert "LP104" in said


def test_the_policy_fits_the_gate(project: Project) -> None:
    project.write({"train.py": TRAIN})
    project.repro()
    picture = project.root / "docs" / "big.png"
    picture.parent.mkdir()
    picture.write_bytes(bytes(600_000))
    project.write({"deploy/canary.yaml": "kind: Rollout\n"})
    project.git("add", "-A")
    assert init(project, "--yes").returncode == 0
    text = (project.root / "lockproof.toml").read_text()
    policy = parse_policy(text)
    assert policy.gate.off == ("record",), "there is none yet"
    assert policy.git.allow == ("docs/*.png",)
    assert policy.lint.paths == ("deploy",)
    assert policy.metric == ()
    # Without the marks of comments the rest is as valid.
    lines = text.splitlines()
    start = lines.index("# [[metric]]")
    end = lines.index("", start)
    demands = parse_policy("\n".join(line.removeprefix("# ") for line in lines[start:end])).metric
    assert [(d.path, d.key, d.direction, d.min, d.max) for d in demands] == [
        ("metrics.json", "loss", "lower", None, 0.5),
        ("metrics.json", "accuracy", "higher", 0.75, None),
    ]


def test_records_and_a_demand_for_proofs_are_followed(project: Project) -> None:
    project.write({"experiments/pipeline.json": "{}"})
    assert init(project, "--yes").returncode == 0
    file = project.root / "lockproof.toml"
    assert parse_policy(file.read_text()).gate.off == ()
    workflow = project.root / ".github/workflows/lockproof.yaml"
    assert "--report" not in workflow.read_text()
    file.write_text(file.read_text().replace("# reproduction =", "reproduction ="))
    assert init(project, "--yes", "--force").returncode == 0
    assert "--report" in workflow.read_text()


def test_models_are_signed_by_whom_the_policy_trusts(project: Project) -> None:
    file = project.root / "lockproof.toml"
    model = '[[model]]\nname = "one"\npaths = ["model"]\n'
    github = "https://token.actions.githubusercontent.com"
    workflow = project.root / ".github/workflows/lockproof.yaml"
    for trust, signed in (
        ("", None),
        ('[[trust]]\nkey = "ci.pem"\n', "--key "),
        (f'[[trust]]\nidentity = "a"\nissuer = "{github}"\n', "--signer sigstore"),
    ):
        file.write_text(model + trust)
        assert init(project, "--yes", "--force").returncode == 0
        text = workflow.read_text()
        assert 'for model in "one"; do' in text
        assert ("  attest:" in text) == (signed is not None)
        assert signed is None or signed in text
    file.write_text("")
    assert init(project, "--yes", "--force").returncode == 0
    assert "lockproof register" not in workflow.read_text()


GITHUB, GITLAB = "https://token.actions.githubusercontent.com", "https://gitlab.com"
OTHER, KEY = "https://accounts.google.com", "key"
WHO_SIGNS: list[tuple[str, CiSystem, tuple[str, ...], str | None]] = [
    # the host of origin; the CI system; whom [[trust]] names; by what its job signs
    ("github.com", "github", (), ""),
    ("github.com", "github", (OTHER,), None),
    ("github.com", "github", (GITLAB,), None),
    ("github.com", "github", (OTHER, KEY), "key"),
    ("github.com", "github", (GITHUB, OTHER, KEY), "sigstore"),
    ("gitlab.com", "gitlab", (OTHER,), None),
    ("gitlab.com", "gitlab", (GITHUB,), None),
    ("gitlab.com", "gitlab", (OTHER, KEY), "key"),
    ("gitlab.com", "gitlab", (GITLAB, KEY), "sigstore"),
    ("altssh.gitlab.com", "gitlab", (GITLAB,), "sigstore"),
    ("gitlab.acme.org", "gitlab", (GITLAB,), None),
    ("gitlab.acme.org", "gitlab", ("https://gitlab.acme.org:8443/x",), "sigstore"),
    ("git.acme.org", "gitlab", ("https://git.acme.org",), "sigstore"),
    ("git.acme.org", "gitlab", (OTHER,), None),
    ("git.acme.org", "gitlab", (GITLAB,), "sigstore"),
    ("", "gitlab", (OTHER,), None),
    ("", "gitlab", (GITLAB,), "sigstore"),
]


def test_a_job_signs_as_somebody_whom_the_policy_trusts(project: Project) -> None:
    found = dataclasses.replace(survey(project.root), models=("one",))
    for host, system, trusted, by in WHO_SIGNS:
        known = dataclasses.replace(found, hosting=host, trusted=trusted)
        assert known.signs_by(system) == by, (host, trusted)
        why = known.unsigned(system)
        assert bool(why) == (by is None)
        if by is None:
            issuer = re.findall(r"issuer (\S+)\);", why)
            followed = dataclasses.replace(known, trusted=(*trusted, *issuer))
            assert followed.signs_by(system) == "sigstore", why
    assert dataclasses.replace(found, models=(), trusted=(OTHER,)).unsigned("github") == ""


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_a_report_is_no_proof_where_signers_are_named_that_no_job_is(
    project: Project, system: CiSystem
) -> None:
    model = '[[model]]\nname = "one"\npaths = ["model"]\n'
    trust = f'[[trust]]\nidentity = "a"\nissuer = "{OTHER}"\n'
    (project.root / "lockproof.toml").write_text(model + trust)
    done = init(project, "--yes", "--ci", system)
    assert done.returncode == 0
    name = {"github": "GitHub", "gitlab": "GitLab"}[system]
    assert f"no job of {name} signs or registers models" in done.stderr
    files = [path for path in PLACES[system] if (project.root / path).exists()]
    assert len(files) == len(PLACES[system])
    for path in files:
        assert "register" not in (project.root / path).read_text()
        assert "attest" not in (project.root / path).read_text()


FILES = ["sqlite:///runs.db", " SQLite+pysqlite:////srv/runs.db", "./runs", "file:///srv/runs"]
SERVERS = ["https://mlflow.example", "postgresql+psycopg://db/mlflow", "databricks://profile"]


@pytest.mark.parametrize("uri", [*FILES, *SERVERS])
@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_no_job_registers_in_a_file_that_ends_with_it(
    project: Project, system: CiSystem, uri: str
) -> None:
    model = f'[mlflow]\ntracking-uri = "{uri}"\n[[model]]\nname = "one"\npaths = ["model"]\n'
    for trust in ('[[trust]]\nkey = "ci.pem"\n', ""):
        (project.root / "lockproof.toml").write_text(model + trust)
        done = init(project, "--yes", "--force", "--ci", system)
        assert done.returncode == 0
        files = [project.root / path for path in PLACES[system]]
        text = "".join(path.read_text() for path in files if path.exists())
        assert ('lockproof -C "$DVC_ROOT" attest' in text) == bool(trust)
        assert ('lockproof -C "$DVC_ROOT" register' in text) == (uri in SERVERS)
        assert ("names a file, which would end with the job" in done.stderr) == (uri in FILES)


def test_hooks_of_ones_own_stay(project: Project) -> None:
    mine = "repos:\n- repo: local\n  hooks:\n  - id: mine\n    entry: 'true'\n"
    project.write({".pre-commit-config.yaml": mine})
    project.commit()
    assert init(project, "--bin", ".venv/bin", "--yes").returncode == 0
    text = (project.root / ".pre-commit-config.yaml").read_text()
    assert text.startswith(mine)
    hooks = [hook for repo in yaml.safe_load(text)["repos"] for hook in repo["hooks"]]
    assert [hook["id"] for hook in hooks] == ["mine", "lockproof-gate", "lockproof-gate-push"]
    entries = {hook["entry"]: hook["stages"] for hook in hooks[1:]}
    assert entries == {
        ".venv/bin/lockproof gate --staged": ["pre-commit"],
        ".venv/bin/lockproof gate --pushed": ["pre-push"],
    }
    # What an earlier version wrote gets what it lacks, once.
    earlier = yaml.safe_dump({"repos": [{"repo": "local", "hooks": hooks[:2]}]})
    project.write({".pre-commit-config.yaml": earlier})
    for _ in range(2):
        assert init(project, "--bin", ".venv/bin", "--yes").returncode == 0
        text = (project.root / ".pre-commit-config.yaml").read_text()
        assert text.startswith(earlier)
        assert text.count("lockproof-gate-push") == 1


def test_a_requirements_file_that_pins_nothing_is_not_taken(project: Project) -> None:
    project.write({"requirements.txt": "numpy\n"})
    assert init(project, "--yes").returncode == 0
    text = (project.root / "lockproof.toml").read_text()
    assert parse_policy(text).environment is None
    assert "numpy==VERSION" in text


def test_files_of_ones_own_are_added_to_and_never_replaced(project: Project) -> None:
    mine = {
        ".gitignore": "/model.pkl\n",
        ".gitlab-ci.yml": "include:\n  - local: mine.yml\n\n# why\njob:\n  script: ['true']\n",
        "lockproof.toml": '[run]\ntimeout = "1m"\n',
    }
    project.write(mine)
    project.commit()
    done = init(project, "--ci", "gitlab", "--yes", "--force")
    assert done.returncode == 0, done.stderr
    text = (project.root / ".gitlab-ci.yml").read_text()
    added = "  - local: .gitlab/lockproof.yml\n"
    assert text.replace(added, "") == mine[".gitlab-ci.yml"]
    assert (project.root / ".gitignore").read_text().startswith(mine[".gitignore"])
    assert (project.root / "lockproof.toml").read_text() == mine["lockproof.toml"]


def test_a_ci_file_that_was_edited_is_replaced_only_when_told(project: Project) -> None:
    assert init(project, "--yes").returncode == 0
    project.commit()
    path = project.root / ".github" / "workflows" / "lockproof.yaml"
    made = path.read_text()
    path.write_text(made + "# mine\n")
    kept = init(project, "--yes")
    assert (kept.returncode, path.read_text()) == (2, made + "# mine\n")
    assert kept.stderr.endswith("differ from what this would write: --force replaces them\n")
    assert init(project, answer="n\n").returncode == 0
    assert path.read_text() == made + "# mine\n"
    assert init(project, "--force").returncode == 0
    assert path.read_text() == made


def test_a_project_in_a_folder_is_named_in_the_ci_files(tmp_path: Path) -> None:
    project = new_repository(tmp_path, "mono")
    (project.root / "ml").mkdir()
    with contextlib.chdir(project.root / "ml"):
        assert dvc(["init", "-q", "--subdir"]) == 0
    project.commit()
    done = init(project, "--ci", "github", "--yes", folder="ml")
    assert done.returncode == 0, done.stderr
    assert changed(project) == {
        ".gitattributes",
        ".github/workflows/lockproof.yaml",
        ".pre-commit-config.yaml",
        "ml/.gitignore",
        "ml/lockproof.toml",
    }
    text = (project.root / ".github/workflows/lockproof.yaml").read_text()
    assert '  DVC_ROOT: "ml"\n' in text


@pytest.mark.parametrize(
    ("argv", "files", "message"),
    [
        (["--ci", "gitlab"], {".gitlab-ci.yml": "a: [\n"}, ".gitlab-ci.yml is not valid YAML"),
        (["--gpu-runner", "a,$(id)"], {}, "'$(id)' cannot be the label of a runner"),
        (["--bin", '"; id'], {}, "use a plain path"),
        *(
            (["--nightly", cron], {}, f"--nightly {cron!r} is no time: write minute, hour")
            for cron in ("daily", "0 24 * * *", "* * * *", "5-1 * * * *", "0 0 0 * *", "1 1 1 1 7")
        ),
        ([], {"dvc.yaml": "stages: 1\n"}, "dvc.yaml"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(
    project: Project, argv: list[str], files: dict[str, str], message: str
) -> None:
    project.write(files)
    before = changed(project)
    done = init(project, *argv, "--yes")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert changed(project) == before


def test_nothing_is_written_through_a_link_out_of_the_repository(
    project: Project, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.root / ".github").symlink_to(outside)
    done = init(project, "--yes")
    assert done.returncode == 2
    assert "leads out of the repository" in done.stderr
    assert list(outside.iterdir()) == []


def test_submodules_are_checked_out_where_there_are_some(project: Project) -> None:
    def checks_out() -> list[bool]:
        jobs = yaml.safe_load((project.root / ".github/workflows/lockproof.yaml").read_text())
        steps = [step for job in jobs["jobs"].values() for step in job["steps"]]
        told = [s["with"] for s in steps if s.get("uses", "").startswith("actions/checkout@")]
        gitlab = (project.root / ".gitlab/lockproof.yml").read_text()
        strategy = "GIT_SUBMODULE_STRATEGY: recursive" in gitlab
        return [strategy, *(each.get("submodules") == "recursive" for each in told)]

    assert init(project, "--ci", "github", "--ci", "gitlab", "--yes").returncode == 0
    assert len(checks_out()) > 2
    assert not any(checks_out())
    project.write({".gitmodules": '[submodule "lib"]\n\tpath = lib\n\turl = ../lib\n'})
    project.git("add", "-A")
    done = init(project, "--ci", "github", "--ci", "gitlab", "--force")
    assert done.returncode == 0
    assert "give the checkout a token" in done.stdout + done.stderr
    assert all(checks_out())


def test_a_canary_is_checked_where_manifests_declare_one(project: Project) -> None:
    project.write(
        {
            "deploy/serving/rollout.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n",
            "tests/bad.yaml": "kind: AnalysisTemplate\n",
            "src/kind.yaml": "# kind: Rollout\n",
        }
    )
    project.git("add", "-A")
    assert init(project, "--ci", "github", "--ci", "gitlab", "--yes").returncode == 0
    text = (project.root / ".github/workflows/lockproof-canary.yaml").read_text()
    assert text.count('    paths: ["deploy/**"]\n') == 2
    assert "promtool" not in text
    project.write({"deploy/rules.test.yaml": "rule_files: [rules.yaml]\ntests: []\n"})
    project.git("add", "-A")
    assert init(project, "--ci", "github", "--force").returncode == 0
    for name in ("lockproof", "lockproof-canary"):
        assert "promtool" in (project.root / f".github/workflows/{name}.yaml").read_text()
    assert '["deploy/**"]' in (project.root / ".gitlab/lockproof.yml").read_text()


def test_the_dagger_module_is_installed_for_laptops_as_well(project: Project) -> None:
    assert init(project, "--runner", "dagger", "--yes").returncode == 0
    content = json.loads((project.root / "dagger.json").read_text())
    commit = GitRepository.discover(Path(__file__).parent).resolve("HEAD")
    source = f"github.com/lockproof/lockproof@{commit}"
    assert content == {
        "name": "project",
        "engineVersion": f"v{pins()['program']['dagger']['version']}",
        "blueprint": {"name": "lockproof", "source": source},
    }
    text = (project.root / ".github/workflows/lockproof.yaml").read_text()
    assert "# Made by: lockproof init --ci github --runner dagger\n" in text
    assert f'  MODULE: "{source}"\n' in text
    assert init(project, "--runner", "dagger").stdout.startswith("nothing to write: ")


def test_stages_that_run_in_an_image_are_for_dagger(project: Project) -> None:
    image = "registry.example/training@sha256:" + "0" * 64
    project.write({"lockproof.toml": f'[environment]\nimage = "{image}"\n'})
    assert init(project, "--yes").returncode == 0
    text = (project.root / ".github/workflows/lockproof.yaml").read_text()
    assert "dagger call" in text
    assert (project.root / "dagger.json").exists()
    assert init(project).stdout.startswith("nothing to write: ")
    assert init(project, "--runner", "host", "--force").returncode == 0
    text = (project.root / ".github/workflows/lockproof.yaml").read_text()
    assert "dagger call" not in text
    assert init(project).stdout.startswith("nothing to write: "), "the choice is kept"


def test_an_image_that_steps_run_in_is_named_by_digest(project: Project) -> None:
    refused = init(project, "--runner", "dagger", "--tool-image", "registry.example/lockproof:1.0")
    assert refused.returncode == 2
    assert "can change: name it with the digest that `dagger call publish` prints" in refused.stderr
    assert changed(project) == set()
    image = "registry.example/lockproof:1.0@sha256:" + "0" * 64
    systems = ("--ci", "github", "--ci", "gitlab")
    chosen = ("--runner", "dagger", "--tool-image", image, "--yes")
    assert init(project, *systems, *chosen).returncode == 0
    for name in (".github/workflows/lockproof.yaml", ".gitlab/lockproof.yml"):
        text = (project.root / name).read_text()
        assert f'TOOL_IMAGE: "{image}"\n' in text
        assert text.count("dagger call ") == text.count('--tool-image "$TOOL_IMAGE" ')
    assert init(project).stdout.startswith("nothing to write: "), "the choice is kept"


def test_a_shared_engine_with_gpus_is_named_apart(project: Project) -> None:
    engines = ("--engine", "tcp://dagger:1234", "--gpu-engine", "tcp://dagger-gpu:1234")
    assert init(project, "--ci", "gitlab", "--runner", "dagger", *engines, "--yes").returncode == 0
    text = (project.root / ".gitlab/lockproof-reproduce.yml").read_text()
    assert 'GPU_ENGINE: "tcp://dagger-gpu:1234"\n' in text
    assert init(project).stdout.startswith("nothing to write: "), "the choice is kept"
    refused = init(project, "--runner", "dagger", "--gpu-engine", "tcp://a:1'; id")
    assert refused.returncode == 2
    assert "--gpu-engine" in refused.stderr


def test_run_again_without_options_it_keeps_the_choices(project: Project) -> None:
    chosen = ["--runner", "dagger", "--branch", "trunk", "--install", "echo 'a  b'", "--bin", "/b"]
    chosen += ["--isolation", "preferred", "--nightly"]
    assert init(project, "--ci", "github", "--ci", "gitlab", *chosen, "--yes").returncode == 0
    project.commit()
    again = init(project)
    assert (again.returncode, changed(project)) == (0, set())
    assert ".gitlab/lockproof.yml" in again.stdout
    file = project.root / "lockproof.toml"
    file.write_text(file.read_text().replace("# reproduction =", "reproduction ="))
    assert init(project, "--force").returncode == 0
    text = (project.root / ".github/workflows/lockproof.yaml").read_text()
    assert "--report" in text
    assert '    branches: ["trunk"]\n' in text
    assert "--isolation preferred" in text
    assert '    - cron: "17 3 * * *"\n' in text


@pytest.mark.parametrize("cron", ["1,31 */6 1-5 12 0", "59 23 31 1 6", "0 0/2 * * 1-5"])
def test_the_default_branch_is_proved_when_it_was_said(project: Project, cron: str) -> None:
    done = init(project, "--ci", "github", "--ci", "gitlab", "--nightly", cron, "--yes")
    assert done.returncode == 0
    text = (project.root / ".github/workflows/lockproof.yaml").read_text()
    assert f'    - cron: "{cron}"\n' in text
    said = f"glab schedule create --cron '{cron}' --ref main --description 'nightly proof'"
    assert said in done.stderr


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("--ci gitlab --runner host", "were made by different options: name --ci"),
        ("--ci gitlab --colour red", "was not made by this version of lockproof: name --ci"),
        ("--ci mercurial", "does not say how it was made: "),
        ("--ci 'gitlab", "does not say how it was made: No closing quotation"),
    ],
)
def test_a_file_that_does_not_say_how_it_was_made_is_not_guessed_at(
    project: Project, header: str, message: str
) -> None:
    assert init(project, "--ci", "github", "--ci", "gitlab", "--yes").returncode == 0
    file = project.root / ".gitlab/lockproof.yml"
    file.write_text(file.read_text().replace("--ci gitlab", header, 1))
    project.commit()
    done = init(project, "--force")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert changed(project) == set()
    assert init(project, "--ci", "gitlab", "--force").returncode == 0


def test_credentials_are_named_only_where_a_store_takes_them(project: Project) -> None:
    project.dvc("remote", "add", "-q", "-f", "-d", "store", "s3://bucket/path")
    assert init(project, "--yes").returncode == 0
    text = (project.root / ".github/workflows/lockproof.yaml").read_text()
    assert text.count("secrets.") == 4, "the gate and reproduce"
    assert "AWS_SECRET_ACCESS_KEY: ${{ secrets.LOCKPROOF_READ_SECRET_ACCESS_KEY }}\n" in text


@pytest.mark.parametrize("host", ["https://github.com/a/b.git", "https://gitlab.com/a/b.git"])
def test_the_extras_that_the_remotes_take_are_installed(project: Project, host: str) -> None:
    project.git("remote", "set-url", "origin", host)
    for name, url in {"a": "gs://b/x", "b": "ssh://h/x", "c": "s3://b/x", "d": "/mnt/x"}.items():
        project.dvc("remote", "add", "-q", name, url)
    assert init(project, "--yes").returncode == 0
    places = sorted((project.root / (".gitlab" if "gitlab" in host else ".github")).rglob("lock*"))
    texts = [place.read_text() for place in places]
    lines = {line.strip() for text in texts for line in text.splitlines() if "pip install" in line}
    commit = GitRepository.discover(Path(__file__).parent).resolve("HEAD")
    source = f"git+https://github.com/lockproof/lockproof@{commit}"
    assert lines == {
        f".lockproof/venv/bin/pip install --quiet 'lockproof[{extras}] @ {source}'"
        for extras in ("all,gs,ssh", "gate-s3,gs,secrets,ssh")
    }


def test_what_the_gate_takes_is_less(project: Project) -> None:
    folder = project.root / "deploy"
    project.write({"deploy/kustomization.yaml": "resources: []\n"})
    project.git("add", str(folder))
    assert init(project, "--yes").returncode == 0
    text = (project.root / ".github/workflows/lockproof.yaml").read_text()
    assert text.count("'lockproof[kustomize,secrets] @ git+") == 2, "the gate and affected"
    assert text.count("'lockproof[all] @ git+") == 1, "reproduce"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--install", "pip install lockproof"), "'lockproof' would come from a package index"),
        (("--install", "make 'x"), "--install is no shell command: "),
        (
            ("--install", "make x", "--gate-install", "uv tool install lockproof"),
            "--gate-install: ",
        ),
        (("--gate-install", "make x"), "--gate-install goes with --install"),
    ],
)
def test_an_install_that_cannot_be_meant_is_refused(
    project: Project, options: tuple[str, ...], message: str
) -> None:
    done = init(project, "--yes", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert changed(project) == set()


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("", "test"),
        ("stages: [build, test]\n", "test"),
        ("stages:\n  - check it\n  - deploy\njob: {script: [x], stage: deploy}\n", "check it"),
    ],
)
def test_the_jobs_are_of_a_stage_that_the_pipeline_has(
    project: Project, text: str, stage: str
) -> None:
    project.write({".gitlab-ci.yml": text})
    assert init(project, "--yes", "--ci", "gitlab").returncode == 0
    assert stages_of_jobs(project) == {stage}


def stages_of_jobs(project: Project) -> set[str]:
    made = yaml.safe_load((project.root / ".gitlab/lockproof.yml").read_text())
    return {job["stage"] for job in made.values() if "stage" in job}


def test_the_stages_of_gitlab_may_be_in_what_a_file_includes(project: Project) -> None:
    project.write(
        {
            ".gitlab-ci.yml": (
                "include:\n"
                "  - template: x.yml\n"
                "  - https://example.org/x.yml\n"
                "  - local: /ci/all.yml\n"
                "  - ci/gone.yml\n"
                "  - ../out.yml\n"
                "  - ci/broken.yml\n"
            ),
            "ci/all.yml": "include: ci/stages.yml\n",
            "ci/stages.yml": (
                "# Ours.\nspec: {inputs: {}}\n---\n"
                "include: [{local: ci/all.yml}]\nstages: [check, ship]\n"
            ),
            "ci/broken.yml": "stages: [other\n",
        }
    )
    assert init(project, "--yes", "--ci", "gitlab").returncode == 0
    assert stages_of_jobs(project) == {"check"}


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("include: https://example.org/x.yml\n", False),
        ("include: [{template: x.yml}]\n", False),
        ("include: [{component: example.org/x@1}]\n", False),
        ("include: [{project: a/b, file: x.yml}]\n", False),
        ("include: [{local: ci/*.yml}]\n", False),
        ("include: [{local: ci/more.yml}]\n", False),
        ("include: [{local: ci/own.yml}, {template: x.yml}]\n", False),
        ("include: [{template: x.yml}, {local: ci/own.yml}]\n", True),
        ("include: [{template: x.yml}]\nstages: [check]\n", True),
        ("a: {script: [a]}\n", True),
    ],
)
def test_stages_that_an_include_from_elsewhere_may_name_are_not_known(
    text: str, known: bool, tmp_path: Path
) -> None:
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "own.yml").write_text("stages: [check]\n")
    (tmp_path / "ci" / "more.yml").write_text("include: [{remote: https://example.org/x.yml}]\n")
    assert (_stages(tmp_path, ".gitlab-ci.yml", text, set()) is not None) == known


def test_what_is_not_known_of_gitlab_is_said(project: Project) -> None:
    project.write({".gitlab-ci.yml": "include:\n  - template: x.yml\n"})
    done = init(project, "--yes", "--ci", "gitlab")
    assert done.returncode == 0
    assert stages_of_jobs(project) == {"test"}
    assert "state 'stages:' in .gitlab-ci.yml itself" in done.stderr
    project.write({".gitlab-ci.yml": "include:\n  - template: x.yml\nstages: [build, check]\n"})
    done = init(project, "--yes", "--force", "--ci", "gitlab")
    assert "state 'stages:'" not in done.stderr
    assert stages_of_jobs(project) == {"build"}
