"""Several stages that disagree are explained at the same time, and none is in another's way."""

from pathlib import Path

from .pipelines import causes, new_project, prove

STAGES = range(2)
SCRIPT = "open('out-{n}/same.txt', 'w').write('{text}')\n"


def test_changed_scripts_of_several_stages_are_all_named(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    stages = "".join(
        f"  s{n}:\n    cmd: mkdir -p out-{n} && python3 s{n}.py\n    deps: [s{n}.py]\n"
        f"    outs: [out-{n}/same.txt]\n"
        for n in STAGES
    )
    project.write({"dvc.yaml": f"stages:\n{stages}"})
    project.write({f"s{n}.py": SCRIPT.format(n=n, text="one") for n in STAGES})
    project.repro("first")
    for text in ("two", "three"):  # So that the locked version takes some looking.
        project.write({f"s{n}.py": SCRIPT.format(n=n, text=text) for n in STAGES})
        project.commit(text)
    report = prove(project, mode="isolated", jobs=len(STAGES))
    for n in STAGES:
        assert causes(report, f"s{n}") == [("code", f"s{n}.py", "proven")]
