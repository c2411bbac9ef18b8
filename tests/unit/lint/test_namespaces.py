"""Which objects a changed label of their namespace may have refused: what chooses by it, alone."""

from typing import Any

import pytest

from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.model.resource import GroupKind
from lockproof.steps.lint.namespaces import Change, Chooser

POD, SECRET, DEPLOYMENT, CLAIM = (
    Kind(GroupKind(group, kind), "v1", plural, namespaced=True)
    for group, kind, plural in (
        ("", "Pod", "pods"),
        ("", "Secret", "secrets"),
        ("apps", "Deployment", "deployments"),
        ("resource.k8s.io", "ResourceClaim", "resourceclaims"),
    )
)
EVERY = (POD, SECRET, DEPLOYMENT, CLAIM)
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def touched(
    before: dict[str, Any], after: dict[str, Any], *choosers: Chooser, known: bool = True
) -> tuple[Kind, ...]:
    change = Change(before, after, choosers if known else None)
    return tuple(kind for kind in EVERY if change.may_touch(kind))


def labels(**stated: str) -> dict[str, Any]:
    return {"labels": {"team": "a", **{key.replace("__", "/"): v for key, v in stated.items()}}}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("stage", ()),
        ("app.kubernetes.io/part-of", ()),
        ("pod-security.kubernetes.io/enforce", (POD, DEPLOYMENT)),
        ("pod-security.kubernetes.io/enforce-version", (POD, DEPLOYMENT)),
        ("pod-security.kubernetes.io/warn", ()),
        ("resource.kubernetes.io/admin-access", (CLAIM,)),
        ("scheduler.alpha.kubernetes.io/node-selector", (POD, DEPLOYMENT)),
        ("security.openshift.io/some", EVERY),
        ("new.kubernetes.io/some", EVERY),
        ("kustomize.toolkit.fluxcd.io/name", ()),
        ("notkubernetes.io/some", ()),
    ],
)
def test_what_a_server_heeds_itself(name: str, found: tuple[Kind, ...]) -> None:
    for part in ("labels", "annotations"):
        assert touched({}, {part: {name: "x"}}) == found
        assert touched({part: {name: "x"}}, {part: {name: "y"}}) == found
        assert touched({part: {name: "x"}}, {part: {name: "x"}}) == ()
        assert touched({}, {part: {name: "x"}}, known=False) == EVERY
    assert touched({}, {"annotations": {APPLIED: "x"}}) == ()


RULE = {"apiGroups": [""], "apiVersions": ["*"], "operations": ["*"], "resources": ["secrets"]}
POLICY = {"spec": {"matchConstraints": {"resourceRules": [RULE]}}}
STAGED = {"matchExpressions": [{"key": "stage", "operator": "In", "values": ["prod"]}]}


def test_a_policy_minds_what_it_selects_by() -> None:
    chooser = Chooser(POLICY, (STAGED, None), reads=False)
    assert touched(labels(), labels(stage="prod"), chooser) == (SECRET,)
    assert touched(labels(stage="prod"), labels(), chooser) == (SECRET,)
    assert touched(labels(), labels(stage="dev"), chooser) == ()
    assert touched(labels(stage="prod"), labels(stage="prod", other="x"), chooser) == ()
    reading = Chooser(POLICY, (STAGED, None), reads=True)
    assert touched(labels(stage="prod"), labels(stage="prod", other="x"), reading) == (SECRET,)
    assert touched(labels(), labels(other="x"), reading) == ()
