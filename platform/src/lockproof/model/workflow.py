"""What the files for a CI system are made from."""

from typing import Literal

from .base import Frozen

CiSystem = Literal["github", "gitlab"]
Runner = Literal["host", "dagger"]
Isolation = Literal["required", "preferred"]
Signing = Literal["", "key", "sigstore"]


class Workflow(Frozen):
    """The choices behind a repository's CI files."""

    command: str
    """The `lockproof init` that makes the same files again."""
    runner: Runner = "host"
    root: str = "."
    """The DVC root, relative to the Git root."""
    branch: str = "main"
    """The branch that pull requests are for."""
    install: str = ""
    """Shell commands that bring lockproof onto a machine; may be empty."""
    gate_install: str = ""
    """The same for jobs that read no data, which need less of it."""
    bin: str = ""
    """The folder with `lockproof` after that, absolute or relative to the Git root."""
    module: str = ""
    """The Dagger module, where the runner is Dagger."""
    tool_image: str = ""
    """lockproof's own image, which steps run in there; empty: an engine builds it."""
    engine: str = ""
    """The address of a shared Dagger engine; empty: the CI system starts one."""
    gpu_engine: str = ""
    """The address of one that has GPUs; empty: the same one, or one on the runner with a GPU."""
    gpu_runner: tuple[str, ...] = ("self-hosted", "gpu")
    """The labels (GitHub) or tags (GitLab) of runners with a GPU."""
    isolation: Isolation = "required"
    """Whether the job that runs stages refuses where they cannot be kept apart from the machine."""
    nightly: str = ""
    """When the default branch is proved anew, as five fields of cron; empty: never."""
    submodules: bool = False
    """Whether the repository has submodules, which jobs then check out as well."""
    canary: tuple[str, ...] = ()
    """Folders that hold manifests of rollouts and analyses, relative to the Git root."""
    rule_tests: bool = False
    """Whether there are unit tests of Prometheus rules, which take promtool."""
    stage: str = "test"
    """The stage of GitLab's pipeline that the jobs belong to."""
    proof: bool = False
    """Whether the policy demands a passed report of `reproduce`, for which the gate has to wait."""
    secrets: tuple[tuple[str, str], ...] = ()
    """Environment variable -> name of the CI secret, for what reads data."""
    models: tuple[str, ...] = ()
    """The models that the default branch signs and registers; none: it does neither."""
    model_install: str = ""
    """Shell commands that bring what signs and registers, which no engine is asked for."""
    signing: Signing = ""
    """By what proofs are signed there; empty: nobody is trusted, so that none is."""
    registry: bool = False
    """Whether the policy names the MLflow server that models are registered in."""
    registers: bool = True
    """Whether a job registers models at all."""
