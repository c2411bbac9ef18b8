"""The policy file as a whole, and how it is read."""

import re
from pathlib import Path

from pydantic import Field, ValidationError

from lockproof.errors import ConfigError
from lockproof.model.environment import Environment
from lockproof.model.toml_text import read_toml

from .base import Later, Section, matches_any
from .cluster import ClusterPolicy
from .environment import EnvironmentPolicy, RunPolicy
from .gate import GatePolicy, RulePolicies, Waiver
from .hygiene import GitPolicy, MetricRule
from .lint import LintPolicy
from .model import ModelRule, RevokedRule, TrustRule
from .provision import ProvisionPolicy
from .record import MlflowPolicy, RecordPolicy
from .remote import RemotePolicy
from .reproduce import JudgedBy, ReproducePolicy, ToleranceRule

FILE_NAME = "lockproof.toml"
_LARGEST = 1 << 20


class Policy(Section):
    """The whole of `lockproof.toml`."""

    environment: Later[EnvironmentPolicy] | None = None
    run: Later[RunPolicy] = RunPolicy.model_construct()
    reproduce: Later[ReproducePolicy] = ReproducePolicy.model_construct()
    tolerance: tuple[Later[ToleranceRule], ...] = ()
    judged_by: tuple[Later[JudgedBy], ...] = ()
    record: Later[RecordPolicy] = RecordPolicy.model_construct()
    mlflow: Later[MlflowPolicy] = MlflowPolicy.model_construct()
    cluster: Later[ClusterPolicy] = ClusterPolicy.model_construct()
    provision: Later[ProvisionPolicy] = ProvisionPolicy.model_construct()
    remote: Later[RemotePolicy] = RemotePolicy.model_construct()
    lint: Later[LintPolicy] = LintPolicy.model_construct()
    gate: Later[GatePolicy] = GatePolicy.model_construct()
    git: Later[GitPolicy] = GitPolicy.model_construct()
    metric: tuple[Later[MetricRule], ...] = ()
    model: tuple[Later[ModelRule], ...] = ()
    trust: tuple[Later[TrustRule], ...] = ()
    revoked: tuple[Later[RevokedRule], ...] = ()
    rules: RulePolicies = Field(default={})
    waiver: tuple[Later[Waiver], ...] = ()

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

    def tolerances_on(
        self, here: Environment | None, path: str, *, folder: bool = False
    ) -> tuple[ToleranceRule, ...] | None:
        """Those of them that count where stages see what is `here`; None: not known which."""
        stated = self.tolerances_for(path, folder=folder)
        if any(rule.is_for(here) is None for rule in stated):
            return None  # One that does not count here may be before one that would.
        return tuple(rule for rule in stated if rule.is_for(here))

    def judges_of(self, path: str) -> JudgedBy | None:
        """The rule that lets other outputs stand for this one, if there is one."""
        return next((r for r in self.judged_by if matches_any(path, r.paths)), None)


def _may_match_below(folder: str, glob: str) -> bool:
    literal = re.split(r"[*?[]", glob, maxsplit=1)[0]
    below = f"{folder}/"
    return literal.startswith(below) or (literal != glob and below.startswith(literal))


def parse_policy(text: str, name: str = FILE_NAME) -> Policy:
    """Read a policy.

    Raises:
        ConfigError: the text is not TOML, larger than 1 MiB, or says something that is not
            allowed; the message names the first mistake by its key.
    """
    try:
        return Policy.read(read_toml(text, _LARGEST))
    except ValidationError as error:  # A ValueError, too, so it comes first.
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            what = "no such key; see docs/reference/policy.md"
        raise ConfigError(f"{name}: {where[:200]}: {what[:1000]}") from error
    except ValueError as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from error


def load_policy(path: Path) -> Policy:
    """Read the policy file at `path`; where there is none, the default policy holds.

    Raises:
        ConfigError: as `parse_policy`, or the file cannot be read as UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(4 * _LARGEST + 1)  # Of so many bytes at least _LARGEST characters.
        return parse_policy(content.decode(), path.name)
    except FileNotFoundError:
        return Policy()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
