"""The policy file `lockproof.toml`: typed, strict, with one clear line per mistake."""

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    field_validator,
    model_validator,
)

from lockproof.errors import ConfigError
from lockproof.model.comparison import Tolerance

FILE_NAME = "lockproof.toml"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("write a duration such as '90s', '30m', '2h' or '1d'")
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", value.strip())
        if not match:
            raise ValueError("write a duration such as '90s', '30m', '2h' or '1d'")
        return float(match[1]) * _UNITS[match[2]]
    return value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, allow_inf_nan=False)]
Bound = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Name = Annotated[str, Field(min_length=1, pattern=r"^[^\x00\n]+$")]
Acceptance = Literal["inconclusive", "accept"]


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,  # In code; a file has only the aliases.
    )


class EnvironmentPolicy(_Section):
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

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        named = [self.requirements, self.uv_lock, self.interpreter, self.image]
        if sum(value is not None for value in named) != 1:
            raise ValueError("name exactly one of requirements, uv-lock, interpreter, image")
        return self


class RunPolicy(_Section):
    """The limits that stage commands run under."""

    timeout: Seconds | None = None
    """Per stage command list: '90s', '30m', '2h'. Default: none."""
    network: StrictBool = False
    """Whether stage commands may use the network."""
    pass_env: tuple[str, ...] = ()
    """Environment variables handed through besides the harmless few; globs."""
    shell: Name | None = None
    """The shell for stage commands; default as DVC: $SHELL, else /bin/sh."""


class ReproducePolicy(_Section):
    """Defaults of `lockproof reproduce` and what may pass without proof."""

    mode: Literal["isolated", "chain"] | None = None
    jobs: StrictInt | None = Field(default=None, ge=1)
    runs: StrictInt = Field(default=1, ge=1, le=10)
    frozen: Acceptance = "inconclusive"
    unaffected: Acceptance = "inconclusive"
    nondeterministic: Acceptance = "inconclusive"
    not_comparable: Acceptance = "inconclusive"
    explain: StrictBool = True
    """Whether differing stages are run again to find the cause."""
    experiments: StrictInt = Field(default=16, ge=0)
    """How many such runs one stage may take."""


class ToleranceRule(_Section):
    """Outputs that are compared by value, and how close is close enough."""

    paths: tuple[str, ...] = Field(min_length=1)
    fields: tuple[str, ...] = ("*",)
    """Globs on dotted keys, column names or array names; the first rule that matches wins."""
    rtol: Bound = 0.0
    atol: Bound = 0.0

    @model_validator(mode="after")
    def _allows_something(self) -> Self:
        if self.rtol == 0 and self.atol == 0:
            raise ValueError("state rtol, atol or both; without a tolerance leave the rule out")
        return self

    @property
    def tolerance(self) -> Tolerance:
        """The numbers alone."""
        return Tolerance(rtol=self.rtol, atol=self.atol)


class JudgedBy(_Section):
    """Outputs whose bytes cannot be promised and that others of the same stage stand for."""

    paths: tuple[str, ...] = Field(min_length=1)
    by: tuple[str, ...] = Field(min_length=1)
    reason: str = Field(min_length=1)


class RecordPolicy(_Section):
    """Where run records live."""

    directory: Name = "data-plane/experiments"
    """The folder of run records, relative to the DVC root."""

    @field_validator("directory")
    @classmethod
    def _is_below(cls, value: str) -> str:
        if value.startswith("/") or ".." in value.split("/"):
            raise ValueError("name a folder below the DVC root")
        return value


class MlflowPolicy(_Section):
    """Where runs are logged."""

    tracking_uri: Name | None = None
    """Default: $MLFLOW_TRACKING_URI, else sqlite in `.lockproof/` below the DVC root."""
    experiment: Name = "lockproof"


class ProvisionPolicy(_Section):
    """What `lockproof provision` brings up, and where."""

    overlays: Name = "control-plane/overlays"
    """The folder of kustomize overlays, relative to the Git root."""
    overlay: Name = "local"
    """The overlay that is meant where none is named."""
    namespace: Name = "default"
    """Where the inventory, a ConfigMap, is kept; it must be there."""
    timeout: Seconds = 900.0
    """For all waiting together."""
    storage: tuple[str, ...] = ()
    """Kinds that hold data besides those known to, such as `Warehouse.example.org`: they are
    never removed without --allow-data-loss."""
    bucket: Name | None = None
    """The name of the Bucket object that DVC uses, where there are several."""
    dvc_remote: Name = "platform"
    """The name of the DVC remote that is written to `.dvc/config.local`."""
    dvc_prefix: Name = "dvc"
    """The path of the DVC remote in the bucket."""


class Policy(_Section):
    """The whole of `lockproof.toml`."""

    environment: EnvironmentPolicy | None = None
    run: RunPolicy = RunPolicy()
    reproduce: ReproducePolicy = ReproducePolicy()
    tolerance: tuple[ToleranceRule, ...] = ()
    judged_by: tuple[JudgedBy, ...] = ()
    record: RecordPolicy = RecordPolicy()
    mlflow: MlflowPolicy = MlflowPolicy()
    provision: ProvisionPolicy = ProvisionPolicy()

    def tolerances_for(self, path: str, *, folder: bool = False) -> tuple[ToleranceRule, ...]:
        """The tolerance rules for an output, in the order in which they are written.

        For a folder also those that may match a file in it, such as `*.npy`.
        """
        return tuple(
            r
            for r in self.tolerance
            if matches_any(path, r.paths)
            or (folder and any(_may_match_below(path, glob) for glob in r.paths))
        )

    def judges_of(self, path: str) -> JudgedBy | None:
        """The rule that lets other outputs stand for this one, if there is one."""
        return next((r for r in self.judged_by if matches_any(path, r.paths)), None)


def _may_match_below(folder: str, glob: str) -> bool:
    literal = re.split(r"[*?[]", glob, maxsplit=1)[0]
    below = f"{folder}/"
    return literal.startswith(below) or (literal != glob and below.startswith(literal))


def matches_any(path: str, globs: tuple[str, ...]) -> bool:
    """Whether a POSIX path matches one of the globs (`*` also crosses `/`, as in Git's)."""
    return any(fnmatchcase(path, glob) for glob in globs)


def parse_policy(text: str, name: str = FILE_NAME) -> Policy:
    """Read a policy.

    Raises:
        ConfigError: the text is not TOML, or says something that is not allowed; the message
            names the first mistake by its key.
    """
    try:
        return Policy.model_validate(tomllib.loads(text), by_alias=True, by_name=False)
    except ValidationError as error:  # A ValueError, too, so it comes first.
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            what = "no such key; see docs/reference/policy.md"
        raise ConfigError(f"{name}: {where}: {what}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from error


def load_policy(path: Path) -> Policy:
    """Read the policy file at `path`; where there is none, the default policy holds.

    Raises:
        ConfigError: as `parse_policy`, or the file cannot be read as UTF-8.
    """
    try:
        return parse_policy(path.read_text("utf-8"), path.name)
    except FileNotFoundError:
        return Policy()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
