"""What `lockproof init` would write, file by file."""

import json
import os
import re
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lockproof.adapters.git.merge_driver import NAME, PATTERNS
from lockproof.adapters.git.repository import GitRepository
from lockproof.config import FILE_NAME
from lockproof.errors import ConfigError, UsageError
from lockproof.model.workflow import CiSystem, Runner, Workflow
from lockproof.parse.container_images import ImageUse
from lockproof.render.workflows import PLACES, pins, workflow_files

from .choices import Choices, check_nightly, command, when_on_gitlab
from .edits import included, listed, with_item, with_lines, with_toolchain
from .installs import installs, lacking, model_install, own_module
from .policy import policy_text
from .survey import Survey, survey

BIN = ".lockproof/venv/bin"
_MODULE = "lockproof"
_ATTRIBUTES = ".gitattributes"
_HOOKS = ".pre-commit-config.yaml"
_MOST_INCLUDED = 50
_INPUTS = re.compile(r"\A(?:\s*#[^\n]*\n|---\n|\s*\n)*spec:.*?\n---[ \t]*\n", re.DOTALL)
_GATE_HOOKS = (
    ("lockproof-gate", "--staged", "pre-commit"),
    ("lockproof-gate-push", "--pushed", "pre-push"),
)
_IGNORED = "# lockproof: local MLflow runs and environments"
_MERGED = "# lockproof merges these, in a clone that has run `lockproof merge-lock --install`"
_MADE_BY = re.compile(r"# Made by: lockproof init (.*)\n")
_LABEL = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
_ADDRESS = re.compile(r"[\w./:@?&=+-]+", re.ASCII)
_PLACE = re.compile(r"[\w./ +-]+")
_S3_SECRETS = (
    ("AWS_ACCESS_KEY_ID", "LOCKPROOF_READ_ACCESS_KEY_ID"),
    ("AWS_SECRET_ACCESS_KEY", "LOCKPROOF_READ_SECRET_ACCESS_KEY"),
)


@dataclass(frozen=True)
class Change:
    """A file that would be written."""

    path: str
    """Below the Git root."""
    kind: Literal["new", "added to", "replaced"]
    before: str
    after: str


@dataclass(frozen=True)
class Plan:
    """All that would be written, and what is left as it is."""

    top: Path
    changes: tuple[Change, ...]
    kept: tuple[str, ...]
    """Files that are as they should be, or the user's own."""
    systems: tuple[CiSystem, ...]
    lacks: tuple[str, ...]
    """The extras that the hooks need and this environment, whose lockproof they run, has not."""
    remarks: tuple[str, ...] = ()
    """What had to be assumed or left out, and what to do where that is wrong."""


def plan(directory: Path, choices: Choices) -> Plan:
    """Decide what to write; nothing is written.

    Raises:
        UsageError: this is no Git repository with a DVC project, or a choice is not usable.
        ConfigError: a file that would be added to cannot be read as what it is.
    """
    found = survey(directory)
    systems = choices.systems if choices.systems is not None else _systems(found)
    wanted: dict[str, tuple[str, bool]] = {}
    policy = os.path.normpath(f"{found.root}/{FILE_NAME}")
    ignore = os.path.normpath(f"{found.root}/.gitignore")
    mine = (policy, ignore, _ATTRIBUTES, _HOOKS, ".gitlab-ci.yml", "dagger.json")
    before = {path: _read(found.top, path) for path in mine}
    remarks = [remark for system in systems for remark in found.remarks(system)]
    if before[policy] is None:  # A policy is the user's own from its first day.
        wanted[policy] = (policy_text(found), False)
    for system in systems:
        workflow = _workflow(system, choices, found)
        if system == "gitlab":
            stages = _stages(found.top, ".gitlab-ci.yml", before[".gitlab-ci.yml"] or "", set())
            stage = "test" if not stages or "test" in stages else stages[0]
            remarks += [_ASSUMED] if stages is None else []
            workflow = workflow.model_copy(update={"stage": stage})
            remarks += filter(None, [when_on_gitlab(choices, workflow.branch)])
        for path, text in workflow_files(system, workflow).items():
            wanted[path] = (text, True)
    if "gitlab" in systems:
        wanted[".gitlab-ci.yml"] = (_included(before[".gitlab-ci.yml"] or ""), False)
    wanted[ignore] = (with_lines(before[ignore] or "", ("/.lockproof/",), _IGNORED), False)
    drivers = tuple(f"{pattern} merge={NAME}" for pattern in PATTERNS)
    wanted[_ATTRIBUTES] = (with_lines(before[_ATTRIBUTES] or "", drivers, _MERGED), False)
    wanted[_HOOKS] = (_hooked(before[_HOOKS] or "", choices.bin), False)
    if _runner(choices, found) == "dagger" and choices.module != ".":
        module = choices.module or own_module()
        wanted["dagger.json"] = (_module(found, before["dagger.json"], module), False)
    changes, kept = [], [policy] if before[policy] is not None else []
    for path, (after, whole) in wanted.items():
        old = _read(found.top, path)
        if old == after:
            kept.append(path)
        elif old is None:
            changes.append(Change(path, "new", "", after))
        else:
            changes.append(Change(path, "replaced" if whole else "added to", old, after))
    lacks = lacking(found) if _command_of_hooks(choices.bin) == "lockproof" else ()
    return Plan(found.top, tuple(changes), tuple(kept), tuple(systems), lacks, tuple(remarks))


def earlier(directory: Path) -> dict[str, tuple[str, ...]]:
    """The CI files that are there -> the options of `lockproof init` that made each.

    Raises:
        UsageError: this is no Git repository, or a file cannot be read.
    """
    top = GitRepository.discover(directory.absolute()).root
    found = {}
    for place in (next(iter(places)) for places in PLACES.values()):
        match = _MADE_BY.match(_read(top, place) or "")
        if match:
            try:
                found[place] = tuple(shlex.split(match[1]))
            except ValueError as error:
                raise UsageError(f"{place} does not say how it was made: {error}") from error
    return found


_ASSUMED = (
    "what .gitlab-ci.yml includes is not all in this repository, and may name the stages: the jobs"
    " are of the stage 'test'; where there is none, state 'stages:' in .gitlab-ci.yml itself and"
    " run 'lockproof init' again, for a job of a stage that is not there makes the pipeline invalid"
)


def _stages(top: Path, name: str, text: str, seen: set[str]) -> tuple[str, ...] | None:
    """The stages of a GitLab file, or of the last one that it includes; None: nobody knows here."""
    seen.add(name)
    stages: tuple[str, ...] | None = listed(text, "stages", name)
    if stages:
        return stages
    for path in reversed(included(text, name)):
        if path is None:
            return None
        if path in seen or len(seen) > _MOST_INCLUDED:
            continue
        with suppress(UsageError, ConfigError):  # GitLab itself says what is wrong with it.
            # A file with inputs names them in a document of its own before.
            body = _INPUTS.sub("", _read(top, path) or "")
            stages = _stages(top, path, body, seen)
            if stages != ():
                return stages
    return ()


def _included(text: str) -> str:
    place = ".gitlab/lockproof.yml"
    return with_item(text, "include", f"- local: {place}", present=place, name=".gitlab-ci.yml")


def _hooked(text: str, place: str | None) -> str:
    """Hooks of pre-commit: the gate on what is staged, and on what is pushed, with its remotes."""
    command = _command_of_hooks(place)
    hooks = [
        f"    - id: {name}\n"
        f"      name: lockproof gate {option}\n"
        "      language: system\n"
        f"      entry: {command} gate {option}\n"
        "      pass_filenames: false\n"
        "      always_run: true\n"
        f"      stages: [{stage}]"
        for name, option, stage in _GATE_HOOKS
    ]
    # A file of an earlier version has only the first.
    for missing in ("\n".join(hooks), hooks[1]):
        item = f"- repo: local\n  hooks:\n{missing}"
        present = "id: lockproof-gate" if missing != hooks[1] else "id: lockproof-gate-push"
        text = with_item(text, "repos", item, present=present, name=_HOOKS)
    return text


def _command_of_hooks(place: str | None) -> str:
    return "lockproof" if place is None or place.startswith("/") else f"{place}/lockproof"


def _module(found: Survey, text: str | None, module: str) -> str:
    """The `dagger.json` by which `dagger call reproduce` and `dagger check` work on a laptop.

    A repository without a Dagger module of its own has this one for its blueprint: its functions
    are then those of the repository. Beside another module it is a toolchain.
    """
    if text is not None:
        return with_toolchain(text, _MODULE, module)
    name = re.sub(r"[^a-z0-9]+", "-", found.top.name.lower()).strip("-") or "pipeline"
    version = pins()["program"]["dagger"]["version"]
    blueprint = {"name": _MODULE, "source": module}
    content = {"name": name, "engineVersion": f"v{version}", "blueprint": blueprint}
    return json.dumps(content, indent=2) + "\n"


def _systems(found: Survey) -> tuple[CiSystem, ...]:
    """By where `origin` is, else by the CI files that are there."""
    if "github" in found.hosting:
        return ("github",)
    if "gitlab" in found.hosting or (found.top / ".gitlab-ci.yml").exists():
        return ("gitlab",)
    return ("github",) if (found.top / ".github").is_dir() else ()


def _runner(choices: Choices, found: Survey) -> Runner:
    """Who runs the steps: only Dagger's containers have the image that a policy may name."""
    return choices.runner or ("dagger" if found.image else "host")


def _workflow(system: CiSystem, choices: Choices, found: Survey) -> Workflow:
    for label in choices.gpu_runner:
        if not _LABEL.fullmatch(label):
            raise UsageError(f"{label!r} cannot be the label of a runner")
    check_nightly(choices.nightly)
    place = BIN if choices.bin is None else choices.bin
    if not _PLACE.fullmatch(place):
        raise UsageError(f"cannot name {place!r} in CI files: use a plain path")
    written = {
        "--branch": choices.branch or found.branch,
        "--module": choices.module,
        "--engine": choices.engine,
        "--gpu-engine": choices.gpu_engine,
        "--tool-image": choices.tool_image,
    }
    for what, value in written.items():
        if value and not _ADDRESS.fullmatch(value):
            raise UsageError(
                f"{what} {value!r} cannot be written into CI files: use a plain address"
            )
    if choices.tool_image and not ImageUse(choices.tool_image).is_pinned:
        raise UsageError(
            f"--tool-image {choices.tool_image} can change: name it with the digest that"
            " `dagger call publish` prints, …@sha256:…"
        )
    runner = _runner(choices, found)
    bring = model_install(choices.install, found) if found.models else None
    signing = found.signs_by(system)
    has_jobs = signing is not None and found.registers  # Where nobody signs, they only register.
    install, gate_install = "", ""
    if runner == "host":
        install, gate_install = installs(choices.install, choices.gate_install, found)
    return Workflow(
        command=command(system, choices),
        runner=runner,
        root=found.root,
        branch=choices.branch or found.branch,
        install=install,
        gate_install=gate_install,
        bin=place,
        module=choices.module or own_module(),
        engine=choices.engine,
        tool_image=choices.tool_image,
        gpu_engine=choices.gpu_engine,
        gpu_runner=choices.gpu_runner,
        isolation=choices.isolation or "required",
        nightly=choices.nightly or "",
        submodules=found.submodules,
        canary=found.canary,
        rule_tests=found.rule_tests,
        proof=found.proof,
        secrets=_S3_SECRETS if "s3" in found.stores else (),
        models=found.models if bring is not None and (signing or has_jobs) else (),
        model_install=bring or "",
        signing=signing or "",
        registry=found.registry,
        registers=found.registers,
    )


def _read(top: Path, path: str) -> str | None:
    """The text of a file below the Git root; None where there is none.

    Raises:
        UsageError: it is not a regular file, or a link leads out of the repository.
        ConfigError: it is not UTF-8.
    """
    file = top / path
    if not file.resolve().is_relative_to(top.resolve()):
        raise UsageError(f"{path} leads out of the repository: nothing is written there")
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: nothing can be added to it") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
