"""What a repository has already that `lockproof init` builds upon."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.dvc.root import find_root
from lockproof.adapters.environment.pins import read_pins
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.worktree import WorkTree, tracked
from lockproof.adapters.store.config import COMMITTED, config_files, work_tree_file
from lockproof.config import FILE_NAME, GitPolicy, load_policy
from lockproof.errors import ConfigError, UsageError
from lockproof.model.metrics import flatten_metrics
from lockproof.model.pipeline import Pipeline
from lockproof.model.remote import RemoteConfig
from lockproof.model.workflow import CiSystem, Signing
from lockproof.parse.dvc_config import read_dvc_configs
from lockproof.steps.declared import below, declared

_REQUIREMENTS = ("requirements.lock", "requirements.txt")
_PICKLED = (".pkl", ".pickle", ".joblib", ".skops", ".pt", ".pth", ".h5", ".keras")
_LARGEST = 1 << 20
_TESTS = {"test", "tests"}
_PICTURES = (".gif", ".jpeg", ".jpg", ".pdf", ".png", ".webp")
_DECLARES = re.compile(
    rb"^kind: *(?:Rollout|AnalysisTemplate|ClusterAnalysisTemplate) *(?:#.*)?$", re.MULTILINE
)
_TESTS_RULES = re.compile(rb"^rule_files:.*^tests:|^tests:.*^rule_files:", re.MULTILINE | re.DOTALL)
_KUSTOMIZATIONS = {"kustomization.yaml", "kustomization.yml", "Kustomization"}
_PLAIN_FOLDER = re.compile(r"[\w./+-]+")
_PLAIN_PATH = re.compile(r"[\w./ +-]+")
_GITHUB = "token.actions.githubusercontent.com"
"""The host that vouches for the identity of a job of GitHub; on GitLab it is GitLab itself."""
_NAMES: Mapping[CiSystem, str] = {"github": "GitHub", "gitlab": "GitLab"}


@dataclass(frozen=True)
class Survey:
    """What was found."""

    top: Path
    """The Git root."""
    root: str
    """The DVC root, relative to it; `.` where they are the same."""
    branch: str
    """The branch that changes go to."""
    hosting: str
    """The host of `origin`; empty where there is none."""
    environment: tuple[str, str] | None
    """The key of `[environment]` and the file that pins the pipeline's packages."""
    unpinned: tuple[str, ...]
    """Requirements files that leave versions open, each with the reason."""
    metrics: Mapping[str, Mapping[str, float]]
    """Metrics file -> dotted key -> value, as they are now; without keys where there is no file."""
    recorded: bool
    """Whether there is a run record."""
    pictures: tuple[str, ...]
    """Globs on large pictures in Git, from its root."""
    opaque: tuple[str, ...]
    """Outputs whose format has no bytes that can be promised, such as pickled models."""
    gpus: int
    canary: tuple[str, ...]
    """Folders at the top that hold manifests of a rollout or an analysis, tests left out."""
    rule_tests: bool
    """Whether there are unit tests of Prometheus rules."""
    proof: bool
    """Whether the policy that is there demands a passed report of `reproduce`."""
    image: bool
    """Whether that policy has stages run in an image."""
    stores: tuple[str, ...]
    """The URL schemes of the DVC remotes; `local` for a folder."""
    kustomize: bool
    """Whether there are kustomizations."""
    tracking: bool
    """Whether the policy names an MLflow server, or demands one."""
    submodules: bool = False
    """Whether it has submodules."""
    models: tuple[str, ...] = ()
    """The names of its `[[model]]`."""
    trusted: tuple[str, ...] = ()
    """Whose proofs count: the issuer of each identity, and `key` for each key."""
    registry: bool = False
    """Whether the policy names an MLflow server."""
    registers: bool = True
    """Whether a job can register models: not where the policy names a file for it, which would end
    with the job."""

    def signs_by(self, system: CiSystem) -> Signing | None:
        """By what the jobs of a CI system sign so that their proofs count.

        Empty where nobody is trusted, so that reports count; None where those who are trusted are
        none of its jobs.
        """
        if not self.trusted:
            return ""
        hosts = {_host(f"{each}/") for each in self.trusted if each != "key"} - {""}
        if any(self._vouches(host, system) for host in hosts):
            return "sigstore"
        return "key" if "key" in self.trusted else None

    def _vouches(self, host: str, system: CiSystem) -> bool:
        if system == "github":
            return host == _GITHUB
        if "gitlab" in self.hosting or host == self.hosting:
            return f".{self.hosting}".endswith(f".{host}")  # altssh.gitlab.com is gitlab.com's.
        return "gitlab" in host

    def remarks(self, system: CiSystem) -> Iterator[str]:
        """What the jobs of a CI system do not do, and what to do."""
        if self.submodules:
            yield (
                f"the jobs of {_NAMES[system]} check out submodules, with their own token: where"
                " one is private and of another repository, give the checkout a token that may"
                " read it"
            )
        unsigned = self.unsigned(system)
        if unsigned:
            yield unsigned
        elif self.models and not self.registers:
            yield (
                f"no job of {_NAMES[system]} registers models: tracking-uri in [mlflow] of"
                f" {FILE_NAME} names a file, which would end with the job: name a server there"
                " (https://…), or remove it and set the variable MLFLOW_TRACKING_URI of the CI"
                " system, and run 'lockproof init' again; or run 'lockproof register' where that"
                " file is"
            )

    def unsigned(self, system: CiSystem) -> str:
        """Why no job of a CI system signs or registers models, and what to do; else empty."""
        if not self.models or self.signs_by(system) is not None:
            return ""
        name = _NAMES[system]
        host = self.hosting if "gitlab" in self.hosting else "gitlab.com"
        return (
            f"no job of {name} signs or registers models: [[trust]] names neither a key nor an"
            f" identity of such a job (issuer https://{_GITHUB if system == 'github' else host});"
            f" name one in {FILE_NAME} and run 'lockproof init' again, or run 'lockproof attest'"
            " and 'lockproof register' as somebody whom it names"
        )


def survey(directory: Path) -> Survey:
    """Look at the work tree; nothing of it is executed or changed.

    Raises:
        UsageError: this is no Git repository with a DVC project.
        ConfigError: a configuration or pipeline file is not valid.
    """
    git = GitRepository.discover(directory.absolute())
    here = find_root(Path(os.path.realpath(directory)), git.root)
    root = os.path.relpath(here, git.root.resolve())
    if not _PLAIN_PATH.fullmatch(root):
        raise UsageError(f"cannot name {root!r} in CI files: use plain letters in folder names")
    reading = declared(WorkTree(git), below(here, git))
    pipeline = reading.pipeline
    policy = load_policy(here / FILE_NAME)
    environment, unpinned = _environment(here, pipeline)
    paths = tracked(git)
    outs = [out for stage in pipeline.stages if stage.kind == "stage" for out in stage.outs]
    return Survey(
        top=git.root,
        root=root,
        branch=_branch(git),
        hosting=_host(git.remote_url() or ""),
        environment=environment,
        unpinned=unpinned,
        metrics={
            path: _values(here, path)
            for path in (*(out.path for out in outs if out.kind == "metric"), *reading.metrics)
        },
        recorded=any((here / policy.record.directory).glob("*.json")),
        pictures=_pictures(git.root, paths),
        opaque=tuple(out.path for out in outs if out.path.endswith(_PICKLED)),
        gpus=max((stage.gpus for stage in pipeline.stages if stage.runs), default=0),
        canary=_canary(git.root, paths),
        rule_tests=any(_holds(git.root / path, _TESTS_RULES) for path in paths if _is_yaml(path)),
        proof=policy.gate.reproduction == "required",
        image=policy.environment is not None and policy.environment.image is not None,
        stores=_stores(here),
        kustomize=any(os.path.basename(path) in _KUSTOMIZATIONS for path in paths),
        tracking=policy.mlflow.tracking_uri is not None or policy.record.mlflow == "required",
        submodules=".gitmodules" in paths,
        models=tuple(rule.name for rule in policy.model),
        trusted=tuple(dict.fromkeys(rule.issuer or "key" for rule in policy.trust)),
        registry=policy.mlflow.tracking_uri is not None,
        registers=not policy.mlflow.is_file,
    )


def _environment(here: Path, pipeline: Pipeline) -> tuple[tuple[str, str] | None, tuple[str, ...]]:
    """The file that pins the packages: beside `.dvc`, else beside a `dvc.yaml`."""
    folders = dict.fromkeys([".", *(os.path.dirname(s.file) or "." for s in pipeline.stages)])
    places = [os.path.normpath(folder) for folder in folders]
    for place in places:
        lock = os.path.normpath(f"{place}/uv.lock")
        if (here / lock).is_file() and (here / place / "pyproject.toml").is_file():
            return ("uv-lock", lock), ()
    unpinned = []
    for place in places:
        for name in _REQUIREMENTS:
            path = os.path.normpath(f"{place}/{name}")
            if (here / path).is_file():
                try:
                    read_pins(here / path, here)
                except ConfigError as error:
                    unpinned.append(str(error))
                else:
                    return ("requirements", path), ()
    return None, tuple(unpinned)


def _branch(git: GitRepository) -> str:
    """Origin's default branch, else one of the usual names, else the one checked out."""
    found = git.default_branch()
    for name in ("main", "master") if found is None else ():
        with contextlib.suppress(UsageError):
            git.resolve(f"refs/heads/{name}")
            return name
    return found or git.branch() or "main"


def _values(here: Path, path: str) -> dict[str, float]:
    try:
        return flatten_metrics(path, (here / path).read_bytes())
    except (OSError, ConfigError):  # Not made yet, or nothing that a threshold could be for.
        return {}


def _pictures(top: Path, tracked: tuple[str, ...]) -> tuple[str, ...]:
    globs = set()
    for path in tracked:
        suffix = os.path.splitext(path)[1]
        with contextlib.suppress(OSError):
            if suffix in _PICTURES and (top / path).lstat().st_size > GitPolicy().binary:
                globs.add(os.path.join(os.path.dirname(path), f"*{suffix}"))
    return tuple(sorted(globs))


def _is_yaml(path: str) -> bool:
    return path.endswith((".yaml", ".yml"))


def _holds(file: Path, pattern: re.Pattern[bytes]) -> bool:
    try:
        return file.stat().st_size <= _LARGEST and bool(pattern.search(file.read_bytes()))
    except OSError:  # Removed in the work tree, or no regular file.
        return False


def _canary(top: Path, tracked: tuple[str, ...]) -> tuple[str, ...]:
    folders = set()
    for path in filter(_is_yaml, tracked):
        folder = os.path.dirname(path)
        tests = _TESTS & set(folder.split("/"))
        if not tests and _PLAIN_FOLDER.fullmatch(folder) and _holds(top / path, _DECLARES):
            folders.add(folder.partition("/")[0])
    return tuple(sorted(folders))


def _stores(here: Path) -> tuple[str, ...]:
    """The URL schemes of the remotes; what a commit must not say of them is the gate's to find."""
    files = config_files(here, work_tree_file(here / COMMITTED))
    own = (file.model_copy(update={"committed": False}) for file in files)
    remotes = read_dvc_configs(own, str(here)).sections
    named = (RemoteConfig(name=name, url=remotes[name].get("url", "")) for name in remotes)
    return tuple(sorted({remote.scheme for remote in named}))


def _host(url: str) -> str:
    """The host name in a Git URL: `https://host/…`, `ssh://user@host:22/…` or `user@host:…`."""
    match = re.match(r"(?:\w+://)?(?:[^@/]*@)?([\w.-]+)[:/]", url)
    return match[1].lower() if match else ""
