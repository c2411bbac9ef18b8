"""What keeps pods from being ready, as a kubelet and a scheduler were seen to write it."""

from typing import Any

import pytest

from lockproof.steps.provision.pods import reasons, warnings


def container(name: str, **state: Any) -> dict[str, Any]:
    last = state.pop("last", {})
    return {"name": name, "state": state, "lastState": last}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({}, []),
        ({"containerStatuses": [container("a", running={})]}, []),
        ({"containerStatuses": [container("a", waiting={"reason": "ContainerCreating"})]}, []),
        (
            {
                "initContainerStatuses": [
                    container(
                        "fetch",
                        waiting={
                            "reason": "CreateContainerConfigError",
                            "message": 'secret "mlflow-reader" not found',
                        },
                    )
                ],
                "containerStatuses": [container("a", waiting={"reason": "PodInitializing"})],
            },
            ['container fetch: secret "mlflow-reader" not found'],
        ),
        (
            {
                "containerStatuses": [
                    container(
                        "a",
                        waiting={"reason": "CrashLoopBackOff", "message": "back-off 5m0s"},
                        last={"terminated": {"exitCode": 3}},
                    )
                ]
            },
            ["container a: back-off 5m0s (it ended with 3)"],
        ),
        (
            {"initContainerStatuses": [container("fetch", terminated={"exitCode": 1})]},
            ["container fetch ended with 1"],
        ),
        ({"initContainerStatuses": [container("fetch", terminated={"exitCode": 0})]}, []),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "message": "0/1 nodes are available:\n1 Insufficient cpu.",
                    }
                ]
            },
            ["no node takes its pods: 0/1 nodes are available: 1 Insufficient cpu."],
        ),
    ],
)
def test_the_reason_is_the_one_that_helps(status: dict[str, Any], told: list[str]) -> None:
    assert list(reasons({"metadata": {"name": "p"}, "status": status})) == told


def test_of_warnings_the_newest_about_these_objects_come_first() -> None:
    def event(name: str, at: str, kind: str = "Warning") -> dict[str, Any]:
        return {
            "type": kind,
            "reason": "FailedMount",
            "message": f"{name}\n{at}",
            "involvedObject": {"name": name},
            "lastTimestamp": at,
        }

    events = [event("a", "1"), event("a", "2"), event("b", "3"), event("a", "4", "Normal")]
    assert list(warnings(events, {"a"})) == ["FailedMount: a 2", "FailedMount: a 1"]
