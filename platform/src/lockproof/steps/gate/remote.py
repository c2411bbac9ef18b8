"""Whether the remotes hold what the lock and the `.dvc` files claim."""

from collections.abc import Iterator
from functools import partial

import anyio

from lockproof.adapters.store.config import COMMITTED, LOCAL
from lockproof.model.claim import claims_of
from lockproof.model.finding import Finding, Severity
from lockproof.model.verdict import Verdict
from lockproof.rules.remote import changed_config, tracked_local_config
from lockproof.steps.trust import trusted_remotes

from .interface import Outcome, Scene
from .remotes import prove_remotes, remote_check


def check(scene: Scene) -> Outcome:
    """Prove every claim on its remotes; with `--pr`, on those of the base revision.

    Raises:
        ConfigError: DVC's configuration, or a remote's settings, do not make sense.
        UnavailableError: a remote does not answer.
    """
    found = claims_of(scene.pipeline)
    findings = list(_config_findings(scene))
    remotes = trusted_remotes(
        scene.head.git,
        scene.root,
        scene.trusted.read(scene.git_path(COMMITTED)),
        scene.head.entries,
        scene.trusted.entries,
    )
    try:
        proved = anyio.run(
            partial(
                prove_remotes,
                [(claim, scene.git_path(claim.file)) for claim in found.claims],
                remotes,
                scene.policy.remote,
                deep=scene.request.deep,
                show=partial(scene.progress.show, "remote"),
            )
        )
    finally:
        scene.progress.end("remote")
    findings += proved.findings
    failed = any(f.severity is Severity.ERROR for f in findings)
    judged = Verdict.FAILED if failed else Verdict.PASSED
    return Outcome(
        check=remote_check(found, proved, scene.policy.remote, judged),
        findings=tuple(findings),
        asked=bool(found.claims),
    )


def _config_findings(scene: Scene) -> Iterator[Finding]:
    committed, local = scene.git_path(COMMITTED), scene.git_path(LOCAL)
    entries, trusted = scene.head.entries, scene.trusted.entries
    if entries.get(committed) != trusted.get(committed):
        yield changed_config(committed)
    if local in entries:
        yield tracked_local_config(local)
