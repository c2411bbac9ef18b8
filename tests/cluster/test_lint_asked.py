"""`lockproof lint --cluster` lets a real API server judge every manifest, and writes nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab import LIMITED, Lab, running, wait_until
from cluster.test_lint_cluster import lint

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}, namespace: {}}}\ndata: {{a: {}}}\n"
JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  {name}
  namespace: x
  annotations: {annotations}
spec:
  completionMode: {mode}
  completions: 1
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: a
          image: a@sha256:{digest}
          resources: {{requests: {{cpu: 1, memory: 1Gi}}, limits: {{memory: 1Gi}}}}
          securityContext:
            runAsNonRoot: true
            readOnlyRootFilesystem: true
            allowPrivilegeEscalation: false
            capabilities: {{drop: [ALL]}}
"""


def job(mode: str, name: str = "name: same", annotations: str = "{}") -> str:
    digest = "a" * 64
    return JOB.format(name=name, annotations=annotations, mode=mode, digest=digest)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server with a policy of admission, and an object that cannot become another."""
    with running(tmp_path_factory.mktemp("asked-lab"), controllers=False) as lab:
        for name in ("x", "z", "default"):
            value = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            lab.api.create("/api/v1/namespaces", value)
        here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "x"}}}
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"]}
        rule["resources"] = ["configmaps"]
        policy = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "house"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]} | here,
                "validations": [{"expression": "object.data.a != 'bad'", "message": "not in here"}],
            },
        }
        binding = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "house"},
            "spec": {"policyName": "house", "validationActions": ["Deny"]},
        }
        start = "/apis/admissionregistration.k8s.io/v1"
        lab.api.create(f"{start}/validatingadmissionpolicies", policy)
        lab.api.create(f"{start}/validatingadmissionpolicybindings", binding)
        refused = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "bad"}}
        refused["metadata"] = {"name": "try"}
        path = "/api/v1/namespaces/x/configmaps?dryRun=All"
        wait_until(lambda: lab.api.call("POST", path, refused)[0] == 422)
        template = {
            "restartPolicy": "Never",
            "containers": [{"name": "a", "image": "a"}],
        }
        live = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "same"},
            "spec": {"template": {"spec": template}},
        }
        lab.api.create("/apis/batch/v1/namespaces/x/jobs", live)
        yield lab


def everything(server: Lab) -> dict[str, Any]:
    """Every object that the server keeps, but for the leases and events that it writes itself."""
    starts = ["/api/v1"]
    for group in server.api.get("/apis")["groups"]:
        starts += [f"/apis/{version['groupVersion']}" for version in group["versions"]]
    kept = {}
    for start in starts:
        for one in server.api.get(start)["resources"]:
            if "list" in one["verbs"] and one["name"] not in ("leases", "events"):
                for item in server.api.items(f"{start}/{one['name']}"):
                    metadata = item["metadata"]
                    kept[f"{start} {metadata.get('uid') or metadata['name']}"] = item
    return kept


def answer(server: Lab, folder: Path, text: str, *argv: str, token: str = "") -> dict[str, Any]:
    (folder / "w.yaml").write_text(text)
    config = server.kubeconfig(token) if token else server.kubeconfig()
    done = lint(folder, config, "--only", "cluster", "--format", "json", *argv, "w.yaml")
    assert done.returncode in (0, 1, 5), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["checks"][0]["name"] == "cluster"
    return report | {"code": done.returncode}


def test_what_the_server_takes_passes_and_nothing_is_written(server: Lab, tmp_path: Path) -> None:
    before = everything(server)
    assert len(before) > 20
    texts = [
        CONFIG.format("new", "x", "good"),
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: new}\n",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: z, labels: {changed: it-is}}\n",
        job("NonIndexed", "generateName: made-"),
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: new}\n"
        "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: in-no-namespace}\n",
    ]
    report = answer(server, tmp_path, "---\n".join(texts))
    assert (report["code"], report["findings"]) == (0, [])
    assert report["checks"][0]["checked"] == len(texts)
    texts += [CONFIG.format("new", "x", "bad"), job("Indexed"), CONFIG.format("new", "gone", "b")]
    assert answer(server, tmp_path, "---\n".join(texts))["code"] == 1
    assert everything(server) == before


def test_the_servers_own_words_stand_at_the_line_of_the_field(server: Lab, tmp_path: Path) -> None:
    texts = [
        CONFIG.format("new", "x", "bad"),
        job("Indexed"),
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: x}\nspec:\n"
        "  clusterIP: 10.9.9.9\n  ports: [{port: 80}]\n",
    ]
    report = answer(server, tmp_path, "---\n".join(texts))
    assert report["code"] == 1
    told = {(f["rule"], f["line"]): f["message"] for f in report["findings"]}
    assert [rule for rule, _ in told] == ["LP665"] * len(told)
    assert "ValidatingAdmissionPolicy 'house'" in told["LP665", 1]
    assert "not in here" in told["LP665", 1]
    fixed = [message for message in told.values() if "field is immutable" in message]
    assert fixed, told
    outside = "spec.clusterIPs: Invalid value"
    assert any(outside in message for message in told.values()), told


def test_what_is_not_about_the_manifest_is_not_checked(server: Lab, tmp_path: Path) -> None:
    cases = (
        (CONFIG.format("one", "gone", "good"), "the cluster has no namespace gone yet"),
        # In another namespace another policy may hold.
        (CONFIG.format("two", "gone", "bad"), "the cluster has no namespace gone yet"),
        (job("${MODE}"), "filled in later"),
        (job("Indexed", annotations="{argocd.argoproj.io/hook: Sync}"), "field is immutable"),
        ("apiVersion: example.org/v1\nkind: A\nmetadata: {name: a}\n", "does not serve"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ..}\n", "no object can have"),
        (
            "apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nmetadata: {name: a}\n",
            "keeps no object",
        ),
    )
    report = answer(server, tmp_path, "---\n".join(text for text, _ in cases))
    assert (report["code"], report["findings"]) == (5, [])
    lines = report["checks"][0]["not_checked"]
    assert len(lines) == len(cases)
    for line, (_, why) in zip(lines, cases, strict=True):
        assert line.startswith("w.yaml:"), line
        assert why in line


def test_what_is_wrong_wherever_it_is_needs_no_namespace(server: Lab, tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: gone}\n"
    text += "spec: {ports: []}\n"
    report = answer(server, tmp_path, text)
    (found,) = report["findings"]
    assert (report["code"], found["rule"], found["line"]) == (1, "LP665", 4)
    assert "spec.ports: Required value" in found["message"]


def test_a_quota_that_is_raised_beside_an_object_refuses_it_only_as_it_is_now(
    server: Lab, tmp_path: Path
) -> None:
    quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: q, namespace: {}}}\n"
    quota += "spec: {{hard: {{services.nodeports: '{}'}}}}\n"
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: np, namespace: quotas}\n"
    service += "spec: {type: NodePort, ports: [{port: 80}]}\n"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "quotas"}}
    server.api.create("/api/v1/namespaces", namespace)
    path = "/api/v1/namespaces/quotas/resourcequotas"
    server.api.create(path, yaml.safe_load(quota.format("quotas", 0)))
    none = {"services.nodeports": "0"}
    server.api.set_status(f"{path}/q", {"hard": none, "used": none})
    wanted = yaml.safe_load(service)
    asked = "/api/v1/namespaces/quotas/services?dryRun=All"
    wait_until(lambda: server.api.call("POST", asked, wanted)[0] == 403)
    for raised in (quota.format("x", 5), quota.format("quotas", 0)):
        report = answer(server, tmp_path, f"{raised}---\n{service}")
        (found,) = report["findings"]
        assert "exceeded quota" in found["message"]
    report = answer(server, tmp_path, f"{quota.format('quotas', 5)}---\n{service}")
    assert (report["code"], report["findings"]) == (5, [])
    (line,) = report["checks"][0]["not_checked"]
    assert "the manifests change ResourceQuota/q, and as that is now: services" in line


POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: other}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}
  validations: [{expression: 'false'}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: other}
spec: {policyName: other, validationActions: [Deny]}
"""


@pytest.mark.parametrize(
    ("admitting", "left"),
    [
        (
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: z\n"
            "  labels: {pod-security.kubernetes.io/enforce: restricted}\n",
            {"Job/same"},
        ),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: z, labels: {team: a}}\n",
            set(),
        ),
        (
            "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: z}\n"
            "spec: {hard: {secrets: '0', cpu: 1}}\n",
            {"Secret/s"},
        ),
        (POLICY, {"ConfigMap/c"}),
        (POLICY.replace("[Deny]", "[Warn]").partition("---\n")[2], set()),
        (
            "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: x}\n"
            "spec: {hard: {secrets: '0'}}\n",
            set(),
        ),
    ],
    ids=["security", "label", "quota", "policy", "warning", "elsewhere"],
)
def test_what_may_be_refused_once_the_manifests_are_applied_is_not_passed(
    admitting: str, left: set[str], server: Lab, tmp_path: Path
) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: z}\n"
    texts = [admitting, CONFIG.format("c", "z", "good"), secret]
    texts.append(job("NonIndexed").replace("namespace: x", "namespace: z"))
    report = answer(server, tmp_path, "---\n".join(texts))
    lines = report["checks"][0]["not_checked"]
    assert {line.split(": ")[1] for line in lines} == left
    assert all("the manifests bring or change" in line for line in lines)
    assert (report["code"], report["findings"]) == (5 if left else 0, [])


STAGED = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: staged}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {stage: prod}}
    resourceRules:
    - {apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [secrets]}
  validations: [{expression: 'false', message: not in production}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: staged}
spec: {policyName: staged, validationActions: [Deny]}
"""


def test_a_label_of_a_namespace_that_a_policy_selects_by_leaves_what_it_is_for(
    server: Lab, tmp_path: Path
) -> None:
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    policy, binding = yaml.safe_load_all(STAGED)
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {{name: staged, labels: {{{}}}}}\n"
    server.api.create("/api/v1/namespaces", yaml.safe_load(space.format("stage: prod")))
    server.api.create(policies, policy)
    server.api.create(policies.replace("policies", "policybindings"), binding)
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: staged}\n"
    asked = "/api/v1/namespaces/staged/secrets?dryRun=All"
    wait_until(lambda: server.api.call("POST", asked, yaml.safe_load(secret))[0] == 422)
    others = CONFIG.format("c", "staged", "good")

    def said(label: str) -> tuple[int, list[str], list[str]]:
        texts = (space.format(label), secret, others)
        report = answer(server, tmp_path, "---\n".join(texts))
        return (
            report["code"],
            [found["message"] for found in report["findings"]],
            report["checks"][0]["not_checked"],
        )

    # It stays chosen, whatever else is changed: what is refused now is refused then.
    code, found, left = said("stage: prod, team: a")
    assert (code, left) == (1, [])
    assert "not in production" in found[0]
    code, found, (line,) = said("stage: test")
    assert (code, found) == (5, [])
    assert "Secret/s: the manifests change Namespace/staged, and as that is now" in line
    server.api.merge("/api/v1/namespaces/staged", {"metadata": {"labels": {"stage": "b"}}})
    wait_until(lambda: server.api.call("POST", asked, yaml.safe_load(secret))[0] == 201)
    assert said("stage: c") == (0, [], [])
    code, found, (line,) = said("stage: prod")
    assert (code, found) == (5, [])
    assert "Secret/s: the manifests bring or change Namespace/staged" in line


KYVERNO = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clusterpolicies.kyverno.io}
spec:
  group: kyverno.io
  scope: Cluster
  names: {kind: ClusterPolicy, plural: clusterpolicies}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
FOR = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {{name: rules}}
spec:
  rules:
  - {{name: a, match: {{any: [{{resources: {{{}}}}}]}}, validate: {{message: no, pattern: {{}}}}}}
"""


def test_a_policy_of_kyverno_leaves_what_its_rules_may_match(server: Lab, tmp_path: Path) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    server.api.create(path, yaml.safe_load(KYVERNO))
    kinds = "/apis/kyverno.io/v1/clusterpolicies"
    wait_until(lambda: server.api.call("GET", kinds, None)[0] == 200)
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: z, labels: {app: a}}\n"
    rest = [secret, CONFIG.format("c", "z", "good"), job("NonIndexed", "name: new")]

    def left(resources: str) -> set[str]:
        report = answer(server, tmp_path, "---\n".join([FOR.format(resources), *rest]))
        lines = report["checks"][0]["not_checked"]
        assert all("bring or change ClusterPolicy/rules" in line for line in lines)
        assert (report["code"], report["findings"]) == (5 if lines else 0, [])
        return {line.split(": ")[1] for line in lines}

    assert left("kinds: [ConfigMap]") == {"ConfigMap/c"}
    assert left("kinds: ['*'], namespaces: [z]") == {"ConfigMap/c", "Secret/s"}
    assert left("kinds: [v1/Pod]") == {"Job/new"}
    assert left("kinds: [Secret], selector: {matchLabels: {app: b}}") == set()
    labelled = yaml.safe_load(secret.replace("app: a", "app: b"))
    server.api.create("/api/v1/namespaces/z/secrets", labelled)
    assert left("kinds: [Secret], selector: {matchLabels: {app: b}}") == {"Secret/s"}
    server.api.create(kinds, yaml.safe_load(FOR.format("kinds: [Secret]")))
    assert left("kinds: [Secret]") == set()
    # What it changes no more of a Secret may have been what had it taken.
    assert left("kinds: [ConfigMap]") == {"ConfigMap/c", "Secret/s"}


READING = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: sized}
spec:
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules:
    - {apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [secrets]}
  validations: [{expression: "int(object.metadata.labels.size) <= int(params.data.a)"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: sized}
spec:
  policyName: sized
  validationActions: [Deny]
  matchResources:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: sized}}
  paramRef: {name: limit, namespace: x, parameterNotFoundAction: Deny}
"""


def test_what_a_policy_says_by_parameters_that_the_manifests_change_is_not_checked(
    server: Lab, tmp_path: Path
) -> None:
    start = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    policy, binding = yaml.safe_load_all(READING)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "sized"}}
    server.api.create("/api/v1/namespaces", namespace)
    server.api.create(start, policy)
    server.api.create(start.replace("policies", "policybindings"), binding)
    secret = "apiVersion: v1\nkind: Secret\n"
    secret += "metadata: {name: s, namespace: sized, labels: {size: '5'}}\n"
    asked = "/api/v1/namespaces/sized/secrets?dryRun=All"
    # Nothing is taken before the parameters are there: the manifests bring them.
    wait_until(lambda: server.api.call("POST", asked, yaml.safe_load(secret))[0] == 422)
    ten, one = (CONFIG.format("limit", "x", f"'{most}'") for most in (10, 1))
    report = answer(server, tmp_path, f"{ten}---\n{secret}")
    assert (report["code"], report["findings"]) == (5, [])
    (line,) = report["checks"][0]["not_checked"]
    assert "Secret/s: the manifests change ConfigMap/limit, and as that is now" in line
    assert "no params found" in line
    server.api.create("/api/v1/namespaces/x/configmaps", yaml.safe_load(ten))
    wait_until(lambda: server.api.call("POST", asked, yaml.safe_load(secret))[0] == 201)
    report = answer(server, tmp_path, f"{one}---\n{secret}---\n{CONFIG.format('c', 'z', 'a')}")
    assert (report["code"], report["findings"]) == (5, [])
    (line,) = report["checks"][0]["not_checked"]
    said = "Secret/s: the manifests bring or change ConfigMap/limit, from which"
    assert f"{said} ValidatingAdmissionPolicy/sized takes parameters" in line
    for parameters in (ten, CONFIG.format("other", "x", "good")):  # As they are; of another name.
        report = answer(server, tmp_path, f"{parameters}---\n{secret}")
        assert (report["code"], report["checks"][0]["not_checked"]) == (0, [])


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {{name: {}, namespace: x}}\nspec: {{{}}}\n"


def test_services_that_take_one_port_of_the_nodes_are_not_passed(
    server: Lab, tmp_path: Path
) -> None:
    ports = "type: NodePort, ports: [{{port: 80, nodePort: {}, protocol: {}}}]"
    one, other = (ports.format(30123, protocol) for protocol in ("TCP", "UDP"))
    address = server.api.get("/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"]
    address = f"clusterIP: {address.rpartition('.')[0]}.77, ports: [{{port: 80}}]"
    texts = [SERVICE.format(f"s{n}", spec) for n, spec in enumerate((one, other, address, address))]
    texts.append(SERVICE.format("alone", ports.format(30124, "TCP")))
    report = answer(server, tmp_path, "---\n".join(texts))
    assert (report["code"], report["findings"]) == (5, [])
    assert [line.split(": ", 1)[1] for line in report["checks"][0]["not_checked"]] == [
        "Service/s0: it is taken alone, and Service/s1 takes port 30123 of every node, too",
        "Service/s1: it is taken alone, and Service/s0 takes port 30123 of every node, too",
        *(
            f"Service/s{n}: it is taken alone, and Service/s{5 - n} takes"
            f" {address.split()[1].rstrip(',')}, too"
            for n in (2, 3)
        ),
    ]
    # What is said is so: the server has the one, and refuses the other.
    path = "/api/v1/namespaces/x/services"
    for first, second in (texts[:2], texts[2:4]):
        server.api.create(path, yaml.safe_load(first))
        code, said = server.api.call("POST", path, yaml.safe_load(second))
        assert (code, "already allocated" in str(said)) == (422, True), second
    # A dry run does not look whether an address is free.
    report = answer(server, tmp_path, texts[3])
    assert (report["code"], report["findings"]) == (5, [])
    (line,) = report["checks"][0]["not_checked"]
    assert "it is taken alone, and Service/s2 takes" in line
    assert answer(server, tmp_path, texts[2])["code"] == 0


def test_a_quota_that_counts_several_new_objects_has_room_for_all_or_they_are_not_passed(
    server: Lab, tmp_path: Path
) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "counted"}}
    server.api.create("/api/v1/namespaces", namespace)
    server.api.create(
        "/api/v1/namespaces/counted/configmaps",
        yaml.safe_load(CONFIG.format("there", "counted", "a")),
    )
    path = "/api/v1/namespaces/counted/resourcequotas"
    hard = {"count/configmaps": "3", "requests.storage": "3Gi"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}}
    server.api.create(path, quota | {"spec": {"hard": hard}})
    used = {"count/configmaps": "1", "requests.storage": "0"}
    server.api.set_status(f"{path}/q", {"hard": hard, "used": used})
    claim = (
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {}, namespace: counted}}\n"
    )
    claim += "spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {}}}}}}}\n"
    maps = [CONFIG.format(name, "counted", "a") for name in ("there", "b", "c", "d")]
    claims = [claim.format(name, size) for name, size in (("e", "1Gi"), ("f", "2Gi"), ("g", "1Gi"))]
    taken = "---\n".join([*maps[:3], *claims[:2]])
    wait_until(lambda: answer(server, tmp_path, taken)["code"] == 0)
    report = answer(server, tmp_path, "---\n".join([*maps, *claims]))
    assert (report["code"], report["findings"]) == (5, [])
    assert [line.split(": ", 1)[1] for line in report["checks"][0]["not_checked"]] == [
        f"{label}: it is taken alone, and ResourceQuota/q ({line}) may have no room for it"
        " beside 2 more of the manifests"
        for label, line in (
            *((f"ConfigMap/{name}", "count/configmaps") for name in "bcd"),
            *((f"PersistentVolumeClaim/{name}", "requests.storage") for name in "efg"),
        )
    ]


def test_a_user_who_may_not_read_policies_hears_of_it(server: Lab, tmp_path: Path) -> None:
    text = CONFIG.format("a", "x", "good") + "---\n" + CONFIG.format("b", "x", "good")
    report = answer(server, tmp_path, text, token=LIMITED)
    assert report["code"] == 5
    said = report["checks"][0]["not_checked"][0]
    assert said.startswith("whether policies in force take parameters from what the manifests")
    assert "cannot list resource" in said


def test_what_a_user_may_not_ask_is_said_and_never_passed(server: Lab, tmp_path: Path) -> None:
    text = CONFIG.format("new", "x", "good")
    report = answer(server, tmp_path, text, token=LIMITED)
    assert (report["code"], report["findings"]) == (5, [])
    (line,) = report["checks"][0]["not_checked"]
    assert 'User "limited" cannot get resource "configmaps"' in line


def test_an_object_too_large_for_the_server_is_refused(server: Lab, tmp_path: Path) -> None:
    report = answer(server, tmp_path, CONFIG.format("large", "x", "b" * (4 << 20)))
    (found,) = report["findings"]
    assert (report["code"], found["rule"]) == (1, "LP665")
    assert "too large" in found["message"]


def test_what_offline_lint_cannot_know_decides_beside_the_other_families(
    server: Lab, tmp_path: Path
) -> None:
    (tmp_path / "w.yaml").write_text(CONFIG.format("new", "x", "bad"))
    done = lint(tmp_path, server.kubeconfig(), "w.yaml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "LP665  w.yaml:1" in done.stdout
