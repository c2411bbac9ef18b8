"""What GPUs make of the same numbers: conditions, and tolerances by hardware.

No machine here has a GPU. A stand-in for `nvidia-smi` names some, and commands that do as
libraries are documented to do with a variable stand in for these.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.config import load_policy
from lockproof.model.comparison import Tolerance
from lockproof.model.environment import Environment
from lockproof.model.report import OutputReport, Report
from lockproof.model.verdict import Verdict
from lockproof.render.words import what_differs
from lockproof.steps.declared import declared
from lockproof.steps.gate.proof import contradictions

from .pipelines import Project, new_project, prove, stage, verdicts

GPUS = ("gpu-algorithms", "tf32", "gpu-count")
COMMANDS = {
    # cuBLAS with a workspace for each stream, and what atomic additions in any order come to.
    "gpu-algorithms": 'test "$CUBLAS_WORKSPACE_CONFIG" = :4096:8 && echo 1'
    " || cat /proc/sys/kernel/random/uuid",
    "tf32": 'test "$NVIDIA_TF32_OVERRIDE" = 0 && echo 1.0 || echo 1.0003',
    "gpu-count": 'test "$CUDA_VISIBLE_DEVICES" = 0 && echo 1 || echo 2',
    "nothing": "echo 1",
}
H100, L4 = "NVIDIA H100 80GB HBM3", "NVIDIA L4"
H100_GLOB = "NVIDIA H100*"


Names = Callable[..., None]


@pytest.fixture(autouse=True)
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Names:
    """Chooses the GPUs that a stand-in for nvidia-smi names; at first none."""
    folder = tmp_path / "stand-in"
    folder.mkdir()
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nsed 's/$/, 550.54.15/' {folder}/names\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def choose(*names: str) -> None:
        (folder / "names").write_text("".join(f"{name}\n" for name in names))

    choose()
    return choose


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Stages that depend on one condition of GPUs each, locked where TF32 was off."""
    found = new_project(tmp_path)
    stages = {
        name: {"cmd": f"({command}) > {name}.out", "outs": [f"{name}.out"]}
        for name, command in COMMANDS.items()
    }
    found.write({"dvc.yaml": yaml.safe_dump({"stages": stages})})
    for name in ("CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    found.repro("first")
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE")
    return found


def rows(report: Report, name: str) -> dict[str, bool]:
    return {row.condition: row.matters for row in report.host.stages[name].varied}


def test_each_condition_is_named_by_experiment(gpus: Names, project: Project) -> None:
    gpus(H100, H100)
    report = prove(project, vary=("random", *GPUS), mode="isolated")
    for name in COMMANDS:
        told = report.host.stages[name].varied
        assert rows(report, name) == {each: each == name for each in ("random", *GPUS)}, told
    (held,) = (r for r in report.host.stages["gpu-algorithms"].varied if r.matters)
    assert held.setting == "deterministic algorithms on the GPU"
    assert held.mend
    assert "torch.use_deterministic_algorithms(True)" in held.mend
    loose, exact = (stage(report, name) for name in ("gpu-algorithms", "tf32"))
    found = [(c.kind.value, c.condition, c.certainty.value) for c in (*loose.causes, *exact.causes)]
    assert found == [
        ("nondeterminism", "gpu-algorithms", "proven"),
        ("condition", "tf32", "likely"),  # No value of its variable is known to vary nothing.
    ]
    said = [each.text for each in report.host.stages["tf32"].evidence]
    assert "with NVIDIA_TF32_OVERRIDE=0 the locked output is made again" in said
    assert any(each.startswith("it may show NVIDIA_TF32_OVERRIDE") for each in said)
    assert loose.verdict is Verdict.INCONCLUSIVE
    assert exact.verdict is Verdict.FAILED
    shown = [each.text for each in report.host.stages["gpu-algorithms"].evidence]
    assert "runs agree with deterministic algorithms on the GPU, and differ without" in shown


def test_what_is_so_already_is_not_tried(
    gpus: Names, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(H100, H100)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    report = prove(project, stages=("nothing",), vary=("tf32", "gpu-count"), mode="isolated")
    told = {row.condition: row.obstacle for row in report.host.stages["nothing"].varied}
    assert told == {
        "tf32": "it is so already: NVIDIA_TF32_OVERRIDE=0",
        "gpu-count": "stages see one GPU only",
    }


def test_without_a_gpu_none_is_tried(project: Project) -> None:
    report = prove(project, stages=("tf32",), vary=GPUS, mode="isolated")
    told = {row.condition: row.obstacle for row in report.host.stages["tf32"].varied}
    assert told == dict.fromkeys(GPUS, "no GPU here")
    (cause,) = stage(report, "tf32").causes
    assert cause.kind.value == "unknown"
    said = " ".join(each.text for each in report.host.stages["tf32"].evidence)
    assert "GPU" not in said, "nothing depends on what is not there"


POLICY = """\
[reproduce]
explain = false

[[tolerance]]
paths = ["score.json"]
hardware = "NVIDIA H100*"
rtol = 1e-3

[[tolerance]]
paths = ["score.json"]
hardware = "cpu"
rtol = 1e-12
"""


@pytest.fixture
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A stage whose number is off by a ten-thousandth from the locked one."""
    found = new_project(tmp_path)
    command = 'echo {\\"score\\": ${OMP_NUM_THREADS:-1.0001}} > score.json'
    declared_ = {"score": {"cmd": command.replace("$", "\\$"), "outs": ["score.json"]}}
    found.write({"dvc.yaml": yaml.safe_dump({"stages": declared_}), "lockproof.toml": POLICY})
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found.repro("first")
    monkeypatch.delenv("OMP_NUM_THREADS")
    return found


def judged(project: Project) -> tuple[Report, OutputReport, str]:
    report = prove(project)
    (output,) = stage(report, "score").outputs
    differences = report.host.stages["score"].differences["score.json"]
    return report, output, "; ".join(what_differs(output, differences))


def holds(report: Report, project: Project, policy: str) -> bool:
    """Whether a gate takes the report by this policy."""
    git = GitRepository.discover(project.root)
    pipeline = declared(Snapshot(git, git.resolve("HEAD")), "").pipeline
    path = project.root.parent / "trusted.toml"
    path.write_text(policy)
    return not list(contradictions(report, pipeline, load_policy(path)))


def test_a_tolerance_counts_on_its_hardware_alone(scored: Project) -> None:
    report, output, said = judged(scored)
    assert verdicts(report) == {"score.json": "different"}
    assert (output.hardware, output.other_hardware) == ("cpu", ("NVIDIA H100*",))
    assert "tolerance rtol 1e-12, for hardware cpu" in said
    assert "tolerances for other hardware do not count here: NVIDIA H100*" in said


def test_a_tolerance_for_a_gpu(scored: Project, gpus: Names) -> None:
    gpus(H100, H100)
    report, output, said = judged(scored)
    assert verdicts(report) == {"score.json": "within tolerance"}
    assert (output.hardware, output.other_hardware) == ("NVIDIA H100*", ("cpu",))
    assert "tolerance rtol 0.001, for hardware NVIDIA H100*" in said
    assert holds(report, scored, POLICY)
    assert not holds(report, scored, POLICY.replace("1e-3", "1e-2"))
    assert not holds(report, scored, POLICY.replace("H100", "A100"))
    assert not holds(report, scored, POLICY.replace('hardware = "NVIDIA H100*"\n', ""))


def test_a_tolerance_is_for_each_of_several_gpus(scored: Project, gpus: Names) -> None:
    gpus(H100, L4)
    report, output, _ = judged(scored)
    assert verdicts(report) == {"score.json": "different"}
    assert (output.tolerance, output.hardware) == (None, None)
    assert output.other_hardware == ("NVIDIA H100*", "cpu")


def test_a_tolerance_is_that_of_the_hardware_which_the_report_names(
    scored: Project, gpus: Names
) -> None:
    """The first table for what the report's own host has: neither another's nor a later one."""
    gpus(H100)
    report, output, _ = judged(scored)
    there = report.host.environment
    assert there
    assert holds(report, scored, POLICY)

    def by(environment: Environment | None, **said: object) -> Report:
        (one,) = report.stages
        changed = one.model_copy(update={"outputs": (output.model_copy(update=said),)})
        host = report.host.model_copy(update={"environment": environment})
        return report.model_copy(update={"stages": (changed,), "host": host})

    for gpus_there in ((), (L4,), (H100, L4), None):
        assert not holds(by(there.model_copy(update={"gpus": gpus_there})), scored, POLICY)
    assert not holds(by(None), scored, POLICY)
    loose = POLICY.replace("1e-3", "1e-9").replace('hardware = "cpu"\nrtol = 1e-12', "rtol = 0.5")
    general = {"tolerance": Tolerance(rtol=0.5), "hardware": None}
    assert holds(by(there.model_copy(update={"gpus": (L4,)}), **general), scored, loose)
    for environment in (there, there.model_copy(update={"gpus": None}), None):
        assert not holds(by(environment, **general), scored, loose)


def test_hardware_is_what_stages_see(
    scored: Project, gpus: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(H100, L4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    report, output, _ = judged(scored)
    assert (verdicts(report), output.hardware) == ({"score.json": "different"}, "cpu")
    assert report.host.environment
    assert report.host.environment.gpus == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    report, output, said = judged(scored)
    assert verdicts(report) == {"score.json": "not comparable"}, "CUDA may count another one first"
    assert (output.tolerance, output.hardware) == (None, None)
    assert "which GPUs stages see is not known" in said
    assert report.verdict is Verdict.INCONCLUSIVE
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    report, output, _ = judged(scored)
    assert (verdicts(report), output.hardware) == ({"score.json": "within tolerance"}, H100_GLOB)
    assert holds(report, scored, POLICY)


def test_where_the_gpus_are_not_known_no_hardware_is_claimed(
    scored: Project, tmp_path: Path
) -> None:
    """The driver's programs are of another version than its module: a machine is no CPU by that."""
    program = tmp_path / "stand-in" / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'Failed to initialize NVML: version mismatch'; exit 18\n")
    report, output, said = judged(scored)
    assert verdicts(report) == {"score.json": "not comparable"}
    assert (output.tolerance, output.hardware) == (None, None)
    assert output.other_hardware == (H100_GLOB, "cpu")
    assert "which GPUs stages see is not known" in said
    varied = prove(scored, vary=GPUS, mode="isolated").host.stages["score"].varied
    assert {row.obstacle for row in varied} == {"which GPUs stages see is not known"}
