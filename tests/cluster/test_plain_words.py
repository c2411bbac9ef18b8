"""How kubectl reads plain words, asked again: the answers that unit tests hold lint to."""

import json
import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster
RECORDED = Path(__file__).parent.parent / "unit" / "parse" / "plain_words.json"


def test_kubectl_reads_plain_words_as_it_did() -> None:
    program = Path(os.environ.get("KUBEBUILDER_ASSETS", "/usr/local/kubebuilder/bin"), "kubectl")
    if not program.exists():
        pytest.skip("no Kubernetes API server with its kubectl: KUBEBUILDER_ASSETS")
    recorded = json.loads(RECORDED.read_bytes())
    lines = "".join(f"  w{number}: {word}\n" for number, (word, _) in enumerate(recorded))
    done = subprocess.run(
        [program, "label", "--local", "-f", "-", "-o", "json", "a=b"],
        input=f"apiVersion: x/v1\nkind: K\nmetadata: {{name: a}}\nv:\n{lines}",
        capture_output=True,
        text=True,
        check=True,
    )
    read = json.loads(done.stdout)["v"]
    assert [repr(read[f"w{n}"]) for n in range(len(recorded))] == [repr(v) for _, v in recorded]
