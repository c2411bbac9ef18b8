"""Which objects a rule of Kyverno may be for: taken as untouched only where that is certain."""

from typing import Any

import pytest
import yaml

from lockproof.rules.manifests.kyverno import Seen, may_look_at

POD, OTHER, MAKER, SPACE, ROLE, CONFIG = (
    Seen("Pod", "web-1", "prod", {"app": "web"}, {"owner": "me"}, whole=True),
    Seen("Pod", "job", "dev", {}, {}, whole=True),
    Seen("Deployment", "web", "prod", {"app": "web"}, {}, whole=True),
    Seen("Namespace", "prod", None, {}, {}, whole=True),
    Seen("ClusterRole", "all", None, {}, {}, whole=True),
    Seen("ConfigMap", "made", "prod", {"app": "db"}, {}, whole=True),
)
ALL = (POD, OTHER, MAKER, SPACE, ROLE, CONFIG)


def policy(match: str, more: str = "validate: {}", kind: str = "ClusterPolicy") -> dict[str, Any]:
    rule = yaml.safe_load(f"name: r\nmatch: {match}\n{more}\n")
    return {"kind": kind, "metadata": {"name": "p"}, "spec": {"rules": [rule]}}


def only(resources: str) -> str:
    return f"{{any: [{{resources: {{{resources}}}}}]}}"


@pytest.mark.parametrize(
    ("match", "touched"),
    [
        (only("kinds: [ConfigMap]"), (CONFIG,)),
        (only("kinds: [v1/ConfigMap, Nothing]"), (CONFIG,)),
        (only("kinds: ['*/ConfigMap', apps/v1/StatefulSet]"), (CONFIG,)),
        (only("kinds: [configmap]"), (CONFIG,)),
        (only("kinds: ['Conf?g*']"), (CONFIG,)),
        (only("kinds: [ConfigMap/status]"), (CONFIG,)),
        (only("kinds: ['*']"), ALL),
        (only("kinds: ['apps/*']"), ALL),
        (only("kinds: [Pod]"), (POD, OTHER, MAKER)),
        (only("kinds: [Pod], namespaces: [prod]"), (POD, MAKER)),
        (only("kinds: [Pod], namespaces: ['d*']"), (OTHER,)),
        (only("kinds: [Pod], names: ['web-*']"), (POD, MAKER)),
        (only("kinds: [ConfigMap], name: other"), ()),
        (only("kinds: [ConfigMap], name: '{{ request.name }}'"), (CONFIG,)),
        (only("kinds: [Namespace], namespaces: [prod]"), (SPACE,)),
        (only("kinds: [ClusterRole], namespaces: [prod]"), ()),
        (only("kinds: [ClusterRole], namespaces: ['*']"), (ROLE,)),
        (only("kinds: [ConfigMap], operations: [DELETE]"), ()),
        (only("kinds: [ConfigMap], operations: [DELETE, UPDATE]"), (CONFIG,)),
        (only("kinds: [ConfigMap], selector: {matchLabels: {app: web}}"), ()),
        (only("kinds: [ConfigMap], selector: {matchLabels: {app: 'd*'}}"), (CONFIG,)),
        (only("kinds: [ConfigMap], selector: {matchLabels: {'a*': web}}"), (CONFIG,)),
        (only("kinds: [ConfigMap], selector: {matchLabels: {b: c}}"), ()),
        (only("kinds: [ConfigMap], selector: {matchExpressions: [{key: app, operator: NotIn,"
              " values: [db]}]}"), ()),
        (only("kinds: [ConfigMap], selector: {matchExpressions: [{key: b, operator: DoesNotExist}]}"
              ), (CONFIG,)),
        (only("kinds: [ConfigMap], annotations: {owner: me}"), ()),
        (only("kinds: [ConfigMap], namespaceSelector: {matchLabels: {a: b}}"), (CONFIG,)),
        (only("kinds: [ConfigMap], unheard: [of]"), (CONFIG,)),
        ("{all: [{resources: {kinds: [ConfigMap]}}, {resources: {names: [x]}}]}", ()),
        ("{all: [{resources: {kinds: [ConfigMap]}}, {subjects: [{kind: User, name: a}]}]}",
         (CONFIG,)),
        ("{resources: {kinds: [ConfigMap]}}", (CONFIG,)),
        ("{resources: {kinds: [ConfigMap]}, any: []}", ALL),
        ("{}", ALL),
        ("[]", ALL),
        (only("kinds: ConfigMap"), ALL),
    ],
)  # fmt: skip
def test_a_rule_is_for_what_it_may_match(match: str, touched: tuple[Seen, ...]) -> None:
    assert tuple(one for one in ALL if may_look_at(policy(match), [one])) == touched
    # What is not known of the labels may yet be what is asked for.
    for one in touched:
        assert may_look_at(policy(match), [one._replace(labels={}, annotations={}, whole=False)])


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        (only("namespaces: [prod]"), (OTHER, ROLE)),
        (only("kinds: [Pod], namespaces: [prod]"), (OTHER, MAKER, SPACE, ROLE, CONFIG)),
        (only("kinds: [v1/ConfigMap]"), ALL),
        (only("kinds: [ConfigMap], selector: {matchLabels: {app: db}}"), ALL[:5]),
        (only("kinds: [ConfigMap], namespaceSelector: {matchLabels: {app: db}}"), ALL),
        (only("kinds: [ConfigMap], operations: [CREATE]"), ALL),
        ("{any: [{resources: {kinds: [ConfigMap]}, clusterRoles: [admin]}]}", ALL),
        ("{all: [{resources: {kinds: [ConfigMap]}}, {resources: {names: ['m*']}}]}", ALL[:5]),
        ("{}", ALL),
    ],
)
def test_an_object_is_left_out_where_that_is_certain(exclude: str, left: tuple[Seen, ...]) -> None:
    stated = policy(only("kinds: ['*']"), f"validate: {{}}\nexclude: {exclude}")
    found = tuple(one for one in ALL if may_look_at(stated, [one]))
    # What is written for the makers of pods anew may be without it.
    assert tuple(one for one in found if one is not MAKER) == tuple(
        one for one in left if one is not MAKER
    )


def test_what_a_rule_changes_of_others_touches_all() -> None:
    config = only("kinds: [ConfigMap]")
    for more in ("generate: {kind: ResourceQuota}", "mutate: {targets: [{kind: Namespace}]}"):
        assert all(may_look_at(policy(config, more), [one]) for one in ALL)
    changes = "mutate: {patchStrategicMerge: {}}"
    assert not may_look_at(policy(config, changes), [POD])
    assert may_look_at(policy(only("kinds: [Namespace]"), changes), [POD])


def test_a_policy_of_a_namespace_is_for_that_one() -> None:
    stated = policy(only("kinds: [ConfigMap]"), kind="Policy")
    stated["metadata"]["namespace"] = "dev"
    assert not may_look_at(stated, [CONFIG])
    stated["metadata"]["namespace"] = "prod"
    assert may_look_at(stated, [CONFIG])


def test_an_exception_is_for_what_it_matches() -> None:
    match = yaml.safe_load(only("kinds: [ConfigMap]"))
    stated = {"kind": "PolicyException", "metadata": {"name": "p"}, "spec": {"match": match}}
    assert [one for one in ALL if may_look_at(stated, [one])] == [CONFIG]


def test_an_object_is_looked_at_as_it_is_and_as_it_becomes() -> None:
    stated = policy(only("kinds: [ConfigMap], selector: {matchLabels: {app: web}}"))
    assert not may_look_at(stated, [CONFIG])
    assert may_look_at(stated, [CONFIG, CONFIG._replace(labels={"app": "web"})])


@pytest.mark.parametrize("rules", [None, {}, ["a"], "a"])
def test_a_policy_that_cannot_be_read_is_for_all(rules: Any) -> None:
    assert may_look_at({"kind": "ClusterPolicy", "spec": {"rules": rules}}, [CONFIG])
