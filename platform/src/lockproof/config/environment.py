"""What stage commands run with."""

from typing import Annotated, Literal

from lockproof.model.fields import Asked

from .base import Bytes, Name, Seconds, Section, Strict

_Absolute = Annotated[str, Asked(pattern=r"^/[^\x00\n]*$")]
FURNITURE = (
    *("*.md", "*.rst", "README*", "LICENSE*", "LICENCE*", "docs"),
    *(".github", ".gitlab", ".gitlab-ci.yml", ".pre-commit-config.yaml"),
)
"""What a repository keeps for people and services, at its top."""


class EnvironmentPolicy(Section):
    """Where stage commands find Python and packages; exactly one of the first four."""

    requirements: Name | None = None
    """A requirements file with every version pinned, relative to the DVC root."""
    uv_lock: Name | None = None
    """A `uv.lock`; the `pyproject.toml` beside it is its project."""
    interpreter: Name | None = None
    """An interpreter that exists already: a path or a command such as `python3.12`."""
    image: Name | None = None
    """A container image by digest; only where stages run in containers."""
    python: Name | None = None
    """The Python that an environment is built with, such as `3.12`; default: lockproof's."""

    def hold_together(self) -> None:
        """Hold what fields say against each other."""
        named = [self.requirements, self.uv_lock, self.interpreter, self.image]
        if sum(value is not None for value in named) != 1:
            raise ValueError("name exactly one of requirements, uv-lock, interpreter, image")


class RunPolicy(Section):
    """The limits that stage commands run under."""

    timeout: Seconds | None = None
    """Per stage command list: '90s', '30m', '2h'. Default: none."""
    processes: Annotated[int, Asked(strict=True, ge=16)] = 4096
    """How many processes and threads a stage may have at one time."""
    memory: Annotated[Bytes, Asked(ge=1 << 20)] | None = None
    """How much memory they may hold at one time, all together, files in memory included:
    '8 GiB'. Default: what there is."""
    disk: Annotated[Bytes, Asked(ge=1 << 20)] | None = None
    """By how much a stage may make its folders grow, how large one file in them may be, and its
    log: '100 GiB'. Default: what there is."""
    network: Strict = False
    """Whether stage commands may use the network."""
    pass_env: tuple[str, ...] = ()
    """Environment variables handed through besides the harmless few; globs."""
    shell: Name | None = None
    """The shell for stage commands; default as DVC: $SHELL, else /bin/sh."""
    isolation: Literal["required", "preferred", "off"] = "preferred"
    """Whether stages must be kept apart from the machine (bubblewrap or namespaces; in a container
    made for the run Landlock), are where that can be had, or are not."""
    visible: tuple[_Absolute, ...] = ()
    """Further files and folders of the machine that isolated stages may read."""
    view: Literal["commit", "declared"] = "commit"
    """Which tracked files a stage finds: all but the hidden ones, or only what it declares."""
    hidden: tuple[str, ...] = FURNITURE
    """Tracked files and folders that no stage finds unless it declares them; globs on paths from
    the Git root."""
