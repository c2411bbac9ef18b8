"""The policy file `lockproof.toml`: typed, strict, with one clear line per mistake.

One file for each group of sections, imported when something in it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .globs import matches_any
from .policy import FILE_NAME, Policy, load_policy, parse_policy

if TYPE_CHECKING:
    from .base import Seconds, Section
    from .cluster import ClusterPolicy, ClusterStage, PodPolicy, Toleration
    from .environment import EnvironmentPolicy, RunPolicy
    from .gate import FAMILIES, Family, GatePolicy, RulePolicy, Waiver
    from .hygiene import GitPolicy, MetricRule
    from .lint import BudgetPolicy, LintPolicy
    from .model import ModelRule, RevokedRule, TrustRule
    from .provision import ProvisionPolicy
    from .record import MlflowPolicy, RecordPolicy
    from .remote import RemotePolicy
    from .reproduce import JudgedBy, ReproducePolicy, ToleranceRule

_FILES = {
    "base": ("Seconds", "Section"),
    "cluster": ("ClusterPolicy", "ClusterStage", "PodPolicy", "Toleration"),
    "environment": ("EnvironmentPolicy", "RunPolicy"),
    "gate": ("FAMILIES", "Family", "GatePolicy", "RulePolicy", "Waiver"),
    "hygiene": ("GitPolicy", "MetricRule"),
    "lint": ("BudgetPolicy", "LintPolicy"),
    "model": ("ModelRule", "RevokedRule", "TrustRule"),
    "provision": ("ProvisionPolicy",),
    "record": ("MlflowPolicy", "RecordPolicy"),
    "remote": ("RemotePolicy",),
    "reproduce": ("JudgedBy", "ReproducePolicy", "ToleranceRule"),
}


def __getattr__(name: str) -> object:
    for file, names in _FILES.items():
        if name in names:
            return getattr(import_module(f".{file}", __name__), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")


__all__ = [
    "FAMILIES",
    "FILE_NAME",
    "BudgetPolicy",
    "ClusterPolicy",
    "ClusterStage",
    "EnvironmentPolicy",
    "Family",
    "GatePolicy",
    "GitPolicy",
    "JudgedBy",
    "LintPolicy",
    "MetricRule",
    "MlflowPolicy",
    "ModelRule",
    "PodPolicy",
    "Policy",
    "ProvisionPolicy",
    "RecordPolicy",
    "RemotePolicy",
    "ReproducePolicy",
    "RevokedRule",
    "RulePolicy",
    "RunPolicy",
    "Seconds",
    "Section",
    "ToleranceRule",
    "Toleration",
    "TrustRule",
    "Waiver",
    "load_policy",
    "matches_any",
    "parse_policy",
]
