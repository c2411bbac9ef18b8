"""What a stage leaves in place of an output fails that stage, and no other; a report says why."""

import hashlib

import pytest

from integration.pipelines import new_project, prove, stage
from lockproof.model.report import Report
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.render.registry import FORMATS, render

ODD = {
    "fifo": ("mkfifo fifo", "fifo is neither a file nor a folder"),
    "device": ("mkdir device && mkfifo device/x", "device holds x, which is no regular file"),
    "nowhere": ("ln -s gone nowhere", "is a link that leads nowhere"),
    "loop": ("ln -s loop loop", "loop"),
    "out": ("ln -s /etc/passwd out", "is a link that leads out of the checkout"),
    "inside": ("mkdir inside && ln -s /etc/hosts inside/h", "inside holds h, which is a link that"),
    "sparse": ("truncate -s 4T sparse", "sparse: 4096 GiB of it are holes"),
    "deep": (
        "mkdir deep && cd deep && i=0 && while [ $i -lt 1500 ]; do mkdir a; cd -P ./a; i=$((i+1));"
        " done; echo x > b",
        "deep is nested too deeply",
    ),
    "name": ("mkdir name && echo x > name/$(printf '\\377')", ""),
    "ignored": ("mkdir ignored && echo x > ignored/.dvcignore", "which DVC refuses"),
}
FINE = {
    "good": "echo fine > good",
    "empty": "mkdir -p empty && cd empty && seq 3000 | xargs mkdir -p && echo x > 1/x",
}
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"


def declared(commands: dict[str, str]) -> str:
    return "stages:\n" + "".join(
        f"  {name}:\n    cmd: {command}\n    deps: [odd]\n    outs: [{name}]\n"
        for name, command in commands.items()
    )


@pytest.fixture(scope="module", params=["isolated", "chain"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of a project in which every stage was locked while its script made a plain file."""
    project = new_project(tmp_path_factory.mktemp("odd"))
    harmless = {name: f"test -s odd && sh odd {name} || echo {name} > {name}" for name in ODD}
    project.write({"dvc.yaml": declared({**harmless, **FINE}), "odd": ""})
    project.repro()
    script = "case $1 in\n" + "".join(f"{n}) {run};;\n" for n, (run, _) in ODD.items()) + "esac\n"
    md5 = hashlib.md5(script.encode(), usedforsecurity=False).hexdigest()
    lock = (project.root / "dvc.lock").read_text()
    assert lock.count(EMPTY) == len(ODD) + len(FINE)
    lock = lock.replace(EMPTY, md5).replace("size: 0", f"size: {len(script.encode())}")
    project.write({"odd": script, "dvc.lock": lock})
    project.write({"lockproof.toml": "[reproduce]\nexplain = false\n"})
    project.commit()
    return prove(project, mode=request.param)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_output_fails_its_stage_with_a_reason(name: str, report: Report) -> None:
    found = stage(report, name)
    assert found.verdict is Verdict.FAILED
    assert [o.verdict for o in found.outputs] == [OutputVerdict.DIFFERENT]
    said = " ".join(d.summary for ds in report.host.stages[name].differences.values() for d in ds)
    assert ODD[name][1] in said


def test_the_report_can_be_written(report: Report) -> None:
    for each in FORMATS:
        render(report, each.name).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", FINE)
def test_the_other_stages_are_judged(name: str, report: Report) -> None:
    assert stage(report, name).verdict is Verdict.PASSED
