"""Every remote that claims name: opened, asked, and what came of it in the terms of a report."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from lockproof.adapters.store.open import open_store
from lockproof.model.check import Check
from lockproof.model.claim import Claim, Claims, Exemption
from lockproof.model.finding import Finding
from lockproof.model.remote import RemoteConfig, RemoteConfigs
from lockproof.model.verdict import Verdict
from lockproof.rules.remote import claim_findings, no_remote, ordered

from .prover import Options, Parts, StoreProof, prove

if TYPE_CHECKING:
    from lockproof.config import RemotePolicy

Located = tuple[Claim, str]
"""A claim, and the file that states it, relative to the Git root."""


@dataclass(repr=False)  # asyncio would make the text of all of it, to throw it away.
class Proved:
    """What all remotes together hold."""

    findings: list[Finding] = field(default_factory=list)
    proofs: dict[str, StoreProof] = field(default_factory=dict)
    """By the name of the remote."""


async def prove_remotes(
    claims: Sequence[Located],
    configs: RemoteConfigs,
    policy: "RemotePolicy",
    *,
    deep: bool = False,
    brought: Callable[[RemoteConfig], bool] = lambda remote: False,
    show: Callable[[str], None] = lambda text: None,
    parts: Parts = MappingProxyType({}),
) -> Proved:
    """Prove claims on the remotes that they name, else on the default one.

    Args:
        claims: what must be there.
        configs: where the remotes are.
        policy: how they are asked.
        deep: whether every object is read and hashed, whatever the policy says.
        brought: whether the commit itself brings what a remote holds, so that every object of it is
            read and hashed as well.
        show: takes a line of progress now and then.
        parts: of which paths in which directories the files are asked for by name.

    Raises:
        ConfigError: a remote's settings do not make sense.
        StoreError: a remote does not answer.
    """
    proved = Proved()
    options = Options(
        jobs=policy.jobs,
        attempts=policy.attempts,
        backoff=policy.backoff,
        deep=deep or policy.deep,
    )
    for name, group in _by_remote(claims, configs, policy.also).items():
        remote = configs.remote(name)
        if remote is None:
            proved.findings.append(no_remote(group, name))
            continue
        store = open_store(remote, jobs=policy.jobs, timeout=policy.timeout)
        try:
            asked = replace(options, deep=options.deep or brought(remote))
            proof = await prove(group, store, asked, partial(_shown, show, remote.name), parts)
        finally:
            store.close()
        proved.proofs[remote.name] = proof
        for facts in proof.facts:
            main = remote.name == (facts.claim.remote or configs.default or "").lower()
            proved.findings += claim_findings(replace(facts, main=main))
    proved.findings = list(ordered(proved.findings))
    return proved


def _shown(show: Callable[[str], None], remote: str, text: str) -> None:
    show(f"{remote}: {text}")


def _by_remote(
    claims: Iterable[Located], configs: RemoteConfigs, also: Sequence[str]
) -> dict[str | None, list[Located]]:
    groups: dict[str | None, list[Located]] = {}
    for claim, file in claims:
        first = claim.remote or configs.default
        names = [first, *also]
        for name in dict.fromkeys(name and name.lower() for name in names):
            groups.setdefault(name, []).append((claim, file))
    return groups


def remote_check(claims: Claims, proved: Proved, policy: "RemotePolicy") -> Check:
    """What was looked at, what proves it, and what was left out.

    Args:
        claims: what was claimed, and what no remote has to hold.
        proved: what came of it.
        policy: what proof by size is worth.
    """
    proofs = proved.proofs.values()
    by_size = sum(proof.by_size for proof in proofs)
    checked = sum(proof.objects for proof in proofs)
    unproved = not checked or (by_size and policy.by_size == "inconclusive")
    return Check(
        name="remote",
        verdict=Verdict.INCONCLUSIVE if unproved else Verdict.PASSED,
        checked=checked,
        unit="object",
        summary=_summary(proofs),
        not_checked=(*_left_out(claims), *_unverified(proved)),
    )


def _summary(proofs: Iterable[StoreProof]) -> str:
    counts = {
        "by ETag": sum(p.by_etag for p in proofs),
        "by version id": sum(p.by_version for p in proofs),
        "by reading": sum(p.by_reading for p in proofs),
        "by size alone": sum(p.by_size for p in proofs),
    }
    return ", ".join(f"{how}: {count:,}" for how, count in counts.items() if count)


def _left_out(claims: Claims) -> list[str]:
    if not claims.claims and not claims.exempt:
        return ["no output is kept in a remote"]
    lines = []
    for reason in Exemption:
        paths = [e.path for e in claims.exempt if e.reason is reason]
        if paths:
            shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if paths[5:] else "")
            lines.append(f"{shown}: {reason}")
    return lines


def _unverified(proved: Proved) -> list[str]:
    lines = []
    for name, proof in proved.proofs.items():
        if not proof.by_size:
            continue
        why = (
            "its ETags are no MD5s"
            if proof.foreign_etags
            else "there is no MD5 of them (a folder, Azure, an upload in parts, SSE-KMS, SSE-C)"
        )
        lines.append(
            f"the content of {proof.by_size:,} objects in remote {name!r}: {why}; --deep reads them"
        )
    return lines
