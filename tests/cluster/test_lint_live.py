"""`lockproof lint --cluster` where the objects are there already, and who applied them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab import Lab, running, wait_until
from cluster.test_lint_asked import answer
from lockproof.adapters.kubernetes.becomes import becomes

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
PLURALS = {
    "ConfigMap": "/api/v1/namespaces/x/configmaps",
    "Service": "/api/v1/namespaces/x/services",
    "PersistentVolumeClaim": "/api/v1/namespaces/x/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/x/deployments",
    "Job": "/apis/batch/v1/namespaces/x/jobs",
    "Widget": "/apis/live.example.org/v1/namespaces/x/widgets",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server that wants a label, and has a webhook that nobody answers."""
    with running(tmp_path_factory.mktemp("live-lab"), controllers=False) as lab:
        for name in ("x", "default"):
            value = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            lab.api.create("/api/v1/namespaces", value)
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
        here = {"matchLabels": {"kubernetes.io/metadata.name": "x"}}
        wanted = {"expression": "has(object.metadata.labels) && 'team' in object.metadata.labels"}
        policy = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "team"},
            "spec": {
                "matchConstraints": {
                    "namespaceSelector": here,
                    "resourceRules": [rule | {"resources": ["configmaps"]}],
                },
                "validations": [wanted | {"message": "it needs a team"}],
            },
        }
        binding = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "team"},
            "spec": {"policyName": "team", "validationActions": ["Deny"]},
        }
        hook = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "away"},
            "webhooks": [
                {
                    "name": "away.example.org",
                    "rules": [rule | {"resources": ["endpoints"]}],
                    "clientConfig": {"url": "https://127.0.0.1:9/"},
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                }
            ],
        }
        lab.api.create(f"{ADMISSION}/validatingadmissionpolicies", policy)
        lab.api.create(f"{ADMISSION}/validatingadmissionpolicybindings", binding)
        lab.api.create(f"{ADMISSION}/validatingwebhookconfigurations", hook)
        lab.install([definition("size")])
        refused = read(CONFIG.format(name="try", labels="{}"))
        path = "/api/v1/namespaces/x/configmaps?dryRun=All"
        wait_until(lambda: lab.api.call("POST", path, refused)[0] == 422)
        dead = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "try"}}
        path = "/api/v1/namespaces/x/endpoints?dryRun=All"
        wait_until(lambda: lab.api.call("POST", path, dead)[0] == 500)
        yield lab


CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, namespace: x, labels: {labels}}}
data: {{a: b}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: x}}
spec: {{selector: {{a: b}}, ports: {ports}}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: x}}
spec:
  selector: {{matchLabels: {{a: b}}}}
  template:
    metadata: {{labels: {{a: b}}}}
    spec:
      volumes: [{{name: v, {volume}}}]
      containers:
        - name: c
          image: {image}
          ports: [{{containerPort: 53}}, {{containerPort: 53, protocol: UDP}}]
          env: [{{name: A, {env}}}]
          readinessProbe: {{{probe}}}
"""
FIRST = {
    "volume": "emptyDir: {}",
    "image": "i",
    "env": "value: x",
    "probe": "httpGet: {port: 80}",
}
SECOND = {
    "volume": "configMap: {name: a}",
    "image": "j",
    "env": "valueFrom: {fieldRef: {fieldPath: metadata.name}}",
    "probe": "exec: {command: [a]}",
}


def read(text: str) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(text)
    return value


def definition(*fields: str) -> dict[str, Any]:
    properties = {name: {"type": "integer"} for name in fields}
    inner = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": inner}}
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    spec = {"group": "live.example.org", "names": names, "scope": "Namespaced"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.live.example.org"},
        "spec": {**spec, "versions": [version]},
    }


def put_there(server: Lab, text: str, by: str) -> str:
    """Apply an object as Flux does, as kubectl or Argo CD do, or create it; its path."""
    value = read(text)
    path = PLURALS[value["kind"]]
    one = f"{path}/{value['metadata']['name']}"
    if by == "server":
        query = "?fieldManager=kustomize-controller"
        code, said = server.api.call("PATCH", one + query, value, "application/apply-patch+yaml")
    else:
        if by == "client":
            value["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(value)}
        code, said = server.api.call("POST", f"{path}?fieldManager={by}", value)
    assert code in (200, 201), said
    return one


@pytest.mark.parametrize("by", ["server", "client"])
def test_what_the_appliers_no_longer_state_goes(server: Lab, tmp_path: Path, by: str) -> None:
    labelled, service = f"labelled-{by}", f"service-{by}"
    put_there(server, CONFIG.format(name=labelled, labels="{team: a}"), by)
    put_there(server, SERVICE.format(name=service, ports="[{port: 80}]"), by)
    put_there(server, DEPLOYMENT.format(name=f"d-{by}", **FIRST), by)
    texts = [
        CONFIG.format(name=labelled, labels="{}"),
        SERVICE.format(name=service, ports="[]"),
        DEPLOYMENT.format(name=f"d-{by}", **SECOND),
    ]
    report = answer(server, tmp_path, "---\n".join(texts))
    told = {one["subject"].partition(" ")[0]: one["message"] for one in report["findings"]}
    assert set(told) == {f"ConfigMap/{labelled}", f"Service/{service}"}, told
    assert "it needs a team" in told[f"ConfigMap/{labelled}"]
    assert "spec.ports: Required value" in told[f"Service/{service}"]
    assert report["checks"][0]["not_checked"] == []


@pytest.mark.parametrize("by", ["server", "client", "somebody"])
def test_what_others_set_and_the_server_made_stays(server: Lab, tmp_path: Path, by: str) -> None:
    texts = [
        CONFIG.format(name=f"kept-{by}", labels="{team: a}"),
        SERVICE.format(name=f"kept-{by}", ports="[{port: 80}]"),
        DEPLOYMENT.format(name=f"kept-{by}", **FIRST),
        "apiVersion: batch/v1\nkind: Job\n"
        f"metadata: {{name: kept-{by}, namespace: x}}\nspec:\n  template:\n    spec:\n"
        "      restartPolicy: Never\n      containers: [{name: c, image: i}]\n",
        "apiVersion: v1\nkind: PersistentVolumeClaim\n"
        f"metadata: {{name: kept-{by}, namespace: x}}\nspec:\n  accessModes: [ReadWriteOnce]\n"
        "  resources: {requests: {storage: 1Gi}}\n",
    ]
    paths = [put_there(server, text, by) for text in texts]
    query = "?fieldManager=kube-controller-manager"
    server.api.merge(paths[4], {"spec": {"volumeName": "a"}}, query)
    server.api.merge(paths[0], {"metadata": {"labels": {"team": "b"}}}, "?fieldManager=label")
    if by == "client":  # What this one applied before and states no more goes, whoever changed it.
        put_there(server, CONFIG.format(name="kept-bare", labels="{team: a}"), "somebody")
        texts[0] = CONFIG.format(name="kept-bare", labels="{team: a}")
    server.api.merge(paths[2], {"spec": {"replicas": 3}}, "?fieldManager=autoscaler")
    texts[0] = texts[0].replace("{team: a}", "{}")
    report = answer(server, tmp_path, "---\n".join(texts))
    assert (report["code"], report["findings"]) == (0, []), report["findings"]
    assert report["checks"][0]["checked"] == len(texts)


@pytest.mark.parametrize("then", ["label", "edited"])
def test_what_a_client_applied_goes_whoever_has_changed_it_since(
    server: Lab, tmp_path: Path, then: str
) -> None:
    """As `kubectl apply --dry-run=server` says, also after `kubectl create --save-config`."""
    path = put_there(server, CONFIG.format(name=f"since-{then}", labels="{team: a}"), "client")
    change: dict[str, Any] = {"labels": {"team": "b"}}
    if then == "edited":
        last = read(CONFIG.format(name=f"since-{then}", labels="{team: a}")) | {"data": {"a": "c"}}
        change = {"annotations": {LAST_APPLIED: json.dumps(last)}}
    server.api.merge(path, {"metadata": change}, f"?fieldManager={then}")
    report = answer(server, tmp_path, CONFIG.format(name=f"since-{then}", labels="{}"))
    (found,) = report["findings"]
    assert (report["code"], found["rule"]) == (1, "LP665")
    assert "it needs a team" in found["message"]
    report = answer(server, tmp_path, CONFIG.format(name=f"since-{then}", labels="{team: c}"))
    assert (report["code"], report["findings"]) == (0, [])


def test_what_helm_set_goes_with_it(server: Lab, tmp_path: Path) -> None:
    text = CONFIG.format(name="of-helm", labels="{team: a}")
    value = read(text)
    value["metadata"]["annotations"] = {"meta.helm.sh/release-name": "r"}
    path = f"{PLURALS['ConfigMap']}?fieldManager=helm"
    assert server.api.call("POST", path, value)[0] == 201
    report = answer(server, tmp_path, text.replace("{team: a}", "{}"))
    (found,) = report["findings"]
    assert (report["code"], found["rule"]) == (1, "LP665")


def test_where_several_apply_it_each_leaves_the_others_what_they_have(
    server: Lab, tmp_path: Path
) -> None:
    path = put_there(server, CONFIG.format(name="two", labels="{team: a}"), "server")
    # Another one takes the label over, and is the only one that states it.
    other = read(CONFIG.format(name="two", labels="{team: b}"))
    del other["data"]
    query = "?fieldManager=labeller&force=true"
    assert server.api.call("PATCH", path + query, other, "application/apply-patch+yaml")[0] == 200
    report = answer(server, tmp_path, CONFIG.format(name="two", labels="{}"))
    assert (report["code"], report["findings"]) == (5, [])
    (line,) = report["checks"][0]["not_checked"]
    assert "for what kustomize-controller, labeller set, which only some ways" in line


def test_an_item_of_a_list_goes_with_whoever_has_it_as_one(server: Lab, tmp_path: Path) -> None:
    second = "        - {name: s, image: i}\n"
    text = DEPLOYMENT.format(name="items", **FIRST)
    path = put_there(server, text + second, "server")
    others = [{"name": "c", "image": "i"}, {"name": "s", "image": "i", "args": ["a"]}]
    change = {"spec": {"template": {"spec": {"containers": others}}}}
    code, said = server.api.call(
        "PATCH", f"{path}?fieldManager=tuner", change, "application/strategic-merge-patch+json"
    )
    assert code == 200, said
    query = "?dryRun=All&fieldManager=kustomize-controller&force=true"
    answered, theirs = server.api.call(
        "PATCH", path + query, read(text), "application/apply-patch+yaml"
    )
    assert answered == 200, theirs
    report = answer(server, tmp_path, text)
    assert (report["code"], report["findings"]) == (0, []), report["checks"]


def test_where_nobody_applied_it_the_ways_of_applying_decide(server: Lab, tmp_path: Path) -> None:
    put_there(server, DEPLOYMENT.format(name="created", **FIRST), "somebody")
    report = answer(server, tmp_path, DEPLOYMENT.format(name="created", **SECOND))
    assert (report["code"], report["findings"]) == (5, [])
    (line,) = report["checks"][0]["not_checked"]
    assert "refuses it for what somebody set, which only some ways of applying keep" in line


def test_it_becomes_what_the_appliers_own_dry_run_gives(server: Lab) -> None:
    """Of an object that was applied on the server's side, the server itself can be asked."""
    added = {"name": "s", "image": "i"}
    sidecar = [{"op": "add", "path": "/spec/template/spec/containers/-", "value": added}]
    changes: list[dict[str, str]] = [
        {"image": "j"},
        {"volume": "configMap: {name: a}"},
        {"env": "value: x}, {name: B, value: x"},
        {"env": "valueFrom: {fieldRef: {fieldPath: metadata.name}}"},
        {"probe": "exec: {command: [a]}"},
        {"probe": ""},
        SECOND,
    ]
    answered = []
    for number, change in enumerate(changes):
        name = f"same-{number}"
        path = put_there(server, DEPLOYMENT.format(name=name, **FIRST), "server")
        code, said = server.api.call(
            "PATCH", f"{path}?fieldManager=injector", sidecar, "application/json-patch+json"
        )
        assert code == 200, said
        manifest = read(DEPLOYMENT.format(name=name, **(FIRST | change)))
        query = "?dryRun=All&fieldManager=kustomize-controller&force=true"
        code, theirs = server.api.call(
            "PATCH", path + query, manifest, "application/apply-patch+yaml"
        )
        replaced, ours = server.api.call(
            "PUT", f"{path}?dryRun=All", becomes(server.api.get(path), manifest)
        )
        assert replaced == code
        assert ours.get("spec") == theirs.get("spec"), change
        assert (ours.get("details") or {}).get("causes") == (theirs.get("details") or {}).get(
            "causes"
        )
        answered.append(code)
    assert answered == [200, 200, 200, 200, 200, 422, 200]


def test_what_is_not_asked_as_it_will_be_is_not_checked(server: Lab, tmp_path: Path) -> None:
    widget = (
        "apiVersion: live.example.org/v1\nkind: Widget\n"
        "metadata: {name: w, namespace: x}\nspec: {size: 1, colour: 2}\n"
    )
    encrypted = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: x}\n"
        "stringData: {a: 'ENC[AES256_GCM,data:abc=]'}\nsops: {mac: 'ENC[AES256_GCM,data:abc=]'}\n"
    )
    changed = yaml.safe_dump(definition("size", "colour"))
    report = answer(server, tmp_path, "---\n".join([widget, encrypted, changed]))
    assert (report["code"], report["findings"]) == (5, [])
    lines = report["checks"][0]["not_checked"]
    assert ["another definition of its kind" in lines[0], "SOPS" in lines[1]] == [True, True]
    assert len(lines) == 2
    # As the cluster has it, the kind is asked about.
    same = yaml.safe_dump(definition("size"))
    report = answer(server, tmp_path, "---\n".join([widget, same]))
    (found,) = report["findings"]
    assert (report["code"], found["line"]) == (1, 4)
    assert "spec.colour: unknown field" in found["message"]


def test_what_the_server_fails_at_hides_no_finding(server: Lab, tmp_path: Path) -> None:
    texts = [
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: e, namespace: x}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: x}\ndata: {a: hunter2-}\n",
        CONFIG.format(name="bad", labels="{}"),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: t, namespace: x}\ndata: {a: 8675309}\n",
        # This is the path of something else.
        "apiVersion: ../api/v1/namespaces/x/services/a:80/proxy\nkind: A\nmetadata: {name: a}\n",
    ]
    report = answer(server, tmp_path, "---\n".join(texts))
    assert report["code"] == 1
    told = [(one["subject"].partition(" ")[0], one["message"]) for one in report["findings"]]
    assert [subject for subject, _ in told] == ["Secret/s", "ConfigMap/bad", "Secret/t"]
    assert "illegal base64 data" in told[0][1]
    assert not any("hunter2" in text or "8675309" in text for _, text in told)
    lines = report["checks"][0]["not_checked"]
    assert 'failed calling webhook "away.example.org"' in lines[0]
    assert "does not serve" in lines[1]


def test_a_name_twice_in_a_list_is_what_the_server_says_of_it(server: Lab, tmp_path: Path) -> None:
    twice = FIRST | {"env": "value: x}, {name: A, value: z"}
    report = answer(server, tmp_path, DEPLOYMENT.format(name="twice", **twice))
    assert (report["code"], report["findings"]) == (0, [])


def test_what_names_no_namespace_is_asked_in_the_contexts(server: Lab, tmp_path: Path) -> None:
    text = CONFIG.format(name="here", labels="{}").replace(", namespace: x", "")
    assert answer(server, tmp_path, text)["code"] == 0  # In `default` no policy holds.
    config = yaml.safe_load(server.kubeconfig().read_text())
    config["contexts"][0]["context"]["namespace"] = "x"
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    report = answer(server, tmp_path, text, "--kubeconfig", str(tmp_path / "config"))
    (found,) = report["findings"]
    assert "it needs a team" in found["message"]


def test_a_namespaces_sake_is_no_change_of_another_object(server: Lab, tmp_path: Path) -> None:
    """What is tried in `default` may have the name of something in there."""
    text = DEPLOYMENT.format(name="other", **FIRST).replace("namespace: x", "namespace: default")
    path = PLURALS["Deployment"].replace("/x/", "/default/")
    code, said = server.api.call("POST", path, read(text))
    assert code == 201, said
    text = DEPLOYMENT.format(name="other", **SECOND).replace("namespace: x", "namespace: gone")
    report = answer(server, tmp_path, text)
    assert (report["code"], report["findings"]) == (5, [])
    assert "the cluster has no namespace gone yet" in report["checks"][0]["not_checked"][0]
