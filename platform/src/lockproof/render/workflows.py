"""The files for CI systems, from their sources in `control-plane/ci-cd/`.

Those are Jinja templates that are YAML as well: statements stand in comments that start with `#%`,
values in `<< … >>`, since CI systems have `{{ … }}` for themselves.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lockproof.model.toml_text import read_toml
from lockproof.model.workflow import CiSystem, Workflow
from lockproof.render.registry import FORMATS

PLACES: Mapping[CiSystem, Mapping[str, str]] = {
    "github": {".github/workflows/lockproof.yaml": "github-actions.yaml"},
    "gitlab": {
        ".gitlab/lockproof.yml": "gitlab-ci.yaml",
        ".gitlab/lockproof-reproduce.yml": "gitlab-reproduce.yaml",
    },
}
"""For each CI system: file in the repository -> its source."""

_CANARY = {".github/workflows/lockproof-canary.yaml": "github-canary.yaml"}
"""Where manifests declare a canary; on GitLab a job of the one pipeline."""
_DAGGER_CALL = 'dagger call --progress plain --mod "$MODULE"'
_NOWHERE = (
    "nothing is registered: the policy names no tracking-uri, and no variable MLFLOW_TRACKING_URI"
    " names a server; an SQLite file would end with the job"
)
STEPS = ("gate", "reproduce")
"""The steps that a pipeline reports on, in the order in which they run."""


def workflow_files(system: CiSystem, workflow: Workflow) -> dict[str, str]:
    """The text of every file that a CI system needs, by its path below the Git root."""
    places = dict(PLACES[system])
    if system == "github" and workflow.canary:
        places |= _CANARY
    return {path: _render(source, workflow) for path, source in places.items()}


def _render(source: str, workflow: Workflow) -> str:
    place = workflow.bin
    text = (
        _environment()
        .get_template(source)
        .render(
            workflow.model_dump(),
            bin_path=f'"{place}"' if place.startswith("/") else f'"$PWD/{place}"',
            gpu_tags=[label for label in workflow.gpu_runner if label != "self-hosted"],
            canary_paths=[f"{folder}/**" for folder in workflow.canary],
            steps=STEPS,
            action=_action,
            image=_image,
            outputs=_outputs,
            flag=_flag,
            nowhere=_NOWHERE,
            dagger=pins()["program"]["dagger"],
            call=_DAGGER_CALL + (' --tool-image "$TOOL_IMAGE"' if workflow.tool_image else ""),
        )
    )
    return text.rstrip() + "\n"


def _outputs(step: str) -> str:
    """`--output` for every format that a file can have, a line each."""
    named = [known.suffixes[0] for known in FORMATS if known.suffixes]
    return " \\\n".join(f"--output reports/{step}/report{suffix}" for suffix in named)


def _flag(variable: str) -> str:
    """The module's argument for a credential, as `dagger call` spells it."""
    return f"--{variable.lower().replace('_', '-')}"


def _action(name: str, path: str = "") -> str:
    pin = pins()["action"][name]
    place = "/".join(filter(None, (pin["repository"], path)))
    return f"{place}@{pin['commit']} # {pin['version']}"


def _image(name: str) -> str:
    pin = pins()["image"][name]
    return f"{pin['reference']}@{pin['digest']}"


@cache
def pins() -> dict[str, dict[str, dict[str, str]]]:
    """Kind (`action`, `image`, `program`) -> name -> what is pinned, as in `pins.toml`."""
    text = (files("lockproof.render") / "ci" / "pins.toml").read_text("utf-8")
    found: dict[str, Any] = read_toml(text)
    return found


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("lockproof.render", "ci"),
        autoescape=False,  # noqa: S701 - YAML, from values that `lockproof init` has checked
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        line_statement_prefix="#%",
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
