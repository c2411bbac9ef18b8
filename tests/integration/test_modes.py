"""What a digest does not say: a file that is run, made by one stage and used by the next."""

from pathlib import Path

import pytest

from .pipelines import new_project, prove, verdicts

PIPELINE = """\
stages:
  make:
    cmd: "printf '#!/bin/sh\\\\necho hi\\\\n' > tool && chmod +x tool"
    outs: [tool]
  use:
    cmd: ./tool > out.txt
    deps: [tool]
    outs: [out.txt]
"""


@pytest.mark.parametrize("mode", ["isolated", "chain"])
def test_an_executable_output_is_run_by_the_next_stage(tmp_path: Path, mode: str) -> None:
    project = new_project(tmp_path)
    project.write({"dvc.yaml": PIPELINE})
    project.repro()
    project.dvc("push", "-q")
    found = verdicts(prove(project, mode=mode))
    assert found == {"tool": "identical", "out.txt": "identical"}
