"""The policy file as a whole, and how it is read."""

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from lockproof.errors import ConfigError
from lockproof.model.toml_text import read_toml

from .globs import matches_any
from .plain import Unusual, plain

if TYPE_CHECKING:
    from lockproof.model.checked import Model
    from lockproof.model.environment import Environment

    from .cluster import ClusterPolicy
    from .environment import EnvironmentPolicy, RunPolicy
    from .gate import GatePolicy, RulePolicy, Waiver
    from .hygiene import GitPolicy, MetricRule
    from .lint import LintPolicy
    from .model import ModelRule, RevokedRule, TrustRule
    from .provision import ProvisionPolicy
    from .record import MlflowPolicy, RecordPolicy
    from .remote import RemotePolicy
    from .reproduce import JudgedBy, ReproducePolicy, ToleranceRule

FILE_NAME = "lockproof.toml"
_LARGEST = 1 << 20


class Part:
    """A part of the policy, whose file here is imported where it is needed: all take long."""

    def __init__(self, where: str, *absent: Any) -> None:
        """Take `FILE.TYPE`, and what stands for the part where the policy has none.

        Without that it is a section, and all its defaults stand for it.
        """
        self._file, _, self._type = where.partition(".")
        self._absent = absent

    def __set_name__(self, _: type, name: str) -> None:
        self.name = name
        self.key = name.replace("_", "-")

    def __get__(self, policy: "Policy", _: type) -> Any:
        """The part of a policy that was made without it."""
        return policy.__dict__.setdefault(self.name, self.absent())

    def absent(self) -> Any:
        """What stands for it where a policy has none."""
        return self._absent[0] if self._absent else self.type().model_construct()

    def type(self) -> Any:
        """What it has to be."""
        one = getattr(import_module(f".{self._file}", __package__), self._type)
        return GenericAlias(tuple, (one, ...)) if self._absent == ((),) else one


def _part(where: str, *absent: Any) -> Any:
    return Part(where, *absent)


class Policy:
    """The whole of `lockproof.toml`."""

    environment: "EnvironmentPolicy | None" = _part("environment.EnvironmentPolicy", None)
    run: "RunPolicy" = _part("environment.RunPolicy")
    reproduce: "ReproducePolicy" = _part("reproduce.ReproducePolicy")
    tolerance: "tuple[ToleranceRule, ...]" = _part("reproduce.ToleranceRule", ())
    judged_by: "tuple[JudgedBy, ...]" = _part("reproduce.JudgedBy", ())
    record: "RecordPolicy" = _part("record.RecordPolicy")
    mlflow: "MlflowPolicy" = _part("record.MlflowPolicy")
    cluster: "ClusterPolicy" = _part("cluster.ClusterPolicy")
    provision: "ProvisionPolicy" = _part("provision.ProvisionPolicy")
    remote: "RemotePolicy" = _part("remote.RemotePolicy")
    lint: "LintPolicy" = _part("lint.LintPolicy")
    gate: "GatePolicy" = _part("gate.GatePolicy")
    git: "GitPolicy" = _part("hygiene.GitPolicy")
    metric: "tuple[MetricRule, ...]" = _part("hygiene.MetricRule", ())
    model: "tuple[ModelRule, ...]" = _part("model.ModelRule", ())
    trust: "tuple[TrustRule, ...]" = _part("model.TrustRule", ())
    revoked: "tuple[RevokedRule, ...]" = _part("model.RevokedRule", ())
    rules: "Mapping[str, RulePolicy]" = _part("gate.RulePolicies", {})
    waiver: "tuple[Waiver, ...]" = _part("gate.Waiver", ())

    def __init__(self, **parts: Any) -> None:
        """Take some of its parts, of their types; defaults stand for the others."""
        if not parts.keys() <= PARTS.keys():
            raise TypeError(f"a policy has no {', '.join(sorted(parts.keys() - PARTS.keys()))}")
        self.__dict__.update(parts)

    def __setattr__(self, name: str, _: object) -> None:
        raise AttributeError(f"a policy is frozen, {name} too")

    def __eq__(self, other: object) -> bool:
        """Whether all parts are the same, stated or not."""
        if not isinstance(other, Policy):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in PARTS)

    __hash__ = None  # type: ignore[assignment]

    def but(self, **parts: Any) -> "Policy":
        """The same with these parts."""
        return Policy(**{**self.__dict__, **parts})

    def tolerances_for(self, path: str, *, folder: bool = False) -> "tuple[ToleranceRule, ...]":
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
        self, here: "Environment | None", path: str, *, folder: bool = False
    ) -> "tuple[ToleranceRule, ...] | None":
        """Those of them that count where stages see what is `here`; None: not known which."""
        stated = self.tolerances_for(path, folder=folder)
        if any(rule.is_for(here) is None for rule in stated):
            return None  # One that does not count here may be before one that would.
        return tuple(rule for rule in stated if rule.is_for(here))

    def judges_of(self, path: str) -> "JudgedBy | None":
        """The rule that lets other outputs stand for this one, if there is one."""
        return next((r for r in self.judged_by if matches_any(path, r.paths)), None)


def _may_match_below(folder: str, glob: str) -> bool:
    literal = re.split(r"[*?[]", glob, maxsplit=1)[0]
    below = f"{folder}/"
    return literal.startswith(below) or (literal != glob and below.startswith(literal))


PARTS = {part.name: part for part in vars(Policy).values() if isinstance(part, Part)}
"""Those of the policy, by name, in the order in which mistakes are looked for."""


def file_model(parts: Iterable[Part]) -> "type[Model]":
    """The model of a file that has these parts and no other key."""
    from pydantic import create_model

    from lockproof.model.checked import Model, stated

    from .base import Section

    class Table(Model, **Section.settings):
        pass

    fields: dict[str, Any] = {part.name: (stated(part.type()), part.absent()) for part in parts}
    return create_model("Policy", __base__=Table, __doc__=Policy.__doc__, **fields)


def parse_policy(text: str, name: str = FILE_NAME) -> Policy:
    """Read a policy.

    Raises:
        ConfigError: the text is not TOML, larger than 1 MiB, or says something that is not
            allowed; the message names the first mistake by its key.
    """
    try:
        table = read_toml(text, _LARGEST)
    except ValueError as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from error
    if not table:
        return Policy()
    stated = [part for part in PARTS.values() if part.key in table]
    try:
        return _read_plain(stated, table)
    except Unusual:
        return _read(stated, table, name)


def _read_plain(stated: list[Part], table: Mapping[str, Any]) -> Policy:
    if len(stated) != len(table):
        raise Unusual
    return Policy(**{part.name: plain(part.type(), table[part.key]) for part in stated})


def _read(stated: list[Part], table: Mapping[str, Any], name: str) -> Policy:
    """What pydantic makes of it, which has the words for what is wrong."""
    from pydantic import ValidationError

    try:
        found = file_model(stated).model_validate(table, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            what = "no such key; see docs/reference/policy.md"
        raise ConfigError(f"{name}: {where[:200]}: {what[:1000]}") from error
    return Policy(**dict(found))


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
