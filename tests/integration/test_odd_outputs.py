"""What a stage leaves in place of an output fails that stage, and no other; a report says why."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from integration.pipelines import new_project, prove, stage
from lockproof.model.report import Report, SkipReason
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


@pytest.mark.parametrize("mode", ["isolated", "chain"])
def test_a_listing_that_is_refused_is_unknown_and_ends_nothing_else(
    tmp_path: Path, mode: str
) -> None:
    """One as the input of a stage, one as the locked content of an output."""
    project = new_project(tmp_path)
    explain = json.dumps(mode == "isolated")
    project.write({"in/a": "a", "odd": "", "lockproof.toml": f"[reproduce]\nexplain = {explain}\n"})
    project.dvc("add", "-q", "in")
    project.write(
        {
            "dvc.yaml": """
stages:
  reads: {cmd: cat in/a > read, deps: [in], outs: [read]}
  makes: {cmd: mkdir made && echo a > made/a, deps: [odd], outs: [made]}
  other: {cmd: echo b > other, deps: [odd], outs: [other]}
"""
        }
    )
    project.repro()
    for path in ("in", "made"):
        texts = {n: (project.root / n).read_text() for n in ("in.dvc", "dvc.lock")}
        old = re.search(rf"path: {path}\n[^-]*?md5: (\w+\.dir)", texts["dvc.lock"])
        assert old
        content = json.dumps([{"md5": "0" * 32, "relpath": f"../{path}"}]).encode()
        new = f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}.dir"
        project.write({name: text.replace(old[1], new) for name, text in texts.items()})
        target = project.remote / "files" / "md5" / new[:2] / new[2:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    project.commit()
    report = prove(project, mode=mode)
    assert stage(report, "other").verdict is Verdict.PASSED
    assert stage(report, "reads").skipped is SkipReason.INPUT_UNAVAILABLE
    assert stage(report, "makes").verdict is Verdict.FAILED
    [found] = [f for f in report.findings if f.rule == "LP204"]
    assert found.subject == "in"
    assert "names a path outside of its directory: '../in'" in found.message
    assert "dvc commit -f in.dvc" in found.message
