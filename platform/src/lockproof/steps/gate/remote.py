"""Whether the remotes hold what the lock and the `.dvc` files claim."""

import os
from collections.abc import Iterator
from functools import partial

import anyio

from lockproof.adapters.git.blobs import Blobs
from lockproof.adapters.store.config import COMMITTED, LOCAL
from lockproof.model.claim import claims_of
from lockproof.model.finding import Finding
from lockproof.model.remote import RemoteConfig
from lockproof.rules.remote import changed_config, tracked_local_config
from lockproof.steps.trust import trusted_remotes

from .guard import exempt_findings
from .interface import Outcome, Scene
from .parts import compare_parts, part_deps, wanted_of
from .remotes import prove_remotes, remote_check


def check(scene: Scene) -> Outcome:
    """Prove every claim on its remotes; with `--pr`, on those of the base revision.

    Raises:
        ConfigError: DVC's configuration, or a remote's settings, do not make sense.
        UnavailableError: a remote does not answer.
    """
    found = claims_of(scene.pipeline)
    findings = [*_config_findings(scene), *exempt_findings(scene)]
    blobs = Blobs(scene.head, scene.prefix, scene.reading.ignored.hides)
    parts = part_deps(scene, blobs)
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
                brought=partial(_is_brought, scene),
                show=partial(scene.progress.show, "remote"),
                parts=wanted_of(parts),
            )
        )
    finally:
        scene.progress.end("remote")
    listings = {d: files for proof in proved.proofs.values() for d, files in proof.parts.items()}
    differing, unknown = compare_parts(scene, parts, listings, blobs)
    findings += [*proved.findings, *differing]
    check = remote_check(found, proved, scene.policy.remote)
    not_checked = (*check.not_checked, *unknown)
    asked = {"demanded": bool(found.claims), "not_checked": not_checked}
    return Outcome(check.model_copy(update=asked), tuple(findings))


def _is_brought(scene: Scene, remote: RemoteConfig) -> bool:
    """Whether the remote is a folder that Git holds: whoever wrote the commit wrote its objects.

    One of the right size could be anything, and is no further away than the commit.
    """
    if remote.scheme != "local":
        return False
    top, folder = os.path.realpath(scene.head.git.root), os.path.realpath(remote.path)
    below = os.path.relpath(folder, top)
    return folder.startswith(f"{top}/") and any(
        path.startswith(f"{below}/") for path in scene.head.entries
    )


def _config_findings(scene: Scene) -> Iterator[Finding]:
    committed, local = scene.git_path(COMMITTED), scene.git_path(LOCAL)
    entries, trusted = scene.head.entries, scene.trusted.entries
    if entries.get(committed) != trusted.get(committed):
        yield changed_config(committed)
    if local in entries:
        yield tracked_local_config(local)
