"""What an API server refuses beyond schemas, as a real one answered; a cluster test asks again."""

import json
import re
from pathlib import Path

import pytest

from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.rules.manifests.validation.schedules import schedule_problem
from manifests.served import (
    as_manifest,
    asked_for_more,
    chosen,
    every_change,
    every_finalizer,
    every_null,
    objects,
    told,
)

RECORDED = json.loads(Path(__file__).with_name("server_answers.json").read_bytes())


def test_lint_refuses_of_a_thousand_changes_what_a_server_did() -> None:
    schemas = BundledSchemas("1.34")
    for value in objects():
        assert not told(as_manifest(value), schemas), value
    every, answers = every_change(), "".join(RECORDED["refused"])
    assert len(every) == len(answers), "the changes are others than those that were asked of"
    passed, refused, both = [], [], 0
    for number in chosen(1000, seed=1):
        change, said = every[number], answers[number] == "x"
        ours = told(as_manifest(change.value), schemas)
        both += said and bool(ours)
        if said and not ours:
            passed.append(change.name)
        if ours and not said and not asked_for_more(change):
            refused.append(f"{change.name}: {ours}")
    assert not passed
    assert not refused
    assert both > 300


@pytest.mark.parametrize(
    "text",
    ["* * * * *", "*/5 0-6 1,15 JAN-mar mon", "@daily", "@every 1h", "0 0 ? * 0", "5/15 * * * *"],
)
def test_schedules_that_are_ones(text: str) -> None:
    assert schedule_problem(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("* * * *", "4 fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of the month"),
        ("* * * 13 *", "month"),
        ("* * * * 7", "weekday|day of the week"),
        ("5-1 * * * *", "a range goes up"),
        ("*/0 * * * *", "a step"),
        ("@often", "one of"),
        ("@every day", "duration"),
        ("TZ=UTC * * * * *", "timeZone"),
    ],
)
def test_schedules_that_are_none(text: str, why: str) -> None:
    problem = schedule_problem(text)
    assert problem is not None
    assert re.search(why, problem)


# As a server of 1.34 answered; a cluster test asks it of every list, and of finalizers.
@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("Pod/pod ('spec', 'initContainers', 0, 'command') with null", False),
        ("NetworkPolicy/net ('spec', 'ingress') of null", False),
        ("Ingress/ing ('spec', 'tls') of null", False),
        ("Role/role ('rules', 0, 'verbs') with null", False),
        ("Role/role ('rules',) with null", True),
        ("Pod/pod ('spec', 'containers', 0, 'env') with null", True),
        ("Pod/pod ('spec', 'tolerations') of null", True),
        ("PersistentVolumeClaim/data ('spec', 'accessModes') with null", True),
        ("NetworkPolicy/net ('spec', 'egress', 0, 'to') of null", True),
        ("('metadata',) None", True),
        ("('metadata',) a/b/c", True),
        ("('metadata',) example.org/a", False),
        ("('spec', 'template', 'metadata') None", False),
    ],
)
def test_of_nulls_and_finalizers_lint_says_as_a_server(name: str, refused: bool) -> None:
    every = (*every_null(), *every_finalizer())
    (change,) = [one for one in every if one.name == name]
    assert bool(told(as_manifest(change.value), BundledSchemas("1.34"))) is refused
