"""Signed proofs in place of a report: looked for, weighed, and what they leave unproved."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from shlex import quote

from lockproof.adapters.files import read_named
from lockproof.adapters.proofs import places
from lockproof.adapters.proofs.notes import read_note
from lockproof.adapters.proofs.remote import proofs_in
from lockproof.adapters.store.config import COMMITTED
from lockproof.config import matches_any
from lockproof.errors import ConfigError
from lockproof.model.check import Check
from lockproof.model.digest import lock_digest
from lockproof.model.finding import Finding
from lockproof.model.remote import RemoteConfig
from lockproof.model.sealed import Sealed
from lockproof.model.verdict import Verdict
from lockproof.parse.bundle import read_bundles
from lockproof.rules.catalog import finding
from lockproof.steps.trust import trusted_remotes

from .interface import Outcome, Scene
from .signers import Refusal, Signer, trusted_signers
from .weigh import Weighed, weigh

Found = tuple[str, bytes]
"""Where a proof was found, and its bytes."""


def signed_outcome(scene: Scene) -> Outcome:
    """The reproduction family, by signed proofs.

    Raises:
        UsageError: the file of `--proof` cannot be read, or the policy's keys.
        UnavailableError: the remote does not answer.
    """
    signers = trusted_signers(scene)
    refused: list[Refusal] = []
    bundles = bundles_of(look_for(scene, signers, scene.request.proof), refused.append)
    weighed = weigh(scene, bundles, signers)
    counting = [each for each in weighed if each.counts]
    refused += [refusal for each in weighed for refusal in each.refused]
    left = unproved(scene, counting)
    findings = [*_missing(left), *found_refusals(refused)] if left else []
    if not any(stage.kind == "stage" for stage in scene.pipeline.stages):
        # As of a report: where nothing runs, nothing is proved.
        text = "nothing proves it: there is no stage that a proof could be about"
        findings.append(finding("LP710", "reproduction of the revision", text))
    by = sorted({signer.name for each in counting for signer in each.signers})
    return Outcome(
        Check(
            name="reproduction",
            verdict=Verdict.PASSED,
            checked=len(weighed),
            unit="signed statement",
            summary=f"proved for this commit and lock, signed by {', '.join(by)}" if by else "",
            demanded=True,
        ),
        tuple(findings),
    )


def unproved(scene: Scene, counting: Iterable[Weighed]) -> list[str]:
    """Addresses of the stages that no proof is left for."""
    proved = {address for each in counting for address in _covered(scene, each)}
    stages = [stage.address for stage in scene.pipeline.stages if stage.kind == "stage"]
    return [address for address in stages if address not in proved]


def _covered(scene: Scene, weighed: Weighed) -> Iterator[str]:
    """The stages that a proof is one of: all, or what its model needs where a signer is bound."""
    verdict, pipeline = weighed.verdict, scene.pipeline
    if verdict is None:
        return
    makers = {out.stage for out in verdict.outputs}
    needed = makers | pipeline.ancestors(makers)
    for stage in pipeline.stages:
        for signer in weighed.signers:
            whole = "*" in signer.rule.models
            if (whole or stage.address in needed) and matches_any(
                stage.address, signer.rule.stages
            ):
                yield stage.address


def found_refusals(refused: Iterable[Refusal]) -> list[Finding]:
    """A finding for each reason; one reason counts once."""
    return [
        finding(each.rule, "the proof", f"a proof does not count: {each.why}")
        for each in dict.fromkeys(refused)
    ]


def _missing(addresses: Sequence[str]) -> Iterator[Finding]:
    how = (
        "run 'lockproof reproduce --output report.json', then 'lockproof attest --report"
        " report.json --key FILE' where a key is that [[trust]] names"
    )
    for address in addresses:
        text = f"no trusted, signed proof of {address} for this commit and lock: {how}"
        yield finding("LP710", f"reproduction of {quote(address)}", text)


def look_for(scene: Scene, signers: Sequence[Signer], given: Path | None) -> Iterator[Found]:
    """The proofs that are given, else those beside the data and in Git notes.

    Raises:
        UsageError: the file cannot be read.
        UnavailableError: the remote does not answer.
    """
    if given is not None:
        yield given.name, read_proof(given)
        return
    commit = scene.head.commit
    if commit is None:
        return
    project = places.project_of(scene.prefix or ".", lock_digest(scene.reading.lock_files))
    tree = scene.head.git.blob(commit, "") or ""
    names = list(dict.fromkeys(signer.fingerprint for signer in signers))
    asked = [places.of_commit(commit, project, name) for name in names]
    asked += [places.of_tree(tree, project, name) for name in names]
    yield from beside_the_data(scene, asked)
    yield from noted(scene)


def noted(scene: Scene) -> Iterator[Found]:
    """The proofs in Git's notes on a revision, which take no remote."""
    commit = scene.head.commit
    note = read_note(scene.head.git, commit) if commit else None
    if note is not None:
        yield "the Git note", note


def default_remote(scene: Scene) -> RemoteConfig | None:
    """The default remote, by the settings that are trusted.

    Raises:
        ConfigError: DVC's configuration does not make sense.
    """
    committed = scene.trusted.read(scene.git_path(COMMITTED))
    trees = (scene.head.entries, scene.trusted.entries)
    return trusted_remotes(scene.head.git, scene.root, committed, *trees).remote(None)


def beside_the_data(scene: Scene, asked: Sequence[str]) -> Iterator[Found]:
    """The proofs that places in the default remote name.

    Raises:
        UnavailableError: it does not answer.
    """
    remote, policy = default_remote(scene), scene.policy.remote
    if remote is None:
        return
    with proofs_in(
        remote, timeout=policy.timeout, attempts=policy.attempts, backoff=policy.backoff
    ) as proofs:
        for place in asked:
            content = proofs.find(place)
            if content is not None:
                yield f"remote {remote.name}", content


def read_proof(path: Path) -> bytes:
    """The bytes of a proof in a file.

    Raises:
        UsageError: it cannot be read, is no file, or is too large.
    """
    return read_named(path, "proof", "the proof that 'attest --bundle' wrote")


def bundles_of(found: Iterable[Found], refuse: Callable[[Refusal], None]) -> list[Sealed]:
    """The bundles of all proofs, each once; why one cannot be read goes to `refuse`."""
    bundles: dict[Sealed, None] = {}
    for where, content in found:
        try:
            bundles |= dict.fromkeys(read_bundles(content, where))
        except ConfigError as error:
            refuse(Refusal("LP721", str(error)))
    return list(bundles)
