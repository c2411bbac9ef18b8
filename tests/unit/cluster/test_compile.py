"""From a pipeline to the objects of a cluster: every stage in just one pod, and what pods get."""

import base64
import json
import re
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.config import ClusterPolicy
from lockproof.errors import ConfigError
from lockproof.model.manifest import Manifest
from lockproof.model.order import Order
from lockproof.rules.manifests.shape import name_findings, shape_findings
from lockproof.steps.cluster.compile import compile_plan
from lockproof.steps.cluster.plan import Plan, fetched_from, tasks_of
from lockproof.steps.cluster.pod import amount, shape_of
from lockproof.steps.cluster.run import as_yaml
from unit.cluster.plans import IMAGE, RUN, STAGES, make_plan, stage, with_policy

GOLDEN = Path(__file__).with_name("golden")
WHOLE = {
    "namespace": "ml",
    "git_secret": "deploy-key",
    "secrets": ["dvc-remote"],
    "service_account": "lockproof",
    "queue": "team-a",
    "parallel": 20,
    "depth": 50,
    "cpu": "500m",
    "memory": "1Gi",
    "node_selector": {"pool": "cpu"},
    "stage": [
        {
            "stages": ["train*"],
            "image": IMAGE.replace("7", "8"),
            "cpu": "4",
            "memory": "16Gi",
            "gpus": 2,
            "node_selector": {"pool": "gpu"},
            "tolerations": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}],
            "timeout": 3600,
        }
    ],
}


def pods(plan: Plan) -> dict[str, dict[str, Any]]:
    """Task -> the template of its pod."""
    _, work = compile_plan(plan)
    if work["kind"] == "Job":
        return {plan.tasks[0].name: work["spec"]["template"]["spec"]}
    templates = {t["name"]: t for t in work["spec"]["templates"]}
    return {t["name"]: templates[t["template"]] for t in templates["tasks"]["dag"]["tasks"]}


def main_of(pod: dict[str, Any]) -> dict[str, Any]:
    """The container that runs stages."""
    return dict(pod.get("container") or pod["containers"][0])


PIPELINES = st.lists(
    st.tuples(st.sets(st.integers(0, 11), max_size=3), st.booleans(), st.booleans()),
    min_size=1,
    max_size=12,
).map(
    lambda rows: tuple(
        stage(
            f"s{number}",
            " ".join(f"out{dep}" for dep in sorted(deps) if dep < number),
            f"out{number}",
            frozen=frozen,
            locked=locked,
        )
        for number, (deps, frozen, locked) in enumerate(rows)
    )
)


@given(PIPELINES, st.sampled_from(["argo", "kubernetes"]), st.sampled_from(["isolated", "chain"]))
def test_each_stage_is_in_one_task_and_each_task_has_a_name_of_its_own(
    stages: tuple[Any, ...], on: str, mode: str
) -> None:
    plan = make_plan(*stages, on=on, mode=mode)
    listed = [address for task in plan.tasks for address in task.stages]
    assert sorted(listed) == sorted(s.address for s in stages)
    names = [task.name for task in plan.tasks]
    assert len(set(names)) == len(names)
    owner = {address: task.name for task in plan.tasks for address in task.stages}
    for address, name in owner.items():
        above = plan.pipeline.upstream[address]
        if mode == "chain":  # What it is handed never leaves the pod.
            assert {owner[other] for other in above} <= {name}
    assert {k: v.stages for k, v in plan.orders().items()}.keys() == set(names)


@given(PIPELINES, st.sampled_from(["isolated", "chain"]))
def test_the_same_plan_gives_the_same_objects(stages: tuple[Any, ...], mode: str) -> None:
    assert compile_plan(make_plan(*stages, mode=mode)) == compile_plan(
        make_plan(*stages, mode=mode)
    )


def test_what_is_not_run_takes_one_pod() -> None:
    stages = (
        *STAGES,
        stage("old", "", "old.txt", frozen=True),
        stage("new", "", "x", locked=False),
    )
    plan = make_plan(*stages, affected=frozenset({"train", "old", "new"}))
    assert [task.stages for task in plan.tasks] == [("train",), ("new", "old", "prepare", "report")]


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("job", make_plan(on="kubernetes", mode="chain")),
        ("workflow", make_plan()),
        ("workflow-whole-policy", with_policy(make_plan(), **WHOLE)),
        ("workflow-chain", make_plan(mode="chain")),
    ],
)
def test_manifests_are_as_they_were(name: str, plan: Plan) -> None:
    """After a change that is meant: delete the file, run this twice, and read the difference."""
    see_golden(name, as_yaml(compile_plan(plan)))


def see_golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.yaml"
    if not path.exists():
        path.write_text(text, "utf-8")
        pytest.fail(f"{path} was not there: it is now")
    assert text == path.read_text("utf-8")


REVISIONS = ("0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef")


def of_revisions(*stages: Any) -> tuple[Plan, ...]:
    """Plans of two commits in one run."""
    return tuple(
        replace(
            make_plan(*stages),
            commit=commit,
            runs=number,
            tasks=tuple(tasks_of("argo", "isolated", plan.pipeline, plan.selection, commit=commit)),
        )
        for number, commit in enumerate(REVISIONS, 1)
        for plan in (make_plan(*stages),)
    )


def test_revisions_fan_out_as_they_did() -> None:
    """As `test_manifests_are_as_they_were`."""
    see_golden("workflow-revisions", as_yaml(compile_plan(*of_revisions())))


@given(PIPELINES)
def test_each_stage_of_each_revision_is_one_item(stages: tuple[Any, ...]) -> None:
    plans = of_revisions(*stages)
    secret, work = compile_plan(*plans, orders={n: o for p in plans for n, o in p.orders().items()})
    (dag, *templates) = work["spec"]["templates"]
    by_name = {template["name"]: template for template in templates}
    items = [item for task in dag["dag"]["tasks"] for item in task["withItems"]]
    told = {(i["task"], i["commit"], i["mode"], i["runs"]) for i in items}
    assert told == {
        (task.name, plan.commit, plan.mode, str(plan.runs)) for plan in plans for task in plan.tasks
    }
    assert len(items) == len(told) == len({name for name, *_ in told})
    assert secret["data"].keys() == {"plan", *(name for name, *_ in told)}
    for task in dag["dag"]["tasks"]:
        given = {p["name"] for p in task["arguments"]["parameters"]}
        assert given == {p["name"] for p in by_name[task["template"]]["inputs"]["parameters"]}
        assert REVISIONS[0] not in json.dumps(by_name[task["template"]])
    for name, *_ in told:
        assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name)


def test_a_jobs_objects_fit_the_schemas_of_kubernetes() -> None:
    schemas = BundledSchemas("1.34")
    for each in compile_plan(with_policy(make_plan(on="kubernetes"), **{**WHOLE, "stage": []})):
        group, _, version = each["apiVersion"].rpartition("/")
        schema = schemas.find(group, version, each["kind"])
        assert schema is not None
        manifest = Manifest(each, lambda _: ("a.yaml", 1))
        found, _ = shape_findings(manifest, schema)
        assert [*found, *name_findings(manifest)] == []


@pytest.mark.parametrize("on", ["argo", "kubernetes"])
def test_who_runs_stages_has_no_token_and_no_credentials_of_git(on: str) -> None:
    policy = {**WHOLE, "stage": []}
    plan = with_policy(make_plan(on=on), **policy)
    _, work = compile_plan(plan)
    spec = work["spec"] if on == "argo" else work["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    for pod in pods(plan).values():
        (fetch,), main = pod["initContainers"], main_of(pod)
        assert "git" in {mount["name"] for mount in fetch["volumeMounts"]}
        assert "git" not in {mount["name"] for mount in main["volumeMounts"]}
        assert "order" not in {mount["name"] for mount in fetch["volumeMounts"]}
        assert "envFrom" not in fetch
        both = [{m["name"]: m for m in c["volumeMounts"]} for c in (fetch, main)]
        assert both[0].keys() & both[1].keys() == {"clone"}, "Git leaves what it logs in with"
        assert both[1]["clone"]["readOnly"] is True
        for container in (fetch, main):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
        (order,) = (v["secret"] for v in pod["volumes"] if v["name"] == "order")
        assert len(order["items"]) == 1, "a pod has the key of no other one"


@pytest.mark.parametrize("on", ["argo", "kubernetes"])
def test_stages_must_be_kept_apart_and_no_earlier_verdict_counts(on: str) -> None:
    for pod in pods(make_plan(on=on)).values():
        argv = main_of(pod)["command"]
        assert argv[:3] == ["lockproof", "-C", "/clone/repository"]
        assert argv[argv.index("--isolation") + 1] == "required"
        assert "--no-reuse" in argv
        assert argv[-2:] == ["--order", "/order/order"]


def test_a_verdict_is_never_asked_for_twice() -> None:
    _, job = compile_plan(make_plan(on="kubernetes"))
    fail, ignore = job["spec"]["podFailurePolicy"]["rules"]
    assert (fail["action"], fail["onExitCodes"]["values"]) == ("FailJob", [1, 2, 3, 5])
    assert ignore["action"] == "Ignore"
    _, workflow = compile_plan(make_plan())
    for template in workflow["spec"]["templates"][1:]:
        expression = template["retryStrategy"]["expression"]
        assert expression == "lastRetry.exitCode not in ['1', '2', '3', '5']"
    _, never = compile_plan(with_policy(make_plan(), retries=0))
    assert all("retryStrategy" not in t for t in never["spec"]["templates"])


def test_keys_are_in_the_secret_alone_and_each_is_of_one_task() -> None:
    plan = make_plan()
    orders = plan.orders()
    secret, work = compile_plan(plan, orders=orders)
    data = {name: base64.b64decode(text) for name, text in secret["data"].items()}
    data_plan = data.pop("plan")
    (begun,) = json.loads(data_plan)["revisions"]
    assert begun["commit"] == plan.commit
    read = {name: Order.parse(text) for name, text in data.items()}
    assert read == orders
    assert {order.stages for order in orders.values()} == {("prepare",), ("train",), ("report",)}
    assert len({order.key for order in orders.values()}) == 3
    assert plan.orders() != orders
    text = json.dumps(work)
    assert all(order.key.hex() not in text for order in orders.values())
    (shown, _) = compile_plan(plan)
    listed = {name: base64.b64decode(text) for name, text in shown["data"].items()}
    assert listed.pop("plan") == data_plan
    assert set(listed.values()) == {b"made anew for each run"}


def test_a_stage_gets_what_the_policy_says_of_it() -> None:
    plan = with_policy(make_plan(), **WHOLE)
    by_stage = {task.stages[0]: shape_of(plan, task) for task in plan.tasks}
    train, other = by_stage["train"], by_stage["prepare"]
    assert (train.cpu, train.gpus, dict(train.node_selector)) == ("4", 2, {"pool": "gpu"})
    assert (other.cpu, other.gpus, dict(other.node_selector)) == ("500m", 0, {"pool": "cpu"})
    limits = {
        name.split("-")[0]: main_of(pod)["resources"]["limits"] for name, pod in pods(plan).items()
    }
    assert limits["train"] == {"memory": "16Gi", "nvidia.com/gpu": "2"}
    assert limits["prepare"] == {"memory": "1Gi"}
    # Without a word of the policy, what its dvc.yaml asks for.
    plain = make_plan()
    assert [shape_of(plain, task).gpus for task in plain.tasks if "train" in task.stages] == [1]


def test_one_pod_for_many_gets_the_most_of_them() -> None:
    rules = [{"stages": ["train"], "memory": "4Gi"}, {"stages": ["prepare"], "cpu": "2500m"}]
    plan = with_policy(make_plan(on="kubernetes"), stage=rules, timeout=100)
    shape = shape_of(plan, plan.tasks[0])
    assert (shape.cpu, shape.memory, shape.gpus) == ("2500m", "4Gi", 1)
    assert shape.timeout == 300, "one after the other"
    apart = with_policy(plan, stage=[{"stages": ["train"], "image": "other@sha256:0"}])
    with pytest.raises(ConfigError, match="different images"):
        compile_plan(apart)


def test_no_container_asks_for_more_memory_than_it_may_have() -> None:
    """A server refuses it, and no published schema says so."""
    for memory in ("24Mi", "8Gi"):
        (pod,) = pods(with_policy(make_plan(on="kubernetes"), memory=memory)).values()
        for container in (*pod["initContainers"], main_of(pod)):
            resources = container["resources"]
            asked, most = (resources[key]["memory"] for key in ("requests", "limits"))
            assert amount(asked) <= amount(most)


def test_without_an_image_nothing_is_begun() -> None:
    with pytest.raises(ConfigError, match=r"write \[cluster\] image|Write \[cluster\] image"):
        compile_plan(make_plan(cluster=ClusterPolicy()))


@pytest.mark.parametrize("key", ["repository", "secrets", "image", "label"])
def test_nothing_of_the_policy_becomes_a_template_of_argo(key: str) -> None:
    plan = make_plan()
    if key == "repository":
        plan = make_plan()
        plan = type(plan)(**{**plan.__dict__, "repository": "https://h/{{workflow.name}}"})
    elif key == "image":
        plan = with_policy(plan, image="a/{{=1}}")
    elif key == "label":
        plan = with_policy(plan, node_selector={"{{workflow.name}}": "a"})
    else:
        plan = with_policy(plan, node_selector={"a": "{{inputs.parameters.other}}"})
    with pytest.raises(ConfigError, match="template"):
        compile_plan(plan)


def test_no_text_becomes_a_variable_of_kubernetes() -> None:
    plan = make_plan(on="kubernetes")
    plan = type(plan)(**{**plan.__dict__, "repository": "https://h/$(KEY)", "root": "a $(KEY)"})
    (pod,) = pods(plan).values()
    assert {"name": "REPOSITORY", "value": "https://h/$$(KEY)"} in pod["initContainers"][0]["env"]
    assert main_of(pod)["command"][2] == "/clone/repository/a $$(KEY)"


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        ("ssh://git:hunter2@host:22/r.git", "ssh://git@host:22/r.git"),
        ("ssh://git@host/r.git", "ssh://git@host/r.git"),
        ("git+ssh://git:hunter2@host/r", "git+ssh://git@host/r"),
        ("https://hunter2@host/r@1.git", "https://host/r@1.git"),
        ("https://me:hunter2@host/r.git", "https://host/r.git"),
        ("https://me:hunter2@x@host/r.git", "https://host/r.git"),
        ("http://me:hunter2@host", "http://host"),
        ("git@host:ml/r.git", "git@host:ml/r.git"),
        ("https://user:hunter2/x@git.example/r.git", "https://git.example/r.git"),
        ("/srv/git/r@2.git", "/srv/git/r@2.git"),
        ("", ""),
    ],
)
def test_no_password_of_git_is_in_a_manifest(origin: str, shown: str) -> None:
    assert fetched_from(None, origin) == shown
    if origin == shown:
        assert fetched_from(origin or None, "https://other/") == (origin or "https://other/")
        return
    with pytest.raises(ConfigError, match="git-secret") as caught:
        fetched_from(origin, "")
    assert "hunter2" not in str(caught.value)


NUMBERS = st.integers(0, 10**6)


@given(NUMBERS, NUMBERS)
def test_quantities_are_compared_as_numbers(a: int, b: int) -> None:
    assert amount(f"{a}m") * 1000 == pytest.approx(amount(str(a)))
    assert (amount(f"{a}Gi") > amount(f"{b}Mi")) is (a * 1024 > b)
    assert amount(f"{a}G") == a * 10**9
    assert amount(f"{a}.5Ki") == a * 1024 + 512


def test_a_thousand_stages_are_compiled_in_two_seconds_of_work() -> None:
    stages = [stage(f"s{n}", f"out{n - 1}" if n else "", f"out{n}") for n in range(1000)]
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    plan = make_plan(*stages)
    secret, work = compile_plan(plan, orders=plan.orders())
    took = resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
    assert len(plan.tasks) == 1000
    assert len(work["spec"]["templates"]) == 2, "tasks of one shape share a template"
    assert len(json.dumps(work)) < 400_000
    assert len(json.dumps(secret)) < 400_000
    assert took < 20, "ten times the goal: what is checked is that it does not grow by squares"


def test_what_no_object_can_hold_is_refused() -> None:
    stages = [stage(f"s{n:05}{'x' * 40}", "", f"out{n}") for n in range(6000)]
    with pytest.raises(ConfigError, match="6,000 tasks are more than one"):
        compile_plan(make_plan(*stages))
    assert len(compile_plan(make_plan(*stages, on="kubernetes"))) == 2


def test_names_fit_labels_and_secret_keys() -> None:
    odd = [
        stage("sub dir/dvc.yaml:träin@0-ü", "", "a"),
        stage("x" * 300, "", "b"),
        stage("Ä", "", "c"),
        stage("{{workflow.name}}", "", "d"),
    ]
    for task in make_plan(*odd).tasks:
        assert len(task.name) <= 63
        assert task.name[0].isalnum()
        assert task.name[-1].isalnum()
        assert set(task.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert RUN.startswith("lockproof-")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    else:
        yield str(value)


def test_the_address_of_a_stage_reaches_no_manifest_but_by_its_order() -> None:
    plan = make_plan(stage("a/dvc.yaml:$(rm -rf)", "", "x"))
    _, work = compile_plan(plan)
    assert all("rm -rf)" not in text for text in _texts(work["spec"]))
