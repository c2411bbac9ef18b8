"""What a run that could not be removed leaves in a cluster goes by the command that is told."""

from pathlib import Path
from typing import Any

import pytest

from cluster.lab import Lab
from integration.pipelines import SORT_AND_TRAIN, new_project
from integration.test_attach import POLICY
from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.errors import UnavailableError
from lockproof.steps.cluster import Request, reproduce_on
from lockproof.steps.cluster import run as module
from unit.cluster.test_watch import Silence

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

TOLD = "it may be left: "


class Broken(Cluster):
    """A real one, but for what a Ctrl-C ends, and an API server that is gone when all is removed.

    Neither can be timed in a real one.
    """

    def listed(self, *_: Any) -> list[dict[str, Any]]:
        raise KeyboardInterrupt

    def delete(self, kind: Kind, live: dict[str, Any]) -> None:
        raise UnavailableError("the API server does not answer")


def test_what_may_be_left_goes_by_the_command_that_is_told(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(lab.kubeconfig()))
    monkeypatch.setattr(module, "Cluster", Broken)
    project = new_project(tmp_path)
    project.write({"dvc.yaml": SORT_AND_TRAIN, "raw.csv": "b\na\n", "lockproof.toml": POLICY})
    project.commit("one")
    progress = Silence()
    with pytest.raises(KeyboardInterrupt):
        reproduce_on(Request(project.root), progress)
    run = progress.said[0].split()[1].rstrip(":")
    jobs, secrets = "/apis/batch/v1/namespaces/default/jobs", "/api/v1/namespaces/default/secrets"

    def there() -> int:
        every = [*lab.api.items(jobs), *lab.api.items(secrets)]
        return [one["metadata"]["name"] for one in every].count(run)

    assert there() == 2
    commands = [said.removeprefix(TOLD) for said in progress.said if said.startswith(TOLD)]
    assert len(commands) == 2
    for command in commands:  # What the Job owns may have gone with it.
        project.run("sh", "-c", f"{command} --ignore-not-found")
    assert there() == 0
