"""What each function would have the engine do: argv, mounts, secrets, services, GPUs, user."""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import dagger
import pytest
from dagger import dag
from dagger.mod._utils import get_doc

from fake_engine import Ended, Exec, FakeEngine, chain
from lockproof_ci.inputs import Inputs
from lockproof_ci.main import Lockproof
from lockproof_ci.proof import MISSING, Proof, Verdict
from lockproof_ci.sdk import InputError
from lockproof_ci.settings import BASE_IMAGE, PROMETHEUS_IMAGE, REPORT_FILES, USER

ROOT = Path(__file__).resolve().parents[2]
OUTPUTS = [f"--output=/reports/{name}" for name in REPORT_FILES]
CALLS: dict[str, Callable[[Lockproof], Any]] = {
    "reproduce": lambda m: m.reproduce(),
    "gate": lambda m: m.gate(pr=True),
    "lint": lambda m: m.lint(),
    "affected": lambda m: m.affected(),
    "canary": lambda m: m.canary(**canary()),
    "provision": lambda m: m.provision(overlay="local"),
    "verify": lambda m: m.verify(),
    "check_gate": lambda m: m.check_gate(),
    "check_lint": lambda m: m.check_lint(),
    "proof.reproduce": lambda m: m.proof().reproduce(),
    "proof.gate": lambda m: m.proof().gate(),
    "proof.lint": lambda m: m.proof().lint(),
    "proof.provision": lambda m: m.proof().provision(),
    "proof.verify": lambda m: m.proof().verify(),
    "proof.canary": lambda m: m.proof().canary(**canary()),
    "dvc.fetch": lambda m: m.dvc().fetch(),
    "dvc.push": lambda m: m.dvc().push(),
    "dvc.reproduce": lambda m: m.dvc().reproduce("train"),
    "models.track": lambda m: tracking(m).models().track(),
    "models.attest": lambda m: m.models().attest(dag.directory().file("r"), secret("KEY")),
    "models.register": lambda m: tracking(m).models().register("digits"),
    "models.promote": lambda m: of_tree(m).models().promote("digits@candidate", "deploy/a.yaml"),
    "manifests.lint": lambda m: m.manifests().lint(),
    "rollouts.lint": lambda m: m.rollouts().lint(["canary"]),
    "rollouts.canary": lambda m: m.rollouts().canary(**canary()),
    "crossplane.status": lambda m: m.crossplane().status(),
    "crossplane.down": lambda m: m.crossplane().down(),
}
LAZY: dict[str, Callable[[Lockproof], Any]] = {
    "dvc.pull": lambda m: m.dvc().pull(),
    "models.export": lambda m: m.models().export(["model.txt"]),
    "init": lambda m: m.init(),
    "image": lambda m: m.image(),
    "sbom": lambda m: m.sbom(),
    "dvc.server": lambda m: m.dvc().server(),
    "models.server": lambda m: m.models().server(),
}
DATA = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "config.local"}
TRACKING = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"}
PROMETHEUS = {"prometheus-token", "prometheus-password", "prometheus-tenant"}
SEEN = {
    "reproduce": DATA,
    "gate": DATA | TRACKING,
    "lint": set(),
    "affected": set(),
    "canary": PROMETHEUS,
    "provision": {"kubeconfig"},
    "verify": DATA | TRACKING,
    "check_gate": DATA | TRACKING,
    "check_lint": set(),
    "proof.reproduce": DATA,
    "proof.gate": DATA | TRACKING,
    "proof.lint": set(),
    "proof.provision": {"kubeconfig"},
    "proof.verify": DATA | TRACKING,
    "proof.canary": PROMETHEUS,
    "dvc.fetch": DATA,
    "dvc.push": DATA,
    "dvc.reproduce": DATA,
    "models.track": DATA | TRACKING,
    "models.attest": DATA | {"signing-key"},
    "models.register": DATA | TRACKING,
    "models.promote": DATA | TRACKING,
    "manifests.lint": {"kubeconfig"},
    "rollouts.lint": {"kubeconfig"},
    "rollouts.canary": PROMETHEUS,
    "crossplane.status": {"kubeconfig"},
    "crossplane.down": {"kubeconfig"},
}
"""The secrets that each function's command sees, where all are given."""


def module(**given: Any) -> Lockproof:
    return Lockproof(**{"repository": dag.directory(), "library": dag.directory(), **given})


def tracking(made: Lockproof) -> Lockproof:
    """The same with a tracking server, without which nothing is logged or registered."""
    usual = None if made.mlflow else "https://mlflow.example"
    return module(**made.given() | {"mlflow_uri": made.mlflow_uri or usual})


def of_tree(made: Lockproof) -> Lockproof:
    """The same with a work tree, of which it changes a file."""
    return module(**tracking(made).given() | {"tree": made.tree or dag.directory()})


def canary(**given: Any) -> dict[str, Any]:
    """What a look at a canary is given, with every secret that there is."""
    usual = {"checks": dag.directory().file("c"), "prometheus": "https://prometheus.example"}
    secrets = {name: secret(name.upper()) for name in ("token", "password", "tenant")}
    return usual | secrets | given


def secret(name: str) -> dagger.Secret:
    return dag.secret(f"env://{name}")


def every_secret() -> dict[str, dagger.Secret]:
    names = [
        name
        for name, annotation in inspect.get_annotations(Inputs).items()
        if "dagger.Secret" in str(annotation).replace("dagger.client.gen.", "dagger.")
    ]
    assert len(names) >= 9
    return {name: secret(name) for name in names}


def run(call: Any) -> Any:
    async def wait() -> Any:
        return await call

    return anyio.run(wait)


def last(engine: FakeEngine) -> Exec:
    return engine.execs[-1]


def walk(thing: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every call in a chain, those of its arguments included."""
    if isinstance(thing, (tuple, list)):
        if len(thing) == 2 and isinstance(thing[0], str) and isinstance(thing[1], dict):
            yield thing[0], thing[1]
            thing = list(thing[1].values())
        for one in thing:
            yield from walk(one)


def secrets(seen: Exec) -> set[str]:
    mounted = {Path(p).name for p, (kind, _) in seen.mounts.items() if kind == "withMountedSecret"}
    return set(seen.secrets) | mounted


def calls_of(name: str, engine: FakeEngine, **given: Any) -> Any:
    """All that a function would have the engine do."""
    if name in LAZY:
        return chain(LAZY[name](module(**given)))
    run(CALLS[name](module(**given)))
    return last(engine).calls


def test_the_command_of_each_step(engine: FakeEngine) -> None:
    it = module()
    run(it.reproduce("v1", ["a", "b"], "chain", "main", 2, "b", "required", no_reuse=True))
    options = ["--stage=a", "--stage=b", "--mode=chain", "--since=main", "--base=b"]
    options += ["--isolation=required", "--runs=2", "--no-reuse"]
    assert last(engine).argv == ["lockproof", "reproduce", *options, *OUTPUTS, "--", "v1"]
    run(it.gate("v1", pr=True, base="main", deep=True))
    options = ["--pr", "--base=main", "--deep"]
    assert last(engine).argv == ["lockproof", "gate", *options, *OUTPUTS, "--", "v1"]
    run(it.lint(["a", "b"]))
    assert last(engine).argv == ["lockproof", "lint", *OUTPUTS, "--", "a", "b"]
    run(it.affected("v1", "main"))
    assert last(engine).argv == [
        "lockproof",
        "affected",
        "--format=env",
        "--since=main",
        "--",
        "v1",
    ]
    run(it.provision("aws", dry_run=True, no_wait=True, timeout="90s", prune=True))
    options = ["--overlay=aws", "--dry-run", "--no-wait", "--timeout=90s", "--prune"]
    assert last(engine).argv == ["lockproof", "provision", *options, *OUTPUTS, "--", "up"]
    run(it.crossplane().down("aws", allow_data_loss=True))
    options = ["--overlay=aws", "--allow-data-loss"]
    assert last(engine).argv == ["lockproof", "provision", *options, *OUTPUTS, "--", "down"]
    assert last(engine).env["LOCKPROOF_DISPOSABLE"] == "1"
    run(tracking(it).models().track("v1", "b"))
    options = ["--log-mlflow", "--base=b"]
    assert last(engine).argv == ["lockproof", "reproduce", *options, *OUTPUTS, "--", "v1"]
    run(it.dvc().reproduce("a", "v1", "b"))
    options = ["--stage=a", "--mode=isolated", "--base=b"]
    assert last(engine).argv == ["lockproof", "reproduce", *options, *OUTPUTS, "--", "v1"]
    run(it.dvc().fetch(["train"], jobs=2))
    assert last(engine).argv == ["dvc", "fetch", "--jobs=2", "--", "train"]
    run(it.manifests().lint(kubernetes_version="1.34", schemas=dag.directory()))
    options = ["--schema-location=/given/schemas", "--schema-location=default"]
    options += ["--kubernetes-version=1.34"]
    assert last(engine).argv == ["lockproof", "lint", *options, *OUTPUTS]
    run(module(kubeconfig=secret("k")).rollouts().lint(["canary"]))
    assert last(engine).argv == ["lockproof", "lint", "--cluster", *OUTPUTS, "--", "canary"]


def test_the_command_of_each_step_from_a_proof_to_a_manifest(engine: FakeEngine) -> None:
    proof = dag.directory().file("proof.jsonl")
    run(module().verify("digits@champion", proof, pr=True, base="main"))
    options = ["--pr", "--base=main", "--bundle=/given/bundle.jsonl"]
    assert last(engine).argv == ["lockproof", "verify", *options, *OUTPUTS, "--", "digits@champion"]
    assert last(engine).mounts["/given/bundle.jsonl"][1]["source"][-1][0] == "file"
    models = module(servers=True).models()
    report, key = dag.directory().file("report.json"), secret("KEY")
    signed = run(models.attest(report, key, secret("PASS"), "v1", no_push=True))
    bundle = "/home/lockproof/proof.jsonl"
    options = ["--key=/run/secrets/signing-key", f"--bundle={bundle}", "--no-push"]
    options += ["--report=/given/report.json"]
    assert last(engine).argv == ["lockproof", "attest", *options, "--", "v1"]
    assert set(last(engine).secrets) == {"LOCKPROOF_KEY_PASSPHRASE"}
    assert chain(signed)[-1] == ("file", {"path": bundle})
    run(models.register("digits", report, proof, "v1", "main", "candidate", "worse"))
    options = ["--model=digits", "--base=main", "--alias=candidate", "--rollback=worse"]
    options += ["--report=/given/report.json", "--bundle=/given/bundle.jsonl"]
    assert last(engine).argv == ["lockproof", "register", *options, "--", "v1"]
    with pytest.raises(InputError, match=r"--tree \."):
        run(models.promote("digits@candidate", "deploy/a.yaml"))
    assert last(engine).argv[1] == "register"
    models = module(servers=True, tree=dag.directory()).models()
    changed = chain(run(models.promote("digits@candidate", "deploy/a.yaml", "slow")))
    options = ["--to=deploy/a.yaml", "--revert=slow"]
    assert last(engine).argv == ["lockproof", "promote", *options, "--", "digits@candidate"]
    assert changed[-1][0] == "changes"
    assert changed[-1][1]["from"][-1] == changed[-2] == ("withoutDirectory", {"path": ".git"})


def test_the_command_of_a_look_at_a_canary(engine: FakeEngine) -> None:
    file, words = dag.directory().file("c"), ["lockproof", "canary", "check"]
    for holder in (module(), module().proof(), module().rollouts()):
        run(holder.canary(file, "https://prometheus.example", since="1", until="2", timeout=9))
        options = ["--prometheus=https://prometheus.example", "--since=1", "--until=2"]
        options += ["--timeout=9", "--checks=/given/checks.yaml"]
        assert last(engine).argv == [*words, *options, *OUTPUTS]
    run(module().canary(**canary(prometheus=None, samples=file, ca=file, user="u")))
    secrets = [f"--{one}-file=/run/secrets/prometheus-{one}" for one in ("token", "password")]
    secrets += ["--header=X-Scope-OrgID=/run/secrets/prometheus-tenant"]
    options = ["--user=u", "--checks=/given/checks.yaml", "--samples=/given/samples.json"]
    assert last(engine).argv == [*words, *options, "--ca=/given/ca.pem", *secrets, *OUTPUTS]
    assert last(engine).user == USER
    given = [path for path in last(engine).mounts if path.startswith("/given/")]
    assert given == ["/given/checks.yaml", "/given/samples.json", "/given/ca.pem"]


def test_a_prometheus_near_the_caller_is_at_the_address_of_its_binding(engine: FakeEngine) -> None:
    file, near = dag.directory().file("c"), dag.container().as_service()
    run(module().canary(file, server=near, since="1"))
    assert set(last(engine).services) == {"prometheus"}
    assert "--prometheus=http://prometheus:9090" in last(engine).argv
    run(module().canary(file, "http://prometheus:1/sub", near, since="1"))
    assert "--prometheus=http://prometheus:1/sub" in last(engine).argv
    run(module().canary(file, "http://prometheus:1/sub", since="1"))
    assert not last(engine).services


@pytest.mark.parametrize("name", ["models.attest", "models.register", "models.promote"])
@pytest.mark.parametrize("code", [1, 2, 4])
def test_what_was_not_done_fails_the_call_with_its_message(
    engine: FakeEngine, name: str, code: int
) -> None:
    """Also where nobody takes what the function returns: nothing of it is left for later."""
    engine.codes["lockproof"] = code
    with pytest.raises(Ended) as ended:
        calls_of(name, engine)
    assert re.fullmatch(rf"cat \S+ >&2; exit {code}", ended.value.last.argv[-1])


@pytest.mark.parametrize("name", ["track", "register", "promote"])
def test_nothing_is_written_where_the_container_alone_has_it(engine: FakeEngine, name: str) -> None:
    whose = "in --tree" if name == "promote" else "as HEAD has it"

    def call(**given: Any) -> None:
        own = {"tree": dag.directory()} if name == "promote" else {}
        models = module(**own, **given).models()
        words = {"register": ("digits",), "promote": ("digits@candidate", "a.yaml")}
        run(getattr(models, name)(*words.get(name, ())))

    policy, server = '[mlflow]\ntracking-uri = "{}"\n', "https://mlflow.example"
    # As it is in the caller's folder; the container has HEAD's, which does not say it.
    engine.files["lockproof.toml"] = policy.format(server)
    with pytest.raises(InputError, match=rf"--mlflow-uri, --mlflow or --servers .*{whose}"):
        call()
    del engine.files["lockproof.toml"]
    files = ("sqlite:///runs.db", " SQLite+pysqlite:////runs.db", "./mlruns", "file:///runs", "x")
    for uri in files:
        with pytest.raises(InputError, match=r"--mlflow-uri names no server.*https://"):
            call(mlflow_uri=uri)
        engine.files["/work/sub/lockproof.toml"] = policy.format(uri)
        # lockproof takes the policy's word before that of the variable.
        with pytest.raises(InputError, match=rf"{whose}.* names no server.*https://"):
            call(path="sub", mlflow_uri=server, servers=True)
    engine.files["/work/sub/lockproof.toml"] = f"a = '{'.' * 301}'\n"
    with pytest.raises(InputError, match="shorter"):
        call(path="sub", mlflow_uri=server)
    assert not [one for one in engine.execs if one.argv[0] == "lockproof"]
    call(servers=True)
    call(mlflow=dag.container().as_service())
    for uri in (server, "postgresql+psycopg2://db/runs", "mysql://db/runs", "databricks"):
        call(mlflow_uri=uri)
        engine.files["/work/sub/lockproof.toml"] = policy.format(uri)
        call(path="sub")
    for broken in ("[mlflow", "mlflow = 1", "[mlflow]\ntracking-uri = 1"):
        engine.files["/work/sub/lockproof.toml"] = broken
        call(path="sub", mlflow_uri=server)
    assert sum(one[-1][0] == "exitCode" for one in engine.asked) == 2 + 2 * 4 + 3


@pytest.mark.parametrize("name", CALLS)
def test_the_gate_s_packages_are_enough_for_the_gate(engine: FakeEngine, name: str) -> None:
    def pins(**given: Any) -> set[str]:
        called = walk(calls_of(name, engine, **given))
        paths = (args["path"] for call, args in called if call == "file")
        return {path for path in paths if path in ("requirements/gate.txt", "requirements/run.txt")}

    small = bool(re.search("gate|lint|affected|canary", name))
    assert pins() == {f"requirements/{'gate' if small else 'run'}.txt"}
    cluster = pins(kubeconfig=secret("k"))
    asks = name in ("manifests.lint", "rollouts.lint") or not small
    assert cluster == {f"requirements/{'run' if asks else 'gate'}.txt"}


@pytest.mark.parametrize("code", [0, 1, 2, 4, 5])
def test_a_gate_that_misses_an_extra_runs_where_that_is(engine: FakeEngine, code: int) -> None:
    """Such as DVC for a remote behind a web server, or what checks the keys of [[trust]]."""
    errors = (ROOT / "platform" / "src" / "lockproof" / "errors.py").read_text()
    assert f"{{purpose}} {MISSING} {{extra!r}}" in errors
    why = f"a remote {MISSING} 'dvc'"

    def ran(**given: Any) -> list[set[str]]:
        engine.asked.clear()
        try:
            run(module(**given).proof().gate(no_fail=True))
        except Ended:
            assert code in (2, 4)
        steps = [one for one in engine.asked if one[-1][0] == "exitCode"]
        steps = [one for one in steps if Exec.of(one).argv[:2] == ["lockproof", "gate"]]
        return [
            {a["path"].rpartition("/")[2] for call, a in walk(one) if call == "file"}
            & {"gate.txt", "run.txt"}
            for one in steps
        ]

    engine.codes["lockproof"] = code
    assert ran() == [{"gate.txt"}]
    assert ran(servers=True) == [{"run.txt"}], "MLflow is asked for"
    if code in (2, 4):
        engine.errors["lockproof"] = why
    else:
        engine.files["/reports/report.json"] = json.dumps({"not_checked": [why]})
    assert ran() == [{"gate.txt"}, {"run.txt"}]


@pytest.mark.parametrize("text", ["--no-reuse", "-h", "a b", "$(id)", "a\nb", "; id"])
def test_what_a_caller_says_is_one_word_and_no_option(engine: FakeEngine, text: str) -> None:
    run(module().reproduce(text, [text], since=text))
    argv = last(engine).argv
    assert argv[2:4] == [f"--stage={text}", f"--since={text}"]
    assert argv[-2:] == ["--", text]
    said = scripts(last(engine))
    run(module().reproduce())
    assert said == scripts(last(engine)), "only constant text goes through a shell"


def scripts(seen: Exec) -> list[str]:
    """What shells run for a command, without the words that they are given."""
    called = (args["args"] for name, args in walk(seen.calls) if name == "withExec")
    found = [argv[2] for argv in called if argv[:2] == ["sh", "-c"]]
    assert [one for one in found if "read-tree" in one]
    return found


@pytest.mark.parametrize("name", [name for name in CALLS if "canary" not in name])
def test_each_command_runs_without_rights_in_the_repository(engine: FakeEngine, name: str) -> None:
    calls_of(name, engine, path="sub/project")
    seen = last(engine)
    assert seen.user == USER
    assert seen.workdir == "/work/sub/project"
    kind, put = seen.mounts["/work"]
    assert kind == "withMountedDirectory", "a copy takes seconds"
    laid = Exec.of(put["source"])
    assert (put["source"][-1], laid.user) == (("directory", {"path": "/work"}), USER)
    given = [a for call, a in laid.calls if call == "withDirectory" and a["path"] == "/work"]
    assert {one["owner"] for one in given} == {USER}
    # The folder itself, .git alone, and of a work tree what else there is.
    assert [one.get("include") for one in given[1:]] == [[".git"], None][: len(given) - 1]
    if name == "models.promote":
        assert given[-1]["source"][-1] == ("withoutDirectory", {"path": ".git"})
    assert (len(given) == 3) == (name == "models.promote")
    _, home = seen.mounts["/home/lockproof"]
    assert home["source"][-1] == ("withNewDirectory", {"path": ".cache", "permissions": 0o755})
    kind, put = seen.mounts["/opt/lockproof"]
    assert kind == "withMountedDirectory", "a copy takes seconds"
    built = {name for name, _ in put["source"]}
    assert "withMountedDirectory" in built
    assert built.isdisjoint({"withDirectory", "withFile"}), "the engine copies them in each session"
    for name, args in seen.calls:
        if name == "withMountedCache":
            assert args["path"].startswith("/home/lockproof/.cache/") or (
                args["path"] == "/work/sub/project/.dvc/cache"
            )
            assert args["owner"] == USER


@pytest.mark.parametrize("path", ["..", "/etc", "a/../../b", "../work2"])
def test_a_path_out_of_the_repository_is_refused(engine: FakeEngine, path: str) -> None:
    with pytest.raises(InputError, match="leads out of the repository"):
        run(module(path=path).lint())
    assert not engine.asked


@pytest.mark.parametrize("name", CALLS)
def test_a_secret_reaches_only_the_commands_that_need_it(engine: FakeEngine, name: str) -> None:
    calls = calls_of(name, engine, **every_secret())
    netrc = {".netrc"}  # of the package index, from which stages' environments come as well
    assert secrets(last(engine)) - netrc == SEEN[name]
    for call, args in walk(calls):
        if call in ("withEnvVariable", "withNewFile", "withExec"):
            assert "env://" not in json.dumps(args, default=str)


def test_gpus_are_asked_for_where_stages_run(engine: FakeEngine) -> None:
    for name in CALLS:
        calls_of(name, engine, gpus="0, 1")
        runs_stages = "reproduce" in last(engine).argv
        assert last(engine).gpus == (["0", "1"] if runs_stages else None), name
    calls_of("reproduce", engine, gpus="all")
    assert last(engine).gpus == []
    calls_of("reproduce", engine)
    assert last(engine).gpus is None


def test_a_servers_address_is_that_of_its_binding(engine: FakeEngine) -> None:
    own = dag.container().as_service()
    calls_of("models.track", engine, s3=own, mlflow=own, cluster=own)
    seen = last(engine)
    assert set(seen.services) == {"s3", "mlflow"}
    assert seen.env["AWS_ENDPOINT_URL_S3"] == "http://s3:8333"
    assert seen.env["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    assert "AWS_ACCESS_KEY_ID" not in seen.env
    calls_of("models.track", engine, mlflow_uri="https://mlflow.example")
    assert last(engine).env["MLFLOW_TRACKING_URI"] == "https://mlflow.example"
    calls_of("provision", engine, cluster=own)
    assert set(last(engine).services) == {"cluster"}


def test_a_push_to_a_server_of_its_own_makes_the_bucket_first(engine: FakeEngine) -> None:
    calls = calls_of("dvc.push", engine, servers=True, bucket="data")
    ran = [args["args"] for name, args in calls if name == "withExec"][-2:]
    assert (ran[0][0], ran[0][-1], ran[1][:2]) == ("python", "data", ["dvc", "push"])
    calls = calls_of("dvc.push", engine)
    assert not [a for name, a in calls if name == "withExec" and a["args"][0] == "python"]


def test_servers_of_its_own_need_no_account(engine: FakeEngine) -> None:
    calls_of("models.track", engine, servers=True)
    seen = last(engine)
    started = {name: list(walk(made))[-1] for name, made in seen.services.items()}
    argv = {
        name: next(args["args"] for call, args in walk(made) if call == "asService")
        for name, made in seen.services.items()
    }
    assert set(started) == {"s3", "mlflow"}
    assert argv["s3"][:1] == ["weed"]
    assert argv["mlflow"][:2] == ["mlflow", "server"]
    assert seen.secrets == {}
    for made in seen.services.values():
        [cache] = [a for call, a in made if call == "withMountedCache" and "sharing" in a]
        assert cache["sharing"] == "LOCKED", "two servers at once would destroy each other's data"
        assert [a["name"] for call, a in made if call == "withUser"][-1] == USER


@pytest.mark.parametrize("name", [*CALLS, *LAZY])
def test_images_and_packages_come_from_where_the_caller_says(engine: FakeEngine, name: str) -> None:
    given = {"base_image": "mirror.example/python:1", "package_index": "https://index.example/s"}
    given |= {"prometheus_image": "mirror.example/prometheus:1"}
    calls = list(walk(calls_of(name, engine, cache_scope="pr-7", servers=True, **given)))
    images = {args["address"] for call, args in calls if call == "from"}
    images -= {given["prometheus_image"]} if re.search("lint|gate", name) else set()
    assert images == {given["base_image"]}
    index = {
        args["value"]
        for call, args in calls
        if call == "withEnvVariable" and args["name"] in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")
    }
    assert index == {given["package_index"]}
    keys = {args["key"] for call, args in calls if call == "cacheVolume"}
    assert keys or name in ("image", "sbom"), "what is built needs none"
    assert all(key.startswith("lockproof-") and key.endswith("-pr-7") for key in keys), keys


@pytest.mark.parametrize("name", ["image", "sbom"])
def test_what_is_built_is_the_same_for_every_scope(name: str) -> None:
    """A pull request finds what another call has built, and no volume that code could write to."""
    one, other = (chain(LAZY[name](module(cache_scope=scope))) for scope in ("pr-7", "branch"))
    assert one == other
    assert not any(call == "cacheVolume" for call, _ in walk(one))


def test_images_that_can_stand_for_the_one_that_is_built(engine: FakeEngine) -> None:
    given = {"tool_image": "mirror.example/lockproof:1", "prometheus_image": ""}
    calls = calls_of("lint", engine, **given)
    assert {args["address"] for call, args in walk(calls) if call == "from"} == {
        "mirror.example/lockproof:1"
    }
    calls_of("reproduce", engine, training_image="mirror.example/training:1")
    assert last(engine).image == "mirror.example/training:1"
    assert last(engine).env["LOCKPROOF_IMAGE"] == "mirror.example/training:1"
    calls_of("reproduce", engine)
    assert last(engine).image == BASE_IMAGE


@pytest.mark.parametrize("name", ["reproduce", "dvc.reproduce", "models.track"])
def test_stages_run_in_the_image_that_the_policy_names(engine: FakeEngine, name: str) -> None:
    image = "mirror.example/training@sha256:" + "0" * 64
    engine.commits["HEAD:sub/lockproof.toml"] = f'[environment]\nimage = "{image}"\n'
    # As it is in the caller's folder: no stage runs by what is not committed.
    engine.files["sub/lockproof.toml"] = '[environment]\nimage = "mirror.example/draft:1"\n'
    calls_of(name, engine, path="./sub/")
    assert (last(engine).image, last(engine).env["LOCKPROOF_IMAGE"]) == (image, image)
    calls_of(name, engine)
    assert last(engine).image == BASE_IMAGE, "another project's"
    calls_of(name, engine, path="sub", training_image="mirror.example/training:2")
    assert last(engine).image == "mirror.example/training:2"
    calls_of("gate", engine, path="sub")
    assert last(engine).image == BASE_IMAGE, "no stage runs"
    for broken in ("[environment", "environment = 1", "[environment]\nimage = 1", "", "image = 1"):
        engine.commits["HEAD:sub/lockproof.toml"] = broken
        calls_of(name, engine, path="sub")
        assert last(engine).image == BASE_IMAGE, "lockproof says what is wrong"


def test_the_policy_is_that_of_the_commit_in_question(engine: FakeEngine) -> None:
    image, server = "mirror.example/training:1", "https://mlflow.example"
    engine.commits["v1:lockproof.toml"] = f'[environment]\nimage = "{image}"\n'
    engine.commits["main:lockproof.toml"] = '[mlflow]\ntracking-uri = "sqlite:///runs.db"\n'
    it = module(mlflow_uri=server)
    run(it.reproduce("v1"))
    assert last(engine).image == image
    run(it.reproduce("v2"))
    assert last(engine).image == BASE_IMAGE
    run(it.dvc().reproduce("train", "v1"))
    assert last(engine).image == image
    run(it.models().track("v1"))
    assert last(engine).image == image
    with pytest.raises(InputError, match="as main has it names no server"):
        run(it.models().track("v1", "main"))
    laid = [one for one in engine.execs if "cat-file" in " ".join(one.argv)]
    assert {(one.user, one.image) for one in laid} == {(USER, BASE_IMAGE)}
    run(module(tool_image="mirror.example/lockproof:1").reproduce())
    assert last(engine).image == "mirror.example/lockproof:1"
    count = len(engine.execs)
    engine.commits["HEAD:lockproof.toml"] = f'[environment]\nimage = "{image}"\n'
    run(it.reproduce("--output=/x"))  # Which lockproof refuses.
    assert {one.image for one in engine.execs[count:]} == {BASE_IMAGE}


def test_fetch_says_what_dvc_did_not_find(engine: FakeEngine) -> None:
    """DVC ends with 0 then, and its last word is that all is well."""
    engine.errors["dvc"] = "WARNING: missing\n"
    engine.commits["train"] = "Everything is up to date.\n"
    said = run(module().dvc().fetch(["train"]))
    assert said == "WARNING: missing\nEverything is up to date.\n"


@pytest.mark.parametrize("name", [*CALLS, "report", "publish", "dvc.pull", "models.export"])
def test_what_depends_on_anything_outside_is_never_answered_from_the_cache(
    engine: FakeEngine, name: str
) -> None:
    if name in CALLS:
        calls_of(name, engine)
        first = last(engine)
        calls_of(name, engine)
        assert (last(engine).calls == first.calls) == (name == "affected")
    holder: Any = Lockproof
    *objects, function = name.split(".")
    for one in objects:
        holder = type(getattr(module(), one)())
    policy = holder.__dagger_object_type__.functions[function].cache_policy
    assert policy == (None if name == "affected" else "never")


def test_all_of_a_proof_is_in_its_fields() -> None:
    """A function of it would be a call of its own, answered with what an earlier call has found."""
    proof = Proof.__dagger_object_type__  # type: ignore[attr-defined]
    assert not [one for one in proof.functions.values() if one.name]
    assert set(proof.fields) == {"step", "verdict", "exit_code", "table", "json", "html", "reports"}
    for one in proof.fields.values():
        assert get_doc(one.return_type), one.name


@pytest.mark.parametrize("name", ["reproduce", "gate", "lint", "verify", "provision", "canary"])
def test_a_step_says_its_table_and_takes_what_its_proof_takes(
    engine: FakeEngine, name: str
) -> None:
    engine.files["report.txt"] = "PASSED"
    assert run(CALLS[name](module())) == "PASSED"
    table = [calls for calls in engine.asked if calls[-2:-1] == (("file", {"path": "report.txt"}),)]
    assert [any(name == "withNewFile" for name, _ in calls) for calls in table] == [False]
    kinds: list[Any] = [Lockproof, type(module().proof())]
    said, proved = (kind.__dagger_object_type__.functions[name] for kind in kinds)
    assert list(said.parameters) == list(proved.parameters) != []
    assert (said.doc, said.return_type) == (proved.doc, str)
    assert proved.return_type is Proof


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, Verdict.PASSED), (1, Verdict.FAILED), (5, Verdict.INCONCLUSIVE)]
)
def test_a_verdict_is_a_value_where_it_is_asked_for(
    engine: FakeEngine, code: int, verdict: Verdict
) -> None:
    engine.code = code
    proof: Proof = run(module().proof().reproduce(no_fail=True))
    assert (proof.step, proof.verdict, proof.exit_code) == ("reproduce", verdict, code)
    [written] = [args for call, args in chain(proof.reports) if call == "withNewFile"]
    assert written == {"path": "exit-code", "contents": f"{code}\n"}


@pytest.mark.parametrize("code", [1, 5])
def test_a_verdict_other_than_passed_fails_the_call_and_shows_the_table(
    engine: FakeEngine, code: int
) -> None:
    engine.code = code
    with pytest.raises(Ended) as ended:
        run(module().reproduce())
    assert ended.value.last.argv == ["sh", "-c", f"cat /reports/report.txt; exit {code}"]


@pytest.mark.parametrize("code", [2, 3, 4, 127])
@pytest.mark.parametrize("no_fail", [False, True])
def test_an_error_fails_the_call_with_its_message(
    engine: FakeEngine, code: int, no_fail: bool
) -> None:
    engine.code = code
    with pytest.raises(Ended) as ended:
        run(module().reproduce(no_fail=no_fail))
    assert re.fullmatch(rf"cat \S+ >&2; exit {code}", ended.value.last.argv[-1])


def test_what_does_not_answer_is_told_where_its_options_stand(engine: FakeEngine) -> None:
    engine.code = 4
    with pytest.raises(Ended) as ended:
        run(module().gate())
    [said] = [a for call, a in ended.value.last.calls if call == "withNewFile"]
    assert "`dagger call --remote-config file://.dvc/config.local gate`" in said["contents"]
    with pytest.raises(Ended) as ended:
        run(module().canary(**canary()))
    [said] = [a for call, a in ended.value.last.calls if call == "withNewFile"]
    assert "--server tcp://localhost:9090" in said["contents"]
    assert "--remote-config" not in said["contents"]


@pytest.mark.parametrize("name", ["lint", "gate", "manifests.lint", "rollouts.lint"])
@pytest.mark.parametrize("there", [True, False])
def test_prometheus_s_image_is_fetched_only_where_rules_have_tests(
    engine: FakeEngine, name: str, there: bool
) -> None:
    engine.files |= {"/home/lockproof/said/rules-have-tests": ""} if there else {}
    calls_of(name, engine)
    assert ("/usr/local/bin/promtool" in last(engine).mounts) == there
    laid = Exec.of(last(engine).mounts["/work"][1]["source"]).argv
    assert laid[-1] == ("HEAD" if name == "gate" else ""), "the commit that is judged, or the files"


@pytest.mark.parametrize("tree", [None, dag.directory()])
def test_what_git_says_of_a_revision(engine: FakeEngine, tmp_path: Path, tree: Any) -> None:
    """The command that lays a repository out, in one that has a tag and what is not committed."""
    repository, said = tmp_path / "repository", tmp_path / "said"
    repository.mkdir()

    def git(*words: str) -> None:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *identity, *words], cwd=repository, check=True, capture_output=True)

    def laid(revision: str | None = "HEAD", path: str = ".") -> tuple[str, bool]:
        shutil.rmtree(said, ignore_errors=True)
        argv = Exec.of(chain(module(tree=tree, path=path).layout(revision).files)).argv
        assert argv[3] == "/home/lockproof/said"
        subprocess.run([*argv[:3], str(said), *argv[4:]], cwd=repository, check=True)
        return (said / "policy").read_text(), (said / "rules-have-tests").exists()

    git("init", "--quiet")
    assert laid() == ("", True), "Git cannot say it, and what is not run would be passed over"
    assert laid(None) == ("", False)
    (repository / "sub").mkdir()
    (repository / "sub" / "lockproof.toml").write_text("one")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    git("tag", "v1")
    (repository / "sub" / "lockproof.toml").write_text("two")
    (repository / "tests.yaml").write_text("rule_files: [a.yaml]\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "two")
    (repository / "sub" / "lockproof.toml").write_text("draft")
    assert laid(path="sub") == ("two", True)
    draft = (repository / "sub" / "lockproof.toml").read_text()
    assert draft == ("two" if tree is None else "draft"), "checked out, or as it is given"
    assert laid("v1", "sub") == ("one", False)
    assert laid("v1") == ("", False)
    assert laid("nowhere", "sub") == ("", True)
    assert laid("--output=x", "sub") == ("", True)
    (repository / "tests.yaml").unlink()
    git("rm", "--quiet", "--cached", "tests.yaml")
    git("commit", "--quiet", "--message", "three")
    assert laid(None) == ("", False)
    (repository / "more.yaml").write_text("rule_files: [a.yaml]\n")
    assert laid(None) == ("", True), "not committed, as in a work tree that is given"
    assert laid() == ("", False)


@pytest.mark.parametrize("tree", [None, dag.directory()])
def test_nothing_that_a_clone_brings_is_run(engine: FakeEngine, tmp_path: Path, tree: Any) -> None:
    """Hooks, filters and other programs of its configuration, also of what that includes."""
    repository, ran = tmp_path / "repository", tmp_path / "ran"
    repository.mkdir()
    mine = tmp_path / "mine"
    mine.write_text(f"#!/bin/sh\necho $0 >>{ran}\n")
    mine.chmod(0o755)

    def git(*words: str) -> None:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *identity, *words], cwd=repository, check=True, capture_output=True)

    git("init", "--quiet")
    (repository / ".gitattributes").write_text("* filter=own diff=own\n")
    (repository / "lockproof.toml").write_text("as it is\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    git("rm", "--quiet", "--cached", "lockproof.toml")
    absent = subprocess.run(
        ["git", "hash-object", "lockproof.toml"], cwd=repository, check=True, capture_output=True
    ).stdout.decode()
    hooks = repository / ".git" / "hooks"
    shutil.rmtree(hooks, ignore_errors=True)
    hooks.mkdir()
    for hook in ("post-index-change", "post-checkout", "reference-transaction"):
        shutil.copy(mine, hooks / hook)
    included = repository / ".git" / "more"
    included.write_text(
        f'[filter "own"]\nsmudge = {mine}\nclean = {mine}\nrequired\n'
        f'[diff "own"]\ntextconv = {mine}\ncommand = {mine}\n'
        f"[grep]\nfallbackToNoIndex = true\n"
        f"[core]\nfsmonitor = {mine}\nsshCommand = {mine}\ngitProxy = {mine}\nhooksPath = hooks\n"
        "attributesFile = attributes\nrepositoryformatversion = 1\n"
        f'[remote "origin"]\nurl = ssh://nowhere/x\npromisor = true\nuploadpack = {mine}\n'
        "[extensions]\npartialClone = origin\n"
    )
    git("config", "include.path", "more")
    git("config", "remote.origin.url", "https://example.com/x.git")
    git("config", "filter.a b.clean", str(mine))
    git("config", "core.filemode", "false")
    (repository / "lockproof.toml").unlink()
    said = tmp_path / "said"
    argv = Exec.of(chain(module(tree=tree).layout("HEAD").files)).argv
    subprocess.run([*argv[:3], str(said), *argv[4:]], cwd=repository, check=True)
    assert (said / "policy").read_text() == "as it is\n"
    if tree is None:
        assert (repository / "lockproof.toml").read_text() == "as it is\n"
    # Nor when lockproof looks at it: nothing says that the files are still those of the index.
    quiet = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
    git(*quiet, "status", "--porcelain")
    git(*quiet, "diff", "HEAD")
    assert not ran.exists(), ran.read_text()
    kept = subprocess.run(["git", "config", "--local", "-l"], cwd=repository, capture_output=True)
    assert b"remote.origin.url=https://example.com/x.git" in kept.stdout
    assert b"core.filemode=false" in kept.stdout, "on Windows each file of the tree has another"
    # An object that is not there is not fetched by the clone's own program.
    (repository / ".git" / "objects" / absent[:2] / absent.strip()[2:]).unlink()
    shutil.rmtree(said)
    subprocess.run([*argv[:3], str(said), *argv[4:]], cwd=repository, check=False)
    assert not ran.exists(), ran.read_text()


def test_nothing_is_to_be_ignored_in_a_null() -> None:
    """The engine fails a call in which a default is null and patterns are to be ignored in it."""
    constructor = Lockproof.__dagger_object_type__.get_constructor()  # type: ignore[attr-defined]
    patterns = {one.name: one for one in constructor.parameters.values() if one.ignore}
    assert set(patterns) == {"repository", "tree"}
    assert {name: one.default_value for name, one in patterns.items()} == dict.fromkeys(patterns)
    assert patterns["tree"].is_optional
    assert module().tree is None


def test_what_is_not_committed_is_looked_at_where_it_is_given(engine: FakeEngine) -> None:
    def laid() -> Exec:
        return Exec.of(last(engine).mounts["/work"][1]["source"])

    run(module().lint())
    assert "checkout-index" in laid().argv[2]
    run(module(tree=dag.directory().with_new_file("note", "")).lint())
    assert "checkout-index" not in laid().argv[2]
    assert "read-tree" in laid().argv[2]
    _, put = laid().mounts["/work"]
    assert put["source"][-1] == ("withoutDirectory", {"path": ".git"})
    assert ("withNewFile", {"path": "note", "contents": ""}) in put["source"]


@pytest.mark.parametrize("name", ["gate", "lint"])
@pytest.mark.parametrize("code", [1, 5])
def test_a_check_is_red_whenever_its_step_is(engine: FakeEngine, name: str, code: int) -> None:
    """Also where there was nothing to look at: then somebody has asked for it."""
    engine.codes["lockproof"] = code
    empty = {"findings": [], "checks": [{"checked": 0, "not_checked": []}]}
    engine.files |= {"report.json": json.dumps(empty), "report.txt": "the table"}
    with pytest.raises(Ended) as ended:
        calls_of(f"check_{name}", engine)
    assert ended.value.last.argv[-1].endswith(f"exit {code}")


def test_the_report_of_reproduce_is_the_gates_evidence(engine: FakeEngine) -> None:
    reports = run(module().report(base="main"))
    ran = [seen for seen in engine.execs if seen.calls[-1][0] == "exitCode"]
    steps = [seen for seen in ran if seen.argv[0] == "lockproof"]
    assert [seen.argv[1] for seen in steps] == ["reproduce", "gate", "lint"]
    gate = steps[1]
    assert "--report=/given/report.json" in gate.argv
    kind, put = gate.mounts["/given/report.json"]
    assert kind == "withFile"
    assert put["source"][-1] == ("file", {"path": "report.json"})
    assert [a["path"] for call, a in chain(reports) if call == "withDirectory"] == [
        "lint",
        "reproduce",
        "gate",
    ]


def test_changes_leave_git_alone(engine: FakeEngine) -> None:
    wanted = module().init(ci=["github", "gitlab"], branch="trunk")
    calls = chain(wanted)
    [argv] = [a["args"] for call, a in calls if call == "withExec" and a["args"][1:2] == ["init"]]
    assert argv[2:] == [
        *("--ci=github", "--ci=gitlab", "--branch=trunk", "--runner=dagger", "--yes", "--force")
    ]
    assert calls[-2:-1] == (("withoutDirectory", {"path": ".git"}),)
    assert calls[-1][1]["from"][-1] == ("withoutDirectory", {"path": ".git"})
    assert not any(a.get("path", "").endswith(".dvc/cache") for _, a in calls)


def test_the_gate_s_image_has_the_gate_s_packages() -> None:
    def files(gate: bool) -> set[str]:
        called = walk(chain(module().image(gate=gate)))
        return {a["path"] for call, a in called if call == "file" and "requirements/" in a["path"]}

    assert files(gate=True) ^ files(gate=False) == {"requirements/gate.txt", "requirements/run.txt"}
    assert "requirements/gate.txt" in files(gate=True)


def test_the_image_of_a_serving_pod_has_what_verify_takes_and_no_git() -> None:
    called = list(walk(chain(module().image(verify=True))))
    files = {a["path"] for call, a in called if call == "file" and "requirements/" in a["path"]}
    assert "requirements/verify.txt" in files
    assert files.isdisjoint({"requirements/gate.txt", "requirements/run.txt"})
    assert not any("apt-get" in a["args"][-1] for call, a in called if call == "withExec")
    with pytest.raises(InputError, match="ask for one"):
        module().image(gate=True, verify=True)


@pytest.mark.parametrize(("gate", "rest"), [(True, ["gate"]), (False, ["run", "image"])])
def test_what_builds_environments_is_where_stages_run_alone(gate: bool, rest: list[str]) -> None:
    """Beside lockproof, that is: what installs it is in neither image."""
    asked = [a["args"] for call, a in walk(chain(module().image(gate=gate))) if call == "withExec"]
    made = [argv for argv in asked if argv[1:3] == ["-m", "venv"] and argv[-1] == "/opt/lockproof"]
    assert made
    assert all("--without-pip" in argv for argv in made)
    own = [argv for argv in asked if "-r" in argv and "/opt/lockproof/bin/python" in argv]
    own = [argv for index, argv in enumerate(own) if argv not in own[:index]]
    assert [Path(argv[-1]).stem for argv in own] == ["build", *rest]
    assert {argv[0] for argv in own} == {"/opt/beside/bin/uv"}


def test_the_published_image_has_no_rights_and_its_packages_listed(engine: FakeEngine) -> None:
    image = chain(module().image("1.2"))
    assert [a["name"] for call, a in image if call == "withUser"][-1] == USER
    assert [a["args"] for call, a in image if call == "withEntrypoint"][-1] == [
        "/opt/lockproof/bin/lockproof"
    ]
    assert any(a.get("path") == "/usr/share/lockproof/sbom.cdx.json" for _, a in image)
    assert not any(call.startswith("withMounted") for call, _ in image)
    assert any(a.get("path") == "/opt/lockproof" for call, a in image if call == "withDirectory")
    installs = [a["args"] for call, a in walk(image) if call == "withExec" and "-r" in a["args"]]
    assert len(installs) >= 4
    assert all("--require-hashes" in argv for argv in installs)


def test_checks_and_generators() -> None:
    functions = Lockproof.__dagger_object_type__.functions  # type: ignore[attr-defined]
    assert {name for name, one in functions.items() if one.check} == {"check_gate", "check_lint"}
    assert {name for name, one in functions.items() if one.generate} == {"init"}


def test_every_function_is_in_the_guide_and_every_call_in_these_tests() -> None:
    guide = (ROOT / "docs" / "guides" / "dagger.md").read_text()
    it = module()
    objects = ("proof", "dvc", "models", "manifests", "crossplane", "rollouts")
    tested = {*CALLS, *LAZY, "report", "publish", *objects}
    tested |= {"crossplane.provision"}  # inherited
    for prefix, holder in [("", it), *((f"{name}.", getattr(it, name)()) for name in objects)]:
        for one in type(holder).__dagger_object_type__.functions.values():
            if one.name:
                name = f"{prefix}{one.original_name}"
                assert name in tested
                assert f"`{name.replace('.', ' ').replace('_', '-')}`" in guide, name


@pytest.mark.parametrize("image", [BASE_IMAGE, PROMETHEUS_IMAGE])
def test_images_are_named_so_that_no_registry_is_asked_twice(image: str) -> None:
    assert re.fullmatch(r"[a-z/]+:[\w.-]+@sha256:[0-9a-f]{64}", image)


def test_the_sdk_is_the_engines() -> None:
    assert json.loads((ROOT / "dagger.json").read_text())["engineVersion"] == (
        f"v{version('dagger-io')}"
    )


def test_the_sdk_s_client_is_not_decorated_at_each_start() -> None:
    """In the container of a function `src` is where Python looks for what it imports first."""
    ask = "from dagger.client._guards import typecheck; print(typecheck(print) is print)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "ci" / "src")}
    done = subprocess.run([sys.executable, "-c", ask], env=environment, stdout=subprocess.PIPE)
    assert done.stdout == b"True\n"


def test_all_that_lockproof_is_built_from_comes_with_the_module() -> None:
    brought = json.loads((ROOT / "dagger.json").read_text())["include"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {"pyproject.toml", "requirements", project["project"]["readme"]}
    needed |= {*project["project"]["license-files"], *wheel}
    links = [path for path in (ROOT / "platform" / "src").rglob("*") if path.is_symlink()]
    assert links
    needed |= {path.resolve().relative_to(ROOT).as_posix() for path in links}
    for path in needed:
        assert any(path == one or path.startswith(f"{one}/") for one in brought), path
    assert all((ROOT / one).exists() for one in brought if not one.startswith("!"))
