"""The advice of every rule and cause is followed on a repository that has it: then it is gone."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.model.cause import CauseKind
from lockproof.model.condition import DEVICES
from lockproof.model.finding import Finding
from lockproof.rules.catalog import RULES
from lockproof.steps.lint import lint_tree
from lockproof.steps.reproduce.conditions import NAMES
from manifests.mutations import POLICY, mutate, platform

from .advice import Case, CauseCase, commands, follow, follow_cause, page
from .advice_gate import CASES as GATE
from .advice_lint import TOLD, Told
from .advice_reproduce import CASES as REPRODUCTION
from .advice_reproduce import CAUSES, FILES, MADE_FILES, OTHER_PACKAGE
from .pipelines import Project, copy_of, new_project
from .remotes import Folder
from .test_direct_causes import ADVISED, EXPECTED
from .test_vary import MENDS
from .wheels import wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Packages that need no index."""
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "alpha", "1.0")
    wheel(folder, "alpha", "2.0")
    wheel(folder, "scipy", "1.14.0", "numpy")
    wheel(folder, "numpy", "2.0.0")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PIP", "UV"):
            patch.setenv(f"{name}_NO_INDEX", "1")
            patch.setenv(f"{name}_FIND_LINKS", str(folder))
        patch.setenv("UV_OFFLINE", "1")
        # What it knows of an index from before is taken for the better place.
        patch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("uv")))
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            patch.delenv(name)
        yield folder


@pytest.fixture(scope="module")
def recorded(good: Project, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The good repository, with an environment that can be built without an index."""
    project = copy_of(good, tmp_path_factory.mktemp("recorded"))
    project.write({"requirements.txt": "alpha==1.0\n"})
    # Loading a thousand patterns for secrets takes longer than all else that the gate does.
    project.edit_lock("secrets = true", "secrets = false", "lockproof.toml")
    project.commit("packages that are here")
    project.git("branch", "-f", "base")
    return project


@pytest.fixture(scope="module")
def advised(recorded: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same where no run record is asked for: each new lock would want a new one."""
    project = copy_of(recorded, tmp_path_factory.mktemp("advised"))
    project.edit_lock("[gate]\n", '[gate]\noff = ["record"]\n', "lockproof.toml")
    project.commit("no record")
    project.git("branch", "-f", "base")
    return project


@pytest.mark.parametrize("case", GATE, ids=lambda case: f"{case.rule} {case.name}")
def test_after_its_advice_a_finding_of_the_gate_is_gone(
    case: Case, recorded: Project, advised: Project, tmp_path: Path
) -> None:
    project = copy_of(recorded if case.rule.startswith("LP4") else advised, tmp_path)
    follow(case, project, Folder(project.remote))


@pytest.fixture(scope="module")
def trained(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository of two stages that reproduces."""
    project = new_project(tmp_path_factory.mktemp("trained"))
    project.write(FILES)
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    return project


@pytest.mark.parametrize("case", REPRODUCTION, ids=lambda case: f"{case.rule} {case.name}")
def test_after_its_advice_a_finding_of_a_reproduction_is_gone(
    case: Case, trained: Project, tmp_path: Path
) -> None:
    project = copy_of(trained, tmp_path)
    follow(case, project, Folder(project.remote))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository of one stage that needs no Python, so that experiments take no time."""
    project = new_project(tmp_path_factory.mktemp("made"))
    project.write(MADE_FILES)
    project.dvc("add", "-q", "raw.txt")
    project.repro("first")
    return project


@pytest.mark.parametrize("case", CAUSES, ids=lambda case: " or ".join(sorted(case.kinds)))
def test_after_the_advice_on_its_cause_a_stage_reproduces(
    case: CauseCase, made: Project, tmp_path: Path
) -> None:
    project = copy_of(made, tmp_path)
    follow_cause(case, project, Folder(project.remote))


def test_after_the_advice_on_another_package_a_stage_reproduces(
    trained: Project, tmp_path: Path
) -> None:
    project = copy_of(trained, tmp_path)
    follow_cause(OTHER_PACKAGE, project, Folder(project.remote))


def linted(root: Path) -> tuple[Finding, ...]:
    """What is found in the sample platform."""
    return lint_tree(FolderTree(root), parse_policy(POLICY), ["control-plane"]).findings


@pytest.mark.parametrize(
    "told", TOLD, ids=lambda told: f"{told.mutation.rule} {told.mutation.name}"
)
def test_the_advice_on_a_manifest_names_what_is_right(told: Told, tmp_path: Path) -> None:
    """That what was there before the mutation is right, `test_mutations.py` shows."""
    mutation, root = told.mutation, platform(tmp_path)
    if mutation.rule == "LP642":
        if not shutil.which("promtool"):
            pytest.skip("promtool is not on PATH")
    else:
        (root / "control-plane" / "models.test.yaml").unlink()
    mutate(root, mutation)
    found = [finding for finding in linted(root) if finding.rule == mutation.rule]
    assert found
    assert any(told.words in f"{f.message} {page(f.rule)}" for f in found), found
    path = root / "control-plane" / mutation.file
    text = path.read_text()
    assert told.instead[0] in text
    path.write_text(text.replace(*told.instead, 1))
    assert not linted(root)


CLUSTER = {
    f"LP{number}": "only an API server finds it: tests/cluster" for number in range(901, 912)
}
NOT_FOLLOWED = {
    **CLUSTER,
    **{rule: "test_advice_proofs.py has its case" for rule in RULES if rule.startswith("LP72")},
    **dict.fromkeys(("LP751", "LP752"), "test_canary.py has its case"),
    "LP665": "only an API server finds it: tests/cluster/test_lint_asked.py",
    "LP405": "needs a server of MLflow, whose run test_mlflow.py follows",
    "LP407": "needs a server of MLflow, whose run test_mlflow.py follows",
}
KINDS_FOLLOWED = {CauseKind(kind) for kind, _, _ in EXPECTED.values()} | {CauseKind.CONDITION}
"""Those of which `test_direct_causes.py` and `test_vary.py` have the cases."""


def test_every_rule_and_every_cause_has_its_advice_followed() -> None:
    followed = {case.rule for case in (*GATE, *REPRODUCTION)} | {t.mutation.rule for t in TOLD}
    assert followed | NOT_FOLLOWED.keys() == RULES.keys()
    assert not followed & NOT_FOLLOWED.keys()
    kinds = {kind for case in (*CAUSES, OTHER_PACKAGE) for kind in case.kinds}
    assert kinds | KINDS_FOLLOWED == set(CauseKind)
    assert ADVISED.keys() == EXPECTED.keys()
    passed_on = {name for name in MENDS if name.startswith("variable ")}
    # test_vary_network.py has the case of the network, which needs a server; test_gpus.py those of
    # GPUs, by a stand-in.
    assert MENDS.keys() - passed_on == {*NAMES} - {"pass-env", "network", *DEVICES}
    assert passed_on


def test_commands_are_taken_out_of_a_message_as_a_shell_takes_them() -> None:
    message = (
        "it's 'a' of 'b': run 'git add -f 'it'\"'\"'s $HOME;x.py'', then 'dvc push 'a b'' or"
        " 'dvc repro' and 'dvc remote add -d NAME URL', not 'nothing'"
    )
    assert commands(message) == [
        "git add -f 'it'\"'\"'s $HOME;x.py'",
        "dvc push 'a b'",
        "dvc repro",
        "dvc remote add -d NAME URL",
    ]
