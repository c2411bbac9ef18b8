"""The report of a step: a core that is the same everywhere, and what depends on the place."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from .base import Frozen, Made, Number, canonical_json, unchecked
from .canary import CanarySeen
from .cause import Cause
from .changes import Changes, FolderChange
from .check import Check
from .comparison import Difference, Tolerance
from .digest import Digest
from .environment import Environment
from .fields import Asked
from .finding import Finding
from .provisioned import ObjectReport
from .verdict import OutputVerdict, Verdict


class SkipReason(StrEnum):
    """Why a stage was not executed."""

    FROZEN = "frozen"
    UNAFFECTED = "unaffected"
    UPSTREAM_FAILED = "upstream failed"
    INPUT_UNAVAILABLE = "input unavailable"
    NOT_LOCKED = "not locked"
    NOT_REPORTED = "not reported"
    """Only with `--on`: the pod that was to prove it brought no report that can be believed."""


class Dependency(Made):
    """A dependency as the lock states it."""

    path: str
    locked: Digest | None


class OutputReport(Frozen):
    """The verdict on one output."""

    path: str
    kind: Literal["out", "metric", "plot"] = "out"
    locked: Digest | None
    verdict: OutputVerdict
    tolerance: Tolerance | None = None
    """The tolerance that the policy states for it."""
    hardware: str | None = None
    """The hardware that this tolerance is for, as the policy names it; null: any."""
    other_hardware: tuple[str, ...] = ()
    """Hardware for which the policy has tolerances that do not count where this ran."""
    judged_by: tuple[str, ...] = ()
    """The outputs that the policy lets stand for this one where its bytes differ."""


class StageReport(Frozen):
    """What was claimed of one stage and what was proved."""

    address: str
    """DVC's address: `train`, or `sub/dvc.yaml:train`."""
    command: tuple[str, ...]
    verdict: Verdict
    skipped: SkipReason | None = None
    upstream: tuple[str, ...] = ()
    """Addresses of the stages whose outputs this one reads."""
    deps: tuple[Dependency, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = {}
    """Locked parameters: file -> key -> value."""
    outputs: tuple[OutputReport, ...] = ()
    causes: tuple[Cause, ...] = ()


class Subject(Made):
    """What the report is about."""

    commit: str | None
    """The full Git commit; None where files are looked at that no commit holds."""
    lock_digest: str | None
    """SHA-256 that names every `dvc.lock` and `.dvc` file; None where the step reads none."""
    root: str = "."
    """The DVC root, relative to the Git root."""
    environment: str | None = None
    """SHA-256 that pins the pipeline environment; None where nothing pins it."""
    mode: Literal["isolated", "chain"] | None = None
    """`isolated`: each stage from its locked inputs; `chain`: all from root data."""
    base: str | None = None
    """The commit that policy and comparisons come from, where the step has one."""
    runs: Annotated[int, Asked(ge=1)] = 1
    since: str | None = None
    """The base commit, where only affected stages were asked for."""
    selected: tuple[str, ...] = ()
    """The stages asked for; empty means all."""


class Evidence(Frozen):
    """What was seen that bears on a cause."""

    cause: int | None = None
    """Index into the stage's causes; None where it concerns the stage as a whole."""
    text: str
    detail: str | None = None
    """Longer text, such as a diff."""


class Reuse(Frozen):
    """An earlier verdict that stood in for an execution."""

    key: str
    proved_at: str
    """UTC, RFC 3339."""


class Varied(Frozen):
    """What came of a stage with one condition varied.

    Where it matters, all others were held; where it does not, others may have been varied too.
    """

    condition: str
    """Such as `hash-seed`, or `variable NAME`."""
    setting: str = ""
    """What it was varied to; where outputs differ, the first value with which they did."""
    runs: int = 0
    """In how many runs it was."""
    seconds: Number = 0.0
    """How long they took, parted among the conditions that were varied in them."""
    outputs: Mapping[str, Literal["equal", "within tolerance", "differs"]] = {}
    """Output path -> how it compares with the one of the run in which nothing is varied."""
    files: tuple[str, ...] = ()
    """Files in a directory output that differ; a few of them."""
    failed: str | None = None
    """How the command failed with it; None where it did not."""
    obstacle: str | None = None
    """Why it could not be varied here; None where it could."""
    mend: str | None = None
    """What usually makes outputs independent of it; only where they are not."""

    @property
    def matters(self) -> bool:
        """Whether the stage depends on it."""
        return self.failed is not None or "differs" in self.outputs.values()


class HostStage(Frozen):
    """What depends on the place, for one stage."""

    executed: int = 0
    """How many times its command ran, experiments included."""
    exit_code: int | None = None
    observed: Mapping[str, Digest | None] = {}
    """Digests of outputs that are not identical."""
    differences: Mapping[str, tuple[Difference, ...]] = {}
    evidence: tuple[Evidence, ...] = ()
    varied: tuple[Varied, ...] = ()
    """What was varied by `--vary`, one condition each."""
    varied_runs: int = 0
    """How many runs that took together: conditions share them where none matters."""
    undeclared_inputs: tuple[str, ...] = ()
    undeclared_outputs: tuple[str, ...] = ()
    reused: Reuse | None = None
    network: str | None = None
    """`off`, `on (policy)` or `on (…)` with the reason why it could not be turned off."""
    isolation: str | None = None
    """What kept it apart from the machine: `bubblewrap`, `namespaces`, `landlock` or `none`."""
    limits: Mapping[str, str] = {}
    """Key of `[run]` that bounds it -> the bound, or why that could not be held here."""
    over: str | None = None
    """Which of them it exceeded, and how: it was ended then."""
    environment: Environment | None = None
    """Where it ran, if its hardware is other than that of the report's `environment`: with `--on`
    pods run on several machines."""
    log: str | None = None
    log_tail: str | None = None
    """The end of the log of a command that failed."""


class MetricValue(Frozen):
    """A metric as locked and as observed."""

    path: str
    key: str
    locked: float | None
    observed: float | None
    upstream: tuple[str, ...] = ()
    """Outputs of stages before it that came out differently: `observed` is of their locked content,
    as each stage is judged on its locked inputs."""
    followed: float | None = None
    """The value from one more run, on those outputs as they came out; null where there is none."""


class Origin(Made):
    """Where a commit comes from; empty what is not known."""

    repository: str = ""
    """The URL of `origin`, without credentials."""
    branch: str = ""
    """The branch that was checked out."""
    title: str = ""
    """The first line of the commit's message."""
    author: str = ""
    """The name of its author."""


_NOTHING = unchecked(HostStage)()


class Host(Frozen):
    """What depends on the place."""

    origin: Origin | None = None
    """Where the commit comes from."""
    environment: Environment | None = None
    recorded: str | None = None
    """The run record used to attribute environment differences."""
    stages: Mapping[str, HostStage] = {}
    metrics: tuple[MetricValue, ...] = ()
    folders: Mapping[str, FolderChange] = {}
    """Directory -> what changed in it, for the directories in `changes` that could be read here."""
    mlflow: Mapping[str, str] = {}
    paths: Mapping[str, str] = {}
    objects: tuple[ObjectReport, ...] = ()
    """The objects in a cluster, in the order in which they are applied."""
    canary: CanarySeen | None = None
    """What a canary was judged by; null in every other step."""
    lineages: tuple[str, ...] = ()
    """Of each model whose proof counts, where it comes from: a tree in lines."""
    platform: Mapping[str, str] = {}
    """How to reach what was provisioned: what it is -> its address."""

    def stage(self, address: str) -> HostStage:
        """What depends on the place for a stage; of one of which nothing does, that."""
        return self.stages.get(address, _NOTHING)


class Timing(Made):
    """Times: the only other part that differs from run to run."""

    started: str
    """UTC, RFC 3339."""
    seconds: Number
    stages: Mapping[str, Mapping[str, Number]] = {}
    """Stage -> phase (`fetch`, `run`, `compare`, `explain`) -> seconds."""


class Report(Frozen):
    """What a step found. All but `host` and `timing` is the core."""

    schema_version: Literal["1"] = "1"
    tool: str
    step: Literal["reproduce", "gate", "lint", "provision", "verify", "canary"] = "reproduce"
    subject: Subject
    verdict: Verdict
    checks: tuple[Check, ...] = ()
    """What was looked at, family by family, in a step that runs no stage."""
    stages: tuple[StageReport, ...] = ()
    changes: Changes | None = None
    """What the revision changes against its base; null where the step compares with none."""
    findings: tuple[Finding, ...]
    host: Host
    """What depends on the place."""
    timing: Timing

    def core(self) -> str:
        """Canonical JSON of all but `host` and `timing`: equal bytes for equal proofs."""
        return canonical_json(self.model_dump(mode="json", exclude={"host", "timing"}))
