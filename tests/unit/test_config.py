"""The policy file: every key, and one clear line for every mistake."""

import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof import config
from lockproof.config import (
    ClusterStage,
    Policy,
    Toleration,
    load_policy,
    matches_any,
    parse_policy,
)
from lockproof.config.policy import PARTS
from lockproof.errors import ConfigError, ExitCode
from lockproof.model.comparison import Tolerance
from lockproof.model.fields import fields_of

LOOSE = '[[tolerance]]\npaths = ["a"]\nrtol = 1e-6\n'
BUDGET = '[lint.budget]\ncpu = "2"\nmemory = "4Gi"\n'
JUDGED = '[[judged-by]]\npaths = ["a"]\nby = ["b"]\nreason = "c"\n'

WAIVER = '[[waiver]]\nrule = "LP103"\nsubject = "train *"\nreason = "r"\nexpires = 2027-03-31\n'

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
MODEL = '[[model]]\nname = "digits"\npaths = ["m.skops"]\n'
SKLEARN = MODEL + 'flavour = "sklearn"\n'
REVOKED = '[[revoked]]\nreason = "it leaked"\n'
KEY = '[[trust]]\nkey = "keys/ci.pem"\n'
IDENTITY = (
    '[[trust]]\nidentity = "https://github.com/o/r/w.yml@refs/heads/main"\nissuer = "https://i"\n'
)

METRIC = '[[metric]]\npath = "m.json"\nmin = 0.5\n'

TAINT = 'tolerations = [{key = "gpu", operator = "Equal", value = "yes", effect = "NoExecute"}]'
TOLERATIONS = (Toleration(key="gpu", operator="Equal", value="yes", effect="NoExecute"),)

KEYS: list[tuple[str, str, object]] = [
    ('[lint]\nrequire = ["rule-tests"]', "lint.require", ("rule-tests",)),
    ('[lint.charts]\n"a-1.0.0" = "a.tgz"', "lint.charts", {"a-1.0.0": "a.tgz"}),
    ('[environment]\nrequirements = "r.lock"', "environment.requirements", "r.lock"),
    ('[environment]\nuv-lock = "uv.lock"', "environment.uv_lock", "uv.lock"),
    ('[environment]\ninterpreter = "python3"', "environment.interpreter", "python3"),
    ('[environment]\nimage = "x@sha256:0"', "environment.image", "x@sha256:0"),
    ('[environment]\nuv-lock = "u"\npython = "3.12"', "environment.python", "3.12"),
    ('[run]\ntimeout = "30m"', "run.timeout", 1800.0),
    ("[run]\nprocesses = 64", "run.processes", 64),
    ('[run]\nmemory = "8 GiB"', "run.memory", 8 << 30),
    ('[run]\ndisk = "1.5 TB"', "run.disk", 1_500_000_000_000),
    ("[run]\nnetwork = true", "run.network", True),
    ('[run]\npass-env = ["A", "B_*"]', "run.pass_env", ("A", "B_*")),
    ('[run]\nshell = "/bin/bash"', "run.shell", "/bin/bash"),
    ('[reproduce]\nmode = "chain"', "reproduce.mode", "chain"),
    ("[reproduce]\njobs = 3", "reproduce.jobs", 3),
    ("[reproduce]\nruns = 2", "reproduce.runs", 2),
    ('[reproduce]\nfrozen = "accept"', "reproduce.frozen", "accept"),
    ('[reproduce]\nunaffected = "accept"', "reproduce.unaffected", "accept"),
    ('[run]\nhidden = ["*.md"]', "run.hidden", ("*.md",)),
    ('[run]\nview = "declared"', "run.view", "declared"),
    ('[run]\nisolation = "required"', "run.isolation", "required"),
    ('[run]\nvisible = ["/srv"]', "run.visible", ("/srv",)),
    ('[reproduce]\nnondeterministic = "accept"', "reproduce.nondeterministic", "accept"),
    ('[reproduce]\nnot-comparable = "accept"', "reproduce.not_comparable", "accept"),
    ("[reproduce]\nexplain = false", "reproduce.explain", False),
    ("[reproduce]\nexperiments = 0", "reproduce.experiments", 0),
    (LOOSE, "tolerance.0.paths", ("a",)),
    (LOOSE + 'fields = ["x.*"]', "tolerance.0.fields", ("x.*",)),
    (LOOSE + 'hardware = "NVIDIA H100*"', "tolerance.0.hardware", "NVIDIA H100*"),
    (LOOSE, "tolerance.0.rtol", 1e-6),
    (LOOSE + "atol = 1", "tolerance.0.atol", 1.0),
    (JUDGED, "judged_by.0.paths", ("a",)),
    (JUDGED, "judged_by.0.by", ("b",)),
    (JUDGED, "judged_by.0.reason", "c"),
    ('[record]\ndirectory = "runs/x"', "record.directory", "runs/x"),
    ('[mlflow]\ntracking-uri = "http://h"', "mlflow.tracking_uri", "http://h"),
    ('[mlflow]\nexperiment = "e"', "mlflow.experiment", "e"),
    ('[mlflow]\nartifact-servers = ["https://a:1"]', "mlflow.artifact_servers", ("https://a:1",)),
    ('[cluster]\nimage = "x@sha256:0"', "cluster.image", "x@sha256:0"),
    ('[cluster]\ncpu = "500m"', "cluster.cpu", "500m"),
    ('[cluster]\nmemory = "8Gi"', "cluster.memory", "8Gi"),
    ("[cluster]\ngpus = 2", "cluster.gpus", 2),
    ('[cluster]\ngpu-resource = "amd.com/gpu"', "cluster.gpu_resource", "amd.com/gpu"),
    ('[cluster.node-selector]\npool = "gpu"', "cluster.node_selector", {"pool": "gpu"}),
    (f"[cluster]\n{TAINT}", "cluster.tolerations.0.key", "gpu"),
    (f"[cluster]\n{TAINT}", "cluster.tolerations.0.operator", "Equal"),
    (f"[cluster]\n{TAINT}", "cluster.tolerations.0.value", "yes"),
    (f"[cluster]\n{TAINT}", "cluster.tolerations.0.effect", "NoExecute"),
    (f"[cluster]\n{TAINT}", "cluster.tolerations", TOLERATIONS),
    ('[cluster]\ntimeout = "30m"', "cluster.timeout", 1800.0),
    ('[cluster]\nnamespace = "ml"', "cluster.namespace", "ml"),
    ('[cluster]\nrepository = "https://h/r"', "cluster.repository", "https://h/r"),
    ("[cluster]\ndepth = 1", "cluster.depth", 1),
    ('[cluster]\ngit-secret = "key"', "cluster.git_secret", "key"),
    ('[cluster]\nsecrets = ["a", "b.c"]', "cluster.secrets", ("a", "b.c")),
    ('[cluster]\nservice-account = "a"', "cluster.service_account", "a"),
    ('[cluster]\nqueue = "team"', "cluster.queue", "team"),
    ("[cluster]\nretries = 0", "cluster.retries", 0),
    ('[cluster]\ndeadline = "1d"', "cluster.deadline", 86400.0),
    ("[cluster]\nparallel = 50", "cluster.parallel", 50),
    ('[cluster]\nkeep = "1h"', "cluster.keep", 3600.0),
    ('[cluster]\nseccomp = "Unconfined"', "cluster.seccomp", "Unconfined"),
    ('[[cluster.stage]]\nstages = ["a"]', "cluster.stage", (ClusterStage(stages=("a",)),)),
    *(
        (f'[[cluster.stage]]\nstages = ["train*"]\n{text}', f"cluster.stage.0.{key}", value)
        for text, key, value in (
            ("", "stages", ("train*",)),
            ('image = "y@sha256:0"', "image", "y@sha256:0"),
            ('cpu = "4"', "cpu", "4"),
            ('memory = "16Gi"', "memory", "16Gi"),
            ("gpus = 0", "gpus", 0),
            ('gpu-resource = "a/b"', "gpu_resource", "a/b"),
            ('node-selector = {a = "b"}', "node_selector", {"a": "b"}),
            (TAINT, "tolerations", TOLERATIONS),
            ("timeout = 60", "timeout", 60.0),
        )
    ),
    ('[provision]\noverlays = "deploy"', "provision.overlays", "deploy"),
    ('[provision]\noverlay = "aws"', "provision.overlay", "aws"),
    ('[provision]\nnamespace = "n"', "provision.namespace", "n"),
    ('[provision]\ntimeout = "5m"', "provision.timeout", 300.0),
    ('[provision]\nstorage = ["W.example.org"]', "provision.storage", ("W.example.org",)),
    ('[provision]\nleft = ["A.b spec.c"]', "provision.left", ("A.b spec.c",)),
    ('[provision]\nbucket = "b"', "provision.bucket", "b"),
    ('[provision]\ndvc-remote = "r"', "provision.dvc_remote", "r"),
    ('[provision]\ndvc-prefix = "p"', "provision.dvc_prefix", "p"),
    ('[gate]\noff = ["remote"]', "gate.off", ("remote",)),
    ('[gate]\nreproduction = "required"', "gate.reproduction", "required"),
    ('[gate]\nbaseline = "b.json"', "gate.baseline", "b.json"),
    ('[rules.LP103]\nseverity = "note"', "rules.LP103.severity", "note"),
    ("[rules.LP103]\noff = true", "rules.LP103.off", True),
    ('[rules.LP103]\npaths = ["a/*"]', "rules.LP103.paths", ("a/*",)),
    (WAIVER, "waiver.0.rule", "LP103"),
    (WAIVER, "waiver.0.subject", "train *"),
    (WAIVER, "waiver.0.reason", "r"),
    (WAIVER, "waiver.0.expires", date(2027, 3, 31)),
    ('[remote]\nalso = ["copy"]', "remote.also", ("copy",)),
    ("[remote]\ndeep = true", "remote.deep", True),
    ('[remote]\nby-size = "inconclusive"', "remote.by_size", "inconclusive"),
    ("[remote]\njobs = 4", "remote.jobs", 4),
    ("[remote]\ntimeout = '5s'", "remote.timeout", 5.0),
    ("[remote]\nattempts = 2", "remote.attempts", 2),
    ("[remote]\nbackoff = '1s'", "remote.backoff", 1.0),
    ('[lint]\npaths = ["deploy"]', "lint.paths", ("deploy",)),
    ('[lint]\nexclude = ["*.tpl.yaml"]', "lint.exclude", ("*.tpl.yaml",)),
    ('[lint]\noff = ["policies"]', "lint.off", ("policies",)),
    ('[lint]\nkubernetes-version = "1.33"', "lint.kubernetes_version", "1.33"),
    ('[lint]\nschema-locations = ["s"]', "lint.schema_locations", ("s",)),
    ('[lint]\nexternal = ["Secret/a"]', "lint.external", ("Secret/a",)),
    ('[lint]\nunpinned = ["a:*"]', "lint.unpinned", ("a:*",)),
    ('[lint]\nnot-checked = "accept"', "lint.not_checked", "accept"),
    (BUDGET, "lint.budget", config.BudgetPolicy(cpu="2", memory="4Gi")),
    (BUDGET, "lint.budget.cpu", "2"),
    (BUDGET, "lint.budget.memory", "4Gi"),
    (BUDGET + 'reserved-cpu = "350m"', "lint.budget.reserved_cpu", "350m"),
    (BUDGET + 'reserved-memory = "300Mi"', "lint.budget.reserved_memory", "300Mi"),
    (BUDGET + 'ignore = ["Deployment/x"]', "lint.budget.ignore", ("Deployment/x",)),
    ('[record]\nmlflow = "required"', "record.mlflow", "required"),
    ("[git]\nlarge = '1 MB'", "git.large", 1_000_000),
    ("[git]\nbinary = 9", "git.binary", 9),
    ('[git]\nallow = ["*.png"]', "git.allow", ("*.png",)),
    ("[git]\nsecrets = false", "git.secrets", False),
    (METRIC, "metric.0.path", "m.json"),
    (METRIC + 'key = "a.*"', "metric.0.key", "a.*"),
    (METRIC, "metric.0.min", 0.5),
    (METRIC + "max = 1", "metric.0.max", 1.0),
    (METRIC + 'direction = "lower"', "metric.0.direction", "lower"),
    (METRIC + 'direction = "lower"\natol = 1', "metric.0.atol", 1.0),
    (METRIC + 'direction = "lower"\nrtol = 0.1', "metric.0.rtol", 0.1),
    (MODEL, "model.0.name", "digits"),
    (MODEL.replace("digits", "é" * 200), "model.0.name", "é" * 200),
    (MODEL, "model.0.paths", ("m.skops",)),
    (MODEL + 'stage = "train"', "model.0.stage", "train"),
    (MODEL + 'flavour = "sklearn"', "model.0.flavour", "sklearn"),
    (MODEL + 'load = "m.skops"', "model.0.load", "m.skops"),
    (SKLEARN + 'input-example = "x.json"', "model.0.input_example", "x.json"),
    (SKLEARN + 'skops-trusted = ["a.B"]', "model.0.skops_trusted", ("a.B",)),
    (MODEL + 'upload = "reference"', "model.0.upload", "reference"),
    (KEY, "trust.0.key", "keys/ci.pem"),
    (KEY + 'stages = ["train*"]', "trust.0.stages", ("train*",)),
    (KEY + 'models = ["digits"]', "trust.0.models", ("digits",)),
    (KEY + 'max-age = "30d"', "trust.0.max_age", 30 * 86400.0),
    (KEY + 'oldest-tool = "0.2"', "trust.0.oldest_tool", "0.2"),
    (KEY + 'branch = "main"', "trust.0.branch", "main"),
    (REVOKED + f'key = "{"a" * 64}"', "revoked.0.key", "a" * 64),
    (REVOKED + f'proof = "{"b" * 64}"', "revoked.0.proof", "b" * 64),
    (REVOKED + f'commit = "{"c" * 40}"', "revoked.0.commit", "c" * 40),
    (REVOKED + f'output = "{"d" * 64}"', "revoked.0.output", "d" * 64),
    (REVOKED + f'output = "{"d" * 64}"', "revoked.0.reason", "it leaked"),
    (IDENTITY, "trust.0.identity", "https://github.com/o/r/w.yml@refs/heads/main"),
    (IDENTITY, "trust.0.issuer", "https://i"),
]


def value_at(policy: Policy, dotted: str) -> object:
    value: Any = policy
    for part in dotted.split("."):
        if isinstance(value, Mapping):
            value = value[part]
        else:
            value = value[int(part)] if part.isdigit() else getattr(value, part)
    return value


@pytest.mark.parametrize(("text", "dotted", "expected"), KEYS)
def test_every_key_is_read(text: str, dotted: str, expected: object) -> None:
    value = value_at(parse_policy(text), dotted)
    assert value == expected
    assert type(value) is type(expected)


def test_no_key_is_without_a_test() -> None:
    sections: dict[str, type[config.Section]] = {
        "environment": config.EnvironmentPolicy,
        "run": config.RunPolicy,
        "reproduce": config.ReproducePolicy,
        "tolerance.0": config.ToleranceRule,
        "judged_by.0": config.JudgedBy,
        "record": config.RecordPolicy,
        "mlflow": config.MlflowPolicy,
        "cluster": config.ClusterPolicy,
        "cluster.stage.0": config.ClusterStage,
        "cluster.tolerations.0": config.Toleration,
        "provision": config.ProvisionPolicy,
        "gate": config.GatePolicy,
        "rules.LP103": config.RulePolicy,
        "waiver.0": config.Waiver,
        "remote": config.RemotePolicy,
        "lint": config.LintPolicy,
        "lint.budget": config.BudgetPolicy,
        "git": config.GitPolicy,
        "metric.0": config.MetricRule,
        "model.0": config.ModelRule,
        "trust.0": config.TrustRule,
        "revoked.0": config.RevokedRule,
    }
    assert {name.partition(".")[0] for name in sections} == set(PARTS)
    known = {f"{name}.{key}" for name, section in sections.items() for key in fields_of(section)}
    assert {dotted for _, dotted, _ in KEYS} == known


def test_no_pattern_is_long_in_the_making() -> None:
    # Each repetition of a class of Unicode's letters is hundreds of states: 200 took 0.15 s.
    schema = (REFERENCE / "policy.schema.json").read_text("utf-8")
    patterns = set(re.findall('"pattern": "(.*)"', schema))
    counts = {p: [int(n) for n in re.findall(r"[{,](\d+)}", p)] for p in patterns}
    assert any(counts.values())
    assert not {p for p, numbers in counts.items() if max(numbers, default=0) > 64}


def test_an_empty_file_and_no_file_are_the_default_policy(tmp_path: Path) -> None:
    assert load_policy(tmp_path / "lockproof.toml") == parse_policy("") == Policy()
    assert Policy().environment is None
    assert Policy().run.network is False
    assert {Policy().reproduce.frozen, Policy().reproduce.not_comparable} == {"inconclusive"}


MISTAKES: list[tuple[str, str]] = [
    ('[lint.budget]\ncpu = "lots"\nmemory = "1Gi"', "lint.budget.cpu"),
    ('[lint]\noff = ["policy"]', "lint.off.0"),
    ('[lint]\nkubernetes-version = "latest"', "lint.kubernetes-version"),
    ("[rules.LP1]", "rules.LP1"),
    ("[remote]\njobs = 0", "remote.jobs: "),
    ("[remote]\nattempts = 0", "remote.attempts: "),
    ("[remote]\nby-size = 'pass'", "remote.by-size: "),
    ("[rules.LP103]\nsince = 1", "rules.LP103.since: no such key"),
    (WAIVER.replace("2027-03-31", "2027-03-31T00:00:00Z"), "waiver.0.expires: write a date"),
    (WAIVER.replace("2027-03-31", "'soon'"), "waiver.0.expires: "),
    ('[gate]\noff = ["locks"]', "gate.off.0: "),
    ('[provision]\nleft = ["spec.replicas"]', "provision.left.0: "),
    ("[[trust]]", "trust.0: state key, or identity and issuer"),
    (KEY + 'identity = "a"\nissuer = "b"', "trust.0: state key, or identity and issuer"),
    (REVOKED, "revoked.0: state one of key, proof, commit and output"),
    (KEY + 'oldest-tool = "new"', "trust.0.oldest-tool: "),
    (KEY + 'branch = "main^"', "trust.0.branch: "),
    ('[[trust]]\nidentity = "a"', "trust.0: identity and issuer go together"),
    ('[[model]]\nname = "a"\npaths = []', "model.0.paths: "),
    (MODEL.replace("digits", "a/b"), "model.0.name: "),
    (MODEL.replace("digits", "é" * 201), "model.0.name: "),
    (MODEL.replace("digits", "a@b"), "model.0.name: "),
    (MODEL + 'skops-trusted = ["a.B"]', "model.0: skops-trusted needs"),
    (MODEL + 'input-example = "x.json"', "model.0: an input-example has no place"),
    (SKLEARN + 'upload = "reference"', 'model.0: upload = "reference" needs'),
    ("nope = 1", "nope: no such key; see docs/reference/policy.md"),
    ("[run]\nnet-work = true", "run.net-work: no such key; see docs/reference/policy.md"),
    (LOOSE + "tol = 1", "tolerance.0.tol: no such key; see docs/reference/policy.md"),
    (f"{LOOSE}\n{LOOSE}x = 1", "tolerance.1.x: no such key; see docs/reference/policy.md"),
    ("run = []", "run: "),
    ("tolerance = 3", "tolerance: "),
    ("[tolerance]\npaths = ['a']\nrtol = 1", "tolerance"),
    ('[run]\npass-env = "HOME"', "run.pass-env: "),
    ("[run]\npass-env = [1]", "run.pass-env.0: "),
    ("[run]\nshell = 1", "run.shell: "),
    ("[run]\nprocesses = 0", "run.processes: "),
    ('[run]\nmemory = "8 gigs"', "run.memory: write a size such as '500 kB' or '5 MB'"),
    ("[run]\nmemory = 1", "run.memory: "),
    ("[run]\ndisk = -1", "run.disk: "),
    (f"[run]\ndisk = '{'9' * 5000} TB'", "run.disk: write a size"),
    ("[run]\nnetwork = 'perhaps'", "run.network: "),
    ("[reproduce]\njobs = 0", "reproduce.jobs: "),
    ("[reproduce]\njobs = 1.5", "reproduce.jobs: "),
    ("[reproduce]\nruns = 0", "reproduce.runs: "),
    ("[reproduce]\nruns = 11", "reproduce.runs: "),
    ("[reproduce]\nexperiments = -1", "reproduce.experiments: "),
    ("[reproduce]\nmode = 'fast'", "reproduce.mode: "),
    ("[reproduce]\nfrozen = 'Accept'", "reproduce.frozen: "),
    ("[reproduce]\nfrozen = true", "reproduce.frozen: "),
    ("[environment]", "environment: name exactly one of requirements, uv-lock, interpreter, image"),
    ("[environment]\npython = '3.12'", "environment: name exactly one of"),
    ("[environment]\nrequirements = 'a'\nimage = 'b'", "environment: name exactly one of"),
    ("[[tolerance]]\nrtol = 1", "tolerance.0.paths: "),
    (LOOSE + "hardware = ''", "tolerance.0.hardware: "),
    ("[[tolerance]]\npaths = []\nrtol = 1", "tolerance.0.paths: "),
    ("[[tolerance]]\npaths = ['a']", "tolerance.0: state rtol, atol or both; without a tolerance"),
    ("[[tolerance]]\npaths = ['a']\nrtol = 0\natol = 0.0", "tolerance.0: state rtol, atol"),
    ("[[tolerance]]\npaths = ['a']\nrtol = -1", "tolerance.0.rtol: "),
    ("[[tolerance]]\npaths = ['a']\natol = inf", "tolerance.0.atol: "),
    ("[[tolerance]]\npaths = ['a']\natol = nan", "tolerance.0.atol: "),
    ("[[judged-by]]\npaths = ['a']\nby = ['b']", "judged-by.0.reason: "),
    ("[[judged-by]]\npaths = ['a']\nby = ['b']\nreason = ''", "judged-by.0.reason: "),
    ("[[judged-by]]\npaths = ['a']\nby = []\nreason = 'c'", "judged-by.0.by: "),
    ("[record]\ndirectory = '/tmp'", "record.directory: name a folder below the DVC root"),
    ("[record]\ndirectory = 'a/../../b'", "record.directory: name a folder below the DVC root"),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_is_named_by_its_key(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_policy(text)
    assert str(caught.value).startswith(f"lockproof.toml: {expected}")
    assert caught.value.exit_code is ExitCode.USAGE


def test_the_first_of_several_mistakes_is_the_one_named() -> None:
    with pytest.raises(ConfigError, match=r"^p\.toml: run\.shell: ") as caught:
        parse_policy("[reproduce]\njobs = 0\n[run]\nshell = 1", "p.toml")
    assert "jobs" not in str(caught.value)


@pytest.mark.parametrize("text", ["a", "a = ", "a = 1\na = 2", "[run", "a = 2024-02-30", "\ufeff"])
def test_what_is_not_toml_says_where(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^lockproof\.toml is not valid TOML: .*\(at "):
        parse_policy(text)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ('"90s"', 90.0),
        ('"30m"', 1800.0),
        ('"2h"', 7200.0),
        ('"1d"', 86400.0),
        ('"1.5h"', 5400.0),
        ('" 2 m "', 120.0),
        ("45", 45.0),
        ("0.5", 0.5),
    ],
)
def test_durations(written: str, seconds: float) -> None:
    assert parse_policy(f"[run]\ntimeout = {written}").run.timeout == seconds


@pytest.mark.parametrize(
    "written", ['"90"', '""', '"m"', '"5 weeks"', '"1h30m"', '"-5m"', '"1e3s"', '"2M"', '".5h"']
)
def test_what_is_no_duration_is_told_how_to_write_one(written: str) -> None:
    with pytest.raises(ConfigError, match=r"run\.timeout: write a duration such as '90s'"):
        parse_policy(f"[run]\ntimeout = {written}")


@pytest.mark.parametrize("written", ["0", '"0s"', "-1", "nan", '["5m"]', "{ minutes = 5 }"])
def test_a_timeout_is_a_positive_number(written: str) -> None:
    with pytest.raises(ConfigError, match=r"^lockproof\.toml: run\.timeout: "):
        parse_policy(f"[run]\ntimeout = {written}")


@given(st.integers(1, 10**6), st.sampled_from("smhd"))
@settings(deadline=None)
def test_a_duration_is_its_number_times_its_unit(number: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    found = parse_policy(f'[run]\ntimeout = "{number}{unit}"').run.timeout
    assert found == number * seconds


def test_rules_are_found_by_path_in_the_order_written() -> None:
    policy = parse_policy(
        "[[tolerance]]\npaths = ['m/*.npz', 'x']\nrtol = 1\n"
        "[[tolerance]]\npaths = ['n']\nrtol = 2\n"
        "[[tolerance]]\npaths = ['m/*']\natol = 3\n"
        "[[judged-by]]\npaths = ['*.zip']\nby = ['a']\nreason = 'first'\n"
        "[[judged-by]]\npaths = ['m/*']\nby = ['b']\nreason = 'second'\n"
    )
    found = policy.tolerances_for("m/deep/a.npz")
    assert [rule.tolerance for rule in found] == [Tolerance(rtol=1), Tolerance(atol=3)]
    assert policy.tolerances_for("M/a.npz") == ()
    judge, other = policy.judges_of("m/a.zip"), policy.judges_of("m/b")
    assert judge is not None
    assert other is not None
    assert (judge.reason, other.reason, policy.judges_of("z")) == ("first", "second", None)


@pytest.mark.parametrize(
    ("path", "glob", "expected"),
    [
        ("a/b/c", "a/*", True),
        ("a/b", "a", False),
        ("a", "A", False),
        ("a1", "a[0-9]", True),
        ("ab", "a?", True),
        ("xa", "a", False),
        ("a\nb", "a*", True),
    ],
)
def test_globs_are_of_the_whole_path(path: str, glob: str, expected: bool) -> None:
    assert matches_any(path, ("no", glob)) is expected
    assert not matches_any(path, ())


@pytest.mark.parametrize("content", [b"\xff", b"[run]\nshell = '\xe9'"])
def test_a_file_that_is_no_utf8_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lockproof.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^cannot read .*lockproof\.toml: .*utf-8"):
        load_policy(path)


def test_a_folder_in_its_place_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_policy(tmp_path)


def test_the_file_is_named_as_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text("x = 1", "utf-8")
    with pytest.raises(ConfigError, match=r"^other\.toml: x: no such key"):
        load_policy(path)


NAMES = st.sampled_from(
    sorted({part.replace("_", "-") for _, dotted, _ in KEYS for part in dotted.split(".")} | {"x"})
)
SCALARS = (
    st.none().map(lambda _: "5m")
    | st.booleans()
    | st.integers(-3, 30)
    | st.floats(allow_subnormal=False)
    | st.dates()
    | st.sampled_from(["accept", "chain", "a/b", "..", "", "1d"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
SECTIONS = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4) | VALUES, max_size=3)


def check(text: str) -> None:
    """Either a policy, or one line that begins with the file's name."""
    policy, message = Policy(), None
    try:
        policy = parse_policy(text)
    except ConfigError as error:
        message = str(error)
    if message is not None:
        assert message.startswith(("lockproof.toml: ", "lockproof.toml is not valid TOML: "))
        assert "\n" not in message
    assert policy.run.timeout is None or policy.run.timeout > 0
    assert 1 <= policy.reproduce.runs <= 10
    for rule in policy.tolerance:
        assert rule.rtol >= 0 <= rule.atol
        assert rule.rtol + rule.atol > 0
        assert math.isfinite(rule.rtol + rule.atol)


@given(SECTIONS)
@settings(max_examples=100, deadline=None)
def test_any_toml_is_a_policy_or_one_clear_line(content: dict[str, Any]) -> None:
    check(tomlkit.dumps(content))


@given(st.text("[]{}=.,'\"#\n a1-é\\", max_size=30) | st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_policy_or_one_clear_line(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "[run]\nnetwork = 1\n",
        '[run]\nnetwork = "yes"\n',
        "[run]\ntimeout = true\n",
        "[run]\ntimeout = inf\n",
        "[run]\npass_env = []\n",
        '[run]\nshell = ""\n',
        '[reproduce]\njobs = "2"\n',
        "[reproduce]\njobs = true\n",
        '[[tolerance]]\npaths = ["a"]\nrtol = "1e-6"\n',
        '[[tolerance]]\npaths = ["a"]\nrtol = true\n',
        '[environment]\nrequirements = ""\n',
        '[record]\ndirectory = ""\n',
        '[record]\ndirectory = "a\\u0000"\n',
        "[reproduce]\njobs = " + "9" * 5000 + "\n",
        "a = " + "[" * 5000 + "\n",
    ],
)
def test_nothing_is_guessed(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_policy(text)


@pytest.mark.parametrize(
    ("text", "size"), [("5", 5), ("'5 MB'", 5_000_000), ("'1.5kB'", 1500), ("'2 MiB'", 2 * 2**20)]
)
def test_sizes_have_units(text: str, size: int) -> None:
    assert parse_policy(f"[git]\nlarge = {text}").git.large == size


@pytest.mark.parametrize("text", ["'5'", "'5 mb'", "true", "-1", "1.5", "'5 PB'", "'MB'"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"git\.large"):
        parse_policy(f"[git]\nlarge = {text}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "state min, max or direction"),
        ("min = 2\nmax = 1", "min is larger than max"),
        ("min = 1\natol = 0.1", "state direction, too"),
        ("min = nan", "finite number"),
        ("direction = 'up'", "'higher' or 'lower'"),
        ("min = 0\nthreshold = 1", "no such key"),
    ],
)
def test_a_metric_demands_something(line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_policy(f"[[metric]]\npath = 'm.json'\n{line}")
