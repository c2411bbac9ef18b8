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
        ("condition", "tf32", "proven"),
    ]
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
