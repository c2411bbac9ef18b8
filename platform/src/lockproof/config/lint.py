"""What `lockproof lint` looks at."""

import re
from collections.abc import Mapping
from typing import Annotated

from lockproof.model.fields import Asked
from lockproof.model.lint_family import LintFamily

from .base import Acceptance, Name, Section


def _is_quantity(value: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)?(m|[kMGTPE]i?|)", value.replace("Ki", "ki")):
        raise ValueError("write a quantity such as '1930m' or '7Gi'")
    return value


_Quantity = Annotated[Name, Asked(after=_is_quantity)]


class BudgetPolicy(Section):
    """What the node that is always on can give to pods."""

    cpu: _Quantity
    """Cores that pods may request in all, such as `1930m`."""
    memory: _Quantity
    """Memory that pods may request in all, such as `7Gi`."""
    reserved_cpu: _Quantity = "0"
    """Cores for what no manifest shows, such as controllers that charts bring."""
    reserved_memory: _Quantity = "0"
    """Memory for what no manifest shows."""
    ignore: tuple[str, ...] = ()
    """Workloads that run elsewhere: globs on `Kind/name`; those that ask for a GPU always do."""


class LintPolicy(Section):
    """What `lockproof lint` looks at and what it takes for granted."""

    paths: tuple[Name, ...] = ()
    """Files and folders with manifests; default: `control-plane` where there is one, else all."""
    exclude: tuple[str, ...] = ()
    """Globs on files that are not looked at by themselves, such as charts' templates."""
    off: tuple[LintFamily, ...] = ()
    """Families that are not looked at; with all of them off nothing can pass."""
    require: tuple[LintFamily, ...] = ()
    """Families that must be looked at also where a program that they need, such as promtool, is
    not there, or where the repository has no manifests; without, that is told of and does not
    count."""
    kubernetes_version: Annotated[str, Asked(pattern=r"^1\.\d+$")] = "1.34"
    """The version that the manifests must fit."""
    schema_locations: tuple[Name, ...] = ()
    """Where schemas are looked up, as for `--schema-location`; default: the bundled ones. Paths are
    relative to the policy's folder; `gate --pr` refuses those inside the work tree."""
    external: tuple[Name, ...] = ()
    """What exists in the cluster without being declared: globs on `Kind/name`;
    `Pods/name` are the pods that the selector of the Service of that name matches."""
    unpinned: tuple[Name, ...] = ()
    """Images and packages that may be named by tag, such as those whose publisher names no digest:
    globs. They are told of and do not fail."""
    not_checked: Acceptance = "inconclusive"
    """What becomes of things that could not be checked, such as kinds without a schema."""
    charts: Mapping[Name, Name] = {}
    """Copies of the charts that controllers install, so that they are rendered (with helm):
    `NAME-VERSION` -> an archive or folder, from the Git root. Nothing is downloaded."""
    budget: BudgetPolicy | None = None
    """The lean budget: requests of what always runs are held against it."""
