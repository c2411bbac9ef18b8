"""Reports such as `lockproof reproduce` makes, for tests and for looking at pages.

`PYTHONPATH=tests python -m unit.render.sample DIR` writes each in every format.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from lockproof.model.cause import Cause, CauseKind, Certainty
from lockproof.model.changes import (
    Changes,
    DataChange,
    FolderChange,
    MetricChange,
    ParamChange,
    StageChange,
)
from lockproof.model.check import Check
from lockproof.model.comparison import Difference, LargestDifference, Tolerance
from lockproof.model.digest import Digest
from lockproof.model.environment import Environment
from lockproof.model.finding import Finding, Severity
from lockproof.model.report import (
    Dependency,
    Evidence,
    Host,
    HostStage,
    MetricValue,
    Origin,
    OutputReport,
    Report,
    Reuse,
    SkipReason,
    StageReport,
    Subject,
    Timing,
)
from lockproof.model.verdict import OutputVerdict, Verdict, worst

FILE = "data-plane/dvc/dvc.yaml"
LOOSE = Tolerance(rtol=1e-6, atol=1e-9)
COMMIT = "4f1c2a9be03d5577a1c0de9a52b8e6a3d1f00b21"
ORIGIN = Origin(
    repository="https://git.example/ada/digits.git",
    branch="fewer-iterations",
    title="Let the linear model stop after 50 iterations",
    author="Ada",
)
LOCK = hashlib.sha256(b"lock").hexdigest()
PARAMS: Mapping[str, Mapping[str, Any]] = {
    "data-plane/dvc/params.yaml": {
        "train.penalty": "l2",
        "train.strength": 0.5,
        "train.seed": 20260401,
        "train.classes": [0, 1, 2, 3, 4],
    }
}

PREPARE = ("data-plane/dvc/data/prepared/train.csv", "data-plane/dvc/data/prepared/test.csv")
FEATURES = ("data-plane/dvc/data/features",)
LINEAR = ("data-plane/models/linear.npz", "data-plane/models/linear.skops")
TREES = ("data-plane/models/forest.npz",)
METRICS = ("data-plane/dvc/metrics.json", "data-plane/dvc/plots/confusion.csv")


def digest(name: str, *, directory: bool = False) -> Digest:
    """A digest that stands for the content `name`."""
    value = hashlib.md5(name.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    return Digest(value=value + (".dir" if directory else ""))


def output(
    path: str,
    verdict: OutputVerdict = OutputVerdict.IDENTICAL,
    tolerance: Tolerance | None = None,
    judged_by: tuple[str, ...] = (),
) -> OutputReport:
    """An output; what it is follows from its path."""
    return OutputReport(
        path=path,
        kind="metric" if "metrics" in path else "plot" if "plots" in path else "out",
        locked=digest(path, directory=path.endswith("features")),
        verdict=verdict,
        tolerance=tolerance,
        judged_by=judged_by,
    )


def stage(
    name: str,
    outputs: tuple[OutputReport, ...],
    upstream: tuple[str, ...] = (),
    deps: tuple[str, ...] = (),
    **more: Any,
) -> StageReport:
    """A stage of the demo pipeline, with the verdict that its outputs give."""
    paths = (f"data-plane/dvc/src/{name.partition('@')[0]}.py", *deps)
    given: dict[str, Any] = {
        "command": (f"python src/{name.partition('@')[0]}.py --params params.yaml",),
        "verdict": worst(each.verdict.verdict for each in outputs),
    }
    return StageReport(
        address=f"{FILE}:{name}",
        outputs=outputs,
        upstream=tuple(f"{FILE}:{each}" for each in upstream),
        deps=tuple(Dependency(path=path, locked=digest(path)) for path in paths),
        **(given | more),
    )


def environment(**more: Any) -> Environment:
    """The demo's environment on an ordinary server."""
    given: dict[str, Any] = {
        "kind": "requirements",
        "name": "data-plane/dvc/requirements.lock",
        "digest": hashlib.sha256(b"requirements").hexdigest(),
        "python": "3.12.1 (CPython)",
        "packages": {
            "joblib": "1.5.2",
            "numpy": "2.3.4",
            "pandas": "2.3.3",
            "python-dateutil": "2.9.0.post0",
            "pyyaml": "6.0.3",
            "scikit-learn": "1.7.2",
            "scipy": "1.16.2",
            "skops": "0.13.0",
            "threadpoolctl": "3.6.0",
        },
        "os": "Debian GNU/Linux 12; Linux 6.1",
        "libc": "glibc 2.36",
        "machine": "x86_64",
        "cpu": "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
        "cpu_features": ("avx", "avx2", "avx512bw", "avx512f", "fma", "sse4_2"),
        "blas": {"openblas (numpy)": "0.3.29 SkylakeX", "openblas (scipy)": "0.3.28 SkylakeX"},
        "threads": {"cpus": "2", "OMP_NUM_THREADS": "1"},
        "shell": "/bin/sh (dash)",
    }
    return Environment(**(given | more))


def report(
    stages: tuple[StageReport, ...],
    hosts: Mapping[str, HostStage] | None = None,
    findings: tuple[Finding, ...] = (),
    metrics: tuple[MetricValue, ...] = (),
    **more: Any,
) -> Report:
    """A report on some stages; `hosts` is by stage name, the rest of the facts is made up."""
    ran = HostStage(executed=1, exit_code=0, network="off", log="runs/x.log")
    given = {f"{FILE}:{name}": host for name, host in (hosts or {}).items()}
    everywhere = {
        each.address: given.get(each.address, HostStage() if each.skipped else ran)
        for each in stages
    }
    times = {
        each.address: {
            "fetch": 0.2 + 0.1 * (index % 3),
            "run": 0.8 + 1.7 * (index % 5),
            "compare": 0.05 + 0.3 * (index % 2),
            **({"explain": 4.25} if each.causes else {}),
        }
        for index, each in enumerate(stages)
        if not each.skipped and everywhere[each.address].reused is None
    }
    verdicts = [each.verdict for each in stages]
    if any(finding.severity is Severity.ERROR for finding in findings):
        verdicts.append(Verdict.FAILED)
    facts: dict[str, Any] = {
        "tool": "lockproof 0.1.0",
        "subject": Subject(
            commit=COMMIT,
            lock_digest=LOCK,
            root=".",
            environment=environment().pinned_digest,
            mode="isolated",
        ),
        "verdict": worst(verdicts),
        "host": Host(
            origin=ORIGIN,
            environment=environment(),
            recorded="data-plane/experiments/2026-11-20-linear.json",
            stages=everywhere,
            metrics=metrics,
            mlflow={"run_id": "0a1b2c3d4e5f", "experiment": "digits"},
            paths={"logs": "/home/ada/.cache/lockproof/runs/4f1c2a9b"},
        ),
        "timing": Timing(
            started="2026-11-23T14:05:09Z",
            seconds=round(sum(sum(phases.values()) for phases in times.values()) + 0.4, 2),
            stages=times,
        ),
    }
    return Report(stages=stages, findings=findings, **(facts | more))


def metric_values(worse: float = 0.0) -> tuple[MetricValue, ...]:
    """The demo's metrics, the observed ones lower by `worse`."""
    path = METRICS[0]
    return (
        MetricValue(path=path, key="linear.accuracy", locked=0.9722, observed=0.9722 - worse),
        MetricValue(path=path, key="linear.f1.macro", locked=0.97181, observed=0.97181 - worse),
        MetricValue(path=path, key="linear.log_loss", locked=0.1273, observed=0.1273 + 3 * worse),
        MetricValue(path=path, key="forest.accuracy", locked=0.96389, observed=0.96389),
        MetricValue(path=path, key="samples", locked=360, observed=360),
    )


def passed() -> Report:
    """Everything identical or within tolerance; one stage reused."""
    near = OutputVerdict.WITHIN_TOLERANCE
    stages = (
        stage("prepare", tuple(map(output, PREPARE)), deps=("data-plane/dvc/data/digits.csv",)),
        stage("featurize", tuple(map(output, FEATURES)), ("prepare",), PREPARE),
        stage(
            "train@linear",
            (output(LINEAR[0], near, LOOSE), output(LINEAR[1], near, None, LINEAR[:1])),
            ("featurize",),
            FEATURES,
            params=PARAMS,
        ),
        stage("train@forest", tuple(map(output, TREES)), ("featurize",), FEATURES, params=PARAMS),
        stage(
            "evaluate",
            tuple(map(output, METRICS)),
            ("train@linear", "train@forest", "prepare"),
            (*LINEAR[:1], *TREES),
        ),
    )
    close = Difference(
        summary="12 of 650 values differ, all within the tolerance",
        checked=650,
        differing=12,
        largest=LargestDifference(
            where="coef[3, 7]",
            locked="0.8123311907",
            observed="0.8123311921",
            absolute=1.4e-9,
            relative=1.72e-9,
        ),
    )
    hosts = {
        "prepare": HostStage(reused=Reuse(key="k" * 64, proved_at="2026-11-21T09:12:44Z")),
        "train@linear": HostStage(
            executed=1,
            exit_code=0,
            network="off",
            observed={LINEAR[0]: digest("other"), LINEAR[1]: digest("zip")},
            differences={LINEAR[0]: (close,)},
        ),
    }
    return report(stages, hosts, metrics=metric_values())


PATCH = """--- src/train.py (locked 4c1d8a70)
+++ src/train.py (4f1c2a9)
@@ -18,7 +18,7 @@ def fit(features, labels, params):
     scaler = StandardScaler().fit(features)
-    model = LogisticRegression(C=params["strength"], max_iter=500)
+    model = LogisticRegression(C=params["strength"], max_iter=50)
     model.fit(scaler.transform(features), labels)
     return scaler, model
"""
LOG_TAIL = """loading data/features/train.npy (1437, 64)
Traceback (most recent call last):
  File "src/train.py", line 41, in <module>
    main()
  File "src/train.py", line 33, in main
    raise MemoryError("4.2 GiB for an array with shape (75000, 7500)")
MemoryError: 4.2 GiB for an array with shape (75000, 7500)
"""


def failed() -> Report:
    """Several causes at once, a stage that fails, one skipped after it, one reused."""
    bad, near = OutputVerdict.DIFFERENT, OutputVerdict.WITHIN_TOLERANCE
    causes = (
        Cause(
            kind=CauseKind.CODE,
            subject="data-plane/dvc/src/train.py",
            certainty=Certainty.PROVEN,
            summary="data-plane/dvc/src/train.py is not the file that the lock names",
        ),
        Cause(
            kind=CauseKind.ENVIRONMENT,
            subject="scikit-learn",
            certainty=Certainty.LIKELY,
            summary="scikit-learn 1.7.1 -> 1.7.2",
        ),
        Cause(
            kind=CauseKind.UNKNOWN,
            subject="data-plane/models/linear.skops",
            certainty=Certainty.POSSIBLE,
            summary="the rest of the difference has no cause that lockproof could find",
        ),
    )
    stages = (
        stage("prepare", tuple(map(output, PREPARE)), deps=("data-plane/dvc/data/digits.csv",)),
        stage("featurize", tuple(map(output, FEATURES)), ("prepare",), PREPARE),
        stage(
            "train@linear",
            (output(LINEAR[0], bad, LOOSE), output(LINEAR[1], bad, None, LINEAR[:1])),
            ("featurize",),
            FEATURES,
            params=PARAMS,
            causes=causes,
        ),
        stage(
            "train@forest",
            (output(TREES[0], OutputVerdict.MISSING),),
            ("featurize",),
            FEATURES,
            params=PARAMS,
        ),
        stage(
            "evaluate",
            (output(METRICS[0], near, Tolerance(atol=0.01)), output(METRICS[1], bad)),
            ("train@linear", "train@forest", "prepare"),
            (*LINEAR[:1], *TREES),
        ),
        stage(
            "report",
            (output("data-plane/dvc/report.html", OutputVerdict.NOT_CHECKED),),
            ("evaluate",),
            METRICS,
            skipped=SkipReason.UPSTREAM_FAILED,
        ),
    )
    hosts = {
        "prepare": HostStage(reused=Reuse(key="k" * 64, proved_at="2026-11-21T09:12:44Z")),
        "train@linear": _failed_training(),
        "train@forest": HostStage(
            executed=1,
            exit_code=1,
            observed={TREES[0]: None},
            network="on (the kernel does not allow user namespaces)",
            log="/home/ada/.cache/lockproof/runs/4f1c2a9b/train@forest.log",
            log_tail=LOG_TAIL,
        ),
        "evaluate": HostStage(
            executed=1,
            exit_code=0,
            network="off",
            observed={METRICS[0]: digest("m"), METRICS[1]: digest("p")},
            differences={
                METRICS[0]: (_metric_difference(),),
                METRICS[1]: (Difference(summary="row 8: 36 -> 35", checked=100, differing=2),),
            },
            undeclared_inputs=("data-plane/dvc/src/common/labels.py",),
        ),
    }
    return report(stages, hosts, _findings(), metric_values(0.0031))


def _failed_training() -> HostStage:
    differences = (
        Difference(
            summary="array coef: 641 of 650 values differ, 640 of them beyond the tolerance",
            checked=650,
            differing=641,
            beyond=640,
            largest=LargestDifference(
                where="coef[3, 7]",
                locked="0.8123311907",
                observed="0.7790135522",
                absolute=0.0333176385,
                relative=0.0410148,
            ),
        ),
        Difference(
            summary="array n_iter: 1 of 1 value differs",
            checked=1,
            differing=1,
            beyond=1,
            largest=LargestDifference(
                where="n_iter[0]", locked="213", observed="50", absolute=163.0, relative=0.765
            ),
        ),
    )
    return HostStage(
        executed=4,
        exit_code=0,
        network="off",
        observed={LINEAR[0]: digest("other"), LINEAR[1]: digest("zip")},
        differences={LINEAR[0]: differences},
        evidence=(
            Evidence(cause=0, text="with the locked file put back, 2 of 2 outputs came closer"),
            Evidence(cause=0, text="what changed in the file", detail=PATCH),
            Evidence(
                cause=1,
                text="the record of 2026-11-20 has scikit-learn 1.7.1, this run 1.7.2",
                detail="scikit-learn 1.7.1 -> 1.7.2\nthreadpoolctl 3.5.0 -> 3.6.0",
            ),
            Evidence(text="a second run gave the same outputs, so the stage is deterministic"),
        ),
        log="/home/ada/.cache/lockproof/runs/4f1c2a9b/train@linear.log",
    )


def _metric_difference() -> Difference:
    return Difference(
        summary="3 of 5 values differ, all within the tolerance",
        checked=5,
        differing=3,
        largest=LargestDifference(
            where="linear.log_loss",
            locked="0.1273",
            observed="0.1366",
            absolute=0.0093,
            relative=0.0731,
        ),
    )


def _findings() -> tuple[Finding, ...]:
    return (
        Finding.of(
            "LP708",
            Severity.WARNING,
            f"{FILE}:report",
            "report was not checked, because a stage that it needs failed: repair that one first",
            path=FILE,
            line=48,
        ),
        Finding.of(
            "LP701",
            Severity.ERROR,
            f"{FILE}:train@linear",
            "train@linear does not give its locked outputs, because src/train.py changed after "
            "dvc.lock was written: run `dvc repro train@linear` and commit dvc.lock",
            path="data-plane/dvc/dvc.lock",
            line=61,
        ),
        Finding.of(
            "LP703",
            Severity.ERROR,
            f"{FILE}:train@forest",
            "the command of train@forest ended with exit code 1: read the end of its log below, "
            "then run `dvc repro train@forest`",
        ),
        Finding.of(
            "LP709",
            Severity.NOTE,
            ".",
            "1 stage ran with the network on, since the kernel allows no other way",
        ),
    )


def inconclusive() -> Report:
    """Nothing contradicts the lock, and not all of it could be proved."""
    shaky = OutputVerdict.NONDETERMINISTIC
    stages = (
        stage(
            "fetch",
            (output("data-plane/dvc/data/raw.csv", OutputVerdict.NOT_CHECKED),),
            skipped=SkipReason.FROZEN,
        ),
        stage("prepare", tuple(map(output, PREPARE)), ("fetch",)),
        stage(
            "embed",
            (output("data-plane/dvc/data/embedding.bin", OutputVerdict.NOT_COMPARABLE),),
            ("prepare",),
        ),
        stage(
            "sample",
            (output("data-plane/dvc/data/sample.csv", shaky),),
            ("prepare",),
            causes=(
                Cause(
                    kind=CauseKind.NONDETERMINISM,
                    subject="sample",
                    certainty=Certainty.PROVEN,
                    summary="two runs from the same inputs gave different outputs",
                ),
            ),
        ),
        stage(
            "train",
            (output(LINEAR[0], OutputVerdict.NOT_CHECKED),),
            ("embed", "sample"),
            skipped=SkipReason.INPUT_UNAVAILABLE,
        ),
    )
    hosts = {
        "sample": HostStage(
            executed=2,
            exit_code=0,
            network="off",
            evidence=(
                Evidence(cause=0, text="run 1 and run 2 differ in 400 of 400 rows of sample.csv"),
            ),
        )
    }
    return report(stages, hosts)


def big(stages: int = 60) -> Report:
    """Many stages: preparation, a fan of folds in several families, a funnel, two endings."""
    made: list[StageReport] = [
        stage("fetch", (output("data/raw.csv"),)),
        stage("validate", (output("data/valid.json"),), ("fetch",)),
        stage("split", (output("data/folds"),), ("fetch", "validate")),
    ]
    families, depth = 6, ("features", "train", "score")
    ends: list[str] = []
    for index in range(max(0, stages - len(made) - 3) // len(depth)):
        before = "split"
        for step in depth:
            name = f"{step}@{'abcdef'[index % families]}-fold{index // families}"
            state = OutputVerdict.IDENTICAL
            if index == 4 and step == "train":
                state = OutputVerdict.DIFFERENT
            elif index == 9 and step == "score":
                state = OutputVerdict.NONDETERMINISTIC
            elif index % 5 == 1:
                state = OutputVerdict.WITHIN_TOLERANCE
            made.append(stage(name, (output(f"out/{name}.npz", state),), (before,)))
            before = name
        ends.append(before)
    made.append(stage("aggregate", (output("out/metrics.json"),), (*ends, "validate")))
    made.append(stage("publish", (output("out/model.skops"),), ("aggregate", "split")))
    made.append(stage("plots", (output("out/plots/roc.csv"),), ("aggregate",)))
    return report(tuple(made))


def checked() -> Report:
    """A step that runs no stage: families of checks, one of which left something out."""
    missing = Finding.of(
        "LP201",
        Severity.ERROR,
        "data-plane/dvc/data/digits.csv",
        "data-plane/dvc/data/digits.csv is not in the remote 'demo': run 'dvc push'",
        path="data-plane/dvc/data/digits.csv.dvc",
        line=3,
    )
    return Report(
        tool="lockproof 0.1.0",
        step="gate",
        subject=Subject(commit=COMMIT, lock_digest=LOCK, base="9" * 40),
        verdict=Verdict.FAILED,
        checks=(
            Check(name="lock", verdict=Verdict.PASSED, checked=6, unit="stage"),
            Check(
                name="remote",
                verdict=Verdict.FAILED,
                checked=17,
                unit="object",
                summary="16 by content, 0 by size alone",
                not_checked=("archive: the remote keeps versions and lists none",),
            ),
        ),
        findings=(missing,),
        host=Host(),
        timing=Timing(started="2026-04-01T12:00:00Z", seconds=0.42),
    )


def gated() -> Report:
    """A pull request: what it changes, what is wrong with it, and what is let pass."""
    metrics, params = "data-plane/dvc/metrics.json", "data-plane/dvc/params.yaml"
    features = FEATURES[0]
    found = (
        ("LP103", Severity.ERROR, f"{FILE}:train@forest {params}", FILE, 31, "train.trees differs"),
        ("LP504", Severity.ERROR, f"{metrics} pca.log_loss", metrics, None, "log_loss got worse"),
        ("LP307", Severity.WARNING, "models/old.pkl", "models/old.pkl", None, "is a pickle"),
        ("LP302", Severity.NOTE, "docs/film.mp4", "docs/film.mp4", None, "waived until 2027-03-31"),
    )
    changes = Changes(
        base="9" * 40,
        metrics=(
            MetricChange(
                path=metrics, key="pca.accuracy", base=0.957, current=0.961, better="higher"
            ),
            MetricChange(
                path=metrics, key="pca.log_loss", base=0.158, current=0.171, better="lower"
            ),
            MetricChange(path=metrics, key="test_images", base=539.0, current=540.0),
            MetricChange(path=metrics, key="zones.f1", base=None, current=0.5),
        ),
        params=(
            ParamChange(path=params, key="train.trees", base=20, current=40, change="changed"),
            ParamChange(path=params, key="train.classes", base=[0, 1], change="removed"),
        ),
        data=(
            DataChange(
                path=features,
                change="changed",
                base=digest("old", directory=True),
                current=digest("new", directory=True),
                base_bytes=213_162,
                current_bytes=1_893_000,
                base_files=3,
                current_files=7,
            ),
            DataChange(
                path=LINEAR[1],
                change="added",
                current=digest("n"),
                current_bytes=22_622,
                current_files=1,
            ),
        ),
        stages=(
            StageChange(
                address=f"{FILE}:train@forest",
                change="changed",
                base=("python src/train.py --trees 20",),
                current=("python src/train.py --trees 40",),
                inputs=("~ data-plane/dvc/src/train.py", "+ data-plane/dvc/src/trees.py"),
            ),
            StageChange(address=f"{FILE}:plots", change="removed", base=("python src/plot.py",)),
        ),
        unknown=("archive/metrics.json is not in Git at the base",),
    )
    stages = tuple(
        each.model_copy(update={"outputs": (), "causes": ()}) for each in failed().stages
    )
    return checked().model_copy(
        update={
            "findings": tuple(
                Finding.of(rule, severity, subject, f"{subject}: {message}", path=path, line=line)
                for rule, severity, subject, path, line, message in found
            ),
            "stages": stages,
            "changes": changes,
            "host": Host(
                origin=ORIGIN,
                folders={
                    features: FolderChange(
                        added=4, removed=0, changed=1, examples=("+ d.npy", "~ a.npy")
                    )
                },
            ),
        }
    )


def empty() -> Report:
    """A lock without stages: nothing was checked."""
    return report(())


def hostile(name: str) -> Report:
    """A report in which every foreign text is `name`."""
    mark = Difference(
        summary=name,
        checked=1,
        differing=1,
        beyond=1,
        largest=LargestDifference(where=name, locked=name, observed=name),
    )
    unsafe = StageReport(
        address=name,
        command=(name,),
        verdict=Verdict.FAILED,
        upstream=(name, "nowhere"),
        deps=(Dependency(path=name, locked=None),),
        params={name: {name: name}},
        outputs=(
            OutputReport(
                path=name, locked=None, verdict=OutputVerdict.DIFFERENT, judged_by=(name,)
            ),
        ),
        causes=(
            Cause(kind=CauseKind.DATA, subject=name, certainty=Certainty.LIKELY, summary=name),
        ),
    )
    host = HostStage(
        executed=1,
        exit_code=9,
        observed={name: None},
        differences={name: (mark,)},
        evidence=(Evidence(cause=0, text=name, detail=name), Evidence(cause=7, text=name)),
        undeclared_inputs=(name,),
        undeclared_outputs=(name,),
        reused=Reuse(key=name, proved_at=name),
        network=name,
        log=name,
        log_tail=name,
    )
    finding = Finding(
        rule=name,
        severity=Severity.ERROR,
        message=name,
        subject=name,
        path=name,
        line=1,
        fingerprint=name,
        help=name,
    )
    return Report(
        tool=name,
        subject=Subject(
            commit=name,
            lock_digest=name,
            root=name,
            environment=name,
            mode="chain",
            runs=2,
            since=name,
            base=name,
            selected=(name,),
        ),
        verdict=Verdict.FAILED,
        checks=(
            Check(
                name=name,
                verdict=Verdict.FAILED,
                checked=2,
                unit="thing",
                summary=name,
                not_checked=(name,),
            ),
        ),
        stages=(unsafe, unsafe.model_copy(update={"address": f"{name}2", "upstream": (name,)})),
        changes=Changes(
            base=name,
            metrics=(
                MetricChange(path=name, key=name, base=1.0, current=float("nan"), better="lower"),
            ),
            params=(ParamChange(path=name, key=name, base=name, current=[name], change="changed"),),
            data=(DataChange(path=name, change="changed", base_bytes=-1, current_files=2),),
            stages=(
                StageChange(
                    address=name, change="changed", base=(name,), current=(name,), inputs=(name,)
                ),
            ),
            unknown=(name,),
        ),
        findings=(finding,),
        host=Host(
            origin=Origin(repository=name, branch=name, title=name, author=name),
            folders={name: FolderChange(added=1, removed=1, changed=1, examples=(name,))},
            environment=Environment(
                kind=name,
                name=name,
                digest=name,
                python=name,
                packages={name: name},
                blas={name: name},
                threads={name: name},
                cpu_features=(name,),
                gpus=(name,),
            ),
            recorded=name,
            stages={name: host},
            metrics=(MetricValue(path=name, key=name, locked=1.0, observed=float("nan")),),
            mlflow={name: name},
            paths={name: name},
        ),
        timing=Timing(started=name, seconds=1.0, stages={name: {name: 1.0, "run": 2.0}}),
    )


SAMPLES: Mapping[str, Callable[[], Report]] = {
    "passed": passed,
    "failed": failed,
    "inconclusive": inconclusive,
    "big": big,
    "huge": lambda: big(200),
    "empty": empty,
    "checked": checked,
    "gated": gated,
    "hostile": lambda: hostile('<img src=x onerror="alert(1)">\u202e\x1b[31m[bold]`\'&amp;'),
}


def main() -> None:
    """Write every sample in every format."""
    import sys
    from pathlib import Path

    from lockproof.render import FORMATS

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in SAMPLES.items():
        for known in FORMATS:
            text = known.load()(make())
            suffix = known.suffixes[0] if known.suffixes else f".{known.name}"
            (folder / f"{name}{suffix}").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
