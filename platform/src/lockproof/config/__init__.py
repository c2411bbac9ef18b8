"""The policy file `lockproof.toml`: typed, strict, with one clear line per mistake.

One file for each group of sections.
"""

from .base import Seconds, Section, matches_any
from .cluster import ClusterPolicy, ClusterStage, PodPolicy, Toleration
from .environment import EnvironmentPolicy, RunPolicy
from .gate import FAMILIES, Family, GatePolicy, RulePolicy, Waiver
from .hygiene import GitPolicy, MetricRule
from .lint import BudgetPolicy, LintPolicy
from .model import ModelRule, RevokedRule, TrustRule
from .policy import FILE_NAME, Policy, load_policy, parse_policy
from .provision import ProvisionPolicy
from .record import MlflowPolicy, RecordPolicy
from .remote import RemotePolicy
from .reproduce import JudgedBy, ReproducePolicy, ToleranceRule

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
